/** The thread that checks what its owner hands it: asleep until it is its turn, so that it uses no time meanwhile. */
import { parentPort, workerData } from 'node:worker_threads';
import { wasmCrypto } from '../crypto/wasm.ts';
import { type Slot, Turn, readChecks, slotsIn } from './share.ts';

const slots = slotsIn(workerData as SharedArrayBuffer);
const engine = await wasmCrypto();
parentPort?.postMessage('ready');
for (let at = 0; ; at = (at + 1) % slots.length) {
  const { words, failed, room } = slots[at] as Slot;
  while (Atomics.load(words, 0) !== Turn.WORKER) Atomics.wait(words, 0, Atomics.load(words, 0));
  const start = performance.now();
  try {
    const indices = engine.verifyBatch(readChecks(room));
    failed.set(indices);
    words[1] = indices.length;
    words[2] = (performance.now() - start) * 1_000;
    Atomics.store(words, 0, Turn.OWNER);
  } catch {
    Atomics.store(words, 0, Turn.FAILED);
  }
  Atomics.notify(words, 0);
}
