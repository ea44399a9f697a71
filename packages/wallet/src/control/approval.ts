import { hasCode, parseHex } from '@bitcoin-enterprise/core';
import {
  canonicalJson,
  type Envelope,
  type EnvelopeJson,
  envelopeToJson,
  keyIdOf,
  p256Verifier,
  parseEnvelope,
  parseJson,
  type ReceiptSigner,
  type ReceiptVerifier,
  secp256k1Verifier,
  ed25519Verifier,
  signEnvelope,
  verifyEnvelope,
} from '@bitcoin-enterprise/receipts';
import { requireFunction, requireObject } from '../checks.ts';
import { WalletError } from '../errors.ts';
import { type Payment, paymentToJson, requireName, requirePayment } from './payment.ts';
import type { Actor, ApprovalPolicy } from './policy-model.ts';

/** DSSE payload type of an approval. */
export const APPROVAL_TYPE = 'application/vnd.bitcoin-enterprise.approval+json';

/** What is approved or rejected: a payment, or another policy. */
export type Approvable =
  | { readonly payment: Payment }
  | { readonly rejected: Payment }
  | { readonly policy: unknown; readonly replaces: string };

/** The bytes that an approval signs: canonical JSON (RFC 8785), with the actor who approves. */
export function approvalBytes(what: Approvable, actor: string): Uint8Array {
  const content =
    'payment' in what
      ? { payment: paymentToJson(what.payment) }
      : 'rejected' in what
        ? { rejected: paymentToJson(what.rejected) }
        : what;
  return new TextEncoder().encode(canonicalJson({ actor, ...content }));
}

/**
 * Approves a payment: signs all of it, so that the approval is worth nothing for another one.
 *
 * @param actor - Id of the actor in the policy, whose key the signer has.
 * @returns A DSSE envelope as JSON, to be handed to the wallet's control.
 * @throws ReceiptsError `RECEIPTS_SIGNING_FAILED`.
 */
export async function approvePayment(payment: Payment, actor: string, signer: ReceiptSigner): Promise<EnvelopeJson> {
  requirePayment('payment', payment);
  return signApproval({ payment }, actor, signer);
}

/** Rejects a payment: it is not let through any more; as {@link approvePayment}. */
export async function rejectPayment(payment: Payment, actor: string, signer: ReceiptSigner): Promise<EnvelopeJson> {
  requirePayment('payment', payment);
  return signApproval({ rejected: payment }, actor, signer);
}

/** Approves another policy in the place of the one whose digest is given; as {@link approvePayment}. */
export async function approvePolicy(
  change: { readonly policy: unknown; readonly replaces: string },
  actor: string,
  signer: ReceiptSigner,
): Promise<EnvelopeJson> {
  requireName('change.replaces', requireObject<typeof change>('change', change).replaces);
  return signApproval({ policy: change.policy, replaces: change.replaces }, actor, signer);
}

async function signApproval(what: Approvable, actor: string, signer: ReceiptSigner): Promise<EnvelopeJson> {
  requireName('actor', actor);
  requireFunction('signer.sign', requireObject<ReceiptSigner>('signer', signer).sign);
  const payload = approvalBytes(what, actor);
  return envelopeToJson(await signEnvelope({ payloadType: APPROVAL_TYPE, payload }, [signer]));
}

/**
 * Who approved: the actor whose key signed exactly these bytes.
 *
 * @throws WalletError `WALLET_FORBIDDEN` when no actor of the policy has signed it.
 */
export async function approverOf(policy: ApprovalPolicy, what: Approvable, approval: EnvelopeJson): Promise<string> {
  const envelope = readEnvelope(approval);
  const claimed = actorIn(envelope);
  const actor = policy.actors.find(({ id }) => id === claimed);
  if (actor?.key === undefined) throw forbidden(claimed, 'approve: no such actor, or one without a key');
  const expected = approvalBytes(what, actor.id);
  const { payload } = envelope;
  if (payload.length !== expected.length || !payload.every((byte, i) => byte === expected[i]))
    throw forbidden(actor.id, 'approve this: the approval is of something else');
  try {
    await verifyEnvelope(envelope, { keys: [await verifierOf(actor)] }, { payloadTypes: [APPROVAL_TYPE] });
  } catch (error) {
    if (hasCode(error, 'RECEIPTS_ENVELOPE_UNVERIFIED', 'RECEIPTS_PAYLOAD_TYPE_UNSUPPORTED'))
      throw forbidden(actor.id, 'approve: the signature is not of its key');
    throw error;
  }
  return actor.id;
}

function readEnvelope(approval: EnvelopeJson): Envelope {
  try {
    return parseEnvelope(JSON.stringify(approval));
  } catch {
    throw forbidden('unknown', 'approve: what was given is no DSSE envelope');
  }
}

function actorIn({ payload }: Envelope): string {
  try {
    const content = parseJson(new TextDecoder('utf-8', { fatal: true }).decode(payload));
    if (typeof content === 'object' && content !== null && 'actor' in content && typeof content['actor'] === 'string')
      return content['actor'];
  } catch {
    // Told below.
  }
  throw forbidden('unknown', 'approve: the approval names nobody');
}

async function verifierOf({ key }: Actor): Promise<ReceiptVerifier> {
  const { algorithm, publicKey } = key as NonNullable<Actor['key']>;
  const bytes = parseHex(publicKey);
  const options = { keyId: keyIdOf(algorithm, bytes) };
  if (algorithm === 'ed25519') return ed25519Verifier(bytes, options);
  return algorithm === 'ecdsa-p256-sha256' ? p256Verifier(bytes, options) : secp256k1Verifier(bytes, options);
}

function forbidden(actor: string, action: string): WalletError<'WALLET_FORBIDDEN'> {
  return new WalletError('WALLET_FORBIDDEN', `expected somebody who may, got ${actor}, who may not ${action}`, {
    details: { actor, action },
  });
}
