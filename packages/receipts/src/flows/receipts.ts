import { equalBytes, hasCode } from '@bitcoin-enterprise/core';
import { invalidArgument, ReceiptsError } from '../errors.ts';
import {
  requireCount,
  requireList,
  requireMethods,
  requireObject,
  requireText,
  unlessAborted,
} from '../model/checks.ts';
import { type Envelope, encodeEnvelope, parseEnvelope } from '../model/dsse.ts';
import type { NoteSigner } from '../model/note.ts';
import type { Receipt } from '../model/receipt.ts';
import { encodeStatement, IN_TOTO_PAYLOAD_TYPE, requireStatement, type Statement } from '../model/statement.ts';
import { damaged, MAX_ENTRY_LENGTH } from '../model/tiles.ts';
import type { CallOptions, ReceiptSigner } from '../ports/signer.ts';
import type { Witness } from '../ports/witness.ts';
import { requireSigners, signEnvelope } from './envelopes.ts';
import type { MerkleLog } from './log.ts';
import { type PublishedCheckpoint, publishCheckpoint, requireWitnessTimeout } from './publish-checkpoint.ts';

/** Settings of {@link createReceipts}. */
export interface CreateReceiptsOptions {
  readonly log: MerkleLog;
  /** First line of the log's checkpoints. */
  readonly origin: string;
  /** Who signs statements; every one of them signs each. */
  readonly signers: readonly ReceiptSigner[];
  /** Keys of the log, made by `noteSigner`. */
  readonly logSigners: readonly NoteSigner[];
  /** Whom to ask for cosignatures; nobody when absent. */
  readonly witnesses?: readonly Witness[];
  /** How many must give one; all of them when absent. */
  readonly quorum?: number;
  /** How long each witness is waited for, in milliseconds, 1 or more; 10,000 when absent. */
  readonly witnessTimeoutMs?: number;
  /** Told witnesses that refused although the quorum was met: a fork must not go unheard. */
  readonly onRefusal?: (refusal: PublishedCheckpoint['refusals'][number]) => void;
}

/** What {@link Receipts.issue} is told. */
export interface IssueOptions extends CallOptions {
  /** Names the receipt for good, for example the id of the command it is about. */
  readonly key: string;
}

/** Issues receipts. */
export interface Receipts {
  /**
   * Signs a statement, appends it to the log, publishes a checkpoint over it, and answers the receipt. The same key and
   * statement again answers a receipt of the same entry, also after a crash at any point; calls at the same time share
   * one append and one checkpoint.
   *
   * @throws ReceiptsError `RECEIPTS_KEY_CONFLICT` when another statement has that key; `RECEIPTS_WITNESS_QUORUM_MISSED`
   * when it is in the log but too few witnesses saw it yet: the same call may succeed later.
   */
  issue(statement: Statement<unknown>, options: IssueOptions): Promise<Receipt>;
  /** A receipt of an entry in the log; `undefined` when nothing was issued under that key. */
  find(key: string, options?: CallOptions): Promise<Receipt | undefined>;
}

/**
 * Makes an issuer of receipts over a log.
 *
 * @example
 * ```ts
 * import {
 *   createLog,
 *   createMemoryLogStorage,
 *   createReceipts,
 *   createStatement,
 *   ed25519Signer,
 *   ed25519Verifier,
 *   noteSigner,
 *   noteVerifier,
 *   verifyReceipt,
 * } from '@bitcoin-enterprise/receipts';
 *
 * const signer = ed25519Signer(new Uint8Array(32).fill(1));
 * const logSigner = noteSigner({ name: 'example.com/log', signer: ed25519Signer(new Uint8Array(32).fill(2)) });
 * const receipts = createReceipts({
 *   log: createLog({ storage: createMemoryLogStorage() }),
 *   origin: 'example.com/log',
 *   signers: [signer],
 *   logSigners: [logSigner],
 * });
 * const statement = createStatement({
 *   subject: [{ name: 'payment-7', digest: { sha256: 'ab'.repeat(32) } }],
 *   predicateType: 'https://example.com/payment/v1',
 *   predicate: { amountSat: '150000' },
 * });
 * const receipt = await receipts.issue(statement, { key: 'payment-7' });
 * const verdict = await verifyReceipt(receipt, {
 *   signers: { keys: [ed25519Verifier(signer.publicKey)] },
 *   log: { origin: 'example.com/log', logKeys: [noteVerifier(logSigner.verifierKey)] },
 * });
 * verdict.valid; // => true
 * ```
 */
export function createReceipts(options: CreateReceiptsOptions): Receipts {
  requireObject('options', options);
  const { log, origin, signers, logSigners, witnesses = [], witnessTimeoutMs, onRefusal } = options;
  requireMethods('options.log', log, ['append', 'entry', 'indexOf', 'proveInclusion', 'publish']);
  requireText('options.origin', origin);
  requireSigners(signers);
  requireSigners(logSigners);
  requireList('options.witnesses', witnesses);
  const { quorum = witnesses.length } = options;
  requireCount('options.quorum', quorum);
  if (witnessTimeoutMs !== undefined) requireWitnessTimeout(witnessTimeoutMs);
  if (onRefusal !== undefined && typeof onRefusal !== 'function')
    throw invalidArgument('options.onRefusal', 'a function', onRefusal);
  let latest: PublishedCheckpoint | undefined;
  let running: Promise<void> | undefined;

  /** A checkpoint over an entry: the latest one, the one being made, or the one after it. */
  async function covering(index: number, call: CallOptions): Promise<PublishedCheckpoint> {
    while (latest === undefined || latest.size <= index) {
      running ??= publish().finally(() => {
        running = undefined;
      });
      // Several calls wait for it: whose signal ends one of them must not end it for the others.
      await unlessAborted('issue', running, call);
    }
    return latest;
  }

  async function publish(): Promise<void> {
    const limit = witnessTimeoutMs === undefined ? {} : { witnessTimeoutMs };
    const published = await publishCheckpoint(log, { origin, signers: logSigners, witnesses, quorum, ...limit });
    if (latest !== undefined && published.size <= latest.size) return;
    latest = published;
    for (const refusal of published.refusals) onRefusal?.(refusal);
  }

  async function receiptOf(index: number, envelope: Envelope, call: CallOptions): Promise<Receipt> {
    const { note, size } = await covering(index, call);
    return { envelope, index, inclusion: await log.proveInclusion(index, size, call), checkpoint: note };
  }

  async function storedEnvelope(index: number, call: CallOptions): Promise<Envelope> {
    const entry = await log.entry(index, call);
    try {
      return parseEnvelope(new TextDecoder().decode(entry), { maximumLength: 2 * MAX_ENTRY_LENGTH });
    } catch (error) {
      if (hasCode(error, 'RECEIPTS_JSON_INVALID', 'RECEIPTS_ENVELOPE_INVALID')) throw damaged('tile/entries', 'format');
      throw error;
    }
  }

  return {
    async issue(statement, issueOptions) {
      requireStatement(statement);
      requireObject('options', issueOptions);
      const { key, signal } = issueOptions;
      requireKey(key);
      const call = signal === undefined ? {} : { signal };
      const payload = encodeStatement(statement);
      let index = await log.indexOf(key, call);
      let envelope: Envelope | undefined;
      if (index === undefined) {
        envelope = await signEnvelope({ payloadType: IN_TOTO_PAYLOAD_TYPE, payload }, signers, call);
        const [appended] = await log.append([{ entry: encodeEnvelope(envelope), key }], call);
        index = appended?.index ?? 0;
        // Somebody else was faster with the same key: theirs is in the log.
        if (appended?.appended === false) envelope = undefined;
      }
      // A signer with randomness signs the same statement differently: what counts is what the log holds.
      envelope ??= await storedEnvelope(index, call);
      if (envelope.payloadType !== IN_TOTO_PAYLOAD_TYPE || !equalBytes(envelope.payload, payload))
        throw new ReceiptsError('RECEIPTS_KEY_CONFLICT', `expected the statement that the key has at entry ${index}`, {
          details: { index },
          hint: 'a key is for one statement; build it once, and keep it until it is issued',
        });
      return receiptOf(index, envelope, call);
    },
    async find(key, call = {}) {
      requireKey(key);
      const index = await log.indexOf(key, call);
      return index === undefined ? undefined : receiptOf(index, await storedEnvelope(index, call), call);
    },
  };
}

function requireKey(key: unknown): asserts key is string {
  if (typeof key !== 'string' || key === '') throw invalidArgument('options.key', 'a text that is not empty', key);
}
