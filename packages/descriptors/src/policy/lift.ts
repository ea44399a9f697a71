import { requireNamed } from '../arguments.ts';
import type { DescriptorNode } from '../descriptor/model.ts';
import { leavesOf } from '../descriptor/model.ts';
import { leafFragment } from '../descriptor/derive.ts';
import type { Fragment } from '../miniscript/fragment.ts';
import type { Policy } from './policy.ts';

/** A policy that may also be fulfilled always, or never: what parts of scripts mean. */
export type Meaning<Key> = Policy<Key> | { readonly name: 'always' | 'never' };

/** What a miniscript means, without how it says it: the policy that it fulfils. */
export function liftFragment<Key>(fragment: Fragment<Key>): Meaning<Key> {
  requireNamed(fragment, 'fragment');
  switch (fragment.name) {
    case '0':
      return { name: 'never' };
    case '1':
      return { name: 'always' };
    case 'pk_k':
    case 'pk_h':
      return { name: 'pk', key: fragment.key };
    case 'older':
    case 'after':
      return { name: fragment.name, value: fragment.value };
    case 'sha256':
    case 'hash256':
    case 'ripemd160':
    case 'hash160':
      return { name: fragment.name, hash: fragment.hash };
    case 'multi':
    case 'multi_a':
      return threshold(
        fragment.threshold,
        fragment.keys.map((key) => ({ name: 'pk', key })),
      );
    case 'thresh':
      return threshold(fragment.threshold, fragment.subs.map(liftFragment));
    case 'and_v':
    case 'and_b':
      return all(fragment.subs.map((sub: Fragment<Key>) => liftFragment(sub)));
    case 'or_b':
    case 'or_c':
    case 'or_d':
    case 'or_i':
      return any(fragment.subs.map((sub: Fragment<Key>) => liftFragment(sub)));
    case 'andor': {
      const [x, y, z] = fragment.subs.map((sub: Fragment<Key>) => liftFragment(sub)) as [
        Meaning<Key>,
        Meaning<Key>,
        Meaning<Key>,
      ];
      return any([all([x, y]), z]);
    }
    default:
      return liftFragment(fragment.subs[0]);
  }
}

/**
 * What a descriptor means; `undefined` for those that do not say how they are spent.
 *
 * @param isUnspendable - Whether nobody can sign with an internal key: the key path then means nothing. Never when absent.
 */
export function liftDescriptor<Key>(
  node: DescriptorNode<Key>,
  isUnspendable: (key: Key) => boolean = () => false,
): Meaning<Key> | undefined {
  requireNamed(node, 'node');
  switch (node.name) {
    case 'pk':
    case 'pkh':
    case 'wpkh':
    case 'combo':
    case 'rawtr':
      return { name: 'pk', key: node.key };
    case 'multi':
    case 'sortedmulti':
      return threshold(
        node.threshold,
        node.keys.map((key) => ({ name: 'pk', key })),
      );
    case 'sh':
    case 'wsh':
      return liftDescriptor(node.inner);
    case 'miniscript':
      return liftFragment(node.fragment);
    case 'tr':
      return any([
        isUnspendable(node.internalKey) ? { name: 'never' } : { name: 'pk', key: node.internalKey },
        ...leavesOf(node.tree).map((leaf) => liftFragment(leafFragment(leaf))),
      ]);
    default:
      return undefined;
  }
}

function all<Key>(parts: readonly Meaning<Key>[]): Meaning<Key> {
  if (parts.some(({ name }) => name === 'never')) return { name: 'never' };
  const rest = flat(parts, 'and').filter((part): part is Policy<Key> => part.name !== 'always');
  const [only] = rest;
  if (rest.length <= 1) return only ?? { name: 'always' };
  return { name: 'and', subs: rest };
}

function any<Key>(parts: readonly Meaning<Key>[]): Meaning<Key> {
  if (parts.some(({ name }) => name === 'always')) return { name: 'always' };
  const rest = flat(parts, 'or').filter((part): part is Policy<Key> => part.name !== 'never');
  const [only] = rest;
  if (rest.length <= 1) return only ?? { name: 'never' };
  return { name: 'or', subs: rest, weights: rest.map(() => 1) };
}

function threshold<Key>(count: number, parts: readonly Meaning<Key>[]): Meaning<Key> {
  const needed = count - parts.filter(({ name }) => name === 'always').length;
  const rest = parts.filter((part): part is Policy<Key> => part.name !== 'always' && part.name !== 'never');
  if (needed <= 0) return { name: 'always' };
  if (needed > rest.length) return { name: 'never' };
  if (needed === rest.length) return all(rest);
  if (needed === 1) return any(rest);
  return { name: 'thresh', threshold: needed, subs: rest };
}

/** With the parts of parts of the same kind in their place. */
function flat<Key>(parts: readonly Meaning<Key>[], name: 'and' | 'or'): readonly Meaning<Key>[] {
  return parts.flatMap((part): readonly Meaning<Key>[] => (part.name === name ? part.subs : [part]));
}
