/** The thread that checks what its owner hands it: asleep until it is its turn, so that it uses no time meanwhile. */
import { parentPort, workerData } from 'node:worker_threads';
import { wasmCrypto } from '../crypto/wasm.ts';
import { type Slot, Turn, readChecks, slotsIn } from './share.ts';

const slots = slotsIn(workerData as SharedArrayBuffer);

function hand(words: Int32Array, turn: number): void {
  Atomics.store(words, 0, turn);
  Atomics.notify(words, 0);
}

// Whatever ends this thread: its owner, who waits, is told.
process.on('exit', () => {
  for (const { words } of slots) if (Atomics.load(words, 0) === Turn.WORKER) hand(words, Turn.FAILED);
});

const engine = await wasmCrypto();
parentPort?.postMessage('ready');
for (let at = 0; ; at = (at + 1) % slots.length) {
  const { words, failed, room } = slots[at] as Slot;
  for (;;) {
    // What is compared with is what was seen: a turn that changes in between is not slept through.
    const seen = Atomics.load(words, 0);
    if (seen === Turn.WORKER) break;
    Atomics.wait(words, 0, seen);
  }
  const share = Atomics.load(words, 3);
  const start = performance.now();
  try {
    const indices = engine.verifyBatch(readChecks(room));
    failed.set(indices);
    words[1] = indices.length;
    words[2] = (performance.now() - start) * 1_000;
    words[4] = share;
    hand(words, Turn.OWNER);
  } catch {
    hand(words, Turn.FAILED);
  }
}
