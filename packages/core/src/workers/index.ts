import { isList } from '../codecs/is-bytes.ts';
import { cryptoArgumentError, requireOptions } from '../crypto/arguments.ts';
import { wasmCrypto } from '../crypto/wasm.ts';
import { describeValue } from '../errors.ts';
import type { BatchItem, CryptoEngine } from '../ports/crypto.ts';
import { Helper } from './helper.ts';
import { MAXIMUM_CHECKS } from './share.ts';

/** An engine whose large batches run on several threads. */
export interface WorkerCrypto {
  /** The WebAssembly engine; only `verifyBatch` differs, and there is `beginBatch`. */
  readonly engine: CryptoEngine;
  /** Ends the threads. The engine goes on without them. */
  close(): Promise<void>;
}

/** Checks below which a thread costs more than it saves. */
const WORTH_SHARING = 64;
const MAXIMUM_WORKERS = 64;

/**
 * Makes a WebAssembly engine that shares large batches with other threads (Node only).
 *
 * The calling thread takes a share itself and waits for the others, so that `verifyBatch` stays synchronous; with
 * `beginBatch` the others check while the caller still gathers. The threads sleep between batches and do not keep the
 * process alive.
 *
 * @param options.workers - Threads besides the calling one, 1 to 64; 1 when absent.
 * @throws {@link CoreError} `CORE_CRYPTO_ENGINE_UNAVAILABLE` when WebAssembly or threads cannot be had,
 * `CORE_CRYPTO_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { workerCrypto } from '@bitcoin-enterprise/core/workers';
 *
 * const { engine, close } = await workerCrypto({ workers: 1 });
 * engine.verifyBatch([]); // => []
 * await close();
 * ```
 */
export async function workerCrypto(options: { readonly workers?: number } = {}): Promise<WorkerCrypto> {
  requireOptions(options);
  const { workers = 1 } = options;
  if (!Number.isInteger(workers) || workers < 1 || workers > MAXIMUM_WORKERS)
    throw cryptoArgumentError('options.workers', `a whole number from 1 to ${MAXIMUM_WORKERS}`, describeValue(workers));
  const own = await wasmCrypto();
  const started = await Promise.allSettled(Array.from({ length: workers }, () => Helper.start(own)));
  const helpers = started.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  const refused = started.find((start) => start.status === 'rejected');
  if (refused !== undefined) {
    await Promise.all(helpers.map((helper) => helper.close()));
    throw refused.reason;
  }
  return {
    engine: {
      ...own,
      verifyBatch: (items) => verifyShared(own, helpers, items),
      beginBatch: (items) => beginOne(helpers, items),
    },
    close: async () => {
      await Promise.all(helpers.splice(0).map((helper) => helper.close()));
    },
  };
}

/** Hands a whole batch to a thread that is idle. */
function beginOne(helpers: readonly Helper[], items: readonly BatchItem[]): (() => readonly number[]) | undefined {
  if (!isList(items) || items.length < WORTH_SHARING) return undefined;
  return helpers.find((helper) => helper.idle)?.begin(items);
}

/** Shares a batch out so that all threads end at the same time, counting what lies before them already. */
function verifyShared(own: CryptoEngine, all: readonly Helper[], items: readonly BatchItem[]): readonly number[] {
  const helpers = all.filter(({ gone }) => !gone);
  // What is no array, the engine itself refuses with a code.
  if (!isList(items) || items.length < WORTH_SHARING || helpers.length === 0) return own.verifyBatch(items);
  const loads = helpers.map(({ load }) => load);
  const each = (items.length + loads.reduce((sum, load) => sum + load, 0)) / (helpers.length + 1);
  const begun: { readonly start: number; readonly ask: () => readonly number[] }[] = [];
  let end = items.length;
  for (const [index, helper] of helpers.entries()) {
    const count = Math.min(Math.floor(each - (loads[index] as number)), MAXIMUM_CHECKS, end);
    if (count < 1) continue;
    // A share that is not taken stays with the caller, where a check that is none gets its code and its right index.
    const ask = helper.begin(items.slice(end - count, end));
    if (ask === undefined) continue;
    end -= count;
    begun.push({ start: end, ask });
  }
  const failed = [...own.verifyBatch(items.slice(0, end))];
  for (const { start, ask } of begun) failed.push(...ask().map((at) => at + start));
  return failed.sort((left, right) => left - right);
}
