/** Questions to a chain that stands still, and the answers that are right. */
import { blockHeight, displayHash, satoshis, toHex } from '@bitcoin-enterprise/core';
import type { ChainSource } from '@bitcoin-enterprise/chain';
import type { ChainHarness } from '@bitcoin-enterprise/chain/testing';
import { viewTransaction } from '@bitcoin-enterprise/script';
import { kitOutput, kitSpend } from '../../src/testing/kit-scripts.ts';

/** One question. */
export interface Question {
  readonly name: string;
  /** Whether a single source can prove its answer, so that even answers of other questions are noticed. */
  readonly proven: boolean;
  /** The answer as a text that can be compared. */
  readonly ask: (chain: ChainSource, signal?: AbortSignal) => Promise<string>;
}

/** Makes things happen on a chain, and asks about all of them. */
export async function questionsTo(harness: ChainHarness, label: string): Promise<readonly Question[]> {
  const { chain } = harness;
  const outputs = [0, 1, 2, 3].map((i) => kitOutput(`${label} ${i}`));
  const [kept, spent, waiting, twice] = outputs as [
    (typeof outputs)[0],
    (typeof outputs)[0],
    (typeof outputs)[0],
    (typeof outputs)[0],
  ];
  const fund = async (output: typeof kept) => harness.fund(output.scriptPubKey, satoshis(1_000_000n));
  const keptAt = await fund(kept);
  const spentAt = await fund(spent);
  const waitingAt = await fund(waiting);
  await fund(twice);
  await fund(twice);
  const target = kitOutput(`${label} target`);
  const pay = (from: typeof keptAt, { witness }: typeof kept, fee: bigint): Uint8Array =>
    kitSpend({ outpoint: from, witness }, { scriptPubKey: target.scriptPubKey, value: satoshis(1_000_000n - fee) });
  const confirmed = await chain.broadcast(pay(spentAt, spent, 2_000n));
  await harness.mine(2);
  const stale = await chain.tip();
  await harness.reorg(1);
  await harness.mine(3);
  const unconfirmed = await chain.broadcast(pay(waitingAt, waiting, 3_000n));
  const tip = await chain.tip();
  const nothing = new Uint8Array(32).fill(0xcd);
  const middle = blockHeight(tip.height - 5);
  const middleHash = (await chain.blockHash(middle)) ?? nothing;

  const question = (
    name: string,
    proven: boolean,
    ask: (chain: ChainSource, call: { readonly signal?: AbortSignal }) => Promise<unknown>,
  ): Question => ({
    name,
    proven,
    ask: async (from, signal) => textOf(await ask(from, signal === undefined ? {} : { signal })),
  });
  const header = (name: string, hash: Uint8Array): Question =>
    question(`header ${name}`, false, async (from, call) => from.header(hash, call));
  const unspent = (name: string, outpoint: typeof keptAt, includeMempool: boolean): Question =>
    question(`${name}, mempool ${includeMempool}`, false, async (from, call) =>
      from.unspentOutput(outpoint, { ...call, includeMempool }),
    );
  return [
    question('tip', false, async (from, call) => from.tip(call)),
    question('hash in the middle', false, async (from, call) => from.blockHash(middle, call)),
    question('hash above the tip', false, async (from, call) => from.blockHash(blockHeight(tip.height + 50), call)),
    header('of the tip', tip.hash),
    header('in the middle', middleHash),
    header('off the best branch', stale.hash),
    header('of nothing', nothing),
    question('block', true, async (from, call) => from.block(middleHash, call)),
    question('confirmed transaction', true, async (from, call) => from.transaction(confirmed, call)),
    question('waiting transaction', false, async (from, call) => from.transaction(unconfirmed, call)),
    question('no transaction', false, async (from, call) => from.transaction(nothing, call)),
    unspent('unspent output', keptAt, false),
    unspent('spent output', spentAt, false),
    unspent('output that the mempool spends', waitingAt, false),
    unspent('output that the mempool spends', waitingAt, true),
    unspent('output of the mempool', { txid: unconfirmed, index: 0 }, true),
    question('outputs of a script', false, async (from, call) => from.unspentOutputsOf(twice.scriptPubKey, call)),
    question('outputs of a script that the mempool spends', false, async (from, call) =>
      from.unspentOutputsOf(waiting.scriptPubKey, call),
    ),
    question('outputs of nobody', false, async (from, call) =>
      from.unspentOutputsOf(kitOutput('nobody').scriptPubKey, call),
    ),
  ];
}

/**
 * An answer as a text. Of a transaction the id alone: no hash that anybody was asked by covers its witness (a pool
 * compares it, too).
 */
export function textOf(answer: unknown): string {
  if (answer === undefined) return 'nothing';
  if (Array.isArray(answer)) return `[${answer.map(textOf).sort().join(' ')}]`;
  return JSON.stringify(answer, (key, value: unknown) => {
    if (typeof value === 'bigint') return String(value);
    if (value instanceof Uint8Array) return key === 'bytes' ? displayHash(viewTransaction(value).id()) : toHex(value);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
