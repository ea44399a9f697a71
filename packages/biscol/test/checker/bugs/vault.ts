import { anchor, and, older, pay, pk, rest, to } from '@bitcoin-enterprise/biscol';
import { satoshis } from '@bitcoin-enterprise/core';
import { keyOf } from '../../support/people.ts';
import { type Bug, duty, type P, paths, state, transition, type V, without } from './seed.ts';

const recover = [{ transition: 'recover' }];
const back = ({ cold }: P) => [pay(cold, rest)];

/** Mistakes in a vault. */
export const vaultBugs: readonly Bug[] = [
  { name: 'nobody watches', kind: 'duty missing', of: 'vault', mutate: without('clawBack') },
  {
    name: 'the watchtower takes back only after the delay',
    kind: 'duty too late',
    of: 'vault',
    mutate: duty('clawBack', { when: ({ delay }: P, { confirmations }: V) => confirmations >= delay }),
  },
  {
    name: 'taking back is of version 2',
    kind: 'pinning',
    of: 'vault',
    mutate: transition('clawBack', { version: 2 }),
    bounds: { reorgs: 0 },
  },
  {
    name: 'taking back has no anchor',
    kind: 'fee too low',
    of: 'vault',
    mutate: transition('clawBack', { outputs: back }),
    bounds: { reorgs: 0, pins: 0 },
  },
  {
    name: 'presigned at 1 sat/vB without an anchor',
    kind: 'fee too low',
    of: 'vault',
    mutate: transition('clawBack', { outputs: back }),
    control: (checked) => checked,
    covenants: { kind: 'presigned', keys: [keyOf(90), keyOf(91)], feeRate: 1_000n },
    bounds: { reorgs: 0, pins: 0 },
  },
  {
    name: 'coins leave after a block',
    kind: 'time-lock too short',
    of: 'vault',
    mutate: paths('leaving', ({ hot }) => ({ withdraw: and(pk(hot), older(1)) })),
  },
  {
    name: 'coins leave at once',
    kind: 'time-lock missing',
    of: 'vault',
    mutate: paths('leaving', ({ hot }) => ({ withdraw: pk(hot) })),
  },
  {
    name: 'taking back waits as long as leaving',
    kind: 'time-lock order',
    of: 'vault',
    mutate: paths('leaving', ({ watchtower, delay }) => ({ clawBack: and(pk(watchtower), older(delay)) })),
  },
  {
    name: 'the first step leads anywhere',
    kind: 'covenant missing',
    of: 'vault',
    mutate: transition('unvault', { covenant: false }),
  },
  {
    name: 'the first step pays the hot key',
    kind: 'wrong next state',
    of: 'vault',
    mutate: transition('unvault', { outputs: ({ hot }: P) => [pay(hot, rest), anchor()] }),
    walk: recover,
  },
  {
    name: 'the template pays the hot key',
    kind: 'wrong next state',
    of: 'vault',
    mutate: transition('unvault', { outputs: ({ hot }: P) => [pay(hot, rest), anchor()] }),
    walk: recover,
    covenants: { kind: 'ctv', feeRate: 2_000n },
  },
  {
    name: 'taking back pays the hot key',
    kind: 'wrong receiver',
    of: 'vault',
    mutate: transition('clawBack', { outputs: ({ hot }: P) => [pay(hot, rest), anchor()] }),
  },
  {
    name: 'half of what is taken back goes to the hot key',
    kind: 'wrong amount',
    of: 'vault',
    mutate: transition('clawBack', {
      outputs: ({ hot, cold, sum }: P) => [pay(cold, satoshis(sum / 2n)), pay(hot, rest), anchor()],
    }),
  },
  {
    name: 'half of what is taken back is lost as a fee',
    kind: 'wrong amount',
    of: 'vault',
    mutate: transition('clawBack', { outputs: ({ cold, sum }: P) => [pay(cold, satoshis(sum / 2n)), anchor()] }),
  },
  {
    name: 'the vault has the owner’s key',
    kind: 'key path left open',
    of: 'vault',
    mutate: state('stored', { key: ({ owner }: P) => owner }),
    walk: [{ transition: 'unvault' }, { transition: 'withdraw' }],
  },
  {
    name: 'the waiting room has the hot key',
    kind: 'key path left open',
    of: 'vault',
    mutate: state('leaving', { key: ({ hot }: P) => hot }),
  },
  {
    name: 'taking back needs the hot key as well',
    kind: 'wrong key',
    of: 'vault',
    mutate: paths('leaving', ({ watchtower, hot }) => ({ clawBack: and(pk(watchtower), pk(hot)) })),
  },
  {
    name: 'some of it leaves beside the waiting room',
    kind: 'wrong amount',
    of: 'vault',
    mutate: transition('unvault', {
      outputs: ({ hot, sum }: P) => [to('leaving', { amount: rest }), pay(hot, satoshis(sum / 100n)), anchor()],
    }),
    covenants: { kind: 'ctv', feeRate: 2_000n },
  },
];
