import { createManualClock, createSeededEntropy, type ManualClock } from '@bitcoin-enterprise/core/testing';
import {
  cosigner,
  createLog,
  createMemoryLogStorage,
  createMemoryWitnessStorage,
  createReceipts,
  createStatement,
  createWitness,
  ed25519Signer,
  ed25519Verifier,
  type MemoryLogStorage,
  type MerkleLog,
  type NoteSigner,
  noteSigner,
  type NoteVerifier,
  noteVerifier,
  type ReceiptPolicy,
  type Receipts,
  type ReceiptSigner,
  type Statement,
  type Witness,
} from '@bitcoin-enterprise/receipts';

/** Everybody who takes part in a receipt, with keys that a seed gives. */
export interface Scene {
  readonly origin: string;
  readonly clock: ManualClock;
  readonly signers: readonly ReceiptSigner[];
  readonly logSigner: NoteSigner;
  readonly logKey: NoteVerifier;
  readonly storage: MemoryLogStorage;
  readonly log: MerkleLog;
  readonly witnesses: readonly Witness[];
  readonly receipts: Receipts;
  readonly policy: ReceiptPolicy;
}

/** Settings of {@link createScene}. */
export interface SceneOptions {
  readonly seed?: string;
  /** How many witnesses there are; all must sign. */
  readonly witnesses?: number;
}

/** Makes a log with signers and witnesses, all in memory. */
export function createScene(options: SceneOptions = {}): Scene {
  const { seed = 'scene', witnesses: count = 3 } = options;
  const entropy = createSeededEntropy(seed);
  const secret = (): Uint8Array => entropy.bytes(32);
  const origin = 'log.example.com/receipts';
  const clock = createManualClock();
  const signers = [ed25519Signer(secret()), ed25519Signer(secret())];
  const logSigner = noteSigner({ name: origin, signer: ed25519Signer(secret()) });
  const logKey = noteVerifier(logSigner.verifierKey);
  const witnesses = Array.from({ length: count }, (_, i) =>
    createWitness({
      signer: cosigner({ name: `witness.example/w${i + 1}`, signer: ed25519Signer(secret()), clock }),
      logs: [{ origin, keys: [logKey] }],
      storage: createMemoryWitnessStorage(),
    }),
  );
  const storage = createMemoryLogStorage();
  const log = createLog({ storage });
  const receipts = createReceipts({ log, origin, signers, logSigners: [logSigner], witnesses });
  const policy: ReceiptPolicy = {
    signers: { keys: signers.map(({ publicKey }) => ed25519Verifier(publicKey)), threshold: signers.length },
    log: { origin, logKeys: [logKey], witnesses: witnesses.map(({ key }) => key) },
  };
  return { origin, clock, signers, logSigner, logKey, storage, log, witnesses, receipts, policy };
}

/** A statement about the payment of a number. */
export function payment(number: number): Statement {
  return createStatement({
    subject: [{ name: `payment-${number}`, digest: { sha256: number.toString(16).padStart(64, '0') } }],
    predicateType: 'https://example.com/payment/v1',
    predicate: { amountSat: `${number * 1_000}`, note: 'Überweisung' },
  });
}
