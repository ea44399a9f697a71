/**
 * A child that keeps a secret, seals it, opens it, wipes it, and looks for copies in all of its own memory (Linux).
 * Prints how many it found after each step.
 */
import { randomFillSync } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { loadCrypto } from '@bitcoin-enterprise/core';
import { openKeystore, sealKeystore, SecretBytes } from '../../src/keys/index.ts';

const MASK = 0xa5;
const size = Number(process.argv[2]);
const found: Record<string, number> = {};
const own = (length: number): Uint8Array => new Uint8Array(new ArrayBuffer(length));

await loadCrypto();
const given = own(size);
randomFillSync(given);
// What is looked for is kept in another form, else it would find itself.
const masked = own(size);
given.forEach((byte, place) => {
  masked[place] = byte ^ MASK;
});

found['alive'] = copies();
const secret = new SecretBytes(given);
given.fill(0);
const kdf = { name: 'scrypt', n: 2 ** 14, r: 1, p: 1 } as const;
const text = await sealKeystore([{ id: 'a', kind: 'seed', secret }], { password: 'x', kdf });
secret.wipe();
found['sealed'] = copies();
const opened = await openKeystore(text, { password: 'x' });
found['opened'] = copies();
for (const { secret: one } of opened) one.wipe();
found['wiped'] = copies();
process.stdout.write(JSON.stringify(found));

function copies(): number {
  const needle = own(12);
  for (let place = 0; place < needle.length; place++) needle[place] = (masked[place] as number) ^ MASK;
  const chunk = Buffer.from(new ArrayBuffer(1 << 20));
  const memory = openSync('/proc/self/mem', 'r');
  let count = 0;
  for (const line of readFileSync('/proc/self/maps', 'utf8').split('\n')) {
    const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
    if (from === undefined || to === undefined) continue;
    const end = Number.parseInt(to, 16);
    for (let at = Number.parseInt(from, 16); at < end; at += chunk.length - size) {
      let length = 0;
      try {
        length = readSync(memory, chunk, 0, Math.min(chunk.length, end - at), at);
      } catch {
        break; // a guard page
      }
      for (let place = chunk.indexOf(needle); place >= 0 && place < length; place = chunk.indexOf(needle, place + 1))
        if (masked.every((byte, i) => ((chunk[place + i] as number) ^ MASK) === byte)) count += 1;
      chunk.fill(0);
    }
  }
  closeSync(memory);
  needle.fill(0);
  return count;
}
