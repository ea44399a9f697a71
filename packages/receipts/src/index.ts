export { createFileLogStorage } from './adapters/file-log-storage.ts';
export { createFileWitnessStorage } from './adapters/file-witness-storage.ts';
export { createMemoryKeyStore } from './adapters/memory-key-store.ts';
export { createMemoryLogStorage, type MemoryLogStorage } from './adapters/memory-log-storage.ts';
export { createMemoryWitnessStorage } from './adapters/memory-witness-storage.ts';
export { p256Signer, p256Verifier, type P256VerifierOptions } from './adapters/p256-signer.ts';
export {
  ed25519Signer,
  ed25519Verifier,
  keyIdOf,
  type KeyOptions,
  type Secp256k1Options,
  secp256k1Signer,
  secp256k1Verifier,
} from './adapters/signers.ts';
export { formatReceipt, parseReceipt, RECEIPT_TYPE } from './border/receipt-json.ts';
export { ReceiptsError, type ReceiptsErrors } from './errors.ts';
export { type AnchorPolicy, anchorReceipt, type VerifiedAnchor, verifyAnchor } from './flows/anchors.ts';
export {
  signEnvelope,
  signStatement,
  type SignerPolicy,
  type VerifiedEnvelope,
  verifyEnvelope,
  type VerifyEnvelopeOptions,
} from './flows/envelopes.ts';
export { createLog, type CreateLogOptions, type MerkleLog } from './flows/log.ts';
export type { AppendedEntry, NewEntry } from './flows/log-writer.ts';
export { createLogReader, type CreateLogReaderOptions, type LogReader, type ProvedEntry } from './flows/log-reader.ts';
export {
  publishCheckpoint,
  type PublishCheckpointOptions,
  type PublishedCheckpoint,
} from './flows/publish-checkpoint.ts';
export { createReceipts, type CreateReceiptsOptions, type IssueOptions, type Receipts } from './flows/receipts.ts';
export {
  type Disclosure,
  isSealedField,
  openField,
  type SealedField,
  sealField,
  type SealFieldOptions,
  verifyDisclosure,
} from './flows/sealed-fields.ts';
export type { ReadResource } from './flows/tile-access.ts';
export { type CheckpointPolicy, type VerifiedCheckpoint, verifyCheckpoint } from './flows/verify-checkpoint.ts';
export { type ReceiptPolicy, type ReceiptVerdict, verifyReceipt } from './flows/verify-receipt.ts';
export { createWitness, type CreateWitnessOptions, type FollowedLog } from './flows/witness.ts';
export {
  createHttpWitness,
  formatCosignRequest,
  type HttpWitnessOptions,
  parseCosignRequest,
  witnessHandler,
} from './flows/witness-http.ts';
export { type Anchor, type AnchorClaim, anchorFromBlock, anchorScript } from './model/anchor.ts';
export { type Checkpoint, formatCheckpoint, parseCheckpoint } from './model/checkpoint.ts';
export {
  encodeEnvelope,
  type Envelope,
  type EnvelopeJson,
  type EnvelopeSignature,
  envelopeToJson,
  parseEnvelope,
  preAuthEncoding,
} from './model/dsse.ts';
export { canonicalJson, type Json, type JsonLimits, type JsonObject, parseJson } from './model/json.ts';
export { emptyRoot, leafHash, nodeHash } from './model/merkle.ts';
export {
  formatNote,
  type Note,
  type NoteSignature,
  type NoteSigner,
  type NoteVerdict,
  type NoteVerifier,
  type OpenedNote,
  openNote,
  parseNote,
  signNote,
} from './model/note.ts';
export { cosigner, type NoteKeyParts, noteSigner, noteVerifier, parseSignerKey } from './adapters/note-keys.ts';
export { type ConsistencyClaim, type InclusionClaim, verifyConsistency, verifyInclusion } from './model/proofs.ts';
export type { Receipt } from './model/receipt.ts';
export {
  createStatement,
  type DigestSet,
  encodeStatement,
  IN_TOTO_PAYLOAD_TYPE,
  parseStatement,
  type Statement,
  STATEMENT_TYPE,
  type StatementParts,
  type StatementSubject,
} from './model/statement.ts';
export { CHECKPOINT_PATH, MAX_ENTRY_LENGTH, tilePath, type TilePlace } from './model/tiles.ts';
export type { BestChain } from './ports/best-chain.ts';
export type { FileAccess, FileHandle, FileStorageOptions } from './ports/file-access.ts';
export type { SqliteAccess, SqliteDatabase, SqliteStatement } from './ports/sqlite-access.ts';
export { createSqliteKeyStore, type SqliteKeyStore, type SqliteKeyStoreOptions } from './adapters/sqlite-key-store.ts';
export type { KeyStore, SealedBytes } from './ports/key-store.ts';
export type { LogChange, LogHead, LogStorage } from './ports/log-storage.ts';
export type { CallOptions, ReceiptSigner, ReceiptVerifier, SignatureAlgorithm } from './ports/signer.ts';
export type { CosignRequest, Witness, WitnessedCheckpoint, WitnessStorage } from './ports/witness.ts';
