/** The embedded chain against a real bitcoind with one script thread: CPU time to connect a block of Taproot spends. */
import { readFileSync, readdirSync } from 'node:fs';
import { type EmbeddedChain, createEmbeddedChain } from '@bitcoin-enterprise/chain';
import { type CryptoEngine, loadCrypto, satoshis, toHex } from '@bitcoin-enterprise/core';
import { workerCrypto } from '@bitcoin-enterprise/core/workers';
import {
  type SpentOutput,
  type Transaction,
  serializeTransaction,
  sighashTaproot,
  taprootOutput,
  taprootSecretKey,
  transactionId,
} from '@bitcoin-enterprise/script';
import { type Bitcoind, startBitcoind } from '../scripts/nodes/bitcoind.ts';
import { machine } from './harness.ts';
import type { BenchResult, BenchSettings } from './harness.ts';

const INPUTS = 1_000;
/** Blocks connected before the measured ones, so that both sides run warm code. */
const WARM_UP = 12;
/** What two threads must gain on bitcoind's one: half of its time is 2, and no two threads share a block without loss. */
const HALF_NEARLY = 1.6;
const EMPTY = new Uint8Array();
const ANYONE = Uint8Array.of(0x51);

/** How the inputs of a block lie in transactions. */
type Shape = 'one transaction of 1,000 inputs' | '1,000 transactions of one input';

/** Runs both shapes. */
export async function runBench(settings: BenchSettings): Promise<readonly BenchResult[]> {
  const { engine } = await loadCrypto({ prefer: 'wasm' });
  const shapes: readonly Shape[] = ['1,000 transactions of one input', 'one transaction of 1,000 inputs'];
  const results: BenchResult[] = [];
  for (const shape of shapes) results.push(await connectBlocks(shape, engine, settings));
  results.push(...(await helpingThread(engine, settings)));
  return results;
}

/**
 * The same blocks with a second thread: by the clock on the wall, because a thread saves no work; against none, and
 * against the CPU time of bitcoind's one script thread, which is half of what it would take on two at best.
 */
async function helpingThread(engine: CryptoEngine, { rounds }: BenchSettings): Promise<readonly BenchResult[]> {
  const shape = '1,000 transactions of one input';
  const blocks = makeBlocks(shape, engine, WARM_UP + rounds);
  const workers = await workerCrypto({ workers: 1 });
  const node = await startBitcoind();
  try {
    const [alone, helped] = [engine, workers.engine].map((crypto) => createEmbeddedChain({ crypto })) as [
      EmbeddedChain,
      EmbeddedChain,
    ];
    const wall = (chain: EmbeddedChain, block: Uint8Array): number => {
      const start = performance.now();
      chain.submitBlock(block);
      return (performance.now() - start) * 1_000;
    };
    const times = { helped: [] as number[], alone: [] as number[], bitcoind: [] as number[] };
    for (const [index, block] of blocks.entries()) {
      const sides = [
        async () => times.helped.push(wall(helped, block)),
        async () => times.alone.push(wall(alone, block)),
        async () => times.bitcoind.push(await cpuOf(node.pid, () => submitTo(node, block))),
      ];
      for (let i = 0; i < sides.length; i++) await sides[(i + index) % sides.length]?.();
    }
    const measured = (side: keyof typeof times): readonly number[] => times[side].slice(-rounds);
    return (['alone', 'bitcoind'] as const).map((rival) => {
      const ratios = measured('helped').map((ours, round) => (measured(rival)[round] as number) / ours);
      return {
        name: `connect a block, ${shape}, with a helping thread against ${rival === 'alone' ? 'without' : 'the CPU time of bitcoind -par=1'}`,
        unit: 'µs on the wall per input',
        ours: median(measured('helped')) / INPUTS,
        rival: median(measured(rival)) / INPUTS,
        ratio: median(ratios),
        spread: [Math.min(...ratios), Math.max(...ratios)],
        ...(rival === 'bitcoind' ? { promised: HALF_NEARLY } : {}),
        runs: rounds,
        ...machine(),
      };
    });
  } finally {
    await node.stop();
    await workers.close();
  }
}

async function submitTo(node: Bitcoind, block: Uint8Array): Promise<void> {
  const answer = await node.rpc('submitblock', [toHex(block)]);
  if (answer !== null) throw new Error(`the node refuses a block: ${String(answer)}`);
}

async function connectBlocks(shape: Shape, engine: CryptoEngine, { rounds }: BenchSettings): Promise<BenchResult> {
  const blocks = makeBlocks(shape, engine, WARM_UP + rounds);
  const measuredFrom = blocks.length - WARM_UP - rounds;
  const chain = createEmbeddedChain({ crypto: engine });
  const node = await startBitcoind();
  try {
    const ours: number[] = [];
    const theirs: number[] = [];
    const submitOurs = async (block: Uint8Array): Promise<void> => {
      chain.submitBlock(block);
    };
    for (const [index, block] of blocks.entries()) {
      if (index < measuredFrom) {
        await submitOurs(block);
        await submitTo(node, block);
        continue;
      }
      const sides = [
        async () => ours.push(await cpuOf(process.pid, () => submitOurs(block))),
        async () => theirs.push(await cpuOf(node.pid, () => submitTo(node, block))),
      ];
      for (const side of index % 2 === 0 ? sides : sides.toReversed()) await side();
    }
    const best = await node.rpc('getblockcount');
    if (best !== chain.height) throw new Error('the chains do not end at the same height');
    const [a, b] = [ours.slice(WARM_UP), theirs.slice(WARM_UP)];
    const ratios = a.map((time, round) => (b[round] as number) / time);
    return {
      name: `connect a block, ${shape}, against bitcoind -par=1`,
      unit: 'µs CPU per input',
      ours: median(a) / INPUTS,
      rival: median(b) / INPUTS,
      ratio: median(ratios),
      spread: [Math.min(...ratios), Math.max(...ratios)],
      promised: 1,
      runs: rounds,
      ...machine(),
    };
  } finally {
    await node.stop();
  }
}

/** Microseconds of CPU that all threads of a process use while something happens. */
async function cpuOf(pid: number, act: () => Promise<void>): Promise<number> {
  const before = threadTimes(pid);
  await act();
  return (threadTimes(pid) - before) / 1_000;
}

/** Nanoseconds on a CPU, summed over the threads: exact, where the clock of `stat` comes in ticks of ten milliseconds. */
function threadTimes(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce(
    (sum, thread) => sum + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]),
    0,
  );
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  return ((sorted[(sorted.length - 1) >> 1] as number) + (sorted[sorted.length >> 1] as number)) / 2;
}

/** A chain whose last blocks each spend a thousand Taproot coins by their keys; no key or coin occurs twice. */
function makeBlocks(shape: Shape, engine: CryptoEngine, count: number): readonly Uint8Array[] {
  const chain = createEmbeddedChain({ crypto: engine });
  const batches = Array.from({ length: count }, (_, batch) => {
    const keys = Array.from({ length: INPUTS }, (__, index) =>
      engine.sha256(Uint8Array.of(batch, batch >> 8, index, index >> 8)),
    );
    const outputs = keys.map((secretKey) => ({
      value: 10_000n,
      scriptPubKey: taprootOutput({ internalKey: xOnly(engine, secretKey), crypto: engine }).scriptPubKey,
    }));
    const purse = chain.fund(ANYONE, satoshis(10_000n * BigInt(INPUTS)));
    const funding: Transaction = {
      version: 2,
      inputs: [
        { previousTxid: purse.txid, previousIndex: purse.index, scriptSig: EMPTY, sequence: 0xffffffff, witness: [] },
      ],
      outputs,
      lockTime: 0,
    };
    chain.mine(1, { transactions: [serializeTransaction(funding)] });
    return { keys, outputs, txid: transactionId(funding, engine) };
  });
  for (const { keys, outputs, txid } of batches) {
    const spend = (indices: readonly number[]): Uint8Array =>
      spendByKeys(
        engine,
        txid,
        indices,
        indices.map((index) => outputs[index] as SpentOutput),
        indices.map((index) => keys[index] as Uint8Array),
      );
    const all = keys.map((_, index) => index);
    const transactions =
      shape === 'one transaction of 1,000 inputs' ? [spend(all)] : all.map((index) => spend([index]));
    chain.mine(1, { transactions });
  }
  return [...chain.blocks()];
}

function spendByKeys(
  engine: CryptoEngine,
  txid: Uint8Array,
  indices: readonly number[],
  spentOutputs: readonly SpentOutput[],
  keys: readonly Uint8Array[],
): Uint8Array {
  const tx: Transaction = {
    version: 2,
    inputs: indices.map((previousIndex) => ({
      previousTxid: txid,
      previousIndex,
      scriptSig: EMPTY,
      sequence: 0xfffffffd,
      witness: [],
    })),
    outputs: [{ value: 5_000n, scriptPubKey: (spentOutputs[0] as SpentOutput).scriptPubKey }],
    lockTime: 0,
  };
  const inputs = tx.inputs.map((input, inputIndex) => {
    const hash = sighashTaproot({ tx, inputIndex, spentOutputs, crypto: engine });
    const secretKey = taprootSecretKey(keys[inputIndex] as Uint8Array, { crypto: engine });
    return { ...input, witness: [engine.schnorrSign(hash, secretKey) ?? EMPTY] };
  });
  return serializeTransaction({ ...tx, inputs });
}

function xOnly(engine: CryptoEngine, secretKey: Uint8Array): Uint8Array {
  return (engine.publicKey(secretKey) ?? EMPTY).subarray(1);
}
