/** Asks for payments under a policy and "signs" them, until it is killed. Prints each signature as it leaves. */
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import * as sqlite from 'node:sqlite';
import { loadCrypto } from '@bitcoin-enterprise/core';
import { openSqliteStore } from '@bitcoin-enterprise/events/sqlite';
import {
  createFileLogStorage,
  createLog,
  createReceipts,
  ed25519Signer,
  noteSigner,
} from '@bitcoin-enterprise/receipts';
import { createControl } from '../../../src/control/index.ts';
import { payment, policyJson } from './scene.ts';

const [folder = '', run = '0'] = process.argv.slice(2);
await loadCrypto();
const signer = ed25519Signer(new Uint8Array(32).fill(21));
const name = 'example.com/wallet';
const receipts = createReceipts({
  log: createLog({ storage: createFileLogStorage({ folder: join(folder, 'receipts'), fs, sqlite }) }),
  origin: name,
  signers: [signer],
  logSigners: [noteSigner({ name, signer: ed25519Signer(new Uint8Array(32).fill(22)) })],
});
const store = openSqliteStore({ path: join(folder, 'control.db') });
const control = await createControl({ store, wallet: 'treasury', policy: policyJson(), receipts });
process.send?.({ ready: true });
for (let n = 0; ; n++) {
  const id = `${run}-${n}`;
  const one = payment(id, 1_000n);
  const decision = await control.request({ payment: one, initiator: 'ann' });
  if (decision.kind !== 'allow') continue;
  try {
    await control.release(id);
  } catch {
    // Another one took what was left of the limit.
    continue;
  }
  process.send?.({ signed: id });
  await control.signed(id, { signer: 'hot', digest: id });
}
