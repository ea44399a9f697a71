import { toHex } from '@bitcoin-enterprise/core';
import { invalidArgument, ReceiptsError } from '../errors.ts';
import {
  fieldOf,
  isList,
  requireBytes,
  requireCount,
  requireList,
  requireMethods,
  requireObject,
  requireText,
  throwIfAborted,
} from '../model/checks.ts';
import { type Envelope, hasControls, preAuthEncoding } from '../model/dsse.ts';
import { encodeStatement, IN_TOTO_PAYLOAD_TYPE, requireStatement, type Statement } from '../model/statement.ts';
import type { CallOptions, ReceiptSigner, ReceiptVerifier } from '../ports/signer.ts';

/** Whose signatures an envelope needs. */
export interface SignerPolicy {
  /** The trusted keys, each once. */
  readonly keys: readonly ReceiptVerifier[];
  /** How many of them must have signed; 1 when absent. */
  readonly threshold?: number;
}

/** What {@link verifyEnvelope} may be told. */
export interface VerifyEnvelopeOptions extends CallOptions {
  /** Payload types that the caller can read; `application/vnd.in-toto+json` when absent. */
  readonly payloadTypes?: readonly string[];
}

/**
 * Signs bytes of a stated type by one or several signers (DSSE v1).
 *
 * @throws {@link ReceiptsError} `RECEIPTS_SIGNING_FAILED`, `RECEIPTS_ABORTED`.
 */
export async function signEnvelope(
  content: { readonly payloadType: string; readonly payload: Uint8Array },
  signers: readonly ReceiptSigner[],
  options: CallOptions = {},
): Promise<Envelope> {
  requireObject('content', content);
  requireObject('options', options);
  const { payloadType, payload } = content;
  requireText('content.payloadType', payloadType);
  if (hasControls(payloadType)) throw invalidArgument('content.payloadType', 'without control characters', payloadType);
  requireBytes('content.payload', payload);
  requireSigners(signers);
  const signed = preAuthEncoding(payloadType, payload);
  const signatures = await Promise.all(
    signers.map(async (signer) => ({ keyId: signer.keyId, signature: await signer.sign(signed, options) })),
  );
  throwIfAborted('signEnvelope', options.signal);
  return { payloadType, payload: new Uint8Array(payload), signatures };
}

/**
 * Signs an in-toto statement.
 *
 * @throws {@link ReceiptsError} `RECEIPTS_STATEMENT_INVALID`, `RECEIPTS_SIGNING_FAILED`.
 *
 * @example
 * ```ts
 * import {
 *   createStatement,
 *   ed25519Signer,
 *   ed25519Verifier,
 *   parseStatement,
 *   signStatement,
 *   verifyEnvelope,
 * } from '@bitcoin-enterprise/receipts';
 *
 * const signer = ed25519Signer(new Uint8Array(32).fill(7));
 * const statement = createStatement({
 *   subject: [{ digest: { sha256: 'ab'.repeat(32) } }],
 *   predicateType: 'https://example.com/payment/v1',
 * });
 * const envelope = await signStatement(statement, [signer]);
 * const { payload } = await verifyEnvelope(envelope, { keys: [ed25519Verifier(signer.publicKey)] });
 * parseStatement(payload).predicateType; // => 'https://example.com/payment/v1'
 * ```
 */
export async function signStatement(
  statement: Statement<unknown>,
  signers: readonly ReceiptSigner[],
  options: CallOptions = {},
): Promise<Envelope> {
  requireStatement(statement);
  const payload = encodeStatement(statement);
  return signEnvelope({ payloadType: IN_TOTO_PAYLOAD_TYPE, payload }, signers, options);
}

/** Who signed an envelope, by trusted key. */
export interface VerifiedEnvelope {
  readonly payloadType: string;
  readonly payload: Uint8Array;
  /** Key ids of the trusted keys whose signatures are valid, in the order of the policy. */
  readonly signedBy: readonly string[];
}

/**
 * Verifies an envelope: at least `threshold` different trusted keys signed it, and its payload type is one the caller
 * reads. Key ids in the envelope only order the tries; a signature without one is tried against every key.
 *
 * @throws {@link ReceiptsError} `RECEIPTS_ENVELOPE_UNVERIFIED`, `RECEIPTS_PAYLOAD_TYPE_UNSUPPORTED`.
 */
export async function verifyEnvelope(
  envelope: Envelope,
  policy: SignerPolicy,
  options: VerifyEnvelopeOptions = {},
): Promise<VerifiedEnvelope> {
  requireObject('envelope', envelope);
  requireObject('options', options);
  const { threshold, keys } = readSignerPolicy(policy);
  const { payloadTypes = [IN_TOTO_PAYLOAD_TYPE], ...call } = options;
  const { payloadType, payload, signatures } = envelope;
  requireText('envelope.payloadType', payloadType);
  requireBytes('envelope.payload', payload);
  requireList('envelope.signatures', signatures);
  const signed = preAuthEncoding(payloadType, payload);

  const valid = new Set<ReceiptVerifier>();
  for (const item of signatures) {
    const signature = fieldOf(item, 'signature');
    requireBytes('envelope.signatures[].signature', signature);
    const keyId = fieldOf(item, 'keyId');
    const left = keys.filter((key) => !valid.has(key));
    // Some write an empty key id where they have none.
    const tries = keyId === undefined || keyId === '' ? left : left.filter((key) => key.keyId === keyId);
    for (const key of tries)
      if (await key.verify(signed, signature, call)) {
        valid.add(key);
        break;
      }
  }
  if (valid.size < threshold) {
    const text = `expected signatures of ${threshold} trusted keys, got ${valid.size}`;
    const details = { valid: valid.size, needed: threshold };
    throw new ReceiptsError('RECEIPTS_ENVELOPE_UNVERIFIED', text, { details });
  }
  if (!payloadTypes.includes(payloadType))
    throw new ReceiptsError('RECEIPTS_PAYLOAD_TYPE_UNSUPPORTED', `expected ${payloadTypes.join(' or ')}`, {
      details: { expected: [...payloadTypes] },
    });
  return { payloadType, payload, signedBy: keys.filter((key) => valid.has(key)).map((key) => key.keyId) };
}

/** Requires a policy that can be met and that counts no key twice. */
export function readSignerPolicy(policy: SignerPolicy): {
  readonly keys: readonly ReceiptVerifier[];
  readonly threshold: number;
} {
  requireObject('policy', policy);
  const { keys, threshold = 1 } = policy;
  requireList('policy.keys', keys);
  const seen = new Set<string>();
  for (const key of keys) {
    requireMethods('policy.keys[]', key, ['verify']);
    requireBytes('policy.keys[].publicKey', key.publicKey);
    seen.add(identityOf(key));
  }
  if (seen.size !== keys.length) throw invalidArgument('policy.keys', 'keys that differ', keys);
  requireCount('policy.threshold', threshold, 1);
  if (threshold > keys.length) throw invalidArgument('policy.threshold', 'at most the number of keys', threshold);
  return { keys, threshold };
}

/** What two verifiers of one secret key share: BIP340 and ECDSA read the same key by the same first coordinate. */
function identityOf({ algorithm, publicKey }: ReceiptVerifier): string {
  const isSchnorr = algorithm === 'schnorr-secp256k1';
  if (!isSchnorr && algorithm !== 'ecdsa-secp256k1-sha256') return `${algorithm} ${toHex(publicKey)}`;
  return `secp256k1 ${toHex(isSchnorr ? publicKey : publicKey.subarray(1))}`;
}

/** Requires at least one signer. */
export function requireSigners(signers: unknown): asserts signers is readonly ReceiptSigner[] {
  if (!isList(signers) || signers.length === 0) throw invalidArgument('signers', 'at least one signer', signers);
  for (const signer of signers) requireMethods('signers[]', signer, ['sign']);
}
