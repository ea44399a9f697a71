import { createEmbeddedChain } from '@bitcoin-enterprise/chain';
import { blockHeight, concatBytes, parseHex, systemClock, toHex } from '@bitcoin-enterprise/core';
import { type BlockHeader, parseBlockHeader, serializeBlockHeader } from '@bitcoin-enterprise/script';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readJsonVectors } from '../../../scripts/testing/vectors.ts';
import { baseFor, HeaderChain } from '../src/adapters/header-chain.ts';
import { DIFFICULTY_RULES, mayFollow, nextBits, requiredBits } from '../src/model/difficulty.ts';
import { bitsOf, targetOf, workOf } from '../src/model/proof-of-work.ts';
import {
  bytesOf,
  chainOf,
  EASIEST,
  EASY_MAIN,
  EASY_TEST,
  EASY_TESTNET4,
  mineHeader,
  mineHeaders,
} from './support/header-miner.ts';
import { HEADER_552384, HEADERS_554390 } from './support/main-headers.ts';

const START = 1_600_000_000;
const PERIOD = 2_016;
const refused = expect.objectContaining({ code: 'CHAIN_NODE_ANSWER_INVALID' }) as Error;
const stale = expect.objectContaining({ code: 'CHAIN_NODE_STALE', retryable: true }) as Error;
const clock = systemClock();

function headerOf(bits: number, time: number): BlockHeader {
  return { version: 1, previousBlockHash: new Uint8Array(32), merkleRoot: new Uint8Array(32), time, bits, nonce: 0 };
}

describe('headers', () => {
  it('must have work, and each be built upon the one before; what does not fit changes nothing', async () => {
    const embedded = createEmbeddedChain();
    embedded.mine(20);
    const bytes: Uint8Array[] = [];
    for (let height = 0; height <= 20; height++) {
      const hash = (await embedded.ports.blockHash(blockHeight(height))) as Uint8Array;
      const found = await embedded.ports.header(hash);
      if (found !== undefined) bytes.push(serializeBlockHeader(found.header));
    }
    const chain = new HeaderChain({ base: 0, rule: DIFFICULTY_RULES.regtest, clock });
    chain.begin('test', bytes[0] as Uint8Array);
    chain.replaceFrom('test', 1, concatBytes(...bytes.slice(1)));
    expect([chain.tip?.height, chain.tip?.medianTime]).toEqual([20, (await embedded.ports.tip()).medianTime]);
    const lazy = new Uint8Array(bytes[20] as Uint8Array);
    for (let nonce = 0; nonce < 50; nonce++) {
      lazy[76] = nonce;
      const stranger = concatBytes(bytes[19] as Uint8Array, lazy);
      // Either without work, or with it and then a rival of the same height: never a successor of another block.
      expect(() => chain.replaceFrom('test', 20, stranger)).toThrow(refused);
    }
    expect(() => chain.replaceFrom('test', 22, bytes[20] as Uint8Array)).toThrow(refused);
    expect(() => chain.replaceFrom('test', 0, bytes[0] as Uint8Array)).toThrow(refused);
    expect(() => chain.replaceFrom('test', 20, new Uint8Array(81))).toThrow(refused);
    expect(toHex(chain.tip?.hash ?? new Uint8Array())).toBe(toHex(embedded.tip.hash));
  });

  it('must be later than the median of the eleven before, whatever the network', () => {
    const { chain, first } = chainOf(DIFFICULTY_RULES.regtest, { time: START });
    const some = mineHeaders(first.hash, 20, (i) => ({ time: START + 1 + i }));
    chain.replaceFrom('test', 1, bytesOf(some));
    const previous = chain.tip?.hash as Uint8Array;
    const median = chain.tip?.medianTime as number;
    expect(median).toBe(START + 15);

    expect(() => chain.replaceFrom('test', 21, mineHeader({ previous, time: median }).bytes)).toThrow(refused);
    chain.replaceFrom('test', 21, mineHeader({ previous, time: median + 1 }).bytes);
    expect(chain.tip?.height).toBe(21);
  });

  it('may be two hours ahead of the clock and no more, but for regtest, whose clock is moved', () => {
    const rule = { ...EASY_MAIN, maxFutureSeconds: 7_200 };
    const { chain, first } = chainOf(rule, { time: START, now: START });
    const at = (time: number): Uint8Array => mineHeader({ previous: first.hash, time }).bytes;

    expect(() => chain.replaceFrom('test', 1, at(START + 7_201))).toThrow(refused);
    chain.replaceFrom('test', 1, at(START + 7_200));
    expect(chain.tip?.height).toBe(1);
    for (const network of ['main', 'test', 'testnet4', 'signet'] as const)
      expect(DIFFICULTY_RULES[network].maxFutureSeconds).toBe(7_200);
    const { chain: regtest, first: second } = chainOf(DIFFICULTY_RULES.regtest, { time: START, now: START });
    regtest.replaceFrom('test', 1, mineHeader({ previous: second.hash, time: START + 90_000 }).bytes);
    expect(regtest.tip?.height).toBe(1);
  });
});

describe('the difficulty of the main network', () => {
  const main = DIFFICULTY_RULES.main;

  it('changes as it did', () => {
    const at = (bits: number, time: number): BlockHeader => headerOf(bits, time);
    const next = (bits: number, [from, to]: readonly [number, number]): number | undefined =>
      nextBits(main, { first: at(bits, from), last: at(bits, to) });
    // Blocks 2,015, 32,255, 46,367 and 68,543, with the first ones of their periods.
    expect(next(0x1d00ffff, [1_231_006_505, 1_233_061_996])).toBe(0x1d00ffff);
    expect(next(0x1d00ffff, [1_261_130_161, 1_262_152_739])).toBe(0x1d00d86a);
    expect(next(0x1c387f6f, [1_263_163_443, 1_269_211_443])).toBe(0x1d00e1fd);
    expect(next(0x1c05a3f4, [1_279_008_237, 1_279_297_671])).toBe(0x1c0168fd);
    // A period that took no time at all makes it four times harder, one that took forever four times easier.
    expect(next(0x1b0404cb, [1_000, 1_000])).toBe(0x1b010132);
    expect(next(0x1b0404cb, [0, 2 ** 31])).toBe(0x1b10132c);
    expect(next(0x1d00ffff, [0, 2 ** 31])).toBe(0x1d00ffff);
  });

  it('is what block 554,400 has, from the blocks before it', () => {
    const headers = new Map(HEADERS_554390.map((hex, i) => [554_390 + i, parseBlockHeader(parseHex(hex))]));
    headers.set(552_384, parseBlockHeader(parseHex(HEADER_552384)));
    for (let height = 554_391; height <= 554_408; height++) {
      const { time, bits } = headers.get(height) as BlockHeader;
      expect(requiredBits(main, { height, time }, (at) => headers.get(at))).toBe(bits);
      expect(mayFollow(main, { height, bits }, headers.get(height - 1)?.bits ?? 0)).toBe(true);
      // At any other height that change would be none that the rule allows.
      expect(mayFollow(main, { height: height + 1, bits }, headers.get(height - 1)?.bits ?? 0)).toBe(
        height !== 554_400,
      );
    }
    headers.delete(552_384);
    expect(requiredBits(main, { height: 554_400, time: 0 }, (at) => headers.get(at))).toBeUndefined();
  });

  it('holds after a checkpoint, wherever in its period that is', () => {
    expect([0, 5, 2_015, 2_016, 2_017, 554_400, 556_415].map(baseFor)).toEqual([
      0, 0, 0, 2_006, 2_006, 554_390, 554_390,
    ]);
    const bytes = HEADERS_554390.map(parseHex);
    for (const checkpoint of [554_400, 554_403]) {
      const chain = new HeaderChain({ base: baseFor(checkpoint), rule: main, clock });
      const count = checkpoint - 554_390 + 1;
      chain.begin('test', concatBytes(...bytes.slice(0, count)));
      const previous = chain.tip?.hash as Uint8Array;
      const easy = mineHeader({ previous, time: 1_545_190_000, bits: 0x207f_ffff });
      expect(() => chain.replaceFrom('test', checkpoint + 1, easy.bytes)).toThrow(refused);
      chain.replaceFrom('test', checkpoint + 1, concatBytes(...bytes.slice(count)));
      expect([chain.tip?.height, toHex(chain.tip?.header.previousBlockHash.toReversed() ?? new Uint8Array())]).toEqual([
        554_408,
        '0000000000000000000953265f624e5152f43eb96bbed63557f42e6a79d0e8f3',
      ]);
      // Headers whose median time is not known are not shown.
      expect([chain.at(554_399), chain.at(554_400)?.medianTime]).toEqual([undefined, 1_545_174_730]);
    }
  });

  it('lets no header through where it cannot be told', () => {
    // A period that is not known as a whole, as it would be from a base off the change of difficulty.
    const chain = new HeaderChain({ base: PERIOD - 1, rule: EASY_MAIN, clock });
    const first = mineHeader({ previous: new Uint8Array(32), time: START });
    chain.begin('test', first.bytes);
    for (const bits of [EASIEST, bitsOf((targetOf(EASIEST) ?? 0n) / 4n)])
      expect(() =>
        chain.replaceFrom('test', PERIOD, mineHeader({ previous: first.hash, time: START + 600, bits }).bytes),
      ).toThrow(refused);
  });

  const bip54 = readJsonVectors<{
    readonly block_headers: readonly string[];
    readonly extensions: readonly { readonly block_headers: readonly string[] }[];
  }>('bips/bip-0054/timestamps.json');

  it.skipIf(bip54 === undefined)('is that of the headers which BIP54 mined for its vectors', () => {
    const headers = (bip54?.block_headers ?? []).map(parseHex);
    for (const extension of bip54?.extensions ?? []) {
      const chain = new HeaderChain({ base: 0, rule: main, clock });
      chain.begin('test', headers[0] as Uint8Array);
      chain.replaceFrom('test', 1, concatBytes(...headers.slice(1), ...extension.block_headers.map(parseHex)));
      expect(chain.tip?.height).toBe(40 + extension.block_headers.length);
      expect(chain.tip?.work).toBe(BigInt((chain.tip?.height ?? 0) + 1) * 0x1_0001_0001n);
    }
  });
});

describe('the difficulty of the test networks', () => {
  const hard = bitsOf((targetOf(EASIEST) ?? 0n) / 4n);

  /** A first period mined in half a week, so that the second one is four times harder. */
  function secondPeriod(rule: typeof EASY_TEST) {
    const { chain, first } = chainOf(rule, { time: START });
    const period = mineHeaders(first.hash, PERIOD - 1, (i) => ({ time: START + 1 + i }));
    chain.replaceFrom('test', 1, bytesOf(period));
    const previous = chain.tip?.hash as Uint8Array;
    const time = START + PERIOD;
    expect(() => chain.replaceFrom('test', PERIOD, mineHeader({ previous, time }).bytes)).toThrow(refused);
    const next = mineHeader({ previous, time, bits: hard });
    chain.replaceFrom('test', PERIOD, next.bytes);
    return { chain, next };
  }

  it('falls for a block that comes after 20 minutes, and for that block only', () => {
    const { chain, next } = secondPeriod(EASY_TEST);
    const { time } = next.header;
    const soon = mineHeader({ previous: next.hash, time: time + 1_200 });
    const late = mineHeader({ previous: next.hash, time: time + 1_201 });
    expect(() => chain.replaceFrom('test', PERIOD + 1, soon.bytes)).toThrow(refused);
    chain.replaceFrom('test', PERIOD + 1, late.bytes);
    const again = { previous: late.hash, time: time + 1_202 };
    expect(() => chain.replaceFrom('test', PERIOD + 2, mineHeader(again).bytes)).toThrow(refused);
    chain.replaceFrom('test', PERIOD + 2, mineHeader({ ...again, bits: hard }).bytes);
    expect(chain.tip?.height).toBe(PERIOD + 2);
  });

  it('is refused to fall on the main network', () => {
    const { chain, first } = chainOf(EASY_MAIN, { time: START });
    chain.replaceFrom('test', 1, bytesOf(mineHeaders(first.hash, PERIOD - 1, (i) => ({ time: START + 1 + i }))));
    const next = mineHeader({ previous: chain.tip?.hash as Uint8Array, time: START + PERIOD, bits: hard });
    chain.replaceFrom('test', PERIOD, next.bytes);
    const late = mineHeader({ previous: next.hash, time: START + PERIOD + 1_201 });
    expect(() => chain.replaceFrom('test', PERIOD + 1, late.bytes)).toThrow(refused);
  });

  it.for([
    { name: 'testnet3 forgets', rule: EASY_TEST, bits: EASIEST },
    { name: 'testnet4 remembers (BIP94)', rule: EASY_TESTNET4, bits: hard },
  ])('$name the difficulty before an easy last block of a period', ({ rule, bits }) => {
    const { chain, next } = secondPeriod(rule);
    // Two weeks of blocks, the last of which is easy: the next period is as hard as the first block or the last one.
    const step = 600;
    const from = next.header.time;
    const rest = mineHeaders(next.hash, PERIOD - 2, (i) => ({ time: from + step * (i + 1), bits: hard }));
    chain.replaceFrom('test', PERIOD + 1, bytesOf(rest));
    const last = mineHeader({ previous: chain.tip?.hash as Uint8Array, time: from + step * PERIOD + 1_300 });
    chain.replaceFrom('test', 2 * PERIOD - 1, last.bytes);
    const { height } = chain.tip as { readonly height: number };
    expect(height).toBe(2 * PERIOD - 1);
    const required = nextBits(rule, { first: next.header, last: last.header }) as number;

    expect(targetOf(required)).toBeGreaterThanOrEqual(targetOf(bits) ?? 0n);
    expect(required === EASIEST).toBe(bits === EASIEST);
    chain.replaceFrom(
      'test',
      2 * PERIOD,
      mineHeader({ previous: last.hash, time: last.header.time + 1, bits: required }).bytes,
    );
    expect(chain.tip?.height).toBe(2 * PERIOD);
  });

  it.for([
    { name: 'testnet4 may not', rule: EASY_TESTNET4, allowed: false },
    { name: 'testnet3 may', rule: EASY_TEST, allowed: true },
  ])('the first block of a period of $name step back by more than ten minutes', ({ rule, allowed }) => {
    for (const back of [600, 601]) {
      const { chain, first } = chainOf(rule, { time: START });
      // The last block is an hour ahead of the median, as a miner may make it.
      const period = mineHeaders(first.hash, PERIOD - 1, (i) => ({ time: START + i + (i === PERIOD - 2 ? 3_000 : 1) }));
      chain.replaceFrom('test', 1, bytesOf(period));
      const { hash, header } = period.at(-1) as (typeof period)[0];
      const bits = nextBits(rule, { first: first.header, last: header }) as number;
      const next = mineHeader({ previous: hash, time: header.time - back, bits });
      const run = (): void => chain.replaceFrom('test', PERIOD, next.bytes);
      if (back === 600 || allowed) run();
      else expect(run).toThrow(refused);
      expect(chain.tip?.height).toBe(back === 600 || allowed ? PERIOD : PERIOD - 1);
    }
  });

  it('has the limits of the networks', () => {
    const easiest = Object.entries(DIFFICULTY_RULES).map(([name, { limit }]) => [name, bitsOf(limit).toString(16)]);
    expect(Object.fromEntries(easiest)).toEqual({
      main: '1d00ffff',
      test: '1d00ffff',
      testnet4: '1d00ffff',
      signet: '1e0377ae',
      regtest: '207fffff',
    });
  });
});

describe('another branch', () => {
  const rule = EASY_TEST;

  /** A chain of a first period, and then hard blocks, so that one of them is worth four easy ones. */
  function grown() {
    const { chain, first } = chainOf(rule, { time: START });
    chain.replaceFrom('test', 1, bytesOf(mineHeaders(first.hash, PERIOD - 1, (i) => ({ time: START + 1 + i }))));
    const hard = bitsOf((targetOf(EASIEST) ?? 0n) / 4n);
    const next = mineHeader({ previous: chain.tip?.hash as Uint8Array, time: START + PERIOD, bits: hard });
    chain.replaceFrom('test', PERIOD, next.bytes);
    return { chain, next, hard };
  }

  it('of more blocks and less work does not take the place of one of fewer, which is said to be stale', () => {
    const { chain, next, hard } = grown();
    const time = next.header.time;
    const worth = mineHeaders(next.hash, 2, (i) => ({ time: time + 1 + i, bits: hard }));
    chain.replaceFrom('test', PERIOD + 1, bytesOf(worth));
    const { hash } = chain.tip as { readonly hash: Uint8Array };
    // Each of them late, so that each may be easy: five have not the work of two.
    const long = mineHeaders(next.hash, 5, (i) => ({ time: time + 1_201 * (i + 1), salt: 1 }));
    expect(() => chain.replaceFrom('test', PERIOD + 1, bytesOf(long))).toThrow(stale);
    expect([chain.tip?.height, chain.tip?.hash]).toEqual([PERIOD + 2, hash]);

    // And the other way around: shorter and heavier.
    const other = grown();
    const easy = mineHeaders(other.next.hash, 5, (i) => ({ time: other.next.header.time + 1_201 * (i + 1) }));
    other.chain.replaceFrom('test', PERIOD + 1, bytesOf(easy));
    const short = mineHeaders(other.next.hash, 2, (i) => ({
      time: other.next.header.time + 1 + i,
      bits: other.hard,
      salt: 1,
    }));
    other.chain.replaceFrom('test', PERIOD + 1, bytesOf(short));
    expect(other.chain.tip?.height).toBe(PERIOD + 2);
    expect(other.chain.find(easy[4]?.hash as Uint8Array)).toMatchObject({
      best: false,
      placed: { height: PERIOD + 5 },
    });
  });

  it('takes its place exactly when it has as much work (random branches)', () => {
    fc.assert(
      fc.property(fc.nat({ max: 12 }), fc.nat({ max: 12 }), fc.nat({ max: 10 }), (ours, theirs, forkAt) => {
        const { chain, first } = chainOf(DIFFICULTY_RULES.regtest, { time: START });
        chain.replaceFrom('test', 1, bytesOf(mineHeaders(first.hash, 10 + ours, (i) => ({ time: START + 1 + i }))));
        const height = chain.tip?.height as number;
        const fork = chain.at(forkAt) as { readonly hash: Uint8Array; readonly medianTime: number };
        const branch = mineHeaders(fork.hash, theirs, (i) => ({ time: START + 100 + i, salt: 2 }));
        const wins = forkAt + theirs >= height;
        const run = (): void => chain.replaceFrom('test', forkAt + 1, bytesOf(branch));
        if (wins) run();
        else expect(run).toThrow(stale);
        expect(chain.tip?.height).toBe(wins ? forkAt + theirs : height);
        expect(chain.tip?.work).toBe(BigInt((chain.tip?.height ?? 0) + 1) * workOf(targetOf(EASIEST) ?? 0n));
        for (let at = 0; at <= (chain.tip?.height ?? 0); at++)
          expect(chain.find(chain.at(at)?.hash as Uint8Array)).toMatchObject({ best: true, placed: { height: at } });
      }),
      { numRuns: process.env['BE_LONG'] === '1' ? 1_000 : 60 },
    );
  });
});
