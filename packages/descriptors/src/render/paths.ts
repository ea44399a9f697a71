import { requireFunction, requireNamed, requireObject } from '../arguments.ts';
import { compactSizeLength } from '@bitcoin-enterprise/core';
import { leafFragment } from '../descriptor/derive.ts';
import type { Descriptor } from '../descriptor/descriptor.ts';
import { type DescriptorNode, type TapLeafNode, type TapTreeNode } from '../descriptor/model.ts';
import type { KeyExpression } from '../keys/model.ts';
import { isUnspendableExpression } from '../keys/unspendable.ts';
import { scriptSizeOf } from '../miniscript/bounds.ts';
import { type Fragment } from '../miniscript/fragment.ts';
import { makeFragment } from '../miniscript/type.ts';
import { printFragment } from '../miniscript/print.ts';
import { satisfy } from '../plan/satisfy.ts';

/** A way to spend an output. */
export interface RenderPath {
  /** `key` is the key path of Taproot, `leaf` one of its scripts, `script` the only way of another output. */
  readonly kind: 'key' | 'leaf' | 'script';
  readonly text: string;
  /** Branches above a leaf; 0 of others. */
  readonly depth: number;
  /** Weight units of its witness. */
  readonly weight: number;
  /** 0 to 1; `undefined` when nobody said how likely it is. */
  readonly probability?: number;
}

/** The leaves of a tree with their branches. */
export type RenderTree =
  | { readonly kind: 'leaf'; readonly path: RenderPath; readonly place: number }
  | { readonly kind: 'branch'; readonly left: RenderTree; readonly right: RenderTree };

/**
 * The ways to spend a descriptor: the key path first unless nobody can take it, then leaves left to right. The weight is that of the cheapest witness
 * through it when all keys sign, all preimages are known and all locks are open.
 *
 * @param descriptor - Of any kind; one that does not say how it is spent has no ways.
 * @param keyName - What a key is called.
 */
export function pathsOfDescriptor(
  descriptor: Descriptor,
  keyName: (key: KeyExpression) => string = keyLabel,
): readonly RenderPath[] {
  requireNamed(requireObject<Descriptor>(descriptor, 'descriptor').node, 'descriptor.node');
  requireFunction(keyName, 'keyName');
  const { node } = descriptor;
  if (node.name === 'tr') {
    const { internalKey, tree } = node;
    const key: RenderPath = { kind: 'key', text: keyName(internalKey), depth: 0, weight: 66 };
    return [
      ...(isUnspendableExpression(internalKey) ? [] : [key]),
      ...(tree === undefined ? [] : leafPaths(tree, 0, keyName)),
    ];
  }
  if (node.name === 'rawtr') return [{ kind: 'key', text: keyName(node.key), depth: 0, weight: 66 }];
  const only = scriptOf(node);
  if (only === undefined) return [];
  const { fragment, behind, isWitness } = only;
  const size = satisfied(fragment, 'wsh');
  const items = isWitness ? 1 + size + behind : 4 * (size + behind);
  return [{ kind: 'script', text: printFragment(fragment, keyName), depth: 0, weight: items }];
}

/** The tree of paths, which the depths of its leaves from left to right say; `undefined` without leaves. */
export function treeOfPaths(paths: readonly RenderPath[]): RenderTree | undefined {
  const leaves = paths.flatMap((path, place) => (path.kind === 'leaf' ? [{ path, place }] : []));
  // Neighbours of the same depth are the two sides of a branch.
  const open: { readonly tree: RenderTree; readonly depth: number }[] = [];
  for (const { path, place } of leaves) {
    let next: { readonly tree: RenderTree; readonly depth: number } = {
      tree: { kind: 'leaf', path, place },
      depth: path.depth,
    };
    for (let left = open.at(-1); left !== undefined && left.depth === next.depth; left = open.at(-1)) {
      open.pop();
      next = { tree: { kind: 'branch', left: left.tree, right: next.tree }, depth: next.depth - 1 };
    }
    open.push(next);
  }
  return open[0]?.tree;
}

/** A short name of a key: where it comes from, else how it begins and ends. */
export function keyLabel(key: KeyExpression): string {
  requireFunction(requireObject<KeyExpression>(key, 'key').text, 'key.text');
  if (key.participants.length > 0) return `musig(${key.participants.map(keyLabel).join(',')})`;
  const text = key.text('public');
  const [, fingerprint] = /^\[([\da-f]{8})/.exec(text) ?? [];
  const [, steps = ''] = /(?:\]|^)[^/\]]*((?:\/[^\]]*)?)$/.exec(text) ?? [];
  if (fingerprint !== undefined) return `${fingerprint}${steps}`;
  const bare = text.slice(0, text.length - steps.length);
  return `${bare.length > 20 ? `${bare.slice(0, 8)}…${bare.slice(-4)}` : bare}${steps}`;
}

function leafPaths(tree: TapTreeNode, depth: number, keyName: (key: KeyExpression) => string): readonly RenderPath[] {
  if (tree.kind === 'branch')
    return [...leafPaths(tree.left, depth + 1, keyName), ...leafPaths(tree.right, depth + 1, keyName)];
  const fragment = leafFragment(tree.leaf);
  const script = scriptSizeOf(fragment, 'tapscript');
  const control = 33 + 32 * depth;
  const weight = 1 + satisfied(fragment, 'tapscript') + elementSize(script) + elementSize(control);
  return [{ kind: 'leaf', text: leafText(tree.leaf, keyName), depth, weight }];
}

function leafText(leaf: TapLeafNode, keyName: (key: KeyExpression) => string): string {
  if (leaf.name === 'miniscript') return printFragment(leaf.fragment, keyName);
  return `${leaf.name}(${[String(leaf.threshold), ...leaf.keys.map(keyName)].join(',')})`;
}

/** Bytes of the cheapest satisfaction when everything is at hand. */
function satisfied(fragment: Fragment<KeyExpression>, context: 'wsh' | 'tapscript'): number {
  const size = context === 'wsh' ? 72 : 64;
  const found = satisfy(fragment, {
    context,
    assets: {
      canSign: () => true,
      hasPreimage: () => true,
      isOld: () => true,
      isAfter: () => true,
      signatureSize: () => ({ minimum: size, maximum: size }),
    },
  });
  return found?.size.maximum ?? 0;
}

interface OnlyScript {
  readonly fragment: Fragment<KeyExpression>;
  /** Bytes behind the items. */
  readonly behind: number;
  readonly isWitness: boolean;
}

function scriptOf(node: DescriptorNode): OnlyScript | undefined {
  const plain = (fragment: Fragment<KeyExpression> | undefined, isWitness: boolean): OnlyScript => {
    return { fragment: fragment as Fragment<KeyExpression>, behind: 0, isWitness };
  };
  switch (node.name) {
    case 'pk':
      return plain(makeFragment<KeyExpression>({ name: 'pk_k', key: node.key }, 'wsh'), false);
    case 'pkh':
      return plain(makeFragment<KeyExpression>({ name: 'pk_h', key: node.key }, 'wsh'), false);
    case 'wpkh':
    case 'combo':
      return plain(makeFragment<KeyExpression>({ name: 'pk_h', key: node.key }, 'wsh'), true);
    case 'multi':
    case 'sortedmulti': {
      const { threshold, keys } = node;
      return plain(makeFragment<KeyExpression>({ name: 'multi', threshold, keys }, 'wsh'), false);
    }
    case 'miniscript':
      return plain(node.fragment, true);
    case 'sh': {
      const inner = scriptOf(node.inner);
      if (inner === undefined || inner.isWitness) return inner;
      const size = scriptSizeOf(inner.fragment, 'wsh');
      return { ...inner, behind: size + (size <= 75 ? 1 : size <= 255 ? 2 : 3) };
    }
    case 'wsh': {
      const inner = scriptOf(node.inner);
      return inner === undefined
        ? undefined
        : { ...inner, behind: elementSize(scriptSizeOf(inner.fragment, 'wsh')), isWitness: true };
    }
    default:
      return undefined;
  }
}

function elementSize(bytes: number): number {
  return compactSizeLength(bytes) + bytes;
}
