import { and, older, pk } from '../contract/clauses.ts';
import { defineContract } from '../contract/define.ts';
import { anchor, pay, rest, to } from '../contract/outputs.ts';
import { amount, blocks, party, publicKey } from '../contract/values.ts';

/**
 * A vault: coins leave it in two steps. The first may only lead into the waiting room, where for `delay` blocks the
 * second can be undone: whoever watches takes the coins back to a cold key. A thief of the hot key gains nothing as long
 * as somebody watches.
 */
export const vault = defineContract({
  name: 'vault',
  description: 'Coins that leave in two steps, with time in between to take them back.',
  params: {
    /** Begins to take coins out. */
    owner: publicKey(),
    /** Is paid what was taken out in time. */
    hot: party(),
    /** Takes back; its key is needed for nothing else. */
    watchtower: publicKey(),
    /** Where coins go that were taken back. */
    cold: party(),
    sum: amount({ minimum: 2_000n }),
    delay: blocks(),
  },
  states: {
    stored: {
      description: 'in the vault',
      amount: ({ sum }) => sum,
      paths: ({ owner }) => ({ unvault: pk(owner) }),
    },
    leaving: {
      description: 'on the way out',
      paths: ({ hot, watchtower, delay }) => ({
        withdraw: and(pk(hot), older(delay)),
        clawBack: pk(watchtower),
      }),
      odds: { withdraw: 9, clawBack: 1 },
    },
  },
  transitions: {
    unvault: {
      from: 'stored',
      by: 'unvault',
      covenant: true,
      description: 'begins to take the coins out',
      outputs: () => [to('leaving', { amount: rest }), anchor()],
    },
    withdraw: {
      from: 'leaving',
      by: 'withdraw',
      description: 'takes them, after the delay',
      outputs: ({ hot }) => [pay(hot, rest)],
    },
    clawBack: {
      from: 'leaving',
      by: 'clawBack',
      covenant: true,
      description: 'takes them back to the cold key',
      outputs: ({ cold }) => [pay(cold, rest), anchor()],
    },
  },
  funding: () => [to('stored')],
});
