/** A process that appends and publishes until it is killed: prints each entry once it is acknowledged. */
import * as fs from 'node:fs/promises';
import * as sqlite from 'node:sqlite';
import {
  createFileLogStorage,
  createLog,
  ed25519Signer,
  noteSigner,
  publishCheckpoint,
} from '@bitcoin-enterprise/receipts';

const [, , folder = '', start = '0'] = process.argv;
const log = createLog({ storage: createFileLogStorage({ folder, fs, sqlite }) });
const key = noteSigner({ name: 'files.example', signer: ed25519Signer(new Uint8Array(32).fill(1)) });
process.stdout.write('ready\n');
for (let i = Number(start); ; i++) {
  const [appended] = await log.append([{ entry: new TextEncoder().encode(`entry of ${i}`), key: `${i}` }]);
  process.stdout.write(`${i} ${appended?.index}\n`);
  if (i % 3 === 0) await publishCheckpoint(log, { origin: 'files.example', signers: [key] });
}
