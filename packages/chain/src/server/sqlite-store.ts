import { statSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { equalBytes, hasCode } from '@bitcoin-enterprise/core';
import { viewBlock, viewTransaction } from '@bitcoin-enterprise/script';
import { BlockNode } from '../model/block-node.ts';
import { checkBlock, checkBlockInContext, checkHeaderInContext } from '../model/block-rules.ts';
import type { ChainState, ChainTools } from '../model/chain-state.ts';
import { connectBlock } from '../model/connect.ts';
import type { Mempool, MempoolEntry } from '../model/mempool.ts';
import { acceptToMempool } from '../model/mempool-accept.ts';
import { REGTEST_BLOCK_WORK } from '../model/regtest.ts';
import { ChainError } from '../errors.ts';
import { ContentSum } from './content-sum.ts';
import type { NodeStore } from './node.ts';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS block (sequence INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, bytes BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS waiting (txid BLOB PRIMARY KEY, sequence INTEGER NOT NULL, time INTEGER NOT NULL, bytes BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS priority (txid BLOB PRIMARY KEY, delta INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS invalidated (hash BLOB PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;
`;

/** Version of the tables; a file of a later one is refused. Version 1 has no checksum and gets one when it is opened. */
const VERSION = 2;

/** Every SQLite file that is not empty begins with so many. */
const HEADER_BYTES = 100;

/** What to do about a file that is not what was written. */
const DAMAGED = 'Put a copy of the file in its place, or move it away: the server then begins a new chain.';

/** Keeps blocks, the mempool and the tip in one SQLite file: what was answered is on the disk. */
export class SqliteNodeStore implements NodeStore {
  readonly #database: DatabaseSync;
  readonly #statements: Readonly<
    Record<
      'block' | 'dropBlock' | 'wait' | 'leave' | 'prioritise' | 'forget' | 'invalidate' | 'reconsider' | 'meta',
      StatementSync
    >
  >;

  readonly #reloads: 'all' | 'judged' | 'none';
  #sum = new ContentSum();
  #hasTip = false;
  #isClosed = false;

  constructor(file: string, options: { readonly reloads: 'all' | 'judged' | 'none' }) {
    this.#reloads = options.reloads;
    const database = openDatabase(file);
    this.#database = database;
    try {
      this.#statements = {
        block: database.prepare('INSERT OR IGNORE INTO block (hash, bytes) VALUES (?, ?)'),
        dropBlock: database.prepare('DELETE FROM block WHERE hash = ?'),
        wait: database.prepare('INSERT OR REPLACE INTO waiting (txid, sequence, time, bytes) VALUES (?, ?, ?, ?)'),
        leave: database.prepare('DELETE FROM waiting WHERE txid = ?'),
        prioritise: database.prepare('INSERT OR REPLACE INTO priority (txid, delta) VALUES (?, ?)'),
        forget: database.prepare('DELETE FROM priority WHERE txid = ?'),
        invalidate: database.prepare('INSERT OR IGNORE INTO invalidated (hash) VALUES (?)'),
        reconsider: database.prepare('DELETE FROM invalidated WHERE hash = ?'),
        meta: database.prepare('INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)'),
      };
    } catch (error) {
      this.close();
      throw damaged('the tables of one', error);
    }
  }

  load(tools: ChainTools, initial: ChainState): ChainState | undefined {
    try {
      return this.#load(tools, initial);
    } catch (error) {
      this.close();
      throw hasCode(error, 'CHAIN_FILE_INVALID') ? error : damaged('rows that can be read', error);
    }
  }

  #load(tools: ChainTools, initial: ChainState): ChainState | undefined {
    const tipHash = this.#meta('tip');
    if (tipHash === undefined) {
      for (const table of ['block', 'waiting', 'priority', 'invalidated', 'meta'])
        for (const _ of this.#rows(`SELECT 1 FROM ${table}`)) throw damaged('a tip');
      return undefined;
    }
    this.#hasTip = true;
    let state = this.#withBlocks(initial, tools);
    const tip = state.nodes.get(bytesOf(tipHash));
    if (tip === undefined) throw damaged('the tip among the blocks');
    connectChain(tip, tools);
    state = { ...state, tip, minedCount: wholeOf(this.#meta('minedCount') ?? 0) };
    for (const { hash } of this.#rows('SELECT hash FROM invalidated')) {
      this.#sum.add('invalidated', bytesOf(hash));
      const node = state.nodes.get(bytesOf(hash));
      if (node === undefined) throw damaged('every block that was declared invalid');
      state = { ...state, invalidated: state.invalidated.with(node.hash, node) };
    }
    let { priorities } = state;
    // As text, for a fee may be more than a number holds.
    for (const { txid, delta } of this.#rows('SELECT txid, CAST(delta AS TEXT) AS delta FROM priority')) {
      const value = BigInt(String(delta));
      this.#sum.add('priority', bytesOf(txid), value);
      priorities = priorities.with(bytesOf(txid), value);
    }
    state = { ...state, priorities };
    const mempool = this.#waiting(state, tools);
    const sum = this.#meta('sum');
    if (sum === undefined ? this.#version() > 1 : sum !== this.#seal(state)) throw damaged('what its checksum says');
    state = this.#reloads === 'none' ? state : { ...state, mempool };
    this.#rewrite(state);
    return state;
  }

  #withBlocks(initial: ChainState, { crypto }: ChainTools): ChainState {
    const nodes = initial.nodes.draft();
    let sequence = 1;
    for (const row of this.#rows('SELECT hash, bytes FROM block ORDER BY sequence')) {
      const view = viewBlock(bytesOf(row['bytes']));
      const hash = crypto.hash256(view.bytes.subarray(0, 80));
      if (!equalBytes(hash, bytesOf(row['hash']))) throw damaged('blocks of their names');
      const parent = nodes.get(view.header.previousBlockHash);
      if (parent === undefined) throw damaged('every block after its parent');
      // What was "too far ahead" once is so no longer: of the time alone nothing is asked.
      const fault =
        checkBlock(view, hash, crypto) ??
        checkHeaderInContext(view.header, parent, Infinity) ??
        checkBlockInContext(view, parent, crypto);
      if (fault !== undefined) throw damaged(`good blocks: ${fault.reason}`);
      this.#sum.add('block', hash);
      nodes.set(hash, 0, new BlockNode(hash, view, parent, { blockWork: REGTEST_BLOCK_WORK, sequence: sequence++ }));
    }
    return { ...initial, nodes: nodes.freeze() };
  }

  /** What waited, judged again: with fees and limits, one by one, or without, for it was taken once. */
  #waiting(state: ChainState, tools: ChainTools): Mempool {
    const { tip, impersonated, priorities } = state;
    let pool = state.mempool;
    for (const row of this.#rows('SELECT txid, sequence, time, bytes FROM waiting ORDER BY sequence')) {
      const tx = viewTransaction(bytesOf(row['bytes']));
      const [sequence, time] = [wholeOf(row['sequence']), wholeOf(row['time'])];
      if (!equalBytes(tx.id(), bytesOf(row['txid']))) throw damaged('transactions of their names');
      this.#sum.add('waiting', tx.id(), sequence, time, tx.bytes);
      const context = {
        ...tools,
        tip,
        impersonated,
        priorities,
        consensusOnly: false,
        bypassLimits: this.#reloads === 'all',
      };
      const accepted = acceptToMempool(pool, tx, { ...context, now: time });
      if ('pool' in accepted) pool = accepted.pool;
    }
    return pool;
  }

  /** Numbers what waits as the pool does now: with old numbers a child could come before its parent the next time. */
  #rewrite(state: ChainState): void {
    this.#write(() => {
      for (const row of this.#rows('SELECT txid, sequence, time, bytes FROM waiting'))
        this.#sum.remove(
          'waiting',
          bytesOf(row['txid']),
          wholeOf(row['sequence']),
          wholeOf(row['time']),
          bytesOf(row['bytes']),
        );
      this.#database.exec('DELETE FROM waiting');
      for (const entry of state.mempool.entries.values()) this.#wait(entry);
      this.#statements.meta.run('sum', this.#seal(state));
      this.#database.exec(`PRAGMA user_version = ${VERSION}`);
    });
  }

  #wait({ tx, sequence, time }: MempoolEntry): void {
    this.#sum.add('waiting', tx.id(), sequence, time, tx.bytes);
    this.#statements.wait.run(tx.id(), sequence, time, tx.bytes);
  }

  #seal({ tip, minedCount }: ChainState): string {
    return this.#sum.sealed(tip.hash, minedCount);
  }

  /** Does several changes or none. */
  #write(change: () => void): void {
    const sum = this.#sum.copy();
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      change();
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#sum = sum;
      // Where the disk is full SQLite has taken everything back by itself.
      rollBack(this.#database);
      throw error;
    }
  }

  save(before: ChainState, after: ChainState): void {
    const { block, dropBlock, leave, prioritise, forget, invalidate, reconsider, meta } = this.#statements;
    const sum = this.#sum;
    this.#write(() => {
      if (before.nodes !== after.nodes) {
        const { lost, gained } = before.nodes.changesTo(after.nodes);
        // Parents come first, so that they are read first.
        for (const { value } of gained.toSorted((a, b) => a.value.height - b.value.height)) {
          sum.add('block', value.hash);
          block.run(value.hash, value.view.bytes);
        }
        for (const { value } of lost) {
          sum.remove('block', value.hash);
          dropBlock.run(value.hash);
        }
      }
      // Where nothing is reloaded, nothing is kept either: a later start with reloading begins empty, as in Core.
      if (this.#reloads !== 'none' && before.mempool.entries !== after.mempool.entries) {
        const { lost, gained } = before.mempool.entries.changesTo(after.mempool.entries);
        for (const { value } of lost) {
          const { tx, sequence, time } = value;
          sum.remove('waiting', tx.id(), sequence, time, tx.bytes);
          leave.run(tx.id());
        }
        for (const { value } of gained) this.#wait(value);
      }
      if (before.priorities !== after.priorities) {
        const { lost, gained } = before.priorities.changesTo(after.priorities);
        for (const { key, value } of lost) {
          sum.remove('priority', key, value);
          forget.run(key);
        }
        for (const { key, value } of gained) {
          sum.add('priority', key, value);
          prioritise.run(key, value);
        }
      }
      if (before.invalidated !== after.invalidated) {
        const { lost, gained } = before.invalidated.changesTo(after.invalidated);
        for (const { value } of lost) {
          sum.remove('invalidated', value.hash);
          reconsider.run(value.hash);
        }
        for (const { value } of gained) {
          sum.add('invalidated', value.hash);
          invalidate.run(value.hash);
        }
      }
      if (before.tip !== after.tip || !this.#hasTip) meta.run('tip', after.tip.hash);
      if (before.minedCount !== after.minedCount) meta.run('minedCount', after.minedCount);
      meta.run('sum', this.#seal(after));
    });
    this.#hasTip = true;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#database.close();
  }

  #meta(name: string): unknown {
    const row = this.#database.prepare('SELECT value FROM meta WHERE name = ?').get(name);
    return row?.['value'];
  }

  #version(): number {
    return wholeOf(this.#database.prepare('PRAGMA user_version').get()?.['user_version']);
  }

  #rows(sql: string): Iterable<Readonly<Record<string, unknown>>> {
    return this.#database.prepare(sql).iterate();
  }
}

/** A value that has to be bytes, as a copy. */
function bytesOf(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw damaged('bytes where there have to be some');
  return new Uint8Array(value);
}

/** A value that has to be a whole number. */
function wholeOf(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw damaged('numbers where there have to be some');
  return value;
}

/** Opens a file, or makes it. */
function openDatabase(file: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    // SQLite takes a file of one byte for a new one.
    const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    if (size > 0 && size < HEADER_BYTES) throw damaged('a header');
    database = new DatabaseSync(file);
    // One process has the file: two would each write a chain of their own, and one of them would be lost.
    database.exec('PRAGMA busy_timeout = 1000; PRAGMA locking_mode = EXCLUSIVE;');
    const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
    const isEmpty = database.prepare('SELECT 1 FROM sqlite_schema').get() === undefined;
    if (version > VERSION || version < 0)
      throw fileInvalid(`expected a chain file of version ${VERSION}, got ${version}`, {
        hint: 'Open it with the version of this package that wrote it, or move it away.',
      });
    if ((version === 0) !== isEmpty)
      throw fileInvalid('expected a chain file or none, got another database or a damaged one', { hint: DAMAGED });
    if (!isEmpty && database.prepare('PRAGMA integrity_check(1)').get()?.['integrity_check'] !== 'ok')
      throw damaged('whole pages');
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    if (isEmpty) database.exec(`BEGIN; ${SCHEMA} PRAGMA user_version = ${VERSION}; COMMIT;`);
    return database;
  } catch (error) {
    database?.close();
    if (error instanceof ChainError) throw error;
    if (isInUse(error))
      throw fileInvalid('expected a chain file that no other process uses, got one in use', {
        cause: error,
        hint: 'End the other process, or name another file.',
      });
    throw fileInvalid('expected a file that SQLite can read and write, got none', { cause: error, hint: DAMAGED });
  }
}

/** Takes back what was begun, if SQLite has not done so by itself. */
function rollBack(database: DatabaseSync): void {
  try {
    database.exec('ROLLBACK');
  } catch {
    // Nothing is left to be taken back.
  }
}

/** SQLITE_BUSY: somebody else holds the lock. */
function isInUse(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'errcode' in error && Number(error.errcode) % 256 === 5;
}

function fileInvalid(
  message: string,
  options: { readonly hint: string; readonly cause?: unknown },
): ChainError<'CHAIN_FILE_INVALID'> {
  return new ChainError('CHAIN_FILE_INVALID', message, { details: { reason: message }, ...options });
}

/** Makes the error for a file that is not what was written. */
function damaged(missing: string, cause?: unknown): ChainError<'CHAIN_FILE_INVALID'> {
  return fileInvalid(`expected a chain file with ${missing}, got a damaged one`, { hint: DAMAGED, cause });
}

/** Connects a chain up to its tip; its scripts were checked before it was kept. */
function connectChain(tip: BlockNode, { crypto, cache, blockFlags }: ChainTools): void {
  const path: BlockNode[] = [];
  for (let at: BlockNode | undefined = tip; at !== undefined && at.connected === undefined; at = at.parent)
    path.push(at);
  for (const node of path.reverse()) {
    const connected = connectBlock(node, { crypto, cache, blockFlags, scripts: false });
    if ('reason' in connected) throw damaged(`good blocks: ${connected.reason}`);
    node.connected = connected;
  }
}
