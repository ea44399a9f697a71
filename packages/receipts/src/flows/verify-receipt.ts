import { hasCode } from '@bitcoin-enterprise/core';
import { formatReceipt, parseReceipt } from '../border/receipt-json.ts';
import { ReceiptsError } from '../errors.ts';
import { requireObject, throwIfAborted } from '../model/checks.ts';
import { encodeEnvelope } from '../model/dsse.ts';
import type { JsonLimits } from '../model/json.ts';
import { leafHash } from '../model/merkle.ts';
import { verifyInclusion } from '../model/proofs.ts';
import type { Receipt } from '../model/receipt.ts';
import { parseStatement, type Statement } from '../model/statement.ts';
import type { CallOptions } from '../ports/signer.ts';
import { type AnchorPolicy, readAnchorPolicy, verifyAnchor, type VerifiedAnchor } from './anchors.ts';
import { readSignerPolicy, type SignerPolicy, verifyEnvelope } from './envelopes.ts';
import {
  type CheckpointPolicy,
  readCheckpointPolicy,
  verifyCheckpoint,
  type VerifiedCheckpoint,
} from './verify-checkpoint.ts';

/** Whom a verifier trusts, and with what. */
export interface ReceiptPolicy {
  /** Who may sign statements. */
  readonly signers: SignerPolicy;
  /** Which log, and which witnesses. */
  readonly log: CheckpointPolicy;
  /** Which anchors count; without it an anchor is not looked at, and proves nothing. */
  readonly anchor?: AnchorPolicy;
  /** Limits on a receipt that is handed in as JSON, and on its payload. */
  readonly limits?: JsonLimits;
}

/** What a receipt proves, or why it proves nothing. */
export type ReceiptVerdict =
  | {
      readonly valid: true;
      readonly statement: Statement;
      /** Key ids of the trusted signers. */
      readonly signedBy: readonly string[];
      /** Number of the entry in the log. */
      readonly index: number;
      /** The checkpoint, and who has witnessed it. */
      readonly checkpoint: VerifiedCheckpoint;
      /** The anchor, when there is one and the policy has a chain to ask. */
      readonly anchor?: VerifiedAnchor;
    }
  | {
      readonly valid: false;
      /** All that is wrong, at least one. */
      readonly reasons: readonly ReceiptsError[];
    };

/**
 * Judges a receipt, wherever it comes from: hostile input gets a verdict, never an exception.
 *
 * @param receipt - As JSON text, or parsed.
 * @param policy - Whom to trust.
 * @throws {@link ReceiptsError} `RECEIPTS_INVALID_ARGUMENT` for a policy that makes no sense, `RECEIPTS_ABORTED`; and what
 * the chain of the policy throws, since nothing can be said without its answer.
 */
export async function verifyReceipt(
  receipt: string | Receipt,
  policy: ReceiptPolicy,
  options: CallOptions = {},
): Promise<ReceiptVerdict> {
  requireObject('policy', policy);
  requireObject('options', options);
  const { signers, log, anchor: anchorPolicy, limits = {} } = policy;
  readSignerPolicy(signers);
  readCheckpointPolicy(log);
  const presence = anchorPolicy === undefined ? undefined : readAnchorPolicy(anchorPolicy).presence;
  requireObject('policy.limits', limits);
  throwIfAborted('verifyReceipt', options.signal);

  const reasons: ReceiptsError[] = [];
  const attempt = async <Value>(run: () => Value | Promise<Value>): Promise<Value | undefined> => {
    try {
      return await run();
    } catch (error) {
      if (!isReason(error)) throw error;
      reasons.push(error);
      return undefined;
    }
  };

  const parsed = await attempt(() => read(receipt, limits));
  if (parsed === undefined) return { valid: false, reasons };
  const { envelope, index, inclusion, anchor } = parsed;
  // What costs least comes first, but everything is looked at: a verdict names all that is wrong.
  const statement = await attempt(() => parseStatement(envelope.payload, limits));
  const checkpoint = await attempt(() => verifyCheckpoint(parsed.checkpoint, log));
  if (checkpoint !== undefined)
    await attempt(() => {
      const leaf = leafHash(encodeEnvelope(envelope));
      return verifyInclusion({ leaf, index, size: checkpoint.size, proof: inclusion, root: checkpoint.root });
    });
  const signed = await attempt(() => verifyEnvelope(envelope, signers, options));
  const anchored =
    anchor === undefined || anchorPolicy === undefined || checkpoint === undefined
      ? undefined
      : await attempt(() => verifyAnchor(anchor, { ...options, checkpoint, policy: anchorPolicy }));
  if (anchor === undefined && presence === 'required') {
    const text = 'expected a receipt with an anchor';
    reasons.push(new ReceiptsError('RECEIPTS_ANCHOR_MISSING', text, { details: { presence } }));
  }
  if (reasons.length > 0 || statement === undefined || checkpoint === undefined || signed === undefined)
    return { valid: false, reasons };
  const verdict = { valid: true, statement, signedBy: signed.signedBy, index, checkpoint } as const;
  return anchored === undefined ? verdict : { ...verdict, anchor: anchored };
}

function read(receipt: string | Receipt, limits: JsonLimits): Receipt {
  if (typeof receipt === 'string') return parseReceipt(receipt, limits);
  try {
    // By way of its text: what is judged is what could be sent, not what a getter answers this time.
    return parseReceipt(formatReceipt(receipt), limits);
  } catch (error) {
    if (isReason(error)) throw error;
    throw new ReceiptsError('RECEIPTS_RECEIPT_MALFORMED', 'expected a receipt', {
      details: { path: '$', expected: 'a receipt' },
    });
  }
}

/** Whether an error speaks about the receipt; the others are about the caller or the world. */
function isReason(error: unknown): error is ReceiptsError {
  return error instanceof ReceiptsError && !hasCode(error, 'RECEIPTS_INVALID_ARGUMENT', 'RECEIPTS_ABORTED');
}
