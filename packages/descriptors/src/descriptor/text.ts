import { encodeWif, toHex } from '@bitcoin-enterprise/core';
import type { KeyExpression, KeyTextForm } from '../keys/model.ts';
import { originText } from '../keys/path.ts';
import type { SilentKey } from '../keys/silent-key.ts';
import { printFragment } from '../miniscript/print.ts';
import type { DescriptorNode, TapLeafNode, TapTreeNode } from './model.ts';

/**
 * A descriptor as text, without annotations and checksum.
 *
 * @param node - What to write.
 * @param form - Which text of the keys.
 */
export function nodeText(node: DescriptorNode, form: KeyTextForm): string {
  return printNode(node, {
    keyText: (key) => key.text(form),
    silentText: (silent) => silent.text(form),
    scanText: (key) => (form === 'private' ? key.text(form) : viewText(key)),
  });
}

/** The scan key of `sp()` for those who only look: itself, but not what it was derived of. */
function viewText(key: KeyExpression): string {
  const secretKey = key.deriveSecretKey(0);
  if (secretKey === undefined) return key.text('public');
  const origin = key.kind === 'single' ? key.origin : key.derive(0).origin;
  return originText(origin, 'h') + encodeWif(secretKey, { network: key.networks?.[0] ?? 'main' });
}

/** How keys are written. */
export interface NodeTextOptions {
  readonly keyText: (key: KeyExpression) => string;
  readonly silentText: (silent: SilentKey) => string;
  /** The first key of `sp()`, which must be private in each text. */
  readonly scanText: (key: KeyExpression) => string;
}

/** A descriptor as text with other words for keys. */
export function printNode(node: DescriptorNode, options: NodeTextOptions): string {
  const { keyText, silentText, scanText } = options;
  switch (node.name) {
    case 'pk':
    case 'pkh':
    case 'wpkh':
    case 'combo':
    case 'rawtr':
    case 'unused':
      return `${node.name}(${keyText(node.key)})`;
    case 'multi':
    case 'sortedmulti':
      return `${node.name}(${[String(node.threshold), ...node.keys.map(keyText)].join(',')})`;
    case 'sh':
    case 'wsh':
      return `${node.name}(${printNode(node.inner, options)})`;
    case 'miniscript':
      return printFragment(node.fragment, keyText);
    case 'tr':
      return node.tree === undefined
        ? `tr(${keyText(node.internalKey)})`
        : `tr(${keyText(node.internalKey)},${printTree(node.tree, keyText)})`;
    case 'addr':
      return `addr(${node.address})`;
    case 'raw':
      return `raw(${toHex(node.script)})`;
    case 'sp':
      return node.encoded === undefined
        ? `sp(${scanText(node.scanKey)},${keyText(node.spendKey)})`
        : `sp(${silentText(node.encoded)})`;
  }
}

function printTree(tree: TapTreeNode, keyText: (key: KeyExpression) => string): string {
  return tree.kind === 'leaf'
    ? leafText(tree.leaf, keyText)
    : `{${printTree(tree.left, keyText)},${printTree(tree.right, keyText)}}`;
}

/** A script of a tree as text. */
export function leafText<Key>(leaf: TapLeafNode<Key>, keyText: (key: Key) => string): string {
  return leaf.name === 'miniscript'
    ? printFragment(leaf.fragment, keyText)
    : `${leaf.name}(${[String(leaf.threshold), ...leaf.keys.map(keyText)].join(',')})`;
}
