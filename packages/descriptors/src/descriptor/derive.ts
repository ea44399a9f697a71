import {
  compareBytes,
  concatBytes,
  currentCrypto,
  encodeAddress,
  hasCode,
  type NetworkName,
} from '@bitcoin-enterprise/core';
import { Opcode, type TapTree, taprootOutput, type TaprootOutput } from '@bitcoin-enterprise/script';
import { DescriptorsError } from '../errors.ts';
import type { DerivedKey, KeyExpression } from '../keys/model.ts';
import { type Fragment, mapKeys } from '../miniscript/fragment.ts';
import { makeFragment } from '../miniscript/type.ts';
import { compileFragment } from '../miniscript/script.ts';
import {
  type DerivedNode,
  type DerivedTaproot,
  type DescriptorNode,
  leavesOf,
  type TapLeafNode,
  type TapTreeNode,
} from './model.ts';

/** The scripts of a descriptor at an index. */
export interface OutputScripts {
  /** Up to four of `combo()`, none of `unused()` and `sp()`, else one. */
  readonly scripts: readonly Uint8Array[];
  /** The script of P2SH. */
  readonly redeemScript: Uint8Array | undefined;
  /** The script of P2WSH. */
  readonly witnessScript: Uint8Array | undefined;
  readonly taproot: DerivedTaproot | undefined;
}

/** A descriptor at an index. */
export class DerivedOutput {
  /** 0 to 2³¹-1; 0 of a descriptor without wildcard. */
  readonly index: number;
  /** The descriptor with the keys at the index; those of sorted multisignatures in the order of the script. */
  readonly node: DerivedNode;
  /** The scripts that are watched: up to four of `combo()`, none of `unused()` and `sp()`, else one. */
  readonly scripts: readonly Uint8Array[];
  readonly redeemScript: Uint8Array | undefined;
  readonly witnessScript: Uint8Array | undefined;
  readonly taproot: DerivedTaproot | undefined;
  readonly #name: string;

  constructor(index: number, node: DerivedNode) {
    const { scripts, redeemScript, witnessScript, taproot } = scriptsOf(node);
    this.index = index;
    this.node = node;
    this.scripts = scripts;
    this.redeemScript = redeemScript;
    this.witnessScript = witnessScript;
    this.taproot = taproot;
    this.#name = node.name;
  }

  /**
   * The script that is paid; of `combo()` the first.
   *
   * @throws DescriptorsError `DESCRIPTORS_NO_SCRIPT` of `unused()` and `sp()`.
   */
  get scriptPubKey(): Uint8Array {
    const [script] = this.scripts;
    if (script !== undefined) return script;
    throw new DescriptorsError('DESCRIPTORS_NO_SCRIPT', `expected a descriptor with a script, got ${this.#name}()`, {
      details: { name: this.#name },
    });
  }

  /** The keys, in the order in which they are written, without those who aggregate. */
  get keys(): readonly DerivedKey[] {
    return [...keysOfNode(this.node)];
  }

  /** The address of `scriptPubKey`; `undefined` for a script that has none, as of `pk()` and bare `multi()`. */
  address(network: NetworkName): string | undefined {
    const [script] = this.scripts;
    return script === undefined ? undefined : addressOf(script, network);
  }

  /** The addresses of all scripts that have one. */
  addresses(network: NetworkName): readonly string[] {
    return this.scripts.map((script) => addressOf(script, network)).filter((address) => address !== undefined);
  }
}

function addressOf(script: Uint8Array, network: NetworkName): string | undefined {
  try {
    return encodeAddress(script, network);
  } catch (error) {
    if (hasCode(error, 'CORE_ADDRESS_NO_FORM')) return undefined;
    throw error;
  }
}

/** The keys of a descriptor in the order in which they are written, without those who aggregate. */
export function keysOfNode<Key>(node: DescriptorNode<Key>): readonly Key[] {
  const keys: Key[] = [];
  mapNode(node, (key) => {
    keys.push(key);
    return key;
  });
  return keys;
}

/** The same descriptor with other keys. */
export function mapNode<From, To>(node: DescriptorNode<From>, map: (key: From) => To): DescriptorNode<To> {
  switch (node.name) {
    case 'pk':
    case 'pkh':
    case 'wpkh':
    case 'combo':
    case 'rawtr':
    case 'unused':
      return { name: node.name, key: map(node.key) };
    case 'multi':
    case 'sortedmulti':
      return { name: node.name, threshold: node.threshold, keys: node.keys.map(map) };
    case 'sh':
    case 'wsh':
      return { name: node.name, inner: mapNode(node.inner, map) };
    case 'miniscript':
      return { name: 'miniscript', fragment: mapKeys(node.fragment, map) };
    case 'tr': {
      const internalKey = map(node.internalKey);
      return { name: 'tr', internalKey, tree: node.tree === undefined ? undefined : mapTree(node.tree, map) };
    }
    case 'addr':
    case 'raw':
      return node;
    case 'sp': {
      const scanKey = map(node.scanKey);
      return { name: 'sp', scanKey, spendKey: map(node.spendKey), encoded: node.encoded };
    }
  }
}

function mapTree<From, To>(tree: TapTreeNode<From>, map: (key: From) => To): TapTreeNode<To> {
  if (tree.kind === 'branch') {
    const left = mapTree(tree.left, map);
    return { kind: 'branch', left, right: mapTree(tree.right, map) };
  }
  const { leaf } = tree;
  return {
    kind: 'leaf',
    leaf:
      leaf.name === 'miniscript'
        ? { name: 'miniscript', fragment: mapKeys(leaf.fragment, map) }
        : { name: leaf.name, threshold: leaf.threshold, keys: leaf.keys.map(map) },
  };
}

/** The descriptor with its keys at an index; those of sorted multisignatures are sorted (BIP67). */
export function deriveNode(node: DescriptorNode, index: number): DerivedNode {
  return sorted(mapNode(node, (key: KeyExpression) => key.derive(index)));
}

function sorted(node: DerivedNode): DerivedNode {
  switch (node.name) {
    case 'sortedmulti':
      return { ...node, keys: [...node.keys].sort(byBytes) };
    case 'sh':
    case 'wsh':
      return { ...node, inner: sorted(node.inner) };
    case 'tr':
      return node.tree === undefined ? node : { ...node, tree: sortedTree(node.tree) };
    default:
      return node;
  }
}

function sortedTree(tree: TapTreeNode<DerivedKey>): TapTreeNode<DerivedKey> {
  if (tree.kind === 'branch') return { kind: 'branch', left: sortedTree(tree.left), right: sortedTree(tree.right) };
  const { leaf } = tree;
  return leaf.name === 'miniscript' ? tree : { kind: 'leaf', leaf: { ...leaf, keys: [...leaf.keys].sort(byBytes) } };
}

function byBytes(left: DerivedKey, right: DerivedKey): number {
  return compareBytes(left.bytes, right.bytes);
}

const KEYS = { bytesOf: (key: DerivedKey): Uint8Array => key.bytes };

/** The scripts of a descriptor at an index. */
export function scriptsOf(node: DerivedNode): OutputScripts {
  const none = { redeemScript: undefined, witnessScript: undefined, taproot: undefined };
  switch (node.name) {
    case 'sh': {
      const inner = scriptsOf(node.inner);
      const [redeemScript] = inner.scripts as readonly [Uint8Array];
      return { ...inner, scripts: [payToScriptHash(redeemScript)], redeemScript };
    }
    case 'wsh': {
      const [witnessScript] = scriptsOf(node.inner).scripts as readonly [Uint8Array];
      const program = currentCrypto().sha256(witnessScript);
      return { ...none, scripts: [concatBytes(Uint8Array.of(Opcode.OP_0, 32), program)], witnessScript };
    }
    case 'tr': {
      const taproot = taprootOf(node.internalKey, node.tree);
      return { ...none, scripts: [taproot.scriptPubKey], taproot };
    }
    case 'combo':
      return { ...none, ...comboScripts(node.key.bytes) };
    default: {
      const script = plainScript(node);
      return { ...none, scripts: script === undefined ? [] : [script] };
    }
  }
}

/** The script of a descriptor that has one, and no other within. */
function plainScript(node: DerivedNode): Uint8Array | undefined {
  switch (node.name) {
    case 'pk':
      return payToKey(node.key.bytes);
    case 'pkh':
      return payToKeyHash(node.key.bytes);
    case 'wpkh':
      return payToWitnessKeyHash(node.key.bytes);
    case 'rawtr':
      return concatBytes(Uint8Array.of(Opcode.OP_1, 32), node.key.bytes);
    case 'multi':
    case 'sortedmulti':
      return multisigScript(
        node.threshold,
        node.keys.map((key) => key.bytes),
      );
    case 'miniscript':
      return compileFragment(node.fragment, KEYS);
    case 'addr':
      return node.scriptPubKey;
    case 'raw':
      return node.script;
    default:
      return undefined;
  }
}

function payToKey(key: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(key.length), key, Uint8Array.of(Opcode.OP_CHECKSIG));
}

function payToKeyHash(key: Uint8Array): Uint8Array {
  const script = Uint8Array.of(
    Opcode.OP_DUP,
    Opcode.OP_HASH160,
    20,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    Opcode.OP_EQUALVERIFY,
    Opcode.OP_CHECKSIG,
  );
  script.set(currentCrypto().hash160(key), 3);
  return script;
}

function payToWitnessKeyHash(key: Uint8Array): Uint8Array {
  const script = new Uint8Array(22);
  script[1] = 20;
  script.set(currentCrypto().hash160(key), 2);
  return script;
}

function payToScriptHash(script: Uint8Array): Uint8Array {
  const hash = currentCrypto().hash160(script);
  return concatBytes(Uint8Array.of(Opcode.OP_HASH160, 20), hash, Uint8Array.of(Opcode.OP_EQUAL));
}

/** BIP384: an uncompressed key has no witness forms. */
function comboScripts(key: Uint8Array): Pick<OutputScripts, 'scripts' | 'redeemScript'> {
  const legacy = [payToKey(key), payToKeyHash(key)];
  if (key.length !== 33) return { scripts: legacy, redeemScript: undefined };
  const witness = payToWitnessKeyHash(key);
  return { scripts: [...legacy, witness, payToScriptHash(witness)], redeemScript: witness };
}

function multisigScript(threshold: number, keys: readonly Uint8Array[]): Uint8Array {
  const pushes = keys.flatMap((key) => [Uint8Array.of(key.length), key]);
  return concatBytes(pushNumber(threshold), ...pushes, pushNumber(keys.length), Uint8Array.of(Opcode.OP_CHECKMULTISIG));
}

/** 1 to 20. */
function pushNumber(value: number): Uint8Array {
  return value <= 16 ? Uint8Array.of(Opcode.OP_1 + value - 1) : Uint8Array.of(1, value);
}

function taprootOf(internalKey: DerivedKey, tree: TapTreeNode<DerivedKey> | undefined): DerivedTaproot {
  const output: TaprootOutput =
    tree === undefined
      ? taprootOutput({ internalKey: internalKey.bytes })
      : taprootOutput({ internalKey: internalKey.bytes, tree: scriptTree(tree) });
  return { ...output, leafNodes: leavesOf(tree) };
}

function scriptTree(tree: TapTreeNode<DerivedKey>): TapTree {
  return tree.kind === 'branch' ? [scriptTree(tree.left), scriptTree(tree.right)] : { script: leafScript(tree.leaf) };
}

/** The script of a leaf. */
export function leafScript(leaf: TapLeafNode<DerivedKey>): Uint8Array {
  return compileFragment(leafFragment(leaf), KEYS);
}

/** The miniscript of a leaf: sorted keys are keys in an order. */
export function leafFragment<Key>(leaf: TapLeafNode<Key>): Fragment<Key> {
  if (leaf.name === 'miniscript') return leaf.fragment;
  const { threshold, keys } = leaf;
  return makeFragment<Key>({ name: 'multi_a', threshold, keys }, 'tapscript') as Fragment<Key>;
}
