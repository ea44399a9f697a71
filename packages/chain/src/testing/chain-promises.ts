import { blockHeight, hasCode, satoshis, toHex } from '@bitcoin-enterprise/core';
import { ensure, ensureEqual, ensureThrows, type Promised } from '@bitcoin-enterprise/core/testing';
import { blockHash, parseBlock, parseTransaction, transactionId } from '@bitcoin-enterprise/script';
import type { BlockEvent } from '../ports/subscriptions.ts';
import { type ChainHarness, lacks } from './harness.ts';
import { kitOutput, kitSpend } from './kit-scripts.ts';
import { packageBroadcasterPromises } from './package-promises.ts';

const NOTHING = new Uint8Array(32).fill(0xee);
const AMOUNT = satoshis(1_000_000n);
const FEE = 10_000n;
const LESS: typeof AMOUNT = satoshis(AMOUNT - FEE);

/** Funds an output of its own and makes a transaction that spends it well. */
async function fundedSpend(harness: ChainHarness, label: string) {
  const source = kitOutput(label);
  const outpoint = await harness.fund(source.scriptPubKey, AMOUNT);
  const target = kitOutput(`${label} target`);
  const bytes = kitSpend({ outpoint, witness: source.witness }, { scriptPubKey: target.scriptPubKey, value: LESS });
  return { source, outpoint, target, bytes, txid: transactionId(parseTransaction(bytes)) };
}

function requireThere<Value>(value: Value | undefined, what: string): Value {
  ensure(value !== undefined, `${what} is there`);
  return value;
}

/** What every `ChainSource` promises, on a regtest chain that the kit alone uses. */
export const chainSourcePromises: ReadonlyArray<Promised<ChainHarness>> = [
  {
    name: 'the network is regtest',
    async run(make) {
      ensureEqual(await (await make()).chain.network(), 'regtest');
    },
  },
  {
    name: 'the tip is the last block mined, and older blocks have more confirmations',
    async run(make) {
      const harness = await make();
      const before = await harness.chain.tip();
      await harness.mine(2);
      const after = await harness.chain.tip();

      ensureEqual(after.height, before.height + 2, 'height');
      ensureEqual(after.confirmations, 1, 'confirmations of the tip');
      ensureEqual(blockHash(after.header), after.hash, 'hash of the header');
      ensureEqual((await harness.chain.header(before.hash))?.confirmations, 3, 'confirmations of the older one');
    },
  },
  {
    name: 'heights, hashes, headers and blocks agree with one another',
    async run(make) {
      const harness = await make();
      await harness.mine(1);
      const { chain } = harness;
      const tip = await chain.tip();

      ensureEqual(await chain.blockHash(tip.height), tip.hash, 'hash at the height of the tip');
      if (!(await lacks(harness, 'block', () => chain.block(tip.hash)))) {
        const block = parseBlock(requireThere(await chain.block(tip.hash), 'the block'));
        ensureEqual(block.header, tip.header, 'header of the block');
      }
      ensureEqual((await chain.header(tip.header.previousBlockHash))?.height, tip.height - 1, 'height of the parent');
    },
  },
  {
    name: 'the median time is that of the last eleven headers',
    async run(make) {
      const harness = await make();
      await harness.mine(11);
      const { chain } = harness;
      const tip = await chain.tip();
      const times: number[] = [];
      for (let height = tip.height - 10; height <= tip.height; height++) {
        const hash = requireThere(await chain.blockHash(blockHeight(height)), 'the hash');
        times.push(requireThere(await chain.header(hash), 'the header').header.time);
      }
      times.sort((a, b) => a - b);

      ensureEqual(tip.medianTime, times[5], 'median time');
    },
  },
  {
    name: 'what is not there is undefined',
    async run(make) {
      const { chain } = await make();

      ensureEqual(await chain.blockHash(blockHeight(1_000_000)), undefined, 'hash above the tip');
      ensureEqual(await chain.header(NOTHING), undefined, 'unknown header');
      ensureEqual(await chain.block(NOTHING), undefined, 'unknown block');
      ensureEqual(await chain.transaction(NOTHING), undefined, 'unknown transaction');
      ensureEqual(await chain.unspentOutput({ txid: NOTHING, index: 0 }), undefined, 'unknown output');
      ensureEqual(await chain.unspentOutputsOf(kitOutput('nobody').scriptPubKey), [], 'outputs of nobody');
    },
  },
  {
    name: 'a funded output is unspent, with its value, script and height, and found by its script',
    async run(make) {
      const harness = await make();
      const { scriptPubKey } = kitOutput('a funded output');
      const outpoint = await harness.fund(scriptPubKey, AMOUNT);
      const { height } = await harness.chain.tip();
      const expected = { ...outpoint, value: AMOUNT, scriptPubKey, height, coinbase: false };

      const { txid, index, value, coinbase, ...rest } = requireThere(
        await harness.chain.unspentOutput(outpoint),
        'the output',
      );
      ensureEqual({ txid, index, value, scriptPubKey: rest.scriptPubKey, height: rest.height, coinbase }, expected);
      const found = await harness.chain.unspentOutputsOf(scriptPubKey);
      ensureEqual(
        found.map((output) => [toHex(output.txid), output.index, output.value, output.height]),
        [[toHex(outpoint.txid), outpoint.index, AMOUNT, height]],
      );
    },
  },
  {
    name: 'the mempool counts only where it is asked for',
    async run(make) {
      const harness = await make();
      const { outpoint, bytes, txid, target } = await fundedSpend(harness, 'mempool counts');
      const { chain } = harness;
      await chain.broadcast(bytes);
      const created = { txid, index: 0 };

      ensure((await chain.unspentOutput(outpoint)) !== undefined, 'spent by the mempool alone is unspent');
      ensureEqual(await chain.unspentOutput(outpoint, { includeMempool: true }), undefined, 'spent in the mempool');
      ensureEqual(await chain.unspentOutput(created), undefined, 'created by the mempool alone');
      const waiting = requireThere(await chain.unspentOutput(created, { includeMempool: true }), 'the new output');
      ensureEqual([waiting.value, waiting.scriptPubKey, waiting.height], [LESS, target.scriptPubKey, undefined]);
      await harness.mine(1);
      ensureEqual(await chain.unspentOutput(outpoint), undefined, 'spent in a block');
      ensure((await chain.unspentOutput(created)) !== undefined, 'created in a block');
    },
  },
  {
    name: 'a call whose signal is aborted answers CHAIN_ABORTED',
    async run(make) {
      const { chain } = await make();
      const signal = AbortSignal.abort();

      await ensureThrows(() => chain.tip({ signal }), 'CHAIN_ABORTED');
      await ensureThrows(() => chain.block(NOTHING, { signal }), 'CHAIN_ABORTED');
    },
  },
];

/** What every `TxBroadcaster` and `FeeEstimator` promises. */
export const txBroadcasterPromises: ReadonlyArray<Promised<ChainHarness>> = [
  {
    name: 'a transaction that was broadcast waits, then has a block',
    async run(make) {
      const harness = await make();
      const { bytes, txid } = await fundedSpend(harness, 'waits, then has a block');
      const { chain } = harness;

      ensureEqual(await chain.broadcast(bytes), txid, 'id');
      const waiting = requireThere(await chain.transaction(txid), 'the waiting transaction');
      ensureEqual([waiting.bytes, waiting.confirmations, waiting.block], [bytes, 0, undefined]);
      await harness.mine(1);
      const { hash, height } = await chain.tip();
      const mined = requireThere(await chain.transaction(txid), 'the mined transaction');
      ensureEqual([mined.confirmations, mined.block?.hash, mined.block?.height], [1, hash, height]);
    },
  },
  {
    name: 'broadcasting what waits already is harmless',
    async run(make) {
      const harness = await make();
      const { bytes, txid } = await fundedSpend(harness, 'twice is harmless');

      await harness.chain.broadcast(bytes);
      ensureEqual(await harness.chain.broadcast(bytes), txid, 'id');
    },
  },
  {
    name: 'a test acceptance tells the fee and changes nothing',
    async run(make) {
      const harness = await make();
      const { bytes, txid } = await fundedSpend(harness, 'a test acceptance');
      if (await lacks(harness, 'testAccept', () => harness.chain.testAccept(bytes))) return;
      const result = await harness.chain.testAccept(bytes);

      ensure(result.accepted, 'it would be accepted');
      ensureEqual([result.txid, result.fee], [txid, FEE], 'id and fee');
      ensureEqual(await harness.chain.transaction(txid), undefined, 'the transaction afterwards');
    },
  },
  {
    name: 'bytes that are no transaction are malformed',
    async run(make) {
      const { chain } = await make();

      await ensureThrows(() => chain.broadcast(Uint8Array.of(1, 2, 3)), 'CHAIN_TX_MALFORMED');
      await ensureThrows(() => chain.testAccept(new Uint8Array(0)), 'CHAIN_TX_MALFORMED');
    },
  },
  ...rejections([
    ['an output that never was', 'bad-txns-inputs-missingorspent', undefined, {}],
    ['more out than in', 'bad-txns-in-belowout', undefined, { value: 1_000_001n }],
    ['a lock time that has not come', 'non-final', undefined, { lockTime: 400_000_000 }],
    ['another witness script', undefined, 'WITNESS_PROGRAM_MISMATCH', { witness: [Uint8Array.of(0x51)] }],
    ['no witness', undefined, 'WITNESS_PROGRAM_WITNESS_EMPTY', { witness: [] }],
  ]),
  {
    name: 'a rival that pays no more is refused, one that pays better replaces',
    async run(make) {
      const harness = await make();
      const { bytes, txid, source, outpoint, target } = await fundedSpend(harness, 'a rival');
      const { chain } = harness;
      await chain.broadcast(bytes);
      const rival = (fee: bigint): Uint8Array =>
        kitSpend(
          { outpoint, witness: source.witness },
          { scriptPubKey: target.scriptPubKey, value: satoshis(AMOUNT - fee) },
        );

      const error = await ensureThrows(() => chain.broadcast(rival(FEE - 1n)), 'CHAIN_TX_REJECTED');
      ensureEqual(hasCode(error, 'CHAIN_TX_REJECTED') ? error.details.reason.split(',')[0] : error, 'insufficient fee');
      await chain.broadcast(rival(FEE * 2n));
      ensureEqual(await chain.transaction(txid), undefined, 'the replaced transaction');
    },
  },
  {
    name: 'a fee estimate is a rate or nothing',
    async run(make) {
      const { chain } = await make();
      for (const target of [1, 6, 1_008]) {
        const rate = await chain.estimateFeeRate(target);
        ensure(rate === undefined || rate > 0n, `an estimate for ${target} blocks`);
      }
    },
  },
];

type RejectionCase = readonly [
  name: string,
  reason: string | undefined,
  scriptError: string | undefined,
  change: { readonly value?: bigint; readonly lockTime?: number; readonly witness?: readonly Uint8Array[] },
];

/** Each way of being refused, asked for and tried: both give the same reason. */
function rejections(cases: readonly RejectionCase[]): ReadonlyArray<Promised<ChainHarness>> {
  return cases.map(([name, reason, scriptError, change]) => ({
    name: `${name}: ${reason ?? scriptError ?? ''}`,
    async run(make) {
      const harness = await make();
      const { source, outpoint, target } = await fundedSpend(harness, `refused: ${name}`.slice(0, 60));
      const missing = reason === 'bad-txns-inputs-missingorspent';
      const { value = LESS, witness = source.witness, lockTime = 0 } = change;
      const bytes = kitSpend(
        { outpoint: missing ? { txid: NOTHING, index: 0 } : outpoint, witness },
        { scriptPubKey: target.scriptPubKey, value: value as typeof LESS },
        { lockTime },
      );

      const error = await ensureThrows(() => harness.chain.broadcast(bytes), 'CHAIN_TX_REJECTED');
      ensure(hasCode(error, 'CHAIN_TX_REJECTED'), 'the error has details');
      const rejections = [error.details];
      if (!(await lacks(harness, 'testAccept', () => harness.chain.testAccept(bytes)))) {
        const tested = await harness.chain.testAccept(bytes);
        ensure(!tested.accepted, 'a test refuses it, too');
        rejections.push(tested.rejection);
      }
      for (const rejection of rejections) {
        // bitcoind adds the amounts, or the words of the script error, behind the reason.
        if (reason !== undefined) ensureEqual(rejection.reason.split(/[,(]/)[0]?.trim(), reason, 'reason');
        if (scriptError !== undefined) ensureEqual(rejection.scriptError, scriptError, 'script error');
      }
    },
  }));
}

/** What every `BlockSubscription` and `MempoolSubscription` promises. */
export const subscriptionPromises: ReadonlyArray<Promised<ChainHarness>> = [
  {
    name: 'block events since a block are told in order, and go on',
    async run(make) {
      const harness = await make();
      const start = await harness.chain.tip();
      await harness.mine(2);
      const events = harness.chain.blockEvents({ after: start.hash })[Symbol.asyncIterator]();
      const heights = [await nextHeight(events), await nextHeight(events)];
      await harness.mine(1);
      heights.push(await nextHeight(events));
      await events.return?.();

      ensureEqual(
        heights,
        [1, 2, 3].map((more) => start.height + more),
        'heights',
      );
    },
  },
  {
    name: 'a reorganisation is disconnections from the top, then connections',
    async run(make) {
      const harness = await make();
      await harness.mine(2);
      const old = await harness.chain.tip();
      const events = harness.chain.blockEvents({ after: old.hash })[Symbol.asyncIterator]();
      await harness.reorg(2);
      const told: BlockEvent[] = [];
      while (told.length < 5) {
        const step = await events.next();
        ensure(step.done !== true, 'the iteration goes on');
        told.push(step.value);
      }
      await events.return?.();

      ensureEqual(
        told.map(({ type, height }) => [type, height - old.height]),
        [
          ['disconnected', 0],
          ['disconnected', -1],
          ['connected', -1],
          ['connected', 0],
          ['connected', 1],
        ],
      );
      ensureEqual(told.at(-1)?.hash, (await harness.chain.tip()).hash, 'the new tip');
    },
  },
  {
    name: 'events since a block that nobody knows are refused',
    async run(make) {
      const { chain } = await make();
      const events = chain.blockEvents({ after: NOTHING })[Symbol.asyncIterator]();

      await ensureThrows(() => events.next(), 'CHAIN_BLOCK_UNKNOWN');
    },
  },
  {
    name: 'a signal ends an iteration without an error',
    async run(make) {
      const harness = await make();
      const { chain } = harness;
      const stop = new AbortController();
      const { signal } = stop;
      const pending: Promise<IteratorResult<unknown>>[] = [
        chain.blockEvents({ signal })[Symbol.asyncIterator]().next(),
      ];
      if (!(await lacks(harness, 'mempoolEvents', () => chain.mempoolEvents()[Symbol.asyncIterator]().next())))
        pending.push(chain.mempoolEvents({ signal })[Symbol.asyncIterator]().next());
      stop.abort();

      for (const step of await Promise.all(pending)) ensure(step.done === true, 'it ends');
    },
  },
  {
    name: 'mempool events tell what waits, what comes and what goes',
    async run(make) {
      const harness = await make();
      const first = await fundedSpend(harness, 'waits already');
      const second = await fundedSpend(harness, 'comes later');
      await harness.chain.broadcast(first.bytes);
      const events = harness.chain.mempoolEvents()[Symbol.asyncIterator]();
      if (await lacks(harness, 'mempoolEvents', () => events.next())) return;
      const told = [await events.next()];
      await harness.chain.broadcast(second.bytes);
      told.push(await events.next());
      await harness.mine(1);
      told.push(await events.next(), await events.next());
      await events.return?.();

      const shown = told.map(({ value }) => `${value?.type} ${toHex(value?.txid ?? NOTHING)}`);
      ensureEqual(shown.slice(0, 2), [`added ${toHex(first.txid)}`, `added ${toHex(second.txid)}`], 'added');
      ensureEqual(
        shown.slice(2).sort(),
        [`removed ${toHex(first.txid)}`, `removed ${toHex(second.txid)}`].sort(),
        'removed',
      );
    },
  },
];

async function nextHeight(events: AsyncIterator<BlockEvent>): Promise<number> {
  const step = await events.next();
  ensure(step.done !== true && step.value.type === 'connected', 'a block is connected');
  return step.value.height;
}

/** All promises of a chain: a real node and the embedded chain pass the same ones. */
export const chainPromises: ReadonlyArray<Promised<ChainHarness>> = [
  ...chainSourcePromises,
  ...txBroadcasterPromises,
  ...packageBroadcasterPromises,
  ...subscriptionPromises,
];
