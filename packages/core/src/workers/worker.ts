/** The thread that checks what its owner hands it: asleep until it is its turn, so that it uses no time meanwhile. */
import { parentPort, workerData } from 'node:worker_threads';
import { wasmCrypto } from '../crypto/wasm.ts';
import { Turn, readChecks, sharedViews } from './share.ts';

const { words, failed, room } = sharedViews(workerData as SharedArrayBuffer);
const engine = await wasmCrypto();
parentPort?.postMessage('ready');
for (;;) {
  Atomics.wait(words, 0, Turn.OWNER);
  try {
    const indices = engine.verifyBatch(readChecks(room));
    failed.set(indices);
    words[1] = indices.length;
    Atomics.store(words, 0, Turn.OWNER);
  } catch {
    Atomics.store(words, 0, Turn.FAILED);
  }
  Atomics.notify(words, 0);
}
