import { concatBytes } from '@bitcoin-enterprise/core';
import { CompactRange } from './compact-range.ts';
import type { TreeHasher } from './merkle.ts';
import { encodeBundle, partialTiles, TILE_HEIGHT, TILE_WIDTH, tilePath } from './tiles.ts';

/** A tile or bundle that still grows. */
interface Growing {
  readonly index: number;
  readonly items: readonly Uint8Array[];
}

/** The right edge of a log: all that is needed to append to it. */
export interface LogEdge {
  readonly range: CompactRange;
  /** The growing tile of each level, and the growing bundle. */
  readonly growing: ReadonlyMap<number | 'entries', Growing>;
}

/** What appending changes. */
export interface EdgeChange {
  readonly edge: LogEdge;
  readonly size: number;
  readonly root: Uint8Array;
  /** Full tiles and bundles, and the partial ones at the new edge. */
  readonly writes: ReadonlyMap<string, Uint8Array>;
  /** Tiles and bundles that became full: their partial forms are not needed any more. */
  readonly filled: ReadonlyArray<{ readonly level: number | 'entries'; readonly index: number }>;
}

/** The edge of a log without entries. */
export function emptyEdge(hasher: TreeHasher): LogEdge {
  return { range: new CompactRange(hasher), growing: new Map() };
}

/**
 * Appends entries to an edge, which stays as it was; each costs one leaf hash and about one node hash.
 *
 * @param entries - Each behind the zero byte that makes it a leaf.
 */
export function appendToEdge(edge: LogEdge, entries: readonly Uint8Array[], hasher: TreeHasher): EdgeChange {
  const range = edge.range.clone();
  const growing = new Map<number | 'entries', { index: number; items: Uint8Array[] }>();
  for (const [level, { index, items }] of edge.growing) growing.set(level, { index, items: [...items] });
  const writes = new Map<string, Uint8Array>();
  const filled: Array<{ readonly level: number | 'entries'; readonly index: number }> = [];

  const encode = (level: number | 'entries', items: readonly Uint8Array[]): Uint8Array =>
    level === 'entries' ? encodeBundle(items) : concatBytes(...items);
  const add = (level: number | 'entries', item: Uint8Array): void => {
    let tile = growing.get(level);
    if (tile === undefined) growing.set(level, (tile = { index: 0, items: [] }));
    tile.items.push(item);
    if (tile.items.length < TILE_WIDTH) return;
    writes.set(tilePath({ level, index: tile.index, width: TILE_WIDTH }), encode(level, tile.items));
    filled.push({ level, index: tile.index });
    growing.set(level, { index: tile.index + 1, items: [] });
  };
  // The root of a full tile is a hash of the level above: the subtree that its last leaf completes.
  const addHash = (level: number, hash: Uint8Array): void => {
    if (level % TILE_HEIGHT === 0) add(level / TILE_HEIGHT, hash);
  };

  for (const entry of entries) {
    add('entries', entry.subarray(1));
    range.append(hasher.prefixedLeaf(entry), addHash);
  }
  for (const place of partialTiles(range.size)) {
    const items = growing.get(place.level)?.items ?? [];
    writes.set(tilePath(place), encode(place.level, items));
  }
  return { edge: { range, growing }, size: range.size, root: range.root(), writes, filled };
}
