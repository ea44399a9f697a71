import { loadCrypto } from '@bitcoin-enterprise/core';
import { describe, expect, it } from 'vitest';
import { findCore, startCore } from './support/core-node.ts';
import { KEY_ADDRESS, KEY_WIF, rpcQuestions } from './support/rpc-questions.ts';
import { serverNode } from './support/server-node.ts';

const core = findCore('core-31');
const OTHER = 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080';

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
});
