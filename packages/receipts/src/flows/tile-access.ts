import type { TreeHasher } from '../model/merkle.ts';
import type { ReadSubtree } from '../model/proof-paths.ts';
import { damaged, decodeBundle, decodeTile, placeOfSubtree, TILE_WIDTH, tilePath, tileWidth } from '../model/tiles.ts';
import type { CallOptions } from '../ports/signer.ts';

/** Reads a resource of a log by its path. */
export type ReadResource = (path: string, options?: CallOptions) => Promise<Uint8Array | undefined>;

/** The tiles of a log as seen at one size. */
export interface TileAccess {
  /** Hash of a complete subtree. */
  readonly subtree: ReadSubtree;
  /** The hashes of a tile, as many as the tree of that size has there. */
  tile(level: number, index: number): Promise<readonly Uint8Array[]>;
  /** The entries of a bundle, as many as the tree of that size has there. */
  bundle(index: number): Promise<readonly Uint8Array[]>;
}

const MAX_KEPT = 512;

/**
 * Tiles by place, each read once. A partial tile that is gone is cut from one that has grown since: from the full one,
 * as the specification lets logs do, or from the one of another size named here.
 */
export function tileAccess(options: {
  readonly read: ReadResource;
  readonly hasher: TreeHasher;
  /** The size whose tree is looked at. */
  readonly size: number;
  /** A later size whose partial tiles may be all that is left. */
  readonly laterSize?: number;
  /** The size now, asked when a tile is gone: a log that grows while it is read removes partial tiles it has outgrown. */
  readonly sizeNow?: () => Promise<number>;
  readonly signal?: AbortSignal;
}): TileAccess {
  const { read, hasher, size, signal } = options;
  let { laterSize = size } = options;
  const call = signal === undefined ? {} : { signal };
  const tiles = new Map<string, Promise<readonly Uint8Array[]>>();
  const bundles = new Map<string, Promise<readonly Uint8Array[]>>();
  const subtrees = new Map<string, Promise<Uint8Array>>();

  async function slices(level: number | 'entries', index: number): Promise<readonly Uint8Array[]> {
    const width = tileWidth(level, index, size);
    for (;;) {
      const seenSize = laterSize;
      for (const candidate of new Set([width, tileWidth(level, index, seenSize), TILE_WIDTH])) {
        if (candidate < width || candidate === 0) continue;
        const path = tilePath({ level, index, width: candidate });
        const bytes = await read(path, call);
        if (bytes === undefined) continue;
        const items = level === 'entries' ? decodeBundle(bytes, candidate, path) : decodeTile(bytes, candidate, path);
        return items.slice(0, width);
      }
      laterSize = Math.max(laterSize, (await options.sizeNow?.()) ?? 0);
      // Nobody has written meanwhile, so it is missing indeed.
      if (laterSize === seenSize) throw damaged(tilePath({ level, index, width }), 'missing');
    }
  }

  function once<Value>(cache: Map<string, Promise<Value>>, key: string, make: () => Promise<Value>): Promise<Value> {
    const known = cache.get(key);
    if (known !== undefined) return known;
    const made = make();
    cache.set(key, made);
    // A long read must not keep the whole log; the first one read is the last one needed again.
    const [oldest] = cache.keys();
    if (cache.size > MAX_KEPT && oldest !== undefined) cache.delete(oldest);
    return made;
  }

  const tile = (level: number, index: number): Promise<readonly Uint8Array[]> =>
    once(tiles, `${level}/${index}`, () => slices(level, index));

  return {
    tile,
    bundle: (index) => once(bundles, `${index}`, () => slices('entries', index)),
    subtree: (level, index) =>
      once(subtrees, `${level}/${index}`, async () => {
        const place = placeOfSubtree(level, index);
        const hashes = await tile(place.level, place.index);
        let row = hashes.slice(place.first, place.first + place.count);
        if (row.length !== place.count)
          throw damaged(tilePath({ level: place.level, index: place.index, width: TILE_WIDTH }), 'length');
        while (row.length > 1)
          row = Array.from({ length: row.length / 2 }, (_, i) =>
            hasher.node(row[2 * i] as Uint8Array, row[2 * i + 1] as Uint8Array),
          );
        return row[0] as Uint8Array;
      }),
  };
}
