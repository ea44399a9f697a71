import { type CryptoEngine, toHex } from '@bitcoin-enterprise/core';
import { type PlaygroundState, stateOf } from './state.ts';
import { examplePreimage } from './wallet.ts';

/** A policy to begin with. */
export interface Example {
  readonly title: string;
  readonly state: PlaygroundState;
}

/** The policies of the drop-down. */
export function examplesOf(crypto: CryptoEngine): readonly Example[] {
  const hash = toHex(crypto.sha256(examplePreimage(crypto)));
  const board = Array.from({ length: 21 }, (_, place) => `pk(member${place + 1})`);
  const rows = Array.from({ length: 7 }, (_, row) => `  ${board.slice(3 * row, 3 * row + 3).join(', ')}`);
  const example = (title: string, policy: string, more: Partial<PlaygroundState> = {}): Example => ({
    title,
    state: { ...stateOf(policy), ...more },
  });
  return [
    example('Single key', 'pk(alice)'),
    example(
      '2 of 3 with recovery',
      'or(\n  9@thresh(2,\n    pk(alice), pk(bob), pk(carol)),\n  1@and(pk(rescue), older(4320))\n)',
    ),
    example(
      'Hot wallet with a time lock',
      'or(\n  20@and(pk(phone),\n    or(9@pk(server), older(144))),\n  thresh(2,\n    pk(cold1), pk(cold2), pk(cold3))\n)',
    ),
    example('HTLC', `or(\n  9@and(pk(payee), sha256(${hash})),\n  1@and(pk(payer), after(1000))\n)`),
    example(
      'Inheritance',
      'or(\n  99@pk(owner),\n  thresh(3,\n    pk(heir1), pk(heir2), pk(notary),\n    older(12960))\n)',
      { absent: ['owner'] },
    ),
    example('11 of 21', `thresh(11,\n${rows.join(',\n')}\n)`),
  ];
}
