import { ConfigError } from '../errors.ts';
import { isSecret } from './secret.ts';

/** Settings as they come: JSON, and what apps hand in beside it. */
export type Tree = { readonly [name: string]: unknown };

/** Steps from the root to a value. */
export type Path = readonly PropertyKey[];

/** How large settings may be. */
export interface TreeLimits {
  /** The most levels of nesting. */
  readonly depth: number;
  /** The most fields and list items in all. */
  readonly fields: number;
}

/** What ordinary settings stay far below. */
export const treeLimits: TreeLimits = { depth: 32, fields: 10_000 };

const forbidden: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** Whether a name could change what all objects are. */
export function isForbidden(name: string): boolean {
  return forbidden.has(name);
}

/** Whether a value is an object of fields, as JSON makes them, and not an instance of something. */
export function isTree(value: unknown): value is Tree {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // One level up there is nothing: an `Object.prototype`, of whichever realm, or none.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * A copy of settings that shares nothing with them and has no prototype to pollute.
 *
 * @throws {@link ConfigError} `CONFIG_NAME_FORBIDDEN`, `CONFIG_TOO_LARGE`
 */
export function copyTree(value: Tree, source: string): Tree {
  let fields = 0;
  const tooLarge = (limit: 'depth' | 'fields'): ConfigError =>
    new ConfigError('CONFIG_TOO_LARGE', `expected at most ${treeLimits[limit]} (${limit}) in ${source}, got more`, {
      details: { source, limit, maximum: treeLimits[limit] },
    });
  const copy = (item: unknown, path: Path): unknown => {
    if (path.length > treeLimits.depth) throw tooLarge('depth');
    if (++fields > treeLimits.fields) throw tooLarge('fields');
    if (Array.isArray(item)) return item.map((inner: unknown, index) => copy(inner, [...path, index]));
    if (!isTree(item)) return item;
    const made: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    for (const [name, inner] of Object.entries(item)) {
      const inside = [...path, name];
      if (isForbidden(name)) {
        const details = { source, path: formatPath(inside) };
        throw new ConfigError('CONFIG_NAME_FORBIDDEN', `expected plain names in ${source}, got ${name}`, { details });
      }
      made[name] = copy(inner, inside);
    }
    return made;
  };
  return copy(value, []) as Tree;
}

/** Lays settings over others: groups field by field, everything else, lists and references too, as a whole. */
export function mergeTrees(below: Tree, above: Tree): Tree {
  const merged: Record<string, unknown> = Object.assign(Object.create(null) as Record<string, unknown>, below);
  for (const [name, value] of Object.entries(above)) {
    if (value === undefined) continue;
    const under = merged[name];
    merged[name] = isGroup(under) && isGroup(value) ? mergeTrees(under, value) : value;
  }
  return merged;
}

/** The field in which a reference to a secret names its place. */
export const REFERENCE_FIELD = '$secret';

function isGroup(value: unknown): value is Tree {
  return isTree(value) && !(REFERENCE_FIELD in value) && !isSecret(value);
}

/** The value at a path; `undefined` when there is none. */
export function valueAt(tree: unknown, path: Path): unknown {
  let value = tree;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Readonly<Record<PropertyKey, unknown>>)[step];
  }
  return value;
}

/** The same settings with every leaf, with its path, put through a function. */
export function mapLeaves(tree: Tree, change: (leaf: unknown, path: Path) => unknown): Tree {
  const map = (value: unknown, path: Path): unknown => {
    if (Array.isArray(value)) return value.map((item: unknown, index) => map(item, [...path, index]));
    if (!isGroup(value)) return change(value, path);
    const made: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    for (const [name, item] of Object.entries(value)) made[name] = map(item, [...path, name]);
    return made;
  };
  return map(tree, []) as Tree;
}

/** A path as people write it: `peers[0].host`. */
export function formatPath(path: Path): string {
  return path
    .map((step, index) => {
      if (typeof step === 'number') return `[${step}]`;
      const name = String(step).slice(0, 100);
      return index === 0 ? name : `.${name}`;
    })
    .join('');
}
