import { parseHex } from '@bitcoin-enterprise/core';
import { targetBytes, targetOf, workOf } from './proof-of-work.ts';

/** The compact target of every regtest block: about every second hash reaches it. */
export const REGTEST_BITS = 0x207f_ffff;

/** Blocks between two halvings of the subsidy on regtest. */
const HALVING_INTERVAL = 150;

const target = /* @__PURE__ */ targetOf(REGTEST_BITS) as bigint;

/** The target as bytes to compare a hash with. */
export const REGTEST_TARGET: Uint8Array = /* @__PURE__ */ targetBytes(target);

/** Work of one block. */
export const REGTEST_BLOCK_WORK: bigint = /* @__PURE__ */ workOf(target);

/**
 * New coins of a block, in satoshis: 50 BTC, halved every 150 blocks, none after 64 halvings.
 *
 * @param height - Height of the block.
 */
export function subsidyAt(height: number): bigint {
  const halvings = Math.floor(height / HALVING_INTERVAL);
  return halvings >= 64 ? 0n : 5_000_000_000n >> BigInt(halvings);
}

/** All the new coins that blocks above a height will ever give, satoshis. */
export function subsidyAbove(height: number): bigint {
  let sum = 0n;
  for (let next = height + 1; subsidyAt(next) > 0n;) {
    const end = (Math.floor(next / HALVING_INTERVAL) + 1) * HALVING_INTERVAL;
    sum += subsidyAt(next) * BigInt(end - next);
    next = end;
  }
  return sum;
}

/** Bitcoin's regtest genesis block as serialised. */
export function genesisBlock(): Uint8Array {
  return parseHex(
    `01000000${'00'.repeat(32)}3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4adae5494dffff7f2002000000` +
      `0101000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d04ffff001d0104455468652054` +
      '696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f757420666f' +
      '722062616e6b73ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6' +
      'bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000',
  );
}
