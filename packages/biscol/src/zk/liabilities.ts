import { concatBytes, currentCrypto, type Entropy, equalBytes, webEntropy } from '@bitcoin-enterprise/core';
import type { SecretBytes } from '@bitcoin-enterprise/wallet/multiparty';
import { requireBytes, requireInteger, requireList, requireObject, requireText } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import { addCommitments, commitTo, createBlinding, type Opening, requirePoint, sumOpenings } from './commitments.ts';
import { proveRange, verifyRange } from './range-proof.ts';
import { AMOUNT_BITS } from './reserves.ts';
import { randomBytes } from './scalars.ts';

/** What somebody is owed. */
export interface LiabilityAccount {
  /** Which account: what its owner knows it by. Nobody else learns it. */
  readonly id: string;
  /** Satoshis, 0 to 2^51 - 1. */
  readonly balance: bigint;
}

/** A node of the tree, as others may see it. */
export interface LiabilityNode {
  /** 32 bytes. */
  readonly hash: Uint8Array;
  /** To the sum of all that is below, 33 bytes. */
  readonly commitment: Uint8Array;
}

/** A tree of what is owed, whose every node commits to the sum below it. Openings and salts are secret. */
export interface LiabilityTree {
  readonly root: LiabilityNode;
  /** What opens the root: for `proveSolvency`. */
  readonly total: Opening;
  /** From the leaves up to the root. */
  readonly levels: ReadonlyArray<ReadonlyArray<LiabilityNode & { readonly opening: Opening }>>;
  /** The accounts, in the order of the leaves. */
  readonly accounts: ReadonlyArray<LiabilityAccount & { readonly salt: Uint8Array }>;
}

const MOST_ACCOUNTS = 1 << 20;

/**
 * Builds the tree of what is owed: each leaf commits to a balance, each node to the sum below it, so that the root
 * commits to all (a Merkle sum tree that tells no sums). It is filled up with accounts of zero to a power of two.
 *
 * @param accounts - 1 to 2^20, in an order that tells nothing.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`, also for an account that is there twice.
 *
 * @example
 * ```ts
 * import { createLiabilities, proveLiability, verifyLiability } from '@bitcoin-enterprise/biscol/zk';
 *
 * const tree = createLiabilities([
 *   { id: 'alice', balance: 700n },
 *   { id: 'bob', balance: 300n },
 * ]);
 *
 * verifyLiability(tree.root, proveLiability(tree, 'bob')); // => true
 * tree.total.value; // => 1000n
 * ```
 */
export function createLiabilities(
  accounts: readonly LiabilityAccount[],
  options: { readonly entropy?: Entropy } = {},
): LiabilityTree {
  const { entropy = webEntropy() } = requireObject<{ readonly entropy?: Entropy }>('options', options);
  const list = requireList('accounts', accounts);
  if (list.length === 0 || list.length > MOST_ACCOUNTS)
    throw invalidArgument('accounts', `1 to ${MOST_ACCOUNTS} accounts`, accounts);
  const known = new Set<string>();
  const salted = list.map((account, place) => {
    const { id, balance } = requireObject<LiabilityAccount>(`accounts[${place}]`, account);
    const name = requireText(`accounts[${place}].id`, id);
    if (known.has(name))
      throw invalidArgument(`accounts[${place}].id`, 'an account that is there once', 'one of before');
    known.add(name);
    return { id: name, balance: requireBalance(`accounts[${place}].balance`, balance), salt: randomBytes(entropy, 32) };
  });

  let size = 1;
  while (size < salted.length) size *= 2;
  const leaves = Array.from({ length: size }, (_, place) => {
    const account = salted[place];
    const opening = { value: account?.balance ?? 0n, blinding: createBlinding(entropy) };
    const commitment = commitTo(opening, entropy);
    return {
      hash: leafHash(commitment, account?.id ?? '', account?.salt ?? randomBytes(entropy, 32)),
      commitment,
      opening,
    };
  });
  const levels = [leaves];
  for (let below = leaves; below.length > 1;) {
    const level = below.flatMap((left, place) => {
      const right = below[place + 1];
      if (place % 2 === 1 || right === undefined) return [];
      const node = parentOf(left, right);
      // Two sums that cancel out: one chance in 2^256.
      if (node === undefined) throw invalidArgument('options.entropy', 'a source of randomness', entropy);
      return [{ ...node, opening: sumOpenings([left.opening, right.opening]) }];
    });
    levels.push(level);
    below = level;
  }
  const { hash, commitment, opening } = (levels.at(-1) as typeof leaves)[0] as (typeof leaves)[number];
  return { root: { hash, commitment }, total: opening, levels, accounts: salted };
}

function requireBalance(argument: string, balance: unknown): bigint {
  if (typeof balance !== 'bigint' || balance < 0n || balance >> BigInt(AMOUNT_BITS) !== 0n)
    throw invalidArgument(argument, `satoshis as a bigint of ${AMOUNT_BITS} bits`, balance);
  return balance;
}

function leafHash(commitment: Uint8Array, id: string, salt: Uint8Array): Uint8Array {
  const data = concatBytes(commitment, salt, new TextEncoder().encode(id));
  return currentCrypto().taggedHash('biscol/zk/liability-leaf', data);
}

/** The node above two; `undefined` where their sums cancel out. */
function parentOf(left: LiabilityNode, right: LiabilityNode): LiabilityNode | undefined {
  const commitment = addCommitments([left.commitment, right.commitment]);
  if (commitment === undefined) return undefined;
  const data = concatBytes(left.hash, left.commitment, right.hash, right.commitment);
  return { hash: currentCrypto().taggedHash('biscol/zk/liability-node', data), commitment };
}

/** What the owner of an account gets: that its balance is in the sum, and that nothing in the sum is negative. */
export interface LiabilityProof {
  readonly id: string;
  /** Satoshis. */
  readonly balance: bigint;
  readonly blinding: SecretBytes;
  /** 32 bytes. */
  readonly salt: Uint8Array;
  /** Of the leaf, from 0. */
  readonly place: number;
  /** The node beside each on the way up. */
  readonly siblings: readonly LiabilityNode[];
  /** A range proof of the sums beside the way; empty for a tree of one leaf. */
  readonly ranges: Uint8Array;
}

/**
 * Proves to the owner of an account that its balance is part of the root: the way up, and that no sum beside the way is
 * negative. It tells neither a balance of another nor a sum.
 *
 * @param id - Of the account.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT` for an account that is not there.
 */
export function proveLiability(
  tree: LiabilityTree,
  id: string,
  options: { readonly entropy?: Entropy } = {},
): LiabilityProof {
  const { root, levels, accounts } = requireObject<LiabilityTree>('tree', tree);
  const list = requireList('tree.accounts', accounts) as LiabilityTree['accounts'];
  const nodes = requireList('tree.levels', levels) as LiabilityTree['levels'];
  const place = list.findIndex((account) => account.id === requireText('id', id));
  const account = list[place];
  const leaf = nodes[0]?.[place];
  if (account === undefined || leaf === undefined || root === undefined)
    throw invalidArgument('id', 'an account of the tree', id);
  const beside = nodes.slice(0, -1).map((level, height) => {
    const node = requireList(`tree.levels[${height}]`, level)[(place >> height) ^ 1];
    const { hash, commitment, opening } = requireObject<LiabilityTree['levels'][number][number]>('tree.levels', node);
    return { hash, commitment, opening } as LiabilityTree['levels'][number][number];
  });
  const { entropy = webEntropy() } = requireObject<{ readonly entropy?: Entropy }>('options', options);
  const ranges =
    beside.length === 0
      ? new Uint8Array(0)
      : proveRange(
          beside.map(({ opening }) => opening),
          { bits: AMOUNT_BITS, context: root.hash, entropy },
        ).proof;
  const { balance, salt } = account;
  const siblings = beside.map(({ hash, commitment }) => ({ hash, commitment }));
  return { id, balance, blinding: leaf.opening.blinding, salt, place, siblings, ranges };
}

/**
 * Whether a balance is part of a root of liabilities, and the root no less than it.
 *
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT` for arguments of the wrong type, and points that are none.
 */
export function verifyLiability(root: LiabilityNode, proof: LiabilityProof): boolean {
  const top = requireNode('root', root);
  const { id, balance, blinding, salt, place, siblings, ranges } = requireObject<LiabilityProof>('proof', proof);
  const value = requireBalance('proof.balance', balance);
  const beside = requireList('proof.siblings', siblings).map((node, at) => requireNode(`proof.siblings[${at}]`, node));
  if (beside.length > 20) throw invalidArgument('proof.siblings', '20 nodes at most', siblings);
  let index = requireInteger('proof.place', place, 0, MOST_ACCOUNTS - 1);
  const bytes = requireBytes('proof.ranges', ranges);
  const commitment = commitTo({ value, blinding: blinding as SecretBytes });
  let node: LiabilityNode | undefined = {
    hash: leafHash(commitment, requireText('proof.id', id), requireBytes('proof.salt', salt, 32)),
    commitment,
  };
  for (const sibling of beside) {
    node = index % 2 === 0 ? parentOf(node, sibling) : parentOf(sibling, node);
    if (node === undefined) return false;
    index >>= 1;
  }
  if (index !== 0 || !equalBytes(node.hash, top.hash) || !equalBytes(node.commitment, top.commitment)) return false;
  if (beside.length === 0) return bytes.length === 0;
  const commitments = beside.map((sibling) => sibling.commitment);
  return verifyRange({ commitments, proof: bytes, bits: AMOUNT_BITS, context: top.hash });
}

function requireNode(argument: string, node: unknown): LiabilityNode {
  const { hash, commitment } = requireObject<LiabilityNode>(argument, node);
  return {
    hash: requireBytes(`${argument}.hash`, hash, 32),
    commitment: requirePoint(`${argument}.commitment`, commitment),
  };
}
