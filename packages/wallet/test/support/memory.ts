/** Looking for a secret in all of the memory of a process (Linux). */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

const MASK = 0xa5;

/** Bytes outside of V8's heap: it neither moves nor copies them. */
export function ownBytes(length: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(length));
}

/** A secret in a form in which it is not found: else whoever looks for it would find himself. */
export function masked(secret: Uint8Array): Uint8Array {
  const other = ownBytes(secret.length);
  secret.forEach((byte, place) => {
    other[place] = byte ^ MASK;
  });
  return other;
}

/** How many copies of a secret stand in the memory of a process. */
export function copiesInMemory(pid: number | 'self', wanted: Uint8Array): number {
  const needle = ownBytes(12);
  for (let place = 0; place < needle.length; place++) needle[place] = (wanted[place] as number) ^ MASK;
  const chunk = Buffer.from(new ArrayBuffer(1 << 20));
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  let count = 0;
  for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
    const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
    if (from === undefined || to === undefined) continue;
    const end = Number.parseInt(to, 16);
    for (let at = Number.parseInt(from, 16); at < end; at += chunk.length - wanted.length) {
      let length = 0;
      try {
        length = readSync(memory, chunk, 0, Math.min(chunk.length, end - at), at);
      } catch {
        break; // a guard page
      }
      for (let place = chunk.indexOf(needle); place >= 0 && place < length; place = chunk.indexOf(needle, place + 1))
        if (wanted.every((byte, i) => ((chunk[place + i] as number) ^ MASK) === byte)) count += 1;
      chunk.fill(0);
    }
  }
  closeSync(memory);
  needle.fill(0);
  return count;
}
