import { ReceiptsError } from '../errors.ts';
import { requireCount, requireObject } from './checks.ts';
import { HASH_LENGTH } from './merkle.ts';

/** Hashes of a full tile, and entries of a full bundle. */
export const TILE_WIDTH = 256;

/** Levels of the tree within one tile. */
export const TILE_HEIGHT = 8;

/** The largest entry that a bundle can carry, in bytes. */
export const MAX_ENTRY_LENGTH = 65_535;

/** Path of the latest checkpoint. */
export const CHECKPOINT_PATH = 'checkpoint';

/** A tile, or at `entries` a bundle, by place and width. */
export interface TilePlace {
  /** Level of tiles, 0 holds the leaf hashes; `entries` for entry bundles. */
  readonly level: number | 'entries';
  /** From 0 within the level. */
  readonly index: number;
  /** 1 to 256; below 256 it is partial. */
  readonly width: number;
}

/**
 * The path of a tile or bundle (C2SP tlog-tiles).
 *
 * @example
 * ```ts
 * import { tilePath } from '@bitcoin-enterprise/receipts';
 *
 * tilePath({ level: 0, index: 1_234_067, width: 256 }); // => 'tile/0/x001/x234/067'
 * tilePath({ level: 'entries', index: 0, width: 7 }); // => 'tile/entries/000.p/7'
 * ```
 */
export function tilePath(place: TilePlace): string {
  requireObject('place', place);
  const { level, index, width } = place;
  requireCount('place.index', index);
  const groups: string[] = [];
  for (let rest = index; groups.length === 0 || rest > 0; rest = Math.floor(rest / 1_000))
    groups.unshift(String(rest % 1_000).padStart(3, '0'));
  const path = groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/');
  return `tile/${level}/${path}${width < TILE_WIDTH ? `.p/${width}` : ''}`;
}

/** How many hashes the tile at a place has in a tree of `size` leaves; 0 when it does not exist yet. */
export function tileWidth(level: number | 'entries', index: number, size: number): number {
  const hashes = level === 'entries' ? size : Math.floor(size / TILE_WIDTH ** level);
  return Math.max(0, Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH));
}

/** The tiles at the right edge of a tree of `size` leaves that are not full: what the next leaf changes. */
export function partialTiles(size: number): readonly TilePlace[] {
  const places: TilePlace[] = [];
  if (size % TILE_WIDTH > 0)
    places.push({ level: 'entries', index: Math.floor(size / TILE_WIDTH), width: size % TILE_WIDTH });
  for (let level = 0; size >= TILE_WIDTH ** level; level++) {
    const hashes = Math.floor(size / TILE_WIDTH ** level);
    if (hashes % TILE_WIDTH > 0)
      places.push({ level, index: Math.floor(hashes / TILE_WIDTH), width: hashes % TILE_WIDTH });
  }
  return places;
}

/** Where the hash of a complete subtree is found: a tile, and which of its hashes the subtree covers. */
export function placeOfSubtree(
  level: number,
  index: number,
): { readonly level: number; readonly index: number; readonly first: number; readonly count: number } {
  const within = level % TILE_HEIGHT;
  const count = 2 ** within;
  const first = index * count;
  return {
    level: (level - within) / TILE_HEIGHT,
    index: Math.floor(first / TILE_WIDTH),
    first: first % TILE_WIDTH,
    count,
  };
}

/** Entries with their lengths as 16 bits before each (C2SP tlog-tiles). */
export function encodeBundle(entries: readonly Uint8Array[]): Uint8Array {
  const bundle = new Uint8Array(entries.reduce((length, entry) => length + 2 + entry.length, 0));
  let at = 0;
  for (const entry of entries) {
    bundle[at] = entry.length >> 8;
    bundle[at + 1] = entry.length & 0xff;
    bundle.set(entry, at + 2);
    at += 2 + entry.length;
  }
  return bundle;
}

/**
 * The entries of a bundle.
 *
 * @throws {@link ReceiptsError} `RECEIPTS_LOG_DAMAGED` when it does not hold exactly `width` of them.
 */
export function decodeBundle(bundle: Uint8Array, width: number, path: string): readonly Uint8Array[] {
  const entries: Uint8Array[] = [];
  let at = 0;
  while (at < bundle.length) {
    const length = ((bundle[at] ?? 0) << 8) | (bundle[at + 1] ?? 0);
    if (at + 2 + length > bundle.length) throw damaged(path, 'format');
    entries.push(new Uint8Array(bundle.subarray(at + 2, at + 2 + length)));
    at += 2 + length;
  }
  if (entries.length !== width) throw damaged(path, 'length');
  return entries;
}

/** The hashes of a tile; `RECEIPTS_LOG_DAMAGED` when there are not exactly `width`. */
export function decodeTile(tile: Uint8Array, width: number, path: string): readonly Uint8Array[] {
  if (tile.length !== width * HASH_LENGTH) throw damaged(path, 'length');
  return Array.from({ length: width }, (_, i) => new Uint8Array(tile.subarray(i * HASH_LENGTH, (i + 1) * HASH_LENGTH)));
}

/** The error of a resource that is not what the log says it is. */
export function damaged(
  path: string,
  reason: 'missing' | 'length' | 'format' | 'hash',
): ReceiptsError<'RECEIPTS_LOG_DAMAGED'> {
  return new ReceiptsError('RECEIPTS_LOG_DAMAGED', `expected ${path} as the log promises it, got it ${words[reason]}`, {
    details: { path, reason },
  });
}

const words = {
  missing: 'not at all',
  length: 'of another length',
  format: 'malformed',
  hash: 'with other hashes',
} as const;
