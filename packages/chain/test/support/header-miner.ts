import { concatBytes, currentCrypto } from '@bitcoin-enterprise/core';
import { createManualClock } from '@bitcoin-enterprise/core/testing';
import { type BlockHeader, serializeBlockHeader } from '@bitcoin-enterprise/script';
import { HeaderChain } from '../../src/adapters/header-chain.ts';
import { hasWork } from '../../src/adapters/evidence.ts';
import type { DifficultyRule } from '../../src/model/difficulty.ts';
import { bitsOf } from '../../src/model/proof-of-work.ts';

/** The rules of the main network with regtest's easiest target, so that a test can find blocks. */
export const EASY_MAIN: DifficultyRule = { limit: 2n ** 255n - 1n, retargets: true, bip94: false };
/** Those of testnet3, and of testnet4, likewise. */
export const EASY_TEST: DifficultyRule = { ...EASY_MAIN, easyAfterSeconds: 1_200 };
export const EASY_TESTNET4: DifficultyRule = { ...EASY_TEST, bip94: true };
/** The easiest target. */
export const EASIEST: number = bitsOf(EASY_MAIN.limit);

/** A header that was worked for. */
export interface Mined {
  readonly bytes: Uint8Array;
  readonly hash: Uint8Array;
  readonly header: BlockHeader;
}

/** Works for a header. */
export function mineHeader(facts: {
  readonly previous: Uint8Array;
  readonly time: number;
  readonly bits?: number;
  /** Makes one differ from another. */
  readonly salt?: number;
}): Mined {
  const { previous, time, bits = EASIEST, salt = 0 } = facts;
  for (let nonce = 0; ; nonce++) {
    const header: BlockHeader = {
      version: 0x2000_0000,
      previousBlockHash: previous,
      merkleRoot: new Uint8Array(32).fill(salt),
      time,
      bits,
      nonce,
    };
    const bytes = serializeBlockHeader(header);
    const hash = currentCrypto().hash256(bytes);
    if (hasWork(header, hash)) return { bytes, hash, header };
  }
}

/** Works for headers one upon the other; `step` says the time and the target of the one at an index. */
export function mineHeaders(
  previous: Uint8Array,
  count: number,
  step: (index: number) => { readonly time: number; readonly bits?: number; readonly salt?: number },
): readonly Mined[] {
  const mined: Mined[] = [];
  for (let index = 0; index < count; index++)
    mined.push(mineHeader({ previous: mined.at(-1)?.hash ?? previous, ...step(index) }));
  return mined;
}

/** Their bytes, one after the other. */
export function bytesOf(mined: readonly Mined[]): Uint8Array {
  return concatBytes(...mined.map(({ bytes }) => bytes));
}

/** A chain under a rule that begins with one header of the easiest target, at a time; its clock stands at `now`. */
export function chainOf(
  rule: DifficultyRule,
  { time, now = 2_000_000_000 }: { readonly time: number; readonly now?: number },
): { readonly chain: HeaderChain; readonly first: Mined } {
  const chain = new HeaderChain({ base: 0, rule, clock: createManualClock(now * 1_000) });
  const first = mineHeader({ previous: new Uint8Array(32), time });
  chain.begin('test', first.bytes);
  return { chain, first };
}
