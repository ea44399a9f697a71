import { Worker } from 'node:worker_threads';
import { CoreError } from '../errors.ts';
import type { BatchItem, CryptoEngine } from '../ports/crypto.ts';
import { MAXIMUM_CHECKS, type Slot, Turn, readChecks, shareMemory, slotsIn, writeChecks } from './share.ts';

/** How long a thread that lives may leave its owner waiting: five seconds, and a millisecond for each check before it. */
function patienceMs(load: number): number {
  return 5_000 + load;
}

/** What one check takes until a thread has shown how fast it is, milliseconds. */
const FIRST_GUESS_MS = 0.03;

/** A share that a thread works at, or has done. */
interface Job {
  readonly slot: Slot;
  /** Tells this share's answer from that of another in the same slot. */
  readonly number: number;
  readonly count: number;
  /** When it was handed over; milliseconds of a clock that only runs forward. */
  readonly since: number;
  /** What the thread found, once it was asked. */
  failed?: readonly number[];
}

/** A thread that checks batches, one after the other. */
export class Helper {
  readonly #worker: Worker;
  readonly #own: CryptoEngine;
  readonly #slots: readonly Slot[];
  /** By slot: the share that lies there. */
  readonly #jobs: (Job | undefined)[] = [];
  #next = 0;
  #shares = 0;
  #gone = false;
  #checkMs = FIRST_GUESS_MS;

  private constructor(worker: Worker, own: CryptoEngine, slots: readonly Slot[]) {
    this.#worker = worker;
    this.#own = own;
    this.#slots = slots;
    const leave = (): void => {
      this.#gone = true;
    };
    // A thread that ends is one helper less, never an uncaught exception of its owner.
    worker.on('error', leave).on('exit', leave);
  }

  /**
   * Starts a thread that does not keep the process alive.
   *
   * @param own - Checks what the thread could not.
   * @throws {@link CoreError} `CORE_CRYPTO_ENGINE_UNAVAILABLE`.
   */
  static async start(own: CryptoEngine): Promise<Helper> {
    const memory = shareMemory();
    // From source the worker is TypeScript too; its name is not rewritten by the compiler, being no import.
    const file = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);
    const worker = new Worker(file, { workerData: memory });
    try {
      await ready(worker);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new CoreError('CORE_CRYPTO_ENGINE_UNAVAILABLE', `a crypto thread did not start: ${reason}`, {
        details: { engine: 'wasm', reason },
        cause,
      });
    }
    worker.unref();
    return new Helper(worker, own, slotsIn(memory));
  }

  /** Checks that lie before it, as far as one can tell from outside. */
  get load(): number {
    const running = this.#gone ? [] : this.#jobs.filter((job): job is Job => job !== undefined && isRunning(job));
    if (running.length === 0) return 0;
    const count = running.reduce((sum, job) => sum + job.count, 0);
    const done = (performance.now() - Math.min(...running.map(({ since }) => since))) / this.#checkMs;
    return Math.max(0, count - done);
  }

  /** Whether it has died, or does not answer. */
  get gone(): boolean {
    return this.#gone;
  }

  /** Whether it waits for work. */
  get idle(): boolean {
    return !this.#gone && this.#jobs.every((job) => job === undefined || !isRunning(job));
  }

  /**
   * Hands checks over; they are copied.
   *
   * @returns What answers the indices of those that fail, and waits for them; `undefined` when the checks cannot be
   * handed over.
   */
  begin(items: readonly BatchItem[]): (() => readonly number[]) | undefined {
    if (this.#gone || items.length > MAXIMUM_CHECKS) return undefined;
    const slot = this.#slots[this.#next] as Slot;
    const before = this.#jobs[this.#next];
    if (before !== undefined) this.#collect(before);
    // Waiting may have shown that the thread is gone: nobody may then write where it perhaps still reads.
    if (this.#gone || !writeChecks(slot.room, items)) return undefined;
    const number = (this.#shares = (this.#shares + 1) | 0);
    const job: Job = { slot, number, count: items.length, since: performance.now() };
    this.#jobs[this.#next] = job;
    this.#next = (this.#next + 1) % this.#slots.length;
    Atomics.store(slot.words, 3, number);
    Atomics.store(slot.words, 0, Turn.WORKER);
    Atomics.notify(slot.words, 0);
    return () => this.#collect(job);
  }

  /** Ends the thread; what was handed over is answered first, or by those who ask. */
  async close(): Promise<void> {
    for (const job of this.#jobs) if (job !== undefined) this.#waitFor(job);
    this.#gone = true;
    await this.#worker.terminate();
  }

  /** Waits for a share as long as it can take, and gives the thread up when it takes longer. */
  #waitFor({ slot, failed }: Job): void {
    if (failed !== undefined || this.#gone) return;
    // A thread that has died without a word never answers, and its owner, waiting, cannot be told.
    if (Atomics.wait(slot.words, 0, Turn.WORKER, patienceMs(this.load)) !== 'timed-out') return;
    this.#gone = true;
    void this.#worker.terminate();
  }

  #collect(job: Job): readonly number[] {
    if (job.failed !== undefined) return job.failed;
    const { words, failed, room } = job.slot;
    this.#waitFor(job);
    // The turn is read first: what the thread wrote before it is there then.
    const turn = Atomics.load(words, 0);
    const [, count = 0, micros = 0, , answered] = words;
    if (turn === Turn.OWNER && answered === job.number) {
      this.#checkMs = micros / 1_000 / job.count;
      job.failed = [...failed.subarray(0, count)];
    } else {
      job.failed = this.#own.verifyBatch(readChecks(room));
    }
    return job.failed;
  }
}

function isRunning({ slot, failed }: Job): boolean {
  return failed === undefined && Atomics.load(slot.words, 0) === Turn.WORKER;
}

/** Waits for the first word of a thread; one that ends before it has none to say. */
function ready(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.once('message', () => resolve());
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`it ended with ${code}`)));
  });
}
