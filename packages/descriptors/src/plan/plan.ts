import { compactSizeLength, weightUnits, type WeightUnits } from '@bitcoin-enterprise/core';
import type { PolicyProfile } from '@bitcoin-enterprise/script';
import { type DerivedOutput, leafFragment } from '../descriptor/derive.ts';
import type { DerivedNode, TapLeafNode } from '../descriptor/model.ts';
import { DescriptorsError, invalidArgument } from '../errors.ts';
import type { DerivedKey } from '../keys/model.ts';
import { isUnspendable } from '../keys/unspendable.ts';
import { boundsOf } from '../miniscript/bounds.ts';
import { type Fragment, type HashFunction, subsOf } from '../miniscript/fragment.ts';
import { makeFragment } from '../miniscript/type.ts';
import { type CheckedAssets, checkAssets, later, satisfyAssets, type SpendAssets, waitFor } from './assets.ts';
import { type Satisfaction, satisfy, type SatisfyAssets, type SizeRange, type WitnessItem } from './satisfy.ts';

/** Which way of an output is spent. */
export type SpendPath =
  /** The key path of Taproot. */
  | {
      readonly kind: 'key';
      /** Whether the key signs tweaked, as in `tr()` (BIP341); in `rawtr()` it stands in the output itself. */
      readonly isTweaked: boolean;
    }
  | {
      /** A leaf of Taproot. */
      readonly kind: 'leaf';
      /** Left to right, from 0. */
      readonly index: number;
      /** 32 bytes: what a signature commits to (BIP342). */
      readonly leafHash: Uint8Array;
      readonly script: Uint8Array;
      readonly controlBlock: Uint8Array;
    }
  /** The only way that other outputs have. */
  | { readonly kind: 'script' };

/** How an output is spent, before anything is signed. */
export interface SpendPlan {
  readonly ok: true;
  readonly output: DerivedOutput;
  readonly path: SpendPath;
  /** What the stack is filled with, bottom first, without scripts and control block. */
  readonly items: readonly WitnessItem<DerivedKey>[];
  /** Keys that sign, in the order of the items. */
  readonly signers: readonly DerivedKey[];
  /** For `nLockTime`: at least this; 0 when none is needed. */
  readonly lockTime: number;
  /**
   * For `nSequence` of the input: exact when the way has a relative lock, which also needs a transaction of version 2 or
   * higher (BIP68); else 0xfffffffd, which lets locks and replacement work.
   */
  readonly sequence: number;
  /** Weight of the whole input, outpoint, scriptSig and sequence at four units a byte and the witness at one. */
  readonly weight: { readonly minimum: WeightUnits; readonly maximum: WeightUnits };
  /** Bytes of the witness with the number of its elements; 0 of an output without one. */
  readonly witnessSize: SizeRange;
  /** Bytes of the scriptSig without its length. */
  readonly scriptSigSize: SizeRange;
}

/** Why an output cannot be spent with what is at hand, and what would help. */
export interface SpendBlocked {
  readonly ok: false;
  /** The smallest addition with which it could be spent at once, or after waiting: keys that do not sign, */
  readonly keys: readonly DerivedKey[];
  /** and preimages that are not known. */
  readonly preimages: readonly { readonly hashFunction: HashFunction; readonly hash: Uint8Array }[];
  /** When it can be spent with the keys and preimages at hand: `undefined` for never. */
  readonly spendableFrom: SpendableFrom | undefined;
}

/** From when on an output can be spent. */
export interface SpendableFrom {
  /** Height of the best block; `undefined` when the assets do not say what it is now. */
  readonly height: number | undefined;
  /** Median time of the best block, in Unix seconds, when a lock of time has to be waited for and it is known. */
  readonly medianTime: number | undefined;
  /** How long that is from now. */
  readonly blocks: number;
  readonly seconds: number;
}

/** Which of the scripts of an output is spent. */
export interface PlanOptions {
  /** Of `combo()`: 0 `pk`, 1 `pkh`, 2 `wpkh`, 3 `sh(wpkh)`; others have one. 0 when absent. */
  readonly scriptIndex?: number;
  /** Ways that nodes of this policy would not relay are left out; consensus alone counts when absent. */
  readonly profile?: PolicyProfile;
}

/** Outpoint, sequence. */
const INPUT_BASE = 36 + 4;
const REPLACEABLE = 0xffff_fffd;

/**
 * Plans the cheapest spend of an output that nobody else can change, with its exact weight, lock time and sequence; else
 * says what is missing. Linear in the size of the descriptor.
 *
 * @param output - From `Descriptor.derive`.
 * @param assets - What is at hand.
 * @throws DescriptorsError `DESCRIPTORS_NO_PLAN` for `addr()`, `raw()`, `unused()`, `sp()`, of which nobody can say how they
 * are spent; `DESCRIPTORS_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { parseDescriptor, planSpend } from '@bitcoin-enterprise/descriptors';
 *
 * const key = '0260b2003c386519fc9eadf2b5cf124dd8eea4c4e68d5e154050a9346ea98ce600';
 * const output = parseDescriptor(`tr(${key})`).derive();
 * const plan = planSpend(output, { canSign: () => true });
 * plan.ok && plan.weight.maximum; // => 230
 * ```
 */
export function planSpend(
  output: DerivedOutput,
  assets: SpendAssets,
  options: PlanOptions = {},
): SpendPlan | SpendBlocked {
  if (typeof output !== 'object' || output === null || !('node' in output))
    throw invalidArgument('output', 'what Descriptor.derive returned', output);
  if (typeof options !== 'object' || options === null) throw invalidArgument('options', 'an object', options);
  const checked = checkAssets(assets);
  const { profile } = options;
  const all = waysOf(output, options);
  const ways = profile === undefined ? all : all.filter((way) => isRelayed(way, profile));
  return cheapest(output, ways, checked) ?? blocked(ways, checked);
}

/** A way to spend an output: a miniscript, and what surrounds its satisfaction. */
interface Way {
  readonly path: SpendPath;
  readonly fragment: Fragment<DerivedKey>;
  readonly isTaproot: boolean;
  /** Where the items go. */
  readonly place: 'witness' | 'scriptSig';
  /** Scripts and control block behind the items of a witness: bytes with their lengths, and how many there are. */
  readonly behind: { readonly size: number; readonly count: number };
  /** Bytes of the scriptSig behind the items. */
  readonly push: number;
}

function waysOf(output: DerivedOutput, { scriptIndex = 0 }: PlanOptions): readonly Way[] {
  const node = chosen(output, scriptIndex);
  if (node.name === 'tr') return taprootWays(output, node.internalKey);
  if (node.name === 'rawtr') return [keyPath(node.key, false)];
  const redeemScript = node.name === 'sh' ? output.redeemScript : undefined;
  const inner = node.name === 'sh' ? node.inner : node;
  const push = redeemScript === undefined ? 0 : pushOpcodeSize(redeemScript.length) + redeemScript.length;
  const isWitness = inner.name === 'wpkh' || inner.name === 'wsh';
  const script = inner.name === 'wsh' ? (output.witnessScript as Uint8Array) : undefined;
  const behind = script === undefined ? NOTHING_BEHIND : { size: elementSize(script.length), count: 1 };
  const place = isWitness ? 'witness' : 'scriptSig';
  return [{ path: { kind: 'script' }, fragment: fragmentOf(inner), isTaproot: false, place, behind, push }];
}

const NOTHING_BEHIND = { size: 0, count: 0 };

/** `combo()` as the one of its forms that is spent. */
function chosen({ node, scripts }: DerivedOutput, scriptIndex: number): DerivedNode {
  // An uncompressed key has no witness program: two forms.
  const most = node.name === 'combo' ? scripts.length - 1 : 0;
  if (!Number.isInteger(scriptIndex) || scriptIndex < 0 || scriptIndex > most)
    throw invalidArgument('options.scriptIndex', `a whole number of 0 to ${most}`, scriptIndex);
  if (node.name !== 'combo') return node;
  const { key } = node;
  const forms: readonly DerivedNode[] = [
    { name: 'pk', key },
    { name: 'pkh', key },
    { name: 'wpkh', key },
    { name: 'sh', inner: { name: 'wpkh', key } },
  ];
  return forms[scriptIndex] as DerivedNode;
}

/** What has to be satisfied, as a miniscript. */
function fragmentOf(node: DerivedNode): Fragment<DerivedKey> {
  switch (node.name) {
    case 'pk':
      return makeFragment<DerivedKey>({ name: 'pk_k', key: node.key }, 'wsh') as Fragment<DerivedKey>;
    case 'pkh':
    case 'wpkh':
      return makeFragment<DerivedKey>({ name: 'pk_h', key: node.key }, 'wsh') as Fragment<DerivedKey>;
    case 'multi':
    case 'sortedmulti': {
      const { threshold, keys } = node;
      return makeFragment<DerivedKey>({ name: 'multi', threshold, keys }, 'wsh') as Fragment<DerivedKey>;
    }
    case 'wsh':
      return fragmentOf(node.inner);
    case 'miniscript':
      return node.fragment;
    default:
      throw new DescriptorsError(
        'DESCRIPTORS_NO_PLAN',
        `expected a descriptor that says how its output is spent, got ${node.name}()`,
        { details: { name: node.name } },
      );
  }
}

/** Fragments whose scripts hold IF or NOTIF. */
const CONDITIONALS: ReadonlySet<string> = new Set(['or_i', 'or_c', 'or_d', 'andor', 'd', 'j']);

/** Whether nodes of a policy relay what a way puts into an input. */
function isRelayed({ path, fragment, place, push, behind }: Way, profile: PolicyProfile): boolean {
  const { maximumControlBlockSize, conditionals } = profile.tapscript;
  if (path.kind === 'leaf')
    return path.controlBlock.length <= maximumControlBlockSize && (conditionals || !hasConditional(fragment));
  const bounds = boundsOf(fragment, 'wsh');
  if (place === 'scriptSig') return (bounds.witnessSize ?? 0) + push <= profile.maximumScriptSigSize;
  const { maximumScriptSize, maximumItems } = profile.witnessV0;
  return behind.size <= elementSize(maximumScriptSize) && (bounds.stackElements ?? 0) <= maximumItems;
}

function hasConditional(fragment: Fragment<DerivedKey>): boolean {
  return CONDITIONALS.has(fragment.name) || subsOf(fragment).some(hasConditional);
}

function taprootWays(output: DerivedOutput, internalKey: DerivedKey): readonly Way[] {
  const ways = isUnspendable(internalKey.bytes) ? [] : [keyPath(internalKey, true)];
  const { leaves = [], leafNodes = [] } = output.taproot ?? {};
  for (const [index, { script, leafHash, controlBlock }] of leaves.entries()) {
    const size = elementSize(script.length) + elementSize(controlBlock.length);
    ways.push({
      path: { kind: 'leaf', index, leafHash, script, controlBlock },
      fragment: leafFragment(leafNodes[index] as TapLeafNode<DerivedKey>),
      isTaproot: true,
      place: 'witness',
      behind: { size, count: 2 },
      push: 0,
    });
  }
  return ways;
}

function keyPath(key: DerivedKey, isTweaked: boolean): Way {
  const fragment = makeFragment<DerivedKey>({ name: 'pk_k', key }, 'tapscript') as Fragment<DerivedKey>;
  return {
    path: { kind: 'key', isTweaked },
    fragment,
    isTaproot: true,
    place: 'witness',
    behind: NOTHING_BEHIND,
    push: 0,
  };
}

function elementSize(bytes: number): number {
  return compactSizeLength(bytes) + bytes;
}

/** Bytes before the data of a push. */
function pushOpcodeSize(bytes: number): number {
  if (bytes <= 75) return 1;
  return bytes <= 0xff ? 2 : 3;
}

/** The cheapest way that the assets allow; of equals the first: the key path, then the leaves left to right. */
function cheapest(output: DerivedOutput, ways: readonly Way[], assets: CheckedAssets): SpendPlan | undefined {
  let best: SpendPlan | undefined;
  for (const way of ways) {
    const satisfaction = satisfyWay(way, satisfyAssets(assets, way.isTaproot));
    if (satisfaction === undefined) continue;
    const plan = planOf(output, way, satisfaction);
    if (best === undefined || plan.weight.maximum < best.weight.maximum) best = plan;
  }
  return best;
}

function satisfyWay(way: Way, assets: SatisfyAssets<DerivedKey>): Satisfaction<DerivedKey> | undefined {
  return satisfy(way.fragment, { context: way.isTaproot ? 'tapscript' : 'wsh', assets });
}

function planOf(output: DerivedOutput, way: Way, satisfaction: Satisfaction<DerivedKey>): SpendPlan {
  const { items, size, lockTime, sequence } = satisfaction;
  const isWitness = way.place === 'witness';
  const beside = isWitness ? compactSizeLength(items.length + way.behind.count) + way.behind.size : 0;
  const witnessSize = isWitness ? { minimum: size.minimum + beside, maximum: size.maximum + beside } : NO_BYTES;
  const own = isWitness ? NO_BYTES : size;
  const scriptSigSize = { minimum: own.minimum + way.push, maximum: own.maximum + way.push };
  const weightOf = (scriptSig: number, witness: number): WeightUnits =>
    weightUnits(4 * (INPUT_BASE + compactSizeLength(scriptSig) + scriptSig) + witness);
  return {
    ok: true,
    output,
    path: way.path,
    items,
    signers: items.flatMap((item) => (item.kind === 'signature' ? [item.key] : [])),
    lockTime,
    sequence: sequence === 0 ? REPLACEABLE : sequence,
    weight: {
      minimum: weightOf(scriptSigSize.minimum, witnessSize.minimum),
      maximum: weightOf(scriptSigSize.maximum, witnessSize.maximum),
    },
    witnessSize,
    scriptSigSize,
  };
}

const NO_BYTES: SizeRange = { minimum: 0, maximum: 0 };
/** More than any witness has bytes: what is missing is taken last. */
const MISSING = 2 ** 24;

function blocked(ways: readonly Way[], assets: CheckedAssets): SpendBlocked {
  const spendableFrom = firstMoment(ways, assets);
  // Now if that can be, else after all waiting.
  const least = leastMissing(ways, assets) ?? leastMissing(ways, atLast(ways, assets));
  return { ok: false, keys: least?.keys ?? [], preimages: least?.preimages ?? [], spendableFrom };
}

type Missing = Pick<SpendBlocked, 'keys' | 'preimages'>;

/** What would have to be there with the locks as they are. */
function leastMissing(ways: readonly Way[], assets: CheckedAssets): Missing | undefined {
  let best: (Missing & { readonly size: number }) | undefined;
  for (const way of ways) {
    const real = satisfyAssets(assets, way.isTaproot);
    const extra = (isThere: boolean): number => (isThere ? 0 : MISSING);
    const found = satisfyWay(way, {
      ...real,
      canSign: () => true,
      hasPreimage: () => true,
      signatureSize: (key) => {
        const { minimum, maximum } = real.signatureSize(key);
        return { minimum, maximum: maximum + extra(real.canSign(key)) };
      },
      preimageExtra: (hashFunction, hash) => extra(real.hasPreimage(hashFunction, hash)),
    });
    if (found === undefined || (best !== undefined && best.size <= found.size.maximum)) continue;
    const keys = found.items.flatMap((item) =>
      item.kind === 'signature' && !real.canSign(item.key) ? missingOf(item.key, assets) : [],
    );
    const preimages = found.items.flatMap((item) =>
      item.kind === 'preimage' && !real.hasPreimage(item.hashFunction, item.hash)
        ? [{ hashFunction: item.hashFunction, hash: item.hash }]
        : [],
    );
    best = { keys, preimages, size: found.size.maximum };
  }
  return best;
}

/** A key, or those of an aggregate who do not sign. */
function missingOf(key: DerivedKey, assets: CheckedAssets): readonly DerivedKey[] {
  return key.participants.length === 0 ? [key] : key.participants.filter((one) => !assets.canSign(one));
}

/** How long each lock has to be waited for, ascending and each once. */
function waitsOf(ways: readonly Way[], assets: CheckedAssets, unit: 'blocks' | 'seconds'): readonly number[] {
  const amounts = new Set<number>();
  for (const { fragment } of ways)
    for (const lock of locksOf(fragment)) {
      const wait = waitFor(assets, lock);
      if (wait.unit === unit) amounts.add(wait.amount);
    }
  return [...amounts].sort((a, b) => a - b);
}

function* locksOf(
  fragment: Fragment<DerivedKey>,
): Generator<{ readonly name: 'older' | 'after'; readonly value: number }> {
  if (fragment.name === 'older' || fragment.name === 'after') yield { name: fragment.name, value: fragment.value };
  else for (const sub of subsOf(fragment)) yield* locksOf(sub);
}

function atLast(ways: readonly Way[], assets: CheckedAssets): CheckedAssets {
  const blocks = waitsOf(ways, assets, 'blocks').at(-1) ?? 0;
  return later(assets, { blocks, seconds: waitsOf(ways, assets, 'seconds').at(-1) ?? 0 });
}

/** The first moment at which the keys and preimages at hand suffice: the fewest blocks, and then the fewest seconds. */
function firstMoment(ways: readonly Way[], assets: CheckedAssets): SpendableFrom | undefined {
  const works = (passed: { readonly blocks: number; readonly seconds: number }): boolean => {
    const then = later(assets, passed);
    return ways.some((way) => satisfyWay(way, satisfyAssets(then, way.isTaproot)) !== undefined);
  };
  const allBlocks = [0, ...waitsOf(ways, assets, 'blocks')];
  const allSeconds = [0, ...waitsOf(ways, assets, 'seconds')];
  const everything = { blocks: allBlocks.at(-1) as number, seconds: allSeconds.at(-1) as number };
  if (!works(everything)) return undefined;
  // Blocks alone, if they suffice; a lock that has opened stays open, so that halving finds the first.
  const needsSeconds = !works({ ...everything, seconds: 0 });
  const seconds = needsSeconds ? firstOf(allSeconds, (amount) => works({ ...everything, seconds: amount })) : 0;
  const blocks = firstOf(allBlocks, (amount) => works({ blocks: amount, seconds }));
  const { height, medianTime } = assets;
  return {
    height: height === undefined ? undefined : height + blocks,
    medianTime: medianTime === undefined || seconds === 0 ? undefined : medianTime + seconds,
    blocks,
    seconds,
  };
}

/** The first of ascending amounts that works, of which the last does. */
function firstOf(amounts: readonly number[], works: (amount: number) => boolean): number {
  let low = 0;
  let high = amounts.length - 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (works(amounts[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return amounts[low] as number;
}
