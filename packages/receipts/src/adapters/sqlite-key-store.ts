import { type Entropy, toHex, webEntropy } from '@bitcoin-enterprise/core';
import { invalidArgument, ReceiptsError, sealKeyUnavailable } from '../errors.ts';
import { fieldOf, requireMethods, requireObject, requireText, throwIfAborted } from '../model/checks.ts';
import type { KeyStore } from '../ports/key-store.ts';
import type { SqliteAccess, SqliteDatabase } from '../ports/sqlite-access.ts';
import { decrypt, encrypt, requireOpening, requireSealing } from './sealing.ts';

/** Settings of {@link createSqliteKeyStore}. */
export interface SqliteKeyStoreOptions {
  /** The file, made when absent: on a disk of this machine, and in no backup of the log. */
  readonly path: string;
  /** The database: pass `import * as sqlite from 'node:sqlite'`. */
  readonly sqlite: SqliteAccess;
  /** Where keys come from; the runtime's when absent. */
  readonly entropy?: Entropy;
}

/** A key store that outlives its process. */
export interface SqliteKeyStore extends KeyStore {
  /** Lets go of the file. */
  close(): void;
}

const IV_LENGTH = 12;
const KEY_LENGTH = 32;

// Keys are added behind the last one and never moved: SQLite leaves no second copy of one on a page that it has filled
// anew. A destroyed one is overwritten in its place, and its row stays, which says nothing.
const SCHEMA = `
  pragma busy_timeout = 5000;
  pragma journal_mode = delete;
  pragma synchronous = extra;
  pragma secure_delete = on;
  pragma temp_store = memory;
  create table if not exists keys (id integer primary key, key blob not null) strict;
  create table if not exists subjects (subject text primary key, key_id text not null unique, id integer not null) strict;
`;

/**
 * A key store in a SQLite file, for several processes. What `destroy` has answered is gone from the file and whatever
 * SQLite keeps beside it: the key is overwritten in its place, deleted content is zeroed (`secure_delete`), and the
 * rollback journal that held the page before is removed, durably (`synchronous = extra`).
 *
 * What the disk itself keeps is not in its power: blocks of the removed journal, cells that an SSD has set aside,
 * snapshots, backups. Keep the file on an encrypted volume, and out of the backups of the log. The keys are in the file
 * as they are: who may read it may open what they seal.
 *
 * @throws {@link ReceiptsError} `RECEIPTS_KEY_STORE_UNAVAILABLE`, also from its calls, when the file cannot be used.
 *
 * @example
 * ```ts no-run
 * import * as sqlite from 'node:sqlite';
 * import { createSqliteKeyStore, sealField } from '@bitcoin-enterprise/receipts';
 *
 * const keys = createSqliteKeyStore({ path: '/var/lib/keys/keys.db', sqlite });
 * await sealField(keys, 'Jane Doe', { subject: 'customer-7', place: 'https://example.com/payment/v1#payer' });
 * await keys.destroy('customer-7');
 * ```
 */
export function createSqliteKeyStore(options: SqliteKeyStoreOptions): SqliteKeyStore {
  requireObject('options', options);
  const { path, sqlite, entropy = webEntropy() } = options;
  requireText('options.path', path);
  requireMethods('options.entropy', entropy, ['bytes']);
  if (typeof fieldOf(sqlite, 'DatabaseSync') !== 'function')
    throw invalidArgument('options.sqlite.DatabaseSync', 'a class', fieldOf(sqlite, 'DatabaseSync'));
  const database = opened(sqlite, path);
  const bySubject = prepared('select key_id, key from subjects join keys using (id) where subject = ?');
  const byKeyId = prepared('select key from subjects join keys using (id) where key_id = ?');
  const addKey = prepared('insert into keys (key) values (?) returning id');
  const addSubject = prepared('insert into subjects (subject, key_id, id) values (?, ?, ?)');
  const overwrite = prepared(
    'update keys set key = zeroblob(32) where id = (select id from subjects where subject = ?)',
  );
  const forget = prepared('delete from subjects where subject = ? returning 1');

  function prepared(sql: string): ReturnType<SqliteDatabase['prepare']> {
    return guarded(() => database.prepare(sql));
  }

  /** All or nothing, and alone. */
  function changed<Value>(work: () => Value): Value {
    return guarded(() => {
      database.exec('begin immediate');
      try {
        const value = work();
        database.exec('commit');
        return value;
      } catch (error) {
        database.exec('rollback');
        throw error;
      }
    });
  }

  /** The key of a subject, made when there is none. */
  function keyOf(subject: string): { readonly keyId: string; readonly raw: Uint8Array<ArrayBuffer> } {
    const known = guarded(() => bySubject.get(subject));
    if (known !== undefined) return readRow(known);
    return changed(() => {
      // Another process may have been faster.
      const meanwhile = bySubject.get(subject);
      if (meanwhile !== undefined) return readRow(meanwhile);
      const keyId = toHex(entropy.bytes(16));
      const raw = new Uint8Array(entropy.bytes(KEY_LENGTH));
      addSubject.run(subject, keyId, fieldOf(addKey.get(raw), 'id') as number);
      return { keyId, raw };
    });
  }

  return {
    async seal(subject, content, call) {
      requireSealing(subject, content, call);
      const { keyId, raw } = keyOf(subject);
      const key = await imported(raw);
      const iv = new Uint8Array(entropy.bytes(IV_LENGTH));
      const ciphertext = await encrypt(key, iv, content);
      // Destroyed meanwhile: nobody could open this, and whoever keeps it must know.
      if (guarded(() => byKeyId.get(keyId)) === undefined) throw sealKeyUnavailable(keyId);
      return { keyId, iv, ciphertext };
    },
    async open(sealed, associatedData, call) {
      requireOpening(sealed, associatedData, call);
      const row = guarded(() => byKeyId.get(sealed.keyId));
      return row === undefined ? undefined : decrypt(await imported(rawOf(row)), sealed, associatedData);
    },
    async destroy(subject, call) {
      requireText('subject', subject);
      throwIfAborted('destroy', call?.signal);
      return changed(() => {
        overwrite.run(subject);
        return forget.get(subject) !== undefined;
      });
    },
    close: () => void database.close(),
  };
}

function opened(sqlite: SqliteAccess, path: string): SqliteDatabase {
  return guarded(() => {
    const database = new sqlite.DatabaseSync(path);
    try {
      database.exec(SCHEMA);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

/** Runs work on the database; what it throws may name the file or its content, so its number alone is kept. */
function guarded<Value>(work: () => Value): Value {
  try {
    return work();
  } catch (error) {
    if (error instanceof ReceiptsError) throw error;
    const number = Number(fieldOf(error, 'errcode'));
    const errcode = Number.isSafeInteger(number) ? number : 0;
    throw new ReceiptsError('RECEIPTS_KEY_STORE_UNAVAILABLE', `expected a file of keys, got SQLite's ${errcode}`, {
      details: { errcode },
      // SQLITE_BUSY, SQLITE_FULL.
      retryable: errcode % 256 === 5 || errcode % 256 === 13,
    });
  }
}

function readRow(row: unknown): { readonly keyId: string; readonly raw: Uint8Array<ArrayBuffer> } {
  return { keyId: String(fieldOf(row, 'key_id')), raw: rawOf(row) };
}

function rawOf(row: unknown): Uint8Array<ArrayBuffer> {
  return new Uint8Array(fieldOf(row, 'key') as Uint8Array);
}

/** Not exportable, so that this process cannot print it any more; the copy that it was made from is wiped. */
async function imported(raw: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  try {
    return await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt']);
  } finally {
    raw.fill(0);
  }
}
