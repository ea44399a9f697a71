import { currentCrypto, equalBytes, parseHex, toHex } from '@bitcoin-enterprise/core';
import { fieldOf, requireMethods, requireObject, requireText, throwIfAborted } from '../model/checks.ts';
import { decodeUtf8 } from '../model/statement.ts';
import { damaged } from '../model/tiles.ts';
import type { FileStorageOptions } from '../ports/file-access.ts';
import type { WitnessedCheckpoint, WitnessStorage } from '../ports/witness.ts';
import { durableFiles, oneAtATime } from './durable-files.ts';
import { folderLock } from './folder-lock.ts';

/**
 * A witness's memory in a folder, one file a log, replaced in one durable step. Several processes may use
 * one folder: each change is compared and set under a lock of the operating system.
 *
 * @throws {@link ReceiptsError} `RECEIPTS_LOG_DAMAGED` from its calls when a file cannot be read;
 * `RECEIPTS_FOLDER_IN_USE` when another process has been writing for longer than `lockWaitMs`.
 *
 * @example
 * ```ts no-run
 * import * as fs from 'node:fs/promises';
 * import * as sqlite from 'node:sqlite';
 * import { createFileWitnessStorage } from '@bitcoin-enterprise/receipts';
 *
 * const storage = createFileWitnessStorage({ folder: '/var/lib/witness', fs, sqlite });
 * ```
 */
export function createFileWitnessStorage(options: FileStorageOptions): WitnessStorage {
  requireObject('options', options);
  const { folder, fs } = options;
  requireText('options.folder', folder);
  requireMethods('options.fs', fs, ['readFile', 'open', 'rename', 'mkdir', 'rm']);
  const files = durableFiles(folder, fs);
  const alone = oneAtATime();
  const locked = folderLock(options);
  // An origin may hold any character; its hash is a file name everywhere.
  const pathOf = (origin: string): string => `${toHex(currentCrypto().sha256(new TextEncoder().encode(origin)))}.json`;

  async function read(origin: string): Promise<WitnessedCheckpoint | undefined> {
    const path = pathOf(origin);
    const bytes = await files.read(path);
    return bytes === undefined ? undefined : parseHeld(path, bytes);
  }

  async function setIfSame(
    origin: string,
    { expected, next }: { readonly expected: WitnessedCheckpoint | undefined; readonly next: WitnessedCheckpoint },
  ): Promise<boolean> {
    const held = await read(origin);
    const isSame =
      held === undefined || expected === undefined
        ? held === expected
        : held.size === expected.size && equalBytes(held.root, expected.root);
    if (!isSame) return false;
    const text = JSON.stringify({ origin, size: next.size, root: toHex(next.root), note: next.note });
    await files.replace(pathOf(origin), new TextEncoder().encode(text));
    return true;
  }

  return {
    read: (origin, call) =>
      alone(async () => {
        throwIfAborted('read', call?.signal);
        return read(origin);
      }),
    compareAndSet: (origin, change, call) =>
      alone(async () => {
        throwIfAborted('compareAndSet', call?.signal);
        await fs.mkdir(folder, { recursive: true });
        return locked(() => setIfSame(origin, change), { name: 'compareAndSet', call });
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
