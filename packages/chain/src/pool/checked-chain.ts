/** What a source of a pool can do: read, and whatever else it has. */
export type PoolChain = ChainSource & Partial<TxBroadcaster & PackageBroadcaster & FeeEstimator & MempoolSubscription>;

/** A source whose answers are what the ports promise, or fail: whoever wrote it, it may not pull down its pool. */
import { answerInvalid } from '../adapters/answer.ts';
import type { MempoolEvent, MempoolSubscription } from '../ports/subscriptions.ts';
import type { ChainSource } from '../ports/chain-source.ts';
import type { FeeEstimator } from '../ports/fee-estimator.ts';
import type { PackageBroadcaster } from '../ports/package-broadcaster.ts';
import type { TxBroadcaster } from '../ports/tx-broadcaster.ts';

const MAX_HEIGHT = 0x7fff_ffff;
const MAX_UINT32 = 0xffff_ffff;

/**
 * Wraps a source: an answer of another form than the port's is thrown as `CHAIN_NODE_ANSWER_INVALID`. What the source
 * lacks, the wrapped one lacks.
 */
export function checkedChain(chain: PoolChain): PoolChain {
  const { broadcast, broadcastPackage, testAccept, estimateFeeRate, mempoolEvents } = chain;
  return {
    network: async (options) => checked('network', await chain.network(options), (name) => typeof name === 'string'),
    tip: async (options) => checked('tip', await chain.tip(options), isHeader),
    blockHash: async (height, options) =>
      checked('blockHash', await chain.blockHash(height, options), orAbsent(isHash)),
    header: async (hash, options) => checked('header', await chain.header(hash, options), orAbsent(isHeader)),
    block: async (hash, options) => checked('block', await chain.block(hash, options), orAbsent(isBytes)),
    transaction: async (txid, options) =>
      checked('transaction', await chain.transaction(txid, options), orAbsent(isTransaction)),
    unspentOutput: async (outpoint, options) =>
      checked('unspentOutput', await chain.unspentOutput(outpoint, options), orAbsent(isOutput)),
    unspentOutputsOf: async (script, options) =>
      checked(
        'unspentOutputsOf',
        await chain.unspentOutputsOf(script, options),
        (outputs) => Array.isArray(outputs) && outputs.every(isOutput),
      ),
    ...(broadcast === undefined
      ? {}
      : { broadcast: async (bytes, options) => checked('broadcast', await chain.broadcast?.(bytes, options), isHash) }),
    ...(broadcastPackage === undefined
      ? {}
      : {
          broadcastPackage: async (transactions, options) =>
            checked(
              'broadcastPackage',
              await chain.broadcastPackage?.(transactions, options),
              (ids) => Array.isArray(ids) && ids.every(isHash),
            ),
        }),
    ...(testAccept === undefined
      ? {}
      : {
          testAccept: async (bytes, options) =>
            checked('testAccept', await chain.testAccept?.(bytes, options), isVerdict),
        }),
    ...(estimateFeeRate === undefined
      ? {}
      : {
          estimateFeeRate: async (target, options) =>
            checked('estimateFeeRate', await chain.estimateFeeRate?.(target, options), orAbsent(isAmount)),
        }),
    ...(mempoolEvents === undefined ? {} : { mempoolEvents: (options) => checkedEvents(chain, options) }),
  };
}

async function* checkedEvents(
  chain: PoolChain,
  options: { readonly signal?: AbortSignal } | undefined,
): AsyncGenerator<MempoolEvent, void, undefined> {
  for await (const event of chain.mempoolEvents?.(options) ?? []) yield checked('mempoolEvents', event, isEvent);
}

/** The answer, if it is one. */
function checked<Answer>(call: string, answer: unknown, isAnswer: (value: unknown) => boolean): Answer {
  if (!isAnswer(answer)) throw answerInvalid(call, 'what its port promises');
  return answer as Answer;
}

function orAbsent(is: (value: unknown) => boolean): (value: unknown) => boolean {
  return (value) => value === undefined || is(value);
}

/** The fields of an object; none of what is no object. */
function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function isBytes(value: unknown): boolean {
  return value instanceof Uint8Array;
}

function isHash(value: unknown): boolean {
  return value instanceof Uint8Array && value.length === 32;
}

function isCount(value: unknown, max = Number.MAX_SAFE_INTEGER): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max;
}

function isAmount(value: unknown): boolean {
  return typeof value === 'bigint' && value >= 0n;
}

function isReference(value: unknown): boolean {
  const { hash, height } = fieldsOf(value);
  return isHash(hash) && isCount(height, MAX_HEIGHT);
}

function isHeader(value: unknown): boolean {
  const { medianTime, confirmations, header } = fieldsOf(value);
  const { previousBlockHash, merkleRoot, time } = fieldsOf(header);
  return (
    isReference(value) &&
    isCount(medianTime, MAX_UINT32) &&
    isCount(confirmations) &&
    isHash(previousBlockHash) &&
    isHash(merkleRoot) &&
    isCount(time, MAX_UINT32)
  );
}

function isTransaction(value: unknown): boolean {
  const { bytes, confirmations, block } = fieldsOf(value);
  if (!isBytes(bytes) || !isCount(confirmations)) return false;
  return block === undefined ? confirmations === 0 : isReference(block) && confirmations !== 0;
}

function isOutput(value: unknown): boolean {
  const { txid, index, value: amount, scriptPubKey, coinbase, height } = fieldsOf(value);
  return (
    isHash(txid) &&
    isCount(index, MAX_UINT32) &&
    isAmount(amount) &&
    isBytes(scriptPubKey) &&
    typeof coinbase === 'boolean' &&
    (height === undefined || isCount(height, MAX_HEIGHT))
  );
}

function isVerdict(value: unknown): boolean {
  return typeof fieldsOf(value)['accepted'] === 'boolean';
}

function isEvent(value: unknown): boolean {
  const { type, txid } = fieldsOf(value);
  return (type === 'added' || type === 'removed') && isHash(txid);
}
