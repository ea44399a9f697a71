import { loadCrypto, parseDisplayHash, parseHex } from '@bitcoin-enterprise/core';
import { viewBlock } from '@bitcoin-enterprise/script';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findCore, startCore } from './support/core-node.ts';
import { randomCall } from './support/rpc-calls.ts';
import { KEY_ADDRESS, KEY_WIF, rpcQuestions } from './support/rpc-questions.ts';
import { serverNode } from './support/server-node.ts';

const core = findCore('core-31');
const OTHER = 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080';

/** Methods whose answers are those of the chain alone, and change nothing but by good transactions and blocks. */
const READERS = new Set(
  [
    'getblock getblockhash getblockheader getblockstats getchaintxstats getdeploymentinfo gettxout',
    'gettxoutproof verifytxoutproof getrawtransaction decoderawtransaction decodescript',
    'createrawtransaction combinerawtransaction signrawtransactionwithkey sendrawtransaction',
    'testmempoolaccept submitpackage gettxspendingprevout getmempoolentry getmempoolancestors',
    'getmempooldescendants getmempoolcluster getrawmempool validateaddress deriveaddresses',
    'getdescriptorinfo createmultisig verifymessage signmessagewithprivkey estimatesmartfee',
    'submitblock submitheader scantxoutset getblockfilter getnetworkhashps verifychain echo',
  ].flatMap((line) => line.split(' ')),
);

interface Node {
  readonly rpcUrl: string;
  readonly cookie: string;
}

async function ask({ rpcUrl, cookie }: Node, method: string, params: readonly unknown[]): Promise<Answer> {
  const response = await fetch(rpcUrl, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(cookie)}` },
    body: JSON.stringify({ id: 1, method, params }),
  });
  return (await response.json()) as Answer;
}

interface Answer {
  readonly result: unknown;
  readonly error: { readonly code: number; readonly message: string } | null;
}

/** What is wrong with a call is told by a page of help, of which we have the first line. */
function withoutHelp(answer: Answer): Answer {
  const { error } = answer;
  if (error?.code !== -1 || !error.message.includes('\n')) return answer;
  return { ...answer, error: { code: -1, message: error.message.slice(0, error.message.indexOf(' ')) } };
}

describe.skipIf(core === undefined)('the server beside a real Bitcoin Core 31', () => {
  it('gives the same answer to good and bad calls of nearly every method', { timeout: 120_000 }, async () => {
    await loadCrypto();
    const theirs = await startCore(core as string, ['-acceptnonstdtxn=0']);
    const ours = await serverNode({ policy: 'core-31' });
    const get = async (method: string, params: readonly unknown[] = []): Promise<string> =>
      (await ask(theirs, method, params)).result as string;
    try {
      for (let i = 0; i < 105; i++) {
        for (const node of [theirs, ours]) await ask(node, 'setmocktime', [1_700_000_000 + i * 600]);
        const [hash] = (await get('generatetoaddress', [1, i < 3 ? KEY_ADDRESS : OTHER])) as unknown as [string];
        expect(await ask(ours, 'submitblock', [await get('getblock', [hash, 0])])).toMatchObject({ result: null });
      }
      const [h1, tip] = [await get('getblockhash', [1]), await get('getbestblockhash')];
      const [cb] = ((await get('getblock', [h1])) as unknown as { tx: [string] }).tx;
      const raw = await get('createrawtransaction', [[{ txid: cb, vout: 0 }], { [OTHER]: 49.999 }]);
      const { hex: signed } = (await get('signrawtransactionwithkey', [raw, [KEY_WIF]])) as unknown as { hex: string };
      const tiphex = await get('getblock', [tip, 0]);

      for (const [method, params] of rpcQuestions({ cb, h1, tip, tiphex, raw, signed })) {
        const [mine, other] = await Promise.all([ask(ours, method, params), ask(theirs, method, params)]);
        const [left, right] = [withoutHelp(mine), withoutHelp(other)];
        // Where help is the answer, that it comes is enough.
        if (right.error?.code === -1 && left.error?.code === -1) continue;
        expect.soft([method, params, left]).toEqual([method, params, right]);
      }
    } finally {
      await ours.stop();
      await theirs.stop();
    }
  });

  it('gives the same answer to random calls, most of them absurd', { timeout: 900_000 }, async () => {
    await loadCrypto();
    const theirs = await startCore(core as string, ['-acceptnonstdtxn=0']);
    const ours = await serverNode({ policy: 'core-31' });
    const seed = Number(process.env['BE_SEED'] ?? 20_261_127);
    const numRuns = process.env['BE_LONG'] === '1' ? 50_000 : 1_500;
    try {
      for (const node of [theirs, ours]) await node.rpc('setmocktime', [1_700_000_000]);
      for (const hash of await theirs.rpc<string[]>('generatetoaddress', [5, OTHER]))
        await ours.rpc('submitblock', [await theirs.rpc('getblock', [hash, 0])]);
      const best = await theirs.rpc<string>('getbestblockhash');
      const view = viewBlock(parseHex(await theirs.rpc<string>('getblock', [best, 0])));
      const { transactions } = view;
      const tip = { hash: parseDisplayHash(best), view, transactions };
      let compared = 0;
      for (const { method, params } of fc.sample(
        randomCall(tip, (name) => READERS.has(name)),
        { numRuns, seed },
      )) {
        const [mine, other] = await Promise.all([ask(ours, method, params), ask(theirs, method, params)]);
        const [left, right] = [withoutHelp(mine), withoutHelp(other)];
        // Help is an answer of its own; and scripts that only Miniscript can describe are not described.
        if (right.error?.code === -1 && left.error?.code === -1) continue;
        if (method === 'decodescript' && JSON.stringify(right).includes('wsh(0)')) continue;
        compared++;
        expect.soft([seed, method, params, left]).toEqual([seed, method, params, right]);
      }
      expect(compared).toBeGreaterThan(numRuns / 3);
    } finally {
      await ours.stop();
      await theirs.stop();
    }
  });
});
