import { type CryptoEngine, concatBytes, currentCrypto } from '@bitcoin-enterprise/core';
import {
  ScriptError,
  type ScriptErrors,
  invalidArgument,
  requireBytes,
  requireCrypto,
  requireObject,
} from '../errors.ts';
import { Opcode } from '../opcodes.ts';
import { MAXIMUM_TREE_DEPTH, TAPSCRIPT_LEAF_VERSION, tapBranchHash, tapLeafHash, tapTweakHash } from './commitment.ts';

/** A leaf of a Taproot tree. */
export interface TapLeaf {
  readonly script: Uint8Array;
  /** Even, `0xc0` (tapscript) when absent. */
  readonly leafVersion?: number;
}

/** A Taproot tree: a leaf, or two trees. */
export type TapTree = TapLeaf | readonly [TapTree, TapTree];

/** A leaf with everything that a spend through it needs. */
export interface TaprootLeafSpend {
  readonly script: Uint8Array;
  readonly leafVersion: number;
  /** 32 bytes. */
  readonly leafHash: Uint8Array;
  /** The last witness item: leaf version with parity, internal key, path (BIP341). */
  readonly controlBlock: Uint8Array;
  /** How many branches lie above it. */
  readonly depth: number;
}

/** A Taproot output and all ways to spend it. */
export interface TaprootOutput {
  /** x-only, 32 bytes. */
  readonly internalKey: Uint8Array;
  /** `undefined` for an output without scripts. */
  readonly merkleRoot: Uint8Array | undefined;
  /** What the secret key is tweaked with for the key path, 32 bytes. */
  readonly tweak: Uint8Array;
  /** x-only, 32 bytes. */
  readonly outputKey: Uint8Array;
  readonly outputKeyParity: 0 | 1;
  /** `OP_1 <output key>`, 34 bytes. */
  readonly scriptPubKey: Uint8Array;
  /** In the order of the tree, left to right. */
  readonly leaves: readonly TaprootLeafSpend[];
}

/** How an output is built. */
export interface TaprootOutputOptions {
  /** x-only, 32 bytes; {@link UNSPENDABLE_INTERNAL_KEY} switches the key path off. */
  readonly internalKey: Uint8Array;
  /** Absent: the key path alone, tweaked as BIP86 recommends. */
  readonly tree?: TapTree;
  readonly crypto?: CryptoEngine;
}

/** The point H of BIP341, which nobody knows the secret key of: an internal key that switches the key path off. */
export const UNSPENDABLE_INTERNAL_KEY: Uint8Array = Uint8Array.from([
  0x50, 0x92, 0x9b, 0x74, 0xc1, 0xa0, 0x49, 0x54, 0xb7, 0x8b, 0x4b, 0x60, 0x35, 0xe9, 0x7a, 0x5e, 0x07, 0x8a, 0x5a,
  0x0f, 0x28, 0xec, 0x96, 0xd5, 0x47, 0xbf, 0xee, 0x9a, 0xce, 0x80, 0x3a, 0xc0,
]);

/**
 * Builds a Taproot output with the control block of every leaf (BIP341).
 *
 * @throws {@link ScriptError} `SCRIPT_TAPROOT_INVALID` for a tree over 128 deep or of over 65,536 leaves, an odd leaf version or an internal key
 * that is no point; `SCRIPT_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { parseScript, taprootOutput, UNSPENDABLE_INTERNAL_KEY } from '@bitcoin-enterprise/script';
 *
 * const { leaves } = taprootOutput({
 *   internalKey: UNSPENDABLE_INTERNAL_KEY,
 *   tree: [{ script: parseScript('1') }, { script: parseScript('2') }],
 * });
 * leaves.map((leaf) => leaf.controlBlock.length); // => [65, 65]
 * ```
 */
export function taprootOutput(options: TaprootOutputOptions): TaprootOutput {
  requireObject(options, 'options');
  const { tree, crypto = currentCrypto() } = options;
  requireCrypto(crypto);
  const internalKey = new Uint8Array(requireBytes(options.internalKey, 'internalKey', 32));
  const root = tree === undefined ? undefined : hashTree(tree, crypto);
  const tweak = tapTweakHash(internalKey, root?.hash, crypto);
  const tweaked = crypto.xOnlyTweakAdd(internalKey, tweak);
  if (tweaked === undefined) throw invalid('internal-key', 'expected an internal key on the curve, got another');
  const { xOnlyPublicKey: outputKey, parity } = tweaked;
  const leaves = (root?.leaves ?? []).map(({ script, leafVersion, leafHash, path }) => ({
    script,
    leafVersion,
    leafHash,
    controlBlock: concatBytes(Uint8Array.of(leafVersion | parity), internalKey, ...path),
    depth: path.length,
  }));
  const scriptPubKey = concatBytes(Uint8Array.of(Opcode.OP_1, 32), outputKey);
  return { internalKey, merkleRoot: root?.hash, tweak, outputKey, outputKeyParity: parity, scriptPubKey, leaves };
}

/** Far beyond any contract; more would take longer to hash than anybody waits. */
const MAXIMUM_LEAVES = 65_536;

interface HashedLeaf {
  readonly script: Uint8Array;
  readonly leafVersion: number;
  readonly leafHash: Uint8Array;
  /** Sibling hashes from the leaf up; grows while the branches above are hashed. */
  readonly path: Uint8Array[];
}

interface HashedTree {
  readonly hash: Uint8Array;
  readonly leaves: readonly HashedLeaf[];
}

/** Post-order walk with a stack of its own, because a hostile tree may be deeper than the call stack. */
function hashTree(tree: TapTree, crypto: CryptoEngine): HashedTree {
  type Task = { readonly node: unknown; readonly depth: number } | 'join';
  const tasks: Task[] = [{ node: tree, depth: 0 }];
  const done: HashedTree[] = [];
  let leaves = 0;
  for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) {
    if (task === 'join') {
      const left = done.pop() as HashedTree;
      const right = done.pop() as HashedTree;
      for (const { path } of left.leaves) path.push(right.hash);
      for (const { path } of right.leaves) path.push(left.hash);
      done.push({ hash: tapBranchHash(left.hash, right.hash, crypto), leaves: [...left.leaves, ...right.leaves] });
      continue;
    }
    const { node, depth } = task;
    if (depth > MAXIMUM_TREE_DEPTH)
      throw invalid('depth', `expected a tree at most ${MAXIMUM_TREE_DEPTH} deep, got a deeper one`);
    if (Array.isArray(node)) {
      if (node.length !== 2) throw invalidArgument('tree branch', 'a pair of trees', node);
      // The left side is hashed last, so that it lies on top when both are joined.
      tasks.push('join', { node: node[0], depth: depth + 1 }, { node: node[1], depth: depth + 1 });
    } else {
      // A tree in which parts occur again and again is small in memory and endless on a walk.
      if (++leaves > MAXIMUM_LEAVES) throw invalid('leaves', `expected at most ${MAXIMUM_LEAVES} leaves, got more`);
      done.push(hashLeaf(node, crypto));
    }
  }
  return done[0] as HashedTree;
}

function hashLeaf(node: unknown, crypto: CryptoEngine): HashedTree {
  const leaf = requireObject(node, 'tree leaf') as Partial<TapLeaf>;
  const { leafVersion = TAPSCRIPT_LEAF_VERSION } = leaf;
  const script = requireBytes(leaf.script, 'tree leaf script');
  // 0x50 would make the control block look like an annex (BIP341).
  if (
    !Number.isInteger(leafVersion) ||
    leafVersion < 0 ||
    leafVersion > 0xfe ||
    leafVersion % 2 !== 0 ||
    leafVersion === 0x50
  )
    throw invalid('leaf-version', 'expected an even leaf version other than 0x50, got another');
  const leafHash = tapLeafHash(script, { leafVersion, crypto });
  return { hash: leafHash, leaves: [{ script, leafVersion, leafHash, path: [] }] };
}

/**
 * The secret key that spends an output's key path: the internal one, made even, plus the tweak (BIP341).
 *
 * @param secretKey - 32 bytes.
 * @param options - `merkleRoot`: root of the script tree; absent for an output without scripts.
 * @throws {@link ScriptError} `SCRIPT_TAPROOT_INVALID` when it is no secret key; `SCRIPT_INVALID_ARGUMENT`.
 */
export function taprootSecretKey(
  secretKey: Uint8Array,
  options: { readonly merkleRoot?: Uint8Array | undefined; readonly crypto?: CryptoEngine } = {},
): Uint8Array {
  requireObject(options, 'options');
  const { merkleRoot, crypto = currentCrypto() } = options;
  requireCrypto(crypto);
  requireBytes(secretKey, 'secretKey', 32);
  const publicKey = crypto.publicKey(secretKey);
  const even = publicKey?.[0] === 2 ? secretKey : crypto.secretKeyNegate(secretKey);
  const tweaked =
    publicKey === undefined || even === undefined
      ? undefined
      : crypto.secretKeyTweakAdd(even, tapTweakHash(publicKey.subarray(1), merkleRoot, crypto));
  if (tweaked === undefined) throw invalid('tweak', 'expected a secret key that can be tweaked, got another');
  return tweaked;
}

/** What a control block says (BIP341). */
export interface ControlBlock {
  readonly leafVersion: number;
  readonly outputKeyParity: 0 | 1;
  /** x-only, 32 bytes. */
  readonly internalKey: Uint8Array;
  /** Sibling hashes from the leaf up. */
  readonly path: readonly Uint8Array[];
}

/**
 * Reads a control block.
 *
 * @throws {@link ScriptError} `SCRIPT_TAPROOT_INVALID` when its length is not 33 + 32 × 0..128 bytes.
 */
export function parseControlBlock(bytes: Uint8Array): ControlBlock {
  requireBytes(bytes, 'bytes');
  const steps = (bytes.length - 33) / 32;
  if (!Number.isInteger(steps) || steps < 0 || steps > MAXIMUM_TREE_DEPTH)
    throw invalid('control-block', 'expected 33 + 32 × 0..128 bytes of control block, got another length');
  const first = bytes[0] as number;
  return {
    leafVersion: first & 0xfe,
    outputKeyParity: (first & 1) as 0 | 1,
    internalKey: bytes.subarray(1, 33),
    path: Array.from({ length: steps }, (_, step) => bytes.subarray(33 + 32 * step, 65 + 32 * step)),
  };
}

function invalid(
  reason: ScriptErrors['SCRIPT_TAPROOT_INVALID']['reason'],
  text: string,
): ScriptError<'SCRIPT_TAPROOT_INVALID'> {
  return new ScriptError('SCRIPT_TAPROOT_INVALID', text, { details: { reason } });
}
