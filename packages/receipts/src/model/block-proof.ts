import { concatBytes, currentCrypto, equalBytes, type NetworkName } from '@bitcoin-enterprise/core';

/** The easiest target that a network allows: Core's `powLimit`. */
const limits: Readonly<Record<NetworkName, bigint>> = {
  main: (1n << 224n) - 1n,
  test: (1n << 224n) - 1n,
  testnet4: (1n << 224n) - 1n,
  signet: 0x377aen << 216n,
  regtest: (1n << 255n) - 1n,
};

/** Length of a block header. */
export const HEADER_LENGTH = 80;

/**
 * Whether a header has the work that it claims, and claims at least the network's least. That it belongs to the chain
 * with the most work is another question.
 */
export function hasProofOfWork(header: Uint8Array, network: NetworkName): boolean {
  const view = new DataView(header.buffer, header.byteOffset, HEADER_LENGTH);
  const target = targetOf(view.getUint32(72, true));
  if (target === undefined || target > limits[network]) return false;
  let hash = 0n;
  for (const byte of currentCrypto().hash256(header).toReversed()) hash = (hash << 8n) | BigInt(byte);
  return hash <= target;
}

/** The target of compact bits; `undefined` when they are negative, zero or too large, as Core refuses them. */
function targetOf(bits: number): bigint | undefined {
  const size = bits >>> 24;
  const word = BigInt(bits & 0x7f_ffff);
  if ((bits & 0x80_0000) !== 0) return undefined;
  const target = size <= 3 ? word >> BigInt(8 * (3 - size)) : word << BigInt(8 * (size - 3));
  return target === 0n || target >= 1n << 256n ? undefined : target;
}

/** Root of the Merkle tree that a header commits to. */
export function merkleRootOf(header: Uint8Array): Uint8Array {
  return new Uint8Array(header.subarray(36, 68));
}

/** Time of a header, Unix seconds. */
export function timeOf(header: Uint8Array): number {
  return new DataView(header.buffer, header.byteOffset, HEADER_LENGTH).getUint32(68, true);
}

/**
 * The root that a transaction id leads to; `undefined` for an index outside of the branch, or for the shadow of an odd
 * last node, which Bitcoin hashes with itself (CVE-2012-2459): it would be the same transaction at another index.
 */
export function rootOfBranch(txid: Uint8Array, index: number, branch: readonly Uint8Array[]): Uint8Array | undefined {
  const { hash256 } = currentCrypto();
  let node = index;
  let hash = txid;
  for (const sibling of branch) {
    const isRight = node % 2 === 1;
    if (isRight && equalBytes(sibling, hash)) return undefined;
    hash = hash256(isRight ? concatBytes(sibling, hash) : concatBytes(hash, sibling));
    node = Math.floor(node / 2);
  }
  return node === 0 ? hash : undefined;
}

/** The branch of one of several transaction ids. */
export function branchOf(txids: readonly Uint8Array[], index: number): readonly Uint8Array[] {
  const { hash256 } = currentCrypto();
  const branch: Uint8Array[] = [];
  let node = index;
  for (let row = txids; row.length > 1; node = Math.floor(node / 2)) {
    const left = row;
    branch.push((left[node % 2 === 0 ? node + 1 : node - 1] ?? left[node]) as Uint8Array);
    row = Array.from({ length: Math.ceil(left.length / 2) }, (_, i) => {
      const first = left[2 * i] as Uint8Array;
      return hash256(concatBytes(first, left[2 * i + 1] ?? first));
    });
  }
  return branch;
}
