import { hasCode, toHex } from '@bitcoin-enterprise/core';
import {
  ed25519Signer,
  type EnvelopeJson,
  envelopeToJson,
  p256Signer,
  type ReceiptSigner,
  secp256k1Signer,
  signEnvelope,
} from '@bitcoin-enterprise/receipts';
import { beforeAll, describe, expect, it } from 'vitest';
import { approvePayment, createControl, parseApprovalPolicy, rejectPayment } from '../../src/control/index.ts';
import { APPROVAL_TYPE, approvalBytes, approverOf } from '../../src/control/approval.ts';
import type { ApprovalPolicy } from '../../src/control/index.ts';
import { payment } from './support/scene.ts';

const asked = payment('01', 1_000n);
let signers: Readonly<Record<'ed' | 'nist' | 'sec', ReceiptSigner>>;
let policy: ApprovalPolicy;

beforeAll(async () => {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
  signers = {
    ed: ed25519Signer(new Uint8Array(32).fill(31)),
    nist: await p256Signer(pair),
    sec: secp256k1Signer(new Uint8Array(32).fill(32)),
  };
  policy = parseApprovalPolicy({
    version: 1,
    actors: [
      ...Object.entries(signers).map(([id, { algorithm, publicKey }]) => ({
        id,
        roles: ['director'],
        key: { algorithm, publicKey: toHex(publicKey) },
      })),
      { id: 'bot', roles: ['service'] },
    ],
    rules: [{ name: 'a', effect: { approvals: [{ roles: ['director'], count: 1 }] } }],
  });
});

/** What an approval is refused for: `details.action`. */
async function refusal(approval: unknown): Promise<unknown> {
  try {
    return await approverOf(policy, { payment: asked }, approval as EnvelopeJson);
  } catch (error) {
    if (!hasCode(error, 'WALLET_FORBIDDEN')) throw error;
    return (error as unknown as { details: object }).details;
  }
}

const signed = async (payload: Uint8Array, signer: ReceiptSigner, payloadType = APPROVAL_TYPE): Promise<EnvelopeJson> =>
  envelopeToJson(await signEnvelope({ payloadType, payload }, [signer]));
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe('an approval', () => {
  it.for(['ed', 'nist', 'sec'] as const)('is checked by the key of its actor: %s', async (name) => {
    expect(await approverOf(policy, { payment: asked }, await approvePayment(asked, name, signers[name]))).toBe(name);
    const other = name === 'ed' ? 'sec' : 'ed';
    expect(await refusal(await approvePayment(asked, name, signers[other]))).toEqual({
      actor: name,
      action: 'approve: the signature is not of its key',
    });
  });

  it('is of somebody who can approve', async () => {
    for (const actor of ['bot', 'zoe'])
      expect(await refusal(await approvePayment(asked, actor, signers.ed))).toEqual({
        actor,
        action: 'approve: no such actor, or one without a key',
      });
  });

  it('is no rejection, nor one of something longer', async () => {
    const something = { actor: 'ed', action: 'approve this: the approval is of something else' };
    expect(await refusal(await rejectPayment(asked, 'ed', signers.ed))).toEqual(something);
    expect(await refusal(await approvePayment({ ...asked, fee: 99n }, 'ed', signers.ed))).toEqual(something);
    const bytes = approvalBytes({ payment: asked }, 'ed');
    const longer = text(`${new TextDecoder().decode(bytes)} `);
    expect(await refusal(await signed(longer, signers.ed))).toEqual(something);
    const rejection = await rejectPayment(asked, 'ed', signers.ed);
    expect(await approverOf(policy, { rejected: asked }, rejection)).toBe('ed');
    const cheaper = await rejectPayment({ ...asked, fee: 99n }, 'ed', signers.ed);
    await expect(approverOf(policy, { rejected: asked }, cheaper)).rejects.toMatchObject({ code: 'WALLET_FORBIDDEN' });
  });

  it('is of its type', async () => {
    const bytes = approvalBytes({ payment: asked }, 'ed');
    expect(await refusal(await signed(bytes, signers.ed))).toBe('ed');
    expect(await refusal(await signed(bytes, signers.ed, 'text/plain'))).toEqual({
      actor: 'ed',
      action: 'approve: the signature is not of its key',
    });
  });

  it.for(['null', '[]', '5', '"actor"', '{}', '{"actor":5}', '{"actor":null}', '{"actor"', '\u{fffd}'])(
    'names somebody: not %s',
    async (payload) => {
      const bytes = payload === '\u{fffd}' ? Uint8Array.of(0xff) : text(payload);
      expect(await refusal(await signed(bytes, signers.ed))).toEqual({
        actor: 'unknown',
        action: 'approve: the approval names nobody',
      });
    },
  );

  it.for([undefined, null, 5, 'x', {}, { payload: 5 }, { payloadType: APPROVAL_TYPE, payload: 'e30=', signatures: 5 }])(
    'is an envelope: not %j',
    async (given) => {
      expect(await refusal(given)).toEqual({
        actor: 'unknown',
        action: 'approve: what was given is no DSSE envelope',
      });
    },
  );
});

it('a control is made of what it needs', async () => {
  await expect(createControl(undefined as never)).rejects.toMatchObject({ code: 'WALLET_INVALID_ARGUMENT' });
});
