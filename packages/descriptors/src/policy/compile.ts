import { compactSizeLength, toHex } from '@bitcoin-enterprise/core';
import { UNSPENDABLE_INTERNAL_KEY } from '@bitcoin-enterprise/script';
import { type Descriptor, parseDescriptor } from '../descriptor/descriptor.ts';
import { DescriptorsError, invalidArgument } from '../errors.ts';
import type { Fragment } from '../miniscript/fragment.ts';
import { printFragment } from '../miniscript/print.ts';
import { insanityOf } from '../miniscript/sanity.ts';
import { parseExpression, textOf } from '../text/expression.ts';
import { scriptBoundOf } from './bound.ts';
import { keysOf, requireSafe } from './checks.ts';
import { ScriptCompiler } from './compile-script.ts';
import { compileTaproot, type CompiledLeaf } from './compile-taproot.ts';
import type { WeightedTree } from './huffman.ts';
import { conditionsOf, normalise, type NormalPolicy } from './normal.ts';
import { readPolicy } from './policy.ts';

/** How a policy is compiled. */
export interface CompilePolicyOptions {
  /** `tr`: a Taproot output with a key path and a tree; `wsh`: one script. */
  readonly context: 'tr' | 'wsh';
  /** Key expressions of the names that the policy uses; a key without one stands for itself. */
  readonly keys?: Readonly<Record<string, string>>;
  /**
   * Where keys that all have to sign become one (MuSig2, BIP390): `internal` in the key path, `everywhere` also in
   * leaves, `none` nowhere. `internal` when absent. Only of `tr`.
   */
  readonly musig?: 'none' | 'internal' | 'everywhere';
  /** No IF and NOTIF in any script: each clause in a leaf of its own. `false` when absent. */
  readonly ifFree?: boolean;
  /** Internal key where no key path is wanted; the point H of BIP341, of which nobody knows the secret, when absent. */
  readonly unspendableKey?: string;
}

/** A way to spend in a compiled policy. */
export interface CompiledPath {
  /** `key` is the key path of Taproot; `leaf` one of its scripts; `script` that of P2WSH. */
  readonly kind: 'key' | 'leaf' | 'script';
  /** The key, or the miniscript. */
  readonly text: string;
  /** How likely a spend goes this way, 0 to 1. */
  readonly probability: number;
  /** Branches above a leaf; 0 of others. */
  readonly depth: number;
  /** Weight units of its witness, in expectation over its own ways. */
  readonly weight: number;
}

/** A policy as a descriptor, with what spending it costs. */
export interface CompiledPolicy {
  /** The text of the descriptor without checksum, with the names of the policy. */
  readonly template: string;
  /** With the key expressions in the place of names; `undefined` when a name has none and is no key itself. */
  readonly descriptor: Descriptor | undefined;
  /** The key path first, then leaves left to right. */
  readonly paths: readonly CompiledPath[];
  /** Weight units of the witness of a spend, in expectation. */
  readonly expectedWeight: number;
  /** No output of this context for this policy has less: a certificate of how far from the optimum it can be. */
  readonly lowerBound: number;
  /** `expectedWeight / lowerBound - 1`: 0 proves the optimum. */
  readonly gap: number;
}

/**
 * Compiles a policy to the cheapest descriptor: expected witness weight over the odds that `or(9@…,1@…)` states.
 *
 * Splitting a clause over leaves makes each cheaper to spend and more private; a signature made for one leaf then does not
 * serve another, because it commits to the leaf (BIP342): whoever signs has to know which way will be taken.
 *
 * @param policy - For example `or(9@pk(alice),and(pk(bob),older(144)))`.
 * @throws DescriptorsError `DESCRIPTORS_SYNTAX`, `DESCRIPTORS_FUNCTION_INVALID`, `DESCRIPTORS_THRESHOLD_INVALID`,
 * `DESCRIPTORS_TOO_LARGE`, `DESCRIPTORS_POLICY_INVALID`, `DESCRIPTORS_INVALID_ARGUMENT`; what `parseDescriptor` throws.
 *
 * @example
 * ```ts
 * import { compilePolicy } from '@bitcoin-enterprise/descriptors';
 *
 * const { template, expectedWeight, gap } = compilePolicy('or(9@pk(alice),and(pk(bob),older(144)))', { context: 'tr' });
 * template; // => 'tr(alice,and_v(v:pk(bob),older(144)))'
 * expectedWeight.toFixed(1); // => '73.3'
 * gap; // => 0
 * ```
 */
export function compilePolicy(policy: string, options: CompilePolicyOptions): CompiledPolicy {
  if (typeof options !== 'object' || options === null) throw invalidArgument('options', 'an object', options);
  const { context, keys = {} } = options;
  if (context !== 'tr' && context !== 'wsh') throw invalidArgument('options.context', "'tr' or 'wsh'", context);
  if (typeof keys !== 'object' || keys === null || !Object.values(keys).every((key) => typeof key === 'string'))
    throw invalidArgument('options.keys', 'an object of strings', keys);
  if (options.ifFree !== undefined && typeof options.ifFree !== 'boolean')
    throw invalidArgument('options.ifFree', 'a boolean', options.ifFree);
  if (options.unspendableKey !== undefined && typeof options.unspendableKey !== 'string')
    throw invalidArgument('options.unspendableKey', 'a key expression', options.unspendableKey);
  // What is shown names a key that was written with its secret by its public form.
  const secrets = new Map<string, string>();
  const nameOf = (key: string): string => {
    const name = publicForm(key);
    if (name !== key) secrets.set(name, key);
    return name;
  };
  const read = readPolicy(parseExpression(policy, { spaces: true }), {
    readKey: (key) => writeKey(textOf(key), nameOf),
  });
  const expressionOf = (name: string): string =>
    Object.hasOwn(keys, name) ? (keys[name] as string) : (secrets.get(name) ?? name);
  const normal = normalise(read);
  if (conditionsOf(normal) > MOST_CONDITIONS)
    throw new DescriptorsError('DESCRIPTORS_TOO_LARGE', `expected at most ${MOST_CONDITIONS} conditions, got more`, {
      details: { position: 0, length: policy.length, what: 'conditions', limit: MOST_CONDITIONS },
    });
  requireSafe(read, policy, (name) => writeKey(name, expressionOf));
  const compiled = context === 'tr' ? lightestTaproot(normal, options) : toScript(normal, options);
  if (compiled === undefined)
    throw new DescriptorsError(
      'DESCRIPTORS_POLICY_INVALID',
      'expected a policy with a script within the limits, got none',
      {
        details: { position: 0, length: policy.length, reason: 'no script' },
        hint: options.ifFree === true ? 'Some clauses need IF in one script.' : 'Split it into smaller outputs.',
      },
    );
  const isComplete = keysOf(read)
    .flatMap(namesIn)
    .every((name) => Object.hasOwn(keys, name) || isKey(name));
  return {
    template: compiled.write((name) => name),
    descriptor: isComplete ? parseDescriptor(compiled.write(expressionOf)) : undefined,
    paths: compiled.paths,
    expectedWeight: compiled.expectedWeight,
    lowerBound: compiled.lowerBound,
    gap: Math.max(0, compiled.expectedWeight / compiled.lowerBound - 1),
  };
}

/** What a policy may have of keys, locks and hashes: more would take longer to compile than anybody waits. */
const MOST_CONDITIONS = 500;
/** Up to here stricter options are tried, too: the search is not exhaustive, and may find more with less freedom. */
const MOST_RETRIED = 24;

/** The lightest output of the options and of stricter ones, whose outputs they allow as well. */
function lightestTaproot(policy: NormalPolicy<string>, options: CompilePolicyOptions): Compiled | undefined {
  const compiled = toTaproot(policy, options);
  if (conditionsOf(policy) > MOST_RETRIED) return compiled;
  const { musig, ifFree = false } = options;
  const stricter: readonly CompilePolicyOptions[] = [
    ...(ifFree ? [] : [{ ...options, ifFree: true }]),
    ...(musig === 'everywhere' ? [{ ...options, musig: 'internal' as const }] : []),
  ];
  let best = compiled;
  for (const one of stricter) {
    const other = toTaproot(policy, one);
    if (other !== undefined && (best === undefined || other.expectedWeight < best.expectedWeight - 1e-9)) best = other;
  }
  // The certificate is that of what was asked for.
  return best === undefined || compiled === undefined ? best : { ...best, lowerBound: compiled.lowerBound };
}

interface Compiled {
  readonly write: (keyOf: (name: string) => string) => string;
  readonly paths: readonly CompiledPath[];
  readonly expectedWeight: number;
  readonly lowerBound: number;
}

const plainName = (key: string): string => key;

function toScript(policy: NormalPolicy<string>, { ifFree = false }: CompilePolicyOptions): Compiled | undefined {
  const compiled = new ScriptCompiler<string>({ context: 'wsh', ifFree }).compile(policy);
  if (compiled === undefined) return undefined;
  const { fragment, size, satisfied } = compiled;
  if (insanityOf(fragment, { context: 'wsh', keyName: plainName }) !== undefined) return undefined;
  const expectedWeight = 1 + satisfied + compactSizeLength(size) + size;
  const text = printFragment(fragment, plainName);
  return {
    write: (keyOf) => `wsh(${printFragment(fragment, keyOf)})`,
    paths: [{ kind: 'script', text, probability: 1, depth: 0, weight: expectedWeight }],
    expectedWeight,
    lowerBound: scriptBoundOf(policy, plainName),
  };
}

/** Several keys as one, in the text of a policy; aggregates do not stand in each other, so that those of one become those of all. */
function aggregate(keys: readonly string[]): string {
  return `musig(${keys.flatMap((key) => (/^musig\(.*\)$/.test(key) ? namesIn(key) : [key])).join(',')})`;
}

function toTaproot(policy: NormalPolicy<string>, options: CompilePolicyOptions): Compiled | undefined {
  const { ifFree = false, musig = 'internal' } = options;
  const unspendableKey = publicForm(options.unspendableKey ?? toHex(UNSPENDABLE_INTERNAL_KEY));
  if (!['none', 'internal', 'everywhere'].includes(musig))
    throw invalidArgument('options.musig', "'none', 'internal' or 'everywhere'", musig);
  const compiled = compileTaproot(policy, {
    ifFree,
    aggregate: musig === 'none' ? undefined : aggregate,
    aggregateLeaves: musig === 'everywhere',
    keyName: plainName,
  });
  if (compiled === undefined) return undefined;
  const { internalKey, keyPathProbability, tree, leaves, expectedWeight, lowerBound } = compiled;
  const keyPath: CompiledPath[] =
    internalKey === undefined
      ? []
      : [{ kind: 'key', text: internalKey, probability: keyPathProbability, depth: 0, weight: 66 }];
  return {
    write: (keyOf) => {
      const inner = internalKey === undefined ? unspendableKey : writeKey(internalKey, keyOf);
      return tree === undefined ? `tr(${inner})` : `tr(${inner},${writeTree(tree, keyOf)})`;
    },
    paths: [...keyPath, ...leaves.map(pathOf)],
    expectedWeight,
    lowerBound,
  };
}

function pathOf({ fragment, probability, depth, weight }: CompiledLeaf<string>): CompiledPath {
  return { kind: 'leaf', text: printFragment(fragment, plainName), probability, depth, weight };
}

function writeTree(
  tree: WeightedTree<{ readonly fragment: Fragment<string> }>,
  keyOf: (name: string) => string,
): string {
  if (tree.kind === 'leaf') return printFragment(tree.leaf.fragment, (key) => writeKey(key, keyOf));
  return `{${writeTree(tree.left, keyOf)},${writeTree(tree.right, keyOf)}}`;
}

/** A key, or those that an aggregate is made of with its path. */
function writeKey(key: string, keyOf: (name: string) => string): string {
  const { name, args, suffix } = parseExpression(key);
  return name === 'musig' && args !== undefined
    ? `musig(${args.map((one) => keyOf(textOf(one))).join(',')})${suffix}`
    : keyOf(key);
}

/** The name of a key, or those in an aggregate. */
function namesIn(key: string): readonly string[] {
  const { name, args } = parseExpression(key);
  return name === 'musig' && args !== undefined ? args.map(textOf) : [key];
}

/** Whether a name is a key expression itself. */
function isKey(name: string): boolean {
  try {
    parseDescriptor(`rawtr(${name})`);
    return true;
  } catch {
    return false;
  }
}

/** A name as it may be shown: that of a key with its secret is its public form. */
function publicForm(name: string): string {
  if (!MAY_BE_SECRET.test(name)) return name;
  try {
    const { node } = parseDescriptor(`pk(${name})`);
    return node.name === 'pk' ? node.key.text('public') : name;
  } catch {
    return name;
  }
}

/** Extended private keys, and WIF. */
const MAY_BE_SECRET = /^(?:\[.*\])?(?:[xt]prv|[59KLc][\dA-Za-z]{50})/;
