/** A process that makes keys and destroys them until it is killed: prints each key whose destruction was answered. */
import * as sqlite from 'node:sqlite';
import { toHex } from '@bitcoin-enterprise/core';
import { createSqliteKeyStore } from '@bitcoin-enterprise/receipts';

const [, , path = '', round = '0'] = process.argv;
let last = '';
const keys = createSqliteKeyStore({
  path,
  sqlite,
  entropy: {
    bytes(length) {
      const bytes = crypto.getRandomValues(new Uint8Array(length));
      if (length === 32) last = toHex(bytes);
      return bytes;
    },
  },
});
const nothing = new Uint8Array(0);
const made: string[] = [];
for (let i = 0; ; i++) {
  await keys.seal(`${round}/${i}`, { plaintext: nothing, associatedData: nothing });
  made.push(last);
  if (i % 3 === 2) continue;
  await keys.destroy(`${round}/${i}`);
  process.stdout.write(`destroyed ${made.at(-1)}\n`);
}
