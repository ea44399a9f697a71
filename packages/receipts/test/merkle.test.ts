import { currentCrypto, parseHex, toHex } from '@bitcoin-enterprise/core';
import {
  createLog,
  createMemoryLogStorage,
  emptyRoot,
  leafHash,
  nodeHash,
  verifyConsistency,
  verifyInclusion,
} from '@bitcoin-enterprise/receipts';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';

// The test vectors of Certificate Transparency: leaves, roots and proofs as published in google/certificate-transparency
// (cpp/merkletree/merkle_tree_test.cc) and transparency-dev/merkle (testonly/constants.go).
const entries = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
const roots = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];
const inclusions = [
  { index: 0, size: 1, proof: [] },
  {
    index: 0,
    size: 8,
    proof: [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  },
  {
    index: 5,
    size: 8,
    proof: [
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  },
  { index: 2, size: 3, proof: ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125'] },
  {
    index: 1,
    size: 5,
    proof: [
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ],
  },
];
const consistencies = [
  { first: 1, second: 1, proof: [] },
  {
    first: 1,
    second: 8,
    proof: [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  },
  {
    first: 6,
    second: 8,
    proof: [
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  },
  {
    first: 2,
    second: 5,
    proof: [
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ],
  },
  {
    first: 6,
    second: 7,
    proof: [
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  },
];

const hexes = (hashes: readonly Uint8Array[]): readonly string[] => hashes.map((hash) => toHex(hash));

describe('the vectors of Certificate Transparency', () => {
  const log = createLog({ storage: createMemoryLogStorage() });
  beforeAll(async () => {
    await log.append(entries.map((entry) => ({ entry: parseHex(entry) })));
  });

  it('have the published root at every size', async () => {
    for (const [size, root] of roots.entries()) expect(toHex(await log.root(size))).toBe(root);
  });

  it.for(inclusions)('prove entry $index in $size as published', async ({ index, size, proof }) => {
    expect(hexes(await log.proveInclusion(index, size))).toEqual(proof);
    const leaf = leafHash(parseHex(entries[index] as string));
    const root = parseHex(roots[size] as string);
    verifyInclusion({ leaf, index, size, proof: proof.map(parseHex), root });
  });

  it.for(consistencies)('prove that $second goes on from $first as published', async ({ first, second, proof }) => {
    expect(hexes(await log.proveConsistency(first, second))).toEqual(proof);
    const [firstRoot, secondRoot] = [parseHex(roots[first] as string), parseHex(roots[second] as string)];
    verifyConsistency({ first, firstRoot, second, secondRoot, proof: proof.map(parseHex) });
  });
});

/** RFC 6962 §2.1, word for word: slow, recursive, and written without a look at the product. */
const naive = {
  root(leaves: readonly Uint8Array[]): Uint8Array {
    if (leaves.length === 0) return currentCrypto().sha256(new Uint8Array(0));
    if (leaves.length === 1) return leaves[0] as Uint8Array;
    const k = naive.split(leaves.length);
    return naive.hash(naive.root(leaves.slice(0, k)), naive.root(leaves.slice(k)));
  },
  path(m: number, leaves: readonly Uint8Array[]): readonly Uint8Array[] {
    if (leaves.length <= 1) return [];
    const k = naive.split(leaves.length);
    return m < k
      ? [...naive.path(m, leaves.slice(0, k)), naive.root(leaves.slice(k))]
      : [...naive.path(m - k, leaves.slice(k)), naive.root(leaves.slice(0, k))];
  },
  subproof(m: number, leaves: readonly Uint8Array[], whole: boolean): readonly Uint8Array[] {
    if (m === leaves.length) return whole ? [] : [naive.root(leaves)];
    const k = naive.split(leaves.length);
    return m <= k
      ? [...naive.subproof(m, leaves.slice(0, k), whole), naive.root(leaves.slice(k))]
      : [...naive.subproof(m - k, leaves.slice(k), false), naive.root(leaves.slice(0, k))];
  },
  split(n: number): number {
    return 2 ** Math.floor(Math.log2(n - 1));
  },
  hash(left: Uint8Array, right: Uint8Array): Uint8Array {
    return currentCrypto().sha256(Uint8Array.of(1, ...left, ...right));
  },
};

const LARGEST = 130;
const all = Array.from({ length: LARGEST }, (_, i) => Uint8Array.of(i, i >> 3, 7));
const leaves = all.map(leafHash);

describe('every tree up to 130 entries', () => {
  const log = createLog({ storage: createMemoryLogStorage() });
  let treeRoots: readonly Uint8Array[];
  beforeAll(async () => {
    for (const entry of all) await log.append([{ entry }]);
    treeRoots = await Promise.all(Array.from({ length: LARGEST + 1 }, (_, size) => log.root(size)));
  });

  it('has the root of the naive recursion', () => {
    treeRoots.forEach((root, size) => expect(toHex(root)).toBe(toHex(naive.root(leaves.slice(0, size)))));
  });

  it('proves every entry at every size as the naive recursion does, and the proof verifies', async () => {
    for (let size = 1; size <= LARGEST; size++)
      for (let index = 0; index < size; index++) {
        const proof = await log.proveInclusion(index, size);
        if (size < 40 || index % 13 === 0 || index === size - 1)
          expect(hexes(proof)).toEqual(hexes(naive.path(index, leaves.slice(0, size))));
        verifyInclusion({ leaf: leaves[index] as Uint8Array, index, size, proof, root: treeRoots[size] as Uint8Array });
      }
  });

  it('proves every pair of sizes consistent as the naive recursion does, and the proof verifies', async () => {
    for (let second = 0; second <= LARGEST; second++)
      for (let first = 0; first <= second; first++) {
        const proof = await log.proveConsistency(first, second);
        if (first > 0 && (second < 40 || first % 13 === 0))
          expect(hexes(proof)).toEqual(hexes(naive.subproof(first, leaves.slice(0, second), true)));
        const [firstRoot, secondRoot] = [treeRoots[first] as Uint8Array, treeRoots[second] as Uint8Array];
        verifyConsistency({ first, firstRoot, second, secondRoot, proof });
      }
  });

  it('refuses an inclusion proof with any one part changed', async () => {
    const code = 'RECEIPTS_PROOF_INVALID';
    for (let size = 2; size <= 34; size++)
      for (let index = 0; index < size; index++) {
        const proof = await log.proveInclusion(index, size);
        const claim = { leaf: leaves[index] as Uint8Array, index, size, proof, root: treeRoots[size] as Uint8Array };
        for (const other of [index - 1, index + 1, index ^ 2].filter((i) => i >= 0 && i !== index))
          expect(() => verifyInclusion({ ...claim, index: other })).toThrow(code);
        expect(() => verifyInclusion({ ...claim, leaf: leaves[(index + 1) % size] as Uint8Array })).toThrow(code);
        expect(() => verifyInclusion({ ...claim, root: treeRoots[size - 1] as Uint8Array })).toThrow(code);
        expect(() => verifyInclusion({ ...claim, proof: proof.slice(1) })).toThrow(code);
        expect(() => verifyInclusion({ ...claim, proof: proof.slice(0, -1) })).toThrow(code);
        expect(() => verifyInclusion({ ...claim, proof: [...proof, new Uint8Array(32)] })).toThrow(code);
        expect(() => verifyInclusion({ ...claim, proof: [claim.leaf, ...proof] })).toThrow(code);
      }
  });

  it('refuses a consistency proof with any one part changed', async () => {
    const code = 'RECEIPTS_PROOF_INVALID';
    for (let second = 2; second <= 34; second++)
      for (let first = 1; first < second; first++) {
        const proof = await log.proveConsistency(first, second);
        const [firstRoot, secondRoot] = [treeRoots[first] as Uint8Array, treeRoots[second] as Uint8Array];
        const claim = { first, firstRoot, second, secondRoot, proof };
        expect(() => verifyConsistency({ ...claim, firstRoot: secondRoot })).toThrow(code);
        expect(() => verifyConsistency({ ...claim, secondRoot: firstRoot })).toThrow(code);
        expect(() => verifyConsistency({ ...claim, proof: proof.slice(1) })).toThrow(code);
        expect(() => verifyConsistency({ ...claim, proof: proof.slice(0, -1) })).toThrow(code);
        expect(() => verifyConsistency({ ...claim, proof: [...proof, new Uint8Array(32)] })).toThrow(code);
        for (let i = 0; i < proof.length; i++) {
          const changed = proof.map((hash, at) =>
            at === i ? hash.map((byte, b) => (b === 5 ? byte ^ 4 : byte)) : hash,
          );
          expect(() => verifyConsistency({ ...claim, proof: changed })).toThrow(code);
        }
      }
  });
});

describe('edges of the tree', () => {
  it('hashes leaves and nodes apart: a node is no leaf of its children', () => {
    const [left, right] = [leafHash(Uint8Array.of(1)), leafHash(Uint8Array.of(2))];

    expect(toHex(nodeHash(left, right))).not.toBe(toHex(leafHash(Uint8Array.of(...left, ...right))));
  });

  it('lets every tree go on from an empty one, and only from its true root', () => {
    const root = leafHash(Uint8Array.of(1));
    const claim = { first: 0, firstRoot: emptyRoot(), second: 1, secondRoot: root, proof: [] };

    verifyConsistency(claim);
    expect(() => verifyConsistency({ ...claim, firstRoot: root })).toThrow('RECEIPTS_PROOF_INVALID');
    expect(() => verifyConsistency({ ...claim, proof: [root] })).toThrow('RECEIPTS_PROOF_INVALID');
    expect(() => verifyConsistency({ ...claim, first: 2 })).toThrow('RECEIPTS_PROOF_INVALID');
  });

  it('verifies proofs of trees beyond 32 bits', () => {
    // 2^40 entries whose left half is one complete subtree: the proof of the first entry of the right half.
    const half = Array.from({ length: 40 }, (_, i) => leafHash(Uint8Array.of(i)));
    const leaf = leafHash(Uint8Array.of(99));
    const root = half.reduce(
      (hash, sibling, level) => (level === 39 ? nodeHash(sibling, hash) : nodeHash(hash, sibling)),
      leaf,
    );

    verifyInclusion({ leaf, index: 2 ** 39, size: 2 ** 40, proof: half, root });
    const wrong = { leaf, index: 2 ** 39 + 1, size: 2 ** 40, proof: half, root };
    expect(() => verifyInclusion(wrong)).toThrow('RECEIPTS_PROOF_INVALID');
  });

  it('answers anything else than a claim with a code', () => {
    const odd = fc.oneof(fc.anything(), fc.constant(new Uint8Array(31)), fc.constant([new Uint8Array(5)]));
    const code = /^RECEIPTS_(INVALID_ARGUMENT|PROOF_INVALID)/;
    fc.assert(
      fc.property(odd, odd, odd, odd, odd, (leaf, index, size, proof, root) => {
        expect(() => verifyInclusion({ leaf, index, size, proof, root } as never)).toThrow(code);
      }),
      { numRuns: 300 },
    );
  });
});
