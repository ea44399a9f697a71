import { currentCrypto, equalBytes, parseHex, toHex } from '@bitcoin-enterprise/core';
import { fieldOf, requireMethods, requireObject, requireText, throwIfAborted } from '../model/checks.ts';
import { decodeUtf8 } from '../model/statement.ts';
import { damaged } from '../model/tiles.ts';
import type { FileStorageOptions } from '../ports/file-access.ts';
import type { WitnessedCheckpoint, WitnessStorage } from '../ports/witness.ts';
import { durableFiles, oneAtATime } from './durable-files.ts';

/**
 * A witness's memory in a folder, one file a log, replaced in one durable step. One process at a time may use it.
 *
 * @example
 * ```ts no-run
 * import * as fs from 'node:fs/promises';
 * import { createFileWitnessStorage } from '@bitcoin-enterprise/receipts';
 *
 * const storage = createFileWitnessStorage({ folder: '/var/lib/witness', fs });
 * ```
 */
export function createFileWitnessStorage(options: FileStorageOptions): WitnessStorage {
  requireObject('options', options);
  const { folder, fs } = options;
  requireText('options.folder', folder);
  requireMethods('options.fs', fs, ['readFile', 'open', 'rename', 'mkdir', 'rm']);
  const files = durableFiles(folder, fs);
  const alone = oneAtATime();
  // An origin may hold any character; its hash is a file name everywhere.
  const pathOf = (origin: string): string => `${toHex(currentCrypto().sha256(new TextEncoder().encode(origin)))}.json`;

  async function read(origin: string): Promise<WitnessedCheckpoint | undefined> {
    const path = pathOf(origin);
    const bytes = await files.read(path);
    return bytes === undefined ? undefined : parseHeld(path, bytes);
  }

  return {
    read: (origin, call) =>
      alone(async () => {
        throwIfAborted('read', call?.signal);
        return read(origin);
      }),
    compareAndSet: (origin, { expected, next }, call) =>
      alone(async () => {
        throwIfAborted('compareAndSet', call?.signal);
        const held = await read(origin);
        const isSame =
          held === undefined || expected === undefined
            ? held === expected
            : held.size === expected.size && equalBytes(held.root, expected.root);
        if (!isSame) return false;
        const text = JSON.stringify({ origin, size: next.size, root: toHex(next.root), note: next.note });
        await files.replace(pathOf(origin), new TextEncoder().encode(text));
        return true;
      }),
  };
}

function parseHeld(path: string, bytes: Uint8Array): WitnessedCheckpoint {
  try {
    const value: unknown = JSON.parse(decodeUtf8(bytes) ?? '');
    const [size, root, note] = ['size', 'root', 'note'].map((name) => fieldOf(value, name));
    if (Number.isSafeInteger(size) && typeof root === 'string' && typeof note === 'string')
      return { size: size as number, root: parseHex(root), note };
  } catch {
    // Falls through: a witness that cannot read what it knows must not sign as if it knew nothing.
  }
  throw damaged(path, 'format');
}
