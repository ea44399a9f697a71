import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { startChainServer } from '@bitcoin-enterprise/chain/server';
import { currentCrypto, hasCode, loadCrypto, parseDisplayHash, toHex } from '@bitcoin-enterprise/core';
import { serializeTransaction } from '@bitcoin-enterprise/script';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { removeFolder, temporaryFolder } from '../../../scripts/nodes/child.ts';
import { mempoolProfile } from '../src/model/mempool-profiles.ts';
import { RpcDispatcher } from '../src/server/dispatcher.ts';
import { allMethods } from '../src/server/methods/all.ts';
import { RegtestNode } from '../src/server/node.ts';
import { SqliteNodeStore } from '../src/server/sqlite-store.ts';

const numRuns = process.env['BE_LONG'] === '1' ? 10_000 : 300;
const seed = Number(process.env['BE_SEED'] ?? 20_261_127);
/** Anyone may spend what is paid there: a script hash of OP_TRUE. */
const ANYONE = '00204ae81572f06e1b88fd5ced7a1a000945432e83e1551e6f721ee9c00b8cc33260';

const folder = temporaryFolder('damage');
const file = join(folder, 'chain.sqlite');
/** A chain file that was closed, and what it holds. */
let whole: Uint8Array;
let held: string;

beforeAll(async () => {
  await loadCrypto();
  const node = open();
  await fill(node);
  held = contentOf(node);
  node.close();
  whole = new Uint8Array(readFileSync(file));
});
beforeEach(() => writeFileSync(file, whole));
afterAll(() => removeFolder(folder));

function open(): RegtestNode {
  const store = new SqliteNodeStore(file, { reloads: 'all' });
  try {
    return new RegtestNode({ policy: mempoolProfile('core-31'), store, mockTime: 1_800_000_000 });
  } catch (error) {
    store.close();
    throw error;
  }
}

/** Two branches, one declared invalid; a block with witnesses; a parent and its child that wait; a fee that counts for more. */
async function fill(node: RegtestNode): Promise<void> {
  const dispatcher = new RpcDispatcher(node, allMethods());
  const call = async <Result>(method: string, ...params: readonly unknown[]): Promise<Result> => {
    const { body } = await dispatcher.answer(JSON.stringify({ id: 1, method, params }));
    const { result, error } = JSON.parse(body) as { readonly result: Result; readonly error: unknown };
    if (error !== null) throw new Error(JSON.stringify(error));
    return result;
  };
  const spend = (txid: string, value: bigint): Promise<string> => {
    const input = {
      previousTxid: parseDisplayHash(txid),
      previousIndex: 0,
      scriptSig: new Uint8Array(),
      sequence: 0xffff_fffd,
    };
    const inputs = [{ ...input, witness: [Uint8Array.of(0x51)] }];
    const outputs = [{ value, scriptPubKey: Uint8Array.from(Buffer.from(ANYONE, 'hex')) }];
    return call('sendrawtransaction', toHex(serializeTransaction({ version: 2, inputs, outputs, lockTime: 0 })));
  };
  const mined = await call<string[]>('generatetodescriptor', 103, `raw(${ANYONE})`);
  const coinbases = await Promise.all(
    mined.slice(0, 2).map((hash) => call<{ readonly tx: string[] }>('getblock', hash)),
  );
  const [first = '', second = ''] = coinbases.map(({ tx }) => tx[0] ?? '');
  await spend(first, 4_999_990_000n);
  await call('generatetodescriptor', 1, `raw(${ANYONE})`);
  const [left] = await call<string[]>('generatetodescriptor', 1, `raw(${ANYONE})`);
  await call('invalidateblock', left);
  await call('generatetodescriptor', 2, `raw(${ANYONE})`);
  const parent = await spend(second, 4_999_980_000n);
  await spend(parent, 4_999_970_000n);
  await call('prioritisetransaction', parent, 0, 5_000);
}

/** All that a node holds, as a text. */
function contentOf({ state }: RegtestNode): string {
  const { tip, nodes, invalidated, mempool, priorities, minedCount } = state;
  const blocks = [...nodes.values()].toSorted((a, b) => a.sequence - b.sequence).map(({ hash }) => toHex(hash));
  const waiting = [...mempool.entries.values()].toSorted((a, b) => a.sequence - b.sequence);
  return JSON.stringify({
    tip: toHex(tip.hash),
    blocks: toHex(currentCrypto().sha256(new TextEncoder().encode(blocks.join()))),
    invalidated: [...invalidated.values()].map(({ hash }) => toHex(hash)),
    waiting: waiting.map(({ tx, time }) => `${toHex(tx.id())} ${toHex(tx.witnessId())} ${time}`),
    priorities: [...priorities.entries()].map(({ key, value }) => `${toHex(key)} ${value}`),
    minedCount,
  });
}

/** What comes of the file: its content, or the code of the refusal. */
function outcome(): string {
  let node: RegtestNode;
  try {
    node = open();
  } catch (error) {
    if (!hasCode(error, 'CHAIN_FILE_INVALID')) throw error;
    // What to do: another version, another file, or what is left of this one.
    expect(error.hint).toMatch(/^[A-Z].{20,}\.$/s);
    return 'refused';
  }
  const content = contentOf(node);
  node.close();
  return content;
}

describe(`a chain file that is damaged (seed ${seed})`, () => {
  it('holds what it held while it is whole', () => {
    expect(outcome()).toBe(held);
    expect(outcome()).toBe(held);
  });

  it('is refused, or holds what it held, whatever byte is changed', { timeout: 1_800_000 }, () => {
    let refused = 0;
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = whole.slice();
        damaged[at] = (damaged[at] as number) ^ change;
        writeFileSync(file, damaged);
        const became = outcome();
        if (became === 'refused') refused++;
        else expect(became).toBe(held);
      }),
      { numRuns, seed },
    );
    expect(refused).toBeGreaterThan(numRuns / 10);
  });

  it('is refused, or holds what it held, whatever part is wiped out or cut off', { timeout: 1_800_000 }, () => {
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(10_000), fc.boolean(), (from, length, isCut) => {
        const damaged = isCut ? whole.slice(0, Math.max(1, from)) : whole.slice();
        damaged.fill(0, from, from + length);
        writeFileSync(file, damaged);
        expect(['refused', held]).toContain(outcome());
      }),
      { numRuns: numRuns / 3, seed },
    );
  });

  it.each([
    [
      'a block that is another one',
      'UPDATE block SET bytes = (SELECT bytes FROM block WHERE sequence = 7) WHERE sequence = 9',
    ],
    ['a block under a wrong name', 'UPDATE block SET hash = zeroblob(32) WHERE sequence = 9'],
    ['a block less', 'DELETE FROM block WHERE sequence = 50'],
    ['a tip that it has no block of', "UPDATE meta SET value = zeroblob(32) WHERE name = 'tip'"],
    ['no tip', "DELETE FROM meta WHERE name = 'tip'"],
    ['another tip', "UPDATE meta SET value = (SELECT hash FROM block WHERE sequence = 50) WHERE name = 'tip'"],
    ['a transaction less', 'DELETE FROM waiting WHERE sequence = (SELECT max(sequence) FROM waiting)'],
    ['a fee that counts for more', 'UPDATE priority SET delta = delta + 1'],
    ['a block that is valid again', 'DELETE FROM invalidated'],
  ])('is refused with %s', async (_name, sql) => {
    const database = new DatabaseSync(file);
    database.exec(sql);
    database.close();

    expect(outcome()).toBe('refused');
    await expect(startChainServer({ file })).rejects.toMatchObject({ code: 'CHAIN_FILE_INVALID' });
    // Whoever was refused has let go of the file.
    writeFileSync(file, whole);
    const server = await startChainServer({ file });
    await server.stop();
  });

  it('has a checksum from now on where it was written by a version that knew of none', () => {
    const database = new DatabaseSync(file);
    database.exec("DELETE FROM meta WHERE name = 'sum'; PRAGMA user_version = 1");
    database.close();
    expect(outcome()).toBe(held);

    const again = new DatabaseSync(file);
    again.exec('UPDATE priority SET delta = delta + 1');
    again.close();
    expect(outcome()).toBe('refused');
  });

  it('of a later version is refused', () => {
    const database = new DatabaseSync(file);
    database.exec('PRAGMA user_version = 3');
    database.close();
    expect(outcome()).toBe('refused');
  });

  it('keeps a fee that is more than a number holds, and one from before the first block', async () => {
    writeFileSync(file, '');
    const node = open();
    const dispatcher = new RpcDispatcher(node, allMethods());
    const delta = 9_007_199_254_740_993n;
    const params = `["${'11'.repeat(32)}",0,${delta}]`;
    await dispatcher.answer(`{"id":1,"method":"prioritisetransaction","params":${params}}`);
    const content = contentOf(node);
    node.close();
    expect(content).toMatch(/"priorities":\["(?:11){32} 900719925474099/);
    expect(outcome()).toBe(content);
  });

  it('is left as it is where it is the database of another program', () => {
    writeFileSync(file, '');
    const database = new DatabaseSync(file);
    database.exec('CREATE TABLE letter (text TEXT); INSERT INTO letter VALUES (1)');
    database.close();
    const before = readFileSync(file);

    expect(outcome()).toBe('refused');
    expect(readFileSync(file).equals(before)).toBe(true);
  });
});
