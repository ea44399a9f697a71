import { requireFragment, requireFunction } from '../arguments.ts';
import { toHex } from '@bitcoin-enterprise/core';
import type { Fragment } from './fragment.ts';

/**
 * A miniscript as text, in its shortest written form (BIP379): `pk`, `pkh`, `and_n`, `t:`, `l:` and `u:` where they fit.
 *
 * @param fragment - What to write.
 * @param writeKey - Text of a key.
 */
export function printFragment<Key>(fragment: Fragment<Key>, writeKey: (key: Key) => string): string {
  requireFragment(fragment);
  requireFunction(writeKey, 'writeKey');
  let wrappers = '';
  let at = fragment;
  for (;;) {
    const wrapped = unwrap(at);
    if (wrapped === undefined) break;
    wrappers += wrapped.letter;
    at = wrapped.sub;
  }
  const body = printBare(at, writeKey);
  return wrappers === '' ? body : `${wrappers}:${body}`;
}

/** The outermost wrapper of a node, if it is written as one. */
function unwrap<Key>(fragment: Fragment<Key>): { readonly letter: string; readonly sub: Fragment<Key> } | undefined {
  switch (fragment.name) {
    case 'c': {
      const [sub] = fragment.subs;
      return sub.name === 'pk_k' || sub.name === 'pk_h' ? undefined : { letter: 'c', sub };
    }
    case 'a':
    case 's':
    case 'd':
    case 'v':
    case 'j':
    case 'n':
      return { letter: fragment.name, sub: fragment.subs[0] };
    case 'and_v':
      return fragment.subs[1].name === '1' ? { letter: 't', sub: fragment.subs[0] } : undefined;
    case 'or_i': {
      const [left, right] = fragment.subs;
      if (left.name === '0') return { letter: 'l', sub: right };
      return right.name === '0' ? { letter: 'u', sub: left } : undefined;
    }
    default:
      return undefined;
  }
}

function printBare<Key>(fragment: Fragment<Key>, writeKey: (key: Key) => string): string {
  const { name } = fragment;
  switch (name) {
    case '0':
    case '1':
      return name;
    case 'pk_k':
    case 'pk_h':
      return `${name}(${writeKey(fragment.key)})`;
    case 'older':
    case 'after':
      return `${name}(${fragment.value})`;
    case 'sha256':
    case 'hash256':
    case 'ripemd160':
    case 'hash160':
      return `${name}(${toHex(fragment.hash)})`;
    case 'multi':
    case 'multi_a':
      return `${name}(${[String(fragment.threshold), ...fragment.keys.map(writeKey)].join(',')})`;
    case 'thresh':
      return `thresh(${[String(fragment.threshold), ...fragment.subs.map((sub) => printFragment(sub, writeKey))].join(',')})`;
    case 'c': {
      const [sub] = fragment.subs;
      if (sub.name === 'pk_k') return `pk(${writeKey(sub.key)})`;
      return sub.name === 'pk_h' ? `pkh(${writeKey(sub.key)})` : `c:${printFragment(sub, writeKey)}`;
    }
    case 'andor': {
      const [x, y, z] = fragment.subs.map((sub: Fragment<Key>) => printFragment(sub, writeKey));
      return fragment.subs[2].name === '0' ? `and_n(${x},${y})` : `andor(${x},${y},${z})`;
    }
    default:
      return `${name}(${fragment.subs.map((sub: Fragment<Key>) => printFragment(sub, writeKey)).join(',')})`;
  }
}
