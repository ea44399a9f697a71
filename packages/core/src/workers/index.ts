import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { isList } from '../codecs/is-bytes.ts';
import { CoreError, describeValue } from '../errors.ts';
import { cryptoArgumentError, requireOptions } from '../crypto/arguments.ts';
import { wasmCrypto } from '../crypto/wasm.ts';
import type { BatchItem, CryptoEngine } from '../ports/crypto.ts';
import { MAXIMUM_CHECKS, type Shared, Turn, shareMemory, sharedViews, writeChecks } from './share.ts';

/** An engine whose large batches run on several threads. */
export interface WorkerCrypto {
  /** The WebAssembly engine; only `verifyBatch` differs. */
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
 * The calling thread takes a share itself and waits for the others, so that `verifyBatch` stays synchronous. The
 * threads sleep between batches and do not keep the process alive.
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
  const helpers = await Promise.all(Array.from({ length: workers }, startHelper));
  return {
    engine: { ...own, verifyBatch: (items) => verifyShared(own, helpers, items) },
    close: async () => {
      await Promise.all(helpers.splice(0).map(({ worker }) => worker.terminate()));
    },
  };
}

interface Helper {
  readonly worker: Worker;
  readonly shared: Shared;
}

async function startHelper(): Promise<Helper> {
  const memory = shareMemory();
  // From source the worker is TypeScript too; its name is not rewritten by the compiler, being no import.
  const file = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);
  const worker = new Worker(file, { workerData: memory });
  try {
    await once(worker, 'message');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CoreError('CORE_CRYPTO_ENGINE_UNAVAILABLE', `a crypto thread did not start: ${reason}`, {
      details: { engine: 'wasm', reason },
      cause,
    });
  }
  worker.unref();
  return { worker, shared: sharedViews(memory) };
}

function verifyShared(own: CryptoEngine, helpers: readonly Helper[], items: readonly BatchItem[]): readonly number[] {
  // What is no array, the engine itself refuses with a code.
  const size = isList(items) ? Math.ceil(items.length / (helpers.length + 1)) : Infinity;
  if (size > MAXIMUM_CHECKS || items.length < WORTH_SHARING || helpers.length === 0) return own.verifyBatch(items);
  const busy: { readonly helper: Helper; readonly start: number; readonly share: readonly BatchItem[] }[] = [];
  const failed: number[] = [];
  try {
    helpers.forEach((helper, index) => {
      const start = (index + 1) * size;
      const share = items.slice(start, start + size);
      if (share.length === 0) return;
      if (!writeChecks(helper.shared.room, share)) {
        failed.push(...own.verifyBatch(share).map((at) => at + start));
        return;
      }
      Atomics.store(helper.shared.words, 0, Turn.WORKER);
      Atomics.notify(helper.shared.words, 0);
      busy.push({ helper, start, share });
    });
    failed.push(...own.verifyBatch(items.slice(0, size)));
  } finally {
    // Whatever was thrown here: a thread that still works must not find its room rewritten by the next batch.
    for (const { helper } of busy) Atomics.wait(helper.shared.words, 0, Turn.WORKER);
  }
  for (const { helper, start, share } of busy) failed.push(...answerOf(own, helper, share).map((at) => at + start));
  return failed.sort((left, right) => left - right);
}

/** The answer of a thread that is done; what it could not check is checked here, which also throws what a wrong argument deserves. */
function answerOf(own: CryptoEngine, { shared }: Helper, share: readonly BatchItem[]): readonly number[] {
  const { words, failed } = shared;
  const turn = Atomics.load(words, 0);
  Atomics.store(words, 0, Turn.OWNER);
  return turn === Turn.OWNER ? [...failed.subarray(0, words[1])] : own.verifyBatch(share);
}
