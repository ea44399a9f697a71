import { requireObject } from '../arguments.ts';
import type { TaprootOutput } from '@bitcoin-enterprise/script';
import type { DerivedKey, KeyExpression } from '../keys/model.ts';
import type { SilentKey } from '../keys/silent-key.ts';
import type { Fragment } from '../miniscript/fragment.ts';

/**
 * A descriptor without checksum and annotations, as it was read. What stands in `wsh()` and in the leaves of `tr()` is
 * always a miniscript (`wsh(pk(K))` holds `c:pk_k(K)`), except for the sorted multisignatures.
 */
export type DescriptorNode<Key = KeyExpression> =
  | { readonly name: 'pk' | 'pkh' | 'wpkh' | 'combo' | 'rawtr' | 'unused'; readonly key: Key }
  | {
      /** Bare, or in `sh()`; `sortedmulti` also in `wsh()`. */
      readonly name: 'multi' | 'sortedmulti';
      /** 1 to the number of keys. */
      readonly threshold: number;
      /** As written; a script holds those of `sortedmulti` sorted. */
      readonly keys: readonly Key[];
    }
  | { readonly name: 'sh' | 'wsh'; readonly inner: DescriptorNode<Key> }
  | {
      /** What stands in `wsh()`. */
      readonly name: 'miniscript';
      readonly fragment: Fragment<Key>;
    }
  | { readonly name: 'tr'; readonly internalKey: Key; readonly tree: TapTreeNode<Key> | undefined }
  | { readonly name: 'addr'; readonly address: string; readonly scriptPubKey: Uint8Array }
  | { readonly name: 'raw'; readonly script: Uint8Array }
  | {
      /** Silent payments (BIP392): there is no script before a sender makes one. */
      readonly name: 'sp';
      readonly scanKey: Key;
      readonly spendKey: Key;
      /** The key of one text that both were read from. */
      readonly encoded: SilentKey | undefined;
    };

/** A tree of scripts in `tr()`. */
export type TapTreeNode<Key = KeyExpression> =
  | { readonly kind: 'leaf'; readonly leaf: TapLeafNode<Key> }
  | { readonly kind: 'branch'; readonly left: TapTreeNode<Key>; readonly right: TapTreeNode<Key> };

/** A script in `tr()`. */
export type TapLeafNode<Key = KeyExpression> =
  | { readonly name: 'miniscript'; readonly fragment: Fragment<Key> }
  | { readonly name: 'sortedmulti_a'; readonly threshold: number; readonly keys: readonly Key[] };

/** A descriptor at an index: the keys are bytes. */
export type DerivedNode = DescriptorNode<DerivedKey>;

/** A Taproot output with its leaves as miniscripts, in the order of `leaves`: left to right. */
export interface DerivedTaproot extends TaprootOutput {
  readonly leafNodes: readonly TapLeafNode<DerivedKey>[];
}

/** The leaves of a tree, left to right. */
export function leavesOf<Key>(tree: TapTreeNode<Key> | undefined): readonly TapLeafNode<Key>[] {
  if (tree !== undefined) requireObject(tree, 'tree');
  const leaves: TapLeafNode<Key>[] = [];
  const rest: TapTreeNode<Key>[] = tree === undefined ? [] : [tree];
  for (let next = rest.pop(); next !== undefined; next = rest.pop())
    if (next.kind === 'leaf') leaves.push(next.leaf);
    else rest.push(next.right, next.left);
  return leaves;
}
