import { concatBytes, currentCrypto } from '@bitcoin-enterprise/core';
import {
  compileFragment,
  type DerivedKey,
  type DerivedTaproot,
  type Fragment,
  huffman,
  makeFragment,
  parseDescriptor,
  type TapLeafNode,
  type WeightedTree,
  type WitnessItem,
} from '@bitcoin-enterprise/descriptors';
import {
  Opcode,
  type TaprootLeafSpend,
  type TaprootOutput,
  taprootOutput,
  type TapTree,
  UNSPENDABLE_INTERNAL_KEY,
} from '@bitcoin-enterprise/script';
import { toHex } from '@bitcoin-enterprise/core';
import { BiscolError } from '../errors.ts';
import { type Clause, type ClauseKey, pk } from './clauses.ts';
import { compileClause, KeyNames } from './compile-clause.ts';

/** One way to spend an output of a contract: the key path, or a leaf. A path has one or more of them. */
export interface Way {
  /** Name of the path, `key` of the key path. */
  readonly path: string;
  /** The clause as the contract has it. */
  readonly clause: Clause;
  /** What has to be satisfied. */
  readonly fragment: Fragment<DerivedKey>;
  /** Absent for the key path. */
  readonly leaf?: TaprootLeafSpend;
  /** Hash that the transaction must have (BIP119), 32 bytes; absent without CHECKTEMPLATEVERIFY. */
  readonly template?: Uint8Array;
}

/** How an output of a contract is spent on a path, before anything is signed. */
export interface PathPlan {
  readonly way: Way;
  /** Bottom of the stack first, without script and control block. */
  readonly items: readonly WitnessItem<DerivedKey>[];
  /** Keys that sign, in the order of the items. */
  readonly signers: readonly DerivedKey[];
  /** For `nLockTime`: at least this; 0 without a lock. */
  readonly lockTime: number;
  /** For `nSequence`: exactly this where there is a relative lock (BIP68), else 0xfffffffd. */
  readonly sequence: number;
  /** Bytes of the witness with the number of its elements: exact, Schnorr signatures have one size. */
  readonly witnessSize: number;
  /** Weight units of the whole input. */
  readonly weight: number;
}

/** A state as an output. */
export interface StateOutput {
  readonly scriptPubKey: Uint8Array;
  readonly taproot: TaprootOutput;
  /** Text with checksum; absent where a leaf is more than miniscript can say. */
  readonly descriptor?: string;
  /** The key path first, where there is one, then the leaves from left to right. */
  readonly ways: readonly Way[];
  /** Plans that were found already: a private memory of planning. */
  readonly plans: Map<string, PathPlan>;
}

/** What a state is compiled of. */
export interface StateParts {
  readonly key: ClauseKey | undefined;
  readonly paths: Readonly<Record<string, Clause>>;
  readonly odds: Readonly<Record<string, number>>;
  /** Template hashes by path, 32 bytes, for what CHECKTEMPLATEVERIFY enforces. */
  readonly templates: Readonly<Record<string, Uint8Array>>;
}

interface NamedLeaf {
  readonly path: string;
  readonly clause: Clause;
  readonly miniscript: string;
  readonly likelihood: number;
}

/**
 * Compiles a state: each path to leaves without IF, likely ones high in the tree; the point H of BIP341 where there is no
 * key path.
 *
 * @throws BiscolError `BISCOL_STATE_INVALID` for a state without a way to spend it, or with a path that nobody signs.
 */
export function compileState(state: string, parts: StateParts): StateOutput {
  const { key, paths, odds, templates } = parts;
  const names = new KeyNames();
  const internalKey = key === undefined ? toHex(UNSPENDABLE_INTERNAL_KEY) : names.nameOf(key);
  const leaves = Object.entries(paths).flatMap(([path, clause]): NamedLeaf[] => {
    const likelihood = odds[path] ?? 1;
    return clauseLeaves(state, path, clause, names).map(({ miniscript, probability }) => {
      return { path, clause, miniscript, likelihood: likelihood * probability };
    });
  });
  if (leaves.length === 0 && key === undefined) throw invalid(state, 'a state with a way to spend it');
  const { root } = huffman(leaves, ({ likelihood }) => likelihood);
  const ordered = orderOf(root).map((place) => leaves[place] as NamedLeaf);
  const text = root === undefined ? `tr(${internalKey})` : `tr(${internalKey},${textOf(root, leaves)})`;
  const descriptor = parseState(state, names.write(text));
  const { node, taproot } = descriptor.derive();
  if (node.name !== 'tr' || taproot === undefined) throw invalid(state, 'a Taproot output');
  const hasTemplates = ordered.some(({ path }) => templates[path] !== undefined);
  const output = hasTemplates ? withTemplates(root, taproot, { ordered, templates }) : taproot;
  return {
    scriptPubKey: output.scriptPubKey,
    taproot: output,
    ...(hasTemplates ? {} : { descriptor: descriptor.toString() }),
    plans: new Map(),
    ways: [
      ...(key === undefined ? [] : [{ path: 'key', clause: pk(key), fragment: keyFragment(node.internalKey) }]),
      ...ordered.map(({ path, clause }, place): Way => {
        const { fragment } = taproot.leafNodes[place] as TapLeafNode<DerivedKey> & { readonly name: 'miniscript' };
        const template = templates[path];
        const leaf = output.leaves[place] as TaprootLeafSpend;
        return { path, clause, fragment, leaf, ...(template === undefined ? {} : { template }) };
      }),
    ],
  };
}

function clauseLeaves(state: string, path: string, clause: Clause, names: KeyNames): ReturnType<typeof compileClause> {
  try {
    return compileClause(clause, names);
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^\w+: /, '') : 'another';
    throw invalid(`${state}.${path}`, `a clause that compiles (${reason})`);
  }
}

function parseState(state: string, text: string): ReturnType<typeof parseDescriptor> {
  try {
    return parseDescriptor(text);
  } catch (error) {
    throw invalid(
      state,
      `a state that can be written as a descriptor (${error instanceof Error ? error.message : ''})`,
    );
  }
}

function invalid(path: string, expected: string): BiscolError {
  return new BiscolError('BISCOL_STATE_INVALID', `expected ${path} to be ${expected}`, { details: { path, expected } });
}

function keyFragment(key: DerivedKey): Fragment<DerivedKey> {
  return makeFragment<DerivedKey>({ name: 'pk_k', key }, 'tapscript') as Fragment<DerivedKey>;
}

function orderOf(tree: WeightedTree<number> | undefined): readonly number[] {
  if (tree === undefined) return [];
  return tree.kind === 'leaf' ? [tree.leaf] : [...orderOf(tree.left), ...orderOf(tree.right)];
}

function textOf(tree: WeightedTree<number>, leaves: readonly NamedLeaf[]): string {
  return tree.kind === 'leaf'
    ? (leaves[tree.leaf] as NamedLeaf).miniscript
    : `{${textOf(tree.left, leaves)},${textOf(tree.right, leaves)}}`;
}

/** The same tree with `<hash> OP_CHECKTEMPLATEVERIFY` behind the conditions of covenants, which miniscript has no word for. */
function withTemplates(
  root: WeightedTree<number> | undefined,
  { internalKey, leafNodes, leaves }: DerivedTaproot,
  named: { readonly ordered: readonly NamedLeaf[]; readonly templates: StateParts['templates'] },
): TaprootOutput {
  let place = 0;
  const scriptOf = (): Uint8Array => {
    const { path } = named.ordered[place] as NamedLeaf;
    const node = leafNodes[place] as TapLeafNode<DerivedKey> & { readonly name: 'miniscript' };
    const { script } = leaves[place] as TaprootLeafSpend;
    place += 1;
    const template = named.templates[path];
    return template === undefined ? script : templateScript(node.fragment, template);
  };
  const build = (tree: WeightedTree<number>): TapTree => {
    if (tree.kind === 'leaf') return { script: scriptOf() };
    const left = build(tree.left);
    return [left, build(tree.right)];
  };
  return taprootOutput({
    internalKey,
    ...(root === undefined ? {} : { tree: build(root) }),
    crypto: currentCrypto(),
  });
}

/** Conditions first; the hash stays on the stack and is what the script ends with (BIP119). */
function templateScript(fragment: Fragment<DerivedKey>, template: Uint8Array): Uint8Array {
  const verified = makeFragment<DerivedKey>({ name: 'v', subs: [fragment] }, 'tapscript') as Fragment<DerivedKey>;
  const conditions = compileFragment(verified, { bytesOf: (key) => key.bytes });
  return concatBytes(conditions, Uint8Array.of(32), template, Uint8Array.of(Opcode.OP_NOP4));
}
