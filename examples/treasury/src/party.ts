/**
 * One party, in a process of its own: its seed in an encrypted file, its nonces, decisions and receipts in SQLite. Killed
 * at any moment, it goes on from there.
 */
import { readFileSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import * as sqlite from 'node:sqlite';
import { loadCrypto, toHex } from '@bitcoin-enterprise/core';
import { parseDescriptor } from '@bitcoin-enterprise/descriptors';
import { openSqliteStore } from '@bitcoin-enterprise/events/sqlite';
import {
  createFileLogStorage,
  createLog,
  createReceipts,
  ed25519Signer,
  noteSigner,
} from '@bitcoin-enterprise/receipts';
import { createKeyRing, parsePsbt, psbtToBase64, type Signer } from '@bitcoin-enterprise/wallet';
import {
  approvePayment,
  type Control,
  controlledSigner,
  createControl,
  paymentOfPsbt,
  type PaymentContext,
} from '@bitcoin-enterprise/wallet/control';
import { cosignerKey, cosignerText, deriveKey, masterKey, openKeystore } from '@bitcoin-enterprise/wallet/keys';
import { musigPsbtSigner, openNonceVault } from '@bitcoin-enterprise/wallet/multiparty';
import type { Answer, Question } from './messages.ts';
import { ownScripts, type PartyName } from './treasury.ts';

const [name = '', folder = ''] = process.argv.slice(2);
// By message, for arguments and variables of a process are there for others to read.
const password = new Promise<string>((resolve) => {
  process.once('message', (message: { readonly password: string }) => resolve(message.password));
});
await loadCrypto();
const [opened] = await openKeystore(readFileSync(join(folder, 'keystore.json'), 'utf8'), { password: await password });
if (opened === undefined) throw new Error('the keystore is empty');
const master = masterKey(opened.secret, { network: 'test' });
opened.secret.wipe();
const account = cosignerKey(master, { scheme: 'bip87', network: 'regtest' });
// Keys that approve are not keys that sign: a branch of its own that no coin ever sees.
const approver = ed25519Signer(deriveKey(master, "m/9377'/0'").secretKey() as Uint8Array);
const ring = createKeyRing({ extendedKeys: [account] });
const store = openSqliteStore({ path: join(folder, 'party.db') });
const log = createLog({ storage: createFileLogStorage({ folder: join(folder, 'receipts'), fs, sqlite }) });
const receipts = createReceipts({
  log,
  origin: `treasury.example/${name}`,
  signers: [approver],
  logSigners: [noteSigner({ name: `treasury.example/${name}`, signer: approver })],
});

interface Joined {
  readonly control: Control;
  readonly context: PaymentContext;
  readonly signer: Signer;
}
let joined: Joined | undefined;

async function enter(descriptor: string, policy: object): Promise<Joined> {
  const vault = await openNonceVault({ store, name });
  const control = await createControl({ store, wallet: 'treasury', policy, receipts });
  const isOwn = ownScripts(parseDescriptor(descriptor));
  const context: PaymentContext = { network: 'regtest', isOwn };
  const signer = controlledSigner(musigPsbtSigner({ ring, vault, name }), { ...context, control, initiator: 'desk' });
  return { control, context, signer };
}

async function answer(question: Question): Promise<Answer> {
  if (question.ask === 'card')
    return { card: { name: name as PartyName, key: cosignerText(account), approvalKey: toHex(approver.publicKey) } };
  if (question.ask === 'join') {
    joined = await enter(question.descriptor, question.policy);
    return { done: true };
  }
  if (joined === undefined) throw new Error('this party has not joined yet');
  const { control, context, signer } = joined;
  if (question.ask === 'sign') return { psbt: psbtToBase64(await signer.sign(parsePsbt(question.psbt))) };
  if (question.ask === 'approve') {
    const payment = await paymentOfPsbt(parsePsbt(question.psbt), context);
    await control.request({ payment, initiator: 'desk' });
    return { id: payment.id, envelope: await approvePayment(payment, name, approver) };
  }
  if (question.ask === 'approval') return { decision: (await control.approve(question.id, question.envelope)).kind };
  const { size } = await log.head();
  return { receipts: size };
}

process.on('message', (message: { readonly id: number; readonly question: Question }) => {
  void answer(message.question)
    .catch((error: unknown): Answer => {
      const { code = 'UNKNOWN', message: text } = error as { readonly code?: string; readonly message: string };
      return { error: { code, message: text } };
    })
    .then((reply) => process.send?.({ id: message.id, answer: reply }));
});
process.send?.({ ready: true });
