import { loadCrypto } from '@bitcoin-enterprise/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { descriptorChecksum } from '../src/descriptor/checksum.ts';
import { type Descriptor, parseDescriptor } from '../src/descriptor/descriptor.ts';
import { DescriptorsError } from '../src/errors.ts';
import { dice } from './support/dice.ts';
import { type Bitcoind, BitcoindRefusal, findBitcoind, orSkip, startBitcoind } from './support/nodes.ts';
import { RandomDescriptorText } from './support/random-descriptor-text.ts';

const present = orSkip('bitcoind', await findBitcoind());
const CASES = process.env['BE_LONG'] === '1' ? 50_000 : 1_500;

interface DescriptorInfo {
  readonly descriptor: string;
  readonly multipath_expansion?: readonly string[];
  readonly isrange: boolean;
  readonly hasprivatekeys: boolean;
}

function ours(text: string): Descriptor | DescriptorsError {
  try {
    return parseDescriptor(text);
  } catch (error) {
    if (error instanceof DescriptorsError) return error;
    throw error;
  }
}

/**
 * What they refuse and we do not: to Core a key that it cannot derive equals each other such key, and `multi_a` within a
 * miniscript ends a key at its first comma; Bitcoin Knots takes no tapscript with a branch.
 */
const STRICTER = /contains duplicate public keys|Invalid musig\(\) expression|OP_IF\/OP_NOTIF/;
/**
 * What they read and we do not: Core looks past what stands between `musig()` and its path, and calls keys different
 * that tapscript does not tell apart, for their y coordinates.
 */
const LAXER =
  /expected '\/' behind the bracket|expected .* got '[{(]'|^DESCRIPTORS_MINISCRIPT_INSANE: .*duplicate public keys$|is invalid due to whitespace/;
/** Core takes a secret that another key of the descriptor was written with. */
const IS_HARDENED = /^DESCRIPTORS_DERIVATION_HARDENED/;

describe.skipIf(present === undefined)('bitcoind, asked for random descriptors', () => {
  let node: Bitcoind;
  let knowsMusig = false;

  const asked = async <Result>(method: string, params: readonly unknown[]): Promise<Result | string> => {
    try {
      return await node.rpc<Result>(method, params);
    } catch (error) {
      if (error instanceof BitcoindRefusal) return error.message;
      throw error;
    }
  };

  beforeAll(async () => {
    await loadCrypto();
    node = await startBitcoind({ args: ['-disablewallet'] });
    const key = '0260b2003c386519fc9eadf2b5cf124dd8eea4c4e68d5e154050a9346ea98ce600';
    knowsMusig = typeof (await asked('getdescriptorinfo', [`tr(musig(${key},${key}))`])) !== 'string';
  });
  afterAll(() => node.stop());

  it('reads and refuses what we read and refuse, and derives the same addresses', async () => {
    const seed = Number(process.env['BE_SEED'] ?? 20_261_127);
    const roll = dice(seed);
    const random = new RandomDescriptorText(roll, { musig: knowsMusig });
    const counts = { read: 0, refused: 0, addresses: 0 };

    for (let place = 0; place < CASES; place++) {
      const whole = random.text();
      const text = roll.oneIn(4) ? random.spoilt(whole) : whole;
      const theirs = await asked<DescriptorInfo>('getdescriptorinfo', [text]);
      const mine = ours(text);
      if (mine instanceof DescriptorsError) {
        const isKnown = typeof theirs === 'string' || LAXER.test(mine.message);
        expect(isKnown, `seed ${seed}: bitcoind reads, we refuse ${text}: ${mine.message}`).toBe(true);
        counts.refused += 1;
        continue;
      }
      if (typeof theirs === 'string') {
        expect(theirs, `seed ${seed}: we read, bitcoind refuses ${text}`).toMatch(STRICTER);
        continue;
      }
      counts.read += 1;
      const paths = mine.paths();
      expect(paths.map(String)).toEqual(theirs.multipath_expansion ?? [theirs.descriptor]);
      expect([mine.isRange, mine.hasPrivateKeys]).toEqual([theirs.isrange, theirs.hasprivatekeys]);
      for (const path of paths) {
        const secret = path.toPrivateString();
        const addresses = await asked<readonly string[]>('deriveaddresses', path.isRange ? [secret, [0, 2]] : [secret]);
        if (typeof addresses === 'string') continue;
        try {
          const indexes = path.isRange ? [0, 1, 2] : [0];
          expect(indexes.flatMap((index) => path.derive(index).addresses('regtest'))).toEqual(addresses);
          counts.addresses += addresses.length;
        } catch (error) {
          if (!(error instanceof DescriptorsError)) throw error;
          expect(error.message, `seed ${seed}: ${secret}`).toMatch(IS_HARDENED);
        }
      }
    }

    // What was compared was worth it.
    expect(counts.read).toBeGreaterThan(CASES / 5);
    expect(counts.refused).toBeGreaterThan(CASES / 5);
    expect(counts.addresses).toBeGreaterThan(CASES / 4);
  });

  it('has the same checksum of any text', async () => {
    const roll = dice(7);
    const random = new RandomDescriptorText(roll, { musig: false });

    for (let place = 0; place < 50; place++) {
      const text = random.text();
      const theirs = await asked<DescriptorInfo & { readonly checksum: string }>('getdescriptorinfo', [text]);
      if (typeof theirs !== 'string') expect(descriptorChecksum(text)).toBe(theirs.checksum);
    }
  });
});
