import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { viewBlock, viewTransaction } from '@bitcoin-enterprise/script';
import { BlockNode } from '../model/block-node.ts';
import type { ChainState, ChainTools } from '../model/chain-state.ts';
import { connectBlock } from '../model/connect.ts';
import type { Mempool } from '../model/mempool.ts';
import { acceptToMempool } from '../model/mempool-accept.ts';
import { REGTEST_BLOCK_WORK } from '../model/regtest.ts';
import { ChainError } from '../errors.ts';
import type { NodeStore } from './node.ts';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS block (sequence INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, bytes BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS waiting (txid BLOB PRIMARY KEY, sequence INTEGER NOT NULL, time INTEGER NOT NULL, bytes BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS priority (txid BLOB PRIMARY KEY, delta INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS invalidated (hash BLOB PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;
`;

/** Version of the tables; a file of another one is refused. */
const VERSION = 1;

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

  constructor(file: string, options: { readonly reloads: 'all' | 'judged' | 'none' }) {
    this.#reloads = options.reloads;
    const database = openDatabase(file);
    this.#database = database;
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
  }

  load(tools: ChainTools, initial: ChainState): ChainState | undefined {
    const tipHash = this.#meta('tip');
    if (tipHash === undefined) return undefined;
    let state = this.#withBlocks(initial, tools);
    const tip = state.nodes.get(tipHash);
    if (tip === undefined) throw fileInvalid('expected the tip among the blocks of the chain file, got none');
    connectChain(tip, tools);
    state = { ...state, tip, minedCount: Number(this.#number('minedCount')) };
    for (const { hash } of this.#rows<{ hash: Uint8Array }>('SELECT hash FROM invalidated')) {
      const node = state.nodes.get(hash);
      if (node !== undefined) state = { ...state, invalidated: state.invalidated.with(node.hash, node) };
    }
    let { priorities } = state;
    for (const { txid, delta } of this.#rows<{ txid: Uint8Array; delta: bigint | number }>(
      'SELECT txid, delta FROM priority',
    ))
      priorities = priorities.with(new Uint8Array(txid), BigInt(delta));
    state = { ...state, priorities };
    if (this.#reloads !== 'none') return { ...state, mempool: this.#waiting(state, tools) };
    this.#database.exec('DELETE FROM waiting');
    return state;
  }

  #withBlocks(initial: ChainState, { crypto }: ChainTools): ChainState {
    const nodes = initial.nodes.draft();
    let sequence = 1;
    for (const { bytes } of this.#rows<{ bytes: Uint8Array }>('SELECT bytes FROM block ORDER BY sequence')) {
      const view = viewBlock(new Uint8Array(bytes));
      const hash = crypto.hash256(view.bytes.subarray(0, 80));
      const parent = nodes.get(view.header.previousBlockHash);
      if (parent === undefined) continue;
      nodes.set(hash, 0, new BlockNode(hash, view, parent, { blockWork: REGTEST_BLOCK_WORK, sequence: sequence++ }));
    }
    return { ...initial, nodes: nodes.freeze() };
  }

  /** What waited, judged again: with fees and limits, one by one, or without, for it was taken once. */
  #waiting(state: ChainState, tools: ChainTools): Mempool {
    const { tip, impersonated, priorities } = state;
    let pool = state.mempool;
    const rows = this.#rows<{ bytes: Uint8Array; time: bigint }>('SELECT bytes, time FROM waiting ORDER BY sequence');
    for (const { bytes, time } of rows) {
      const context = {
        ...tools,
        tip,
        impersonated,
        priorities,
        consensusOnly: false,
        bypassLimits: this.#reloads === 'all',
      };
      const tx = viewTransaction(new Uint8Array(bytes));
      const accepted = acceptToMempool(pool, tx, { ...context, now: Number(time) });
      if ('pool' in accepted) pool = accepted.pool;
    }
    this.#rewrite(pool);
    return pool;
  }

  /** Numbers what waits as the pool does now: with old numbers a child could come before its parent the next time. */
  #rewrite(pool: Mempool): void {
    this.#database.exec('BEGIN IMMEDIATE; DELETE FROM waiting;');
    for (const { tx, sequence, time } of pool.entries.values())
      this.#statements.wait.run(tx.id(), sequence, time, tx.bytes);
    this.#database.exec('COMMIT');
  }

  save(before: ChainState, after: ChainState): void {
    const { block, dropBlock, wait, leave, prioritise, forget, invalidate, reconsider, meta } = this.#statements;
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      if (before.nodes !== after.nodes) {
        const { lost, gained } = before.nodes.changesTo(after.nodes);
        // Parents come first, so that they are read first.
        for (const { value } of gained.toSorted((a, b) => a.value.height - b.value.height))
          block.run(value.hash, value.view.bytes);
        for (const { value } of lost) dropBlock.run(value.hash);
      }
      // Where nothing is reloaded, nothing is kept either: a later start with reloading begins empty, as in Core.
      if (this.#reloads !== 'none' && before.mempool.entries !== after.mempool.entries) {
        const { lost, gained } = before.mempool.entries.changesTo(after.mempool.entries);
        for (const { value } of lost) leave.run(value.tx.id());
        for (const { value } of gained) wait.run(value.tx.id(), value.sequence, value.time, value.tx.bytes);
      }
      if (before.priorities !== after.priorities) {
        const { lost, gained } = before.priorities.changesTo(after.priorities);
        for (const { key } of lost) forget.run(key);
        for (const { key, value } of gained) prioritise.run(key, value);
      }
      if (before.invalidated !== after.invalidated) {
        const { lost, gained } = before.invalidated.changesTo(after.invalidated);
        for (const { value } of lost) reconsider.run(value.hash);
        for (const { value } of gained) invalidate.run(value.hash);
      }
      if (before.tip !== after.tip) meta.run('tip', after.tip.hash);
      if (before.minedCount !== after.minedCount) meta.run('minedCount', after.minedCount);
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.#database.close();
  }

  #meta(name: string): Uint8Array | undefined {
    const row = this.#database.prepare('SELECT value FROM meta WHERE name = ?').get(name) as
      | { readonly value: Uint8Array }
      | undefined;
    return row?.value;
  }

  #number(name: string): bigint {
    const row = this.#database.prepare('SELECT value FROM meta WHERE name = ?').get(name) as
      | { readonly value: number }
      | undefined;
    return BigInt(row?.value ?? 0);
  }

  #rows<Row>(sql: string): Iterable<Row> {
    return this.#database.prepare(sql).iterate() as unknown as Iterable<Row>;
  }
}

/** Opens a file, or makes it. */
function openDatabase(file: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file);
    // One process has the file: two would each write a chain of their own, and one of them would be lost.
    database.exec('PRAGMA busy_timeout = 1000; PRAGMA locking_mode = EXCLUSIVE;');
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number };
    if (version !== 0 && version !== VERSION)
      throw fileInvalid(`expected a chain file of version ${VERSION}, got ${version}`);
    database.exec(`BEGIN; ${SCHEMA} PRAGMA user_version = ${VERSION}; COMMIT;`);
    return database;
  } catch (error) {
    database?.close();
    if (error instanceof ChainError) throw error;
    if (isInUse(error)) throw fileInvalid('expected a chain file that no other process uses, got one in use', error);
    throw fileInvalid('expected a file that SQLite can write, got none', error);
  }
}

/** SQLITE_BUSY: somebody else holds the lock. */
function isInUse(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'errcode' in error && Number(error.errcode) % 256 === 5;
}

function fileInvalid(message: string, cause?: unknown): ChainError<'CHAIN_FILE_INVALID'> {
  return new ChainError('CHAIN_FILE_INVALID', message, { details: { reason: message }, cause });
}

/** Connects a chain up to its tip; its scripts were checked before it was kept. */
function connectChain(tip: BlockNode, { crypto, cache }: ChainTools): void {
  const path: BlockNode[] = [];
  for (let at: BlockNode | undefined = tip; at !== undefined && at.connected === undefined; at = at.parent)
    path.push(at);
  for (const node of path.reverse()) {
    const connected = connectBlock(node, { crypto, cache, scripts: false });
    if ('reason' in connected)
      throw fileInvalid(`expected good blocks in the chain file, got one with ${connected.reason}`);
    node.connected = connected;
  }
}
