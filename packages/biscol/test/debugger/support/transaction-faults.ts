import { satoshis } from '@bitcoin-enterprise/core';
import { covenantRequest, signatureName } from '@bitcoin-enterprise/biscol';
import { policyProfiles, Sighasher, SighashType, type Transaction } from '@bitcoin-enterprise/script';
import type { MessagePart, TemplateField } from '@bitcoin-enterprise/biscol/debugger';
import {
  type Faulty,
  type FaultKind,
  type Right,
  signDigest,
  signedAnew,
  singleRequests,
  withInput,
  withSignature,
} from './fault.ts';

/** Signed, then changed: what was signed is another message. */
function changedAfterSigning(
  part: MessagePart,
  change: (right: Right) => Transaction | undefined,
  options: Partial<Faulty> = {},
): FaultKind['inject'] {
  return (right) => {
    const tx = change(right);
    return tx === undefined
      ? undefined
      : { tx, expected: 'signature-of-another-message', details: { differs: [part] }, ...options };
  };
}

const isTemplate = ({ plan, inputIndex }: Right): boolean => plan.inputs[inputIndex]?.plan.way.template !== undefined;

/** A covenant of which another transaction was made, and signed by those who may. */
function otherThanTheCovenant(
  field: TemplateField,
  part: MessagePart,
  change: (tx: Transaction) => Partial<Transaction> | undefined,
): FaultKind['inject'] {
  return async (right) => {
    const presigned = covenantRequest(right.instance, right.plan);
    if (!isTemplate(right) && presigned === undefined) return undefined;
    const changes = change(right.plan.tx);
    if (changes === undefined) return undefined;
    const keep = presigned === undefined ? undefined : signatureName(presigned.input, presigned.key);
    const tx = await signedAnew(right, changes, { keep });
    return presigned === undefined
      ? { tx, expected: 'template-mismatch', details: { fields: [field] } }
      : { tx, expected: 'signature-of-another-message', details: { differs: [part] }, needsPlan: true };
  };
}

/** Something in the transaction is not what was signed, or what the covenant wants. */
export const transactionFaults: readonly FaultKind[] = [
  {
    name: 'an amount changed after signing',
    inject: changedAfterSigning(
      'amount',
      ({ tx, plan }) =>
        (plan.hashType & 3) === SighashType.NONE
          ? undefined
          : { ...tx, outputs: tx.outputs.map((one, at) => (at === 0 ? { ...one, value: one.value - 1n } : one)) },
      { needsPlan: true },
    ),
  },
  {
    name: 'a script of an output changed after signing',
    inject: changedAfterSigning(
      'output',
      ({ tx }) => ({
        ...tx,
        outputs: tx.outputs.map((one, at) => (at === 0 ? { ...one, scriptPubKey: Uint8Array.of(0x51) } : one)),
      }),
      { needsPlan: true },
    ),
  },
  {
    name: 'outputs in another order',
    inject: changedAfterSigning('output', ({ tx }) =>
      tx.outputs.length < 2 ? undefined : { ...tx, outputs: tx.outputs.toReversed() },
    ),
  },
  {
    name: 'an output left out',
    inject: changedAfterSigning(
      'output',
      ({ tx }) => (tx.outputs.length < 2 ? undefined : { ...tx, outputs: tx.outputs.slice(1) }),
      { needsPlan: true },
    ),
  },
  {
    name: 'a sequence changed after signing',
    inject: changedAfterSigning('sequence', ({ tx, inputIndex }) =>
      withInput(tx, inputIndex, ({ sequence }) => ({
        sequence: sequence === 0xffff_fffd ? 0xffff_fffe : sequence + 1,
      })),
    ),
  },
  {
    name: 'a lock time changed after signing',
    inject: changedAfterSigning('lock-time', ({ tx }) => ({ ...tx, lockTime: tx.lockTime + 1 })),
  },
  {
    name: 'a version changed after signing',
    inject: changedAfterSigning('version', ({ tx }) => ({ ...tx, version: tx.version === 2 ? 3 : 2 })),
  },
  {
    name: 'another output of the same script spent',
    inject: changedAfterSigning('outpoint', ({ tx, inputIndex }) =>
      withInput(tx, inputIndex, ({ previousIndex }) => ({ previousIndex: previousIndex + 7 })),
    ),
  },
  {
    name: 'an amount of the spent output that the signer did not know',
    inject: ({ tx, plan, inputIndex }) => ({
      tx,
      spentOutputs: plan.spentOutputs.map((one, at) =>
        at === inputIndex ? { ...one, value: satoshis(one.value + 1n) } : one,
      ),
      expected: 'signature-of-another-message',
      details: { differs: ['spent-output'] },
    }),
  },
  {
    name: 'another output spent than is said',
    inject: ({ tx, plan, inputIndex }) => ({
      tx,
      spentOutputs: plan.spentOutputs.map((one, at) =>
        at === inputIndex
          ? { ...one, scriptPubKey: Uint8Array.of(0x51, 32, ...one.scriptPubKey.subarray(2).toReversed()) }
          : one,
      ),
      expected: 'wrong-output',
    }),
  },
  {
    name: 'signed as another input',
    inject: (right) => {
      const { plan, inputIndex, tx } = right;
      const [asked] = singleRequests(right);
      const other = tx.inputs.findIndex((_, at) => at !== inputIndex);
      if (asked === undefined || other === -1) return undefined;
      const hasher = new Sighasher({ tx: plan.tx, spentOutputs: plan.spentOutputs });
      const { leafHash } = asked;
      const what = { hashType: plan.hashType, ...(leafHash === undefined ? {} : { leafHash }) };
      const signature = signDigest(asked, hasher.taproot(other, what));
      // Without the other inputs (ANYONECANPAY) a message knows of no index.
      if (signature === undefined || (plan.hashType & 0x80) !== 0) return undefined;
      return {
        tx: withSignature(right, asked, signature),
        expected: 'signature-of-another-message',
        details: { differs: ['input'] },
      };
    },
  },
  {
    name: 'another amount than the covenant allows',
    inject: otherThanTheCovenant('amount', 'amount', ({ outputs }) => ({
      outputs: outputs.map((one, at) => (at === 0 ? { ...one, value: one.value - 1n } : one)),
    })),
  },
  {
    name: 'another receiver than the covenant allows',
    inject: otherThanTheCovenant('output', 'output', ({ outputs }) => ({
      outputs: outputs.map((one, at) =>
        at === 0 ? { ...one, scriptPubKey: Uint8Array.of(0x51, 32, ...new Uint8Array(32).fill(3)) } : one,
      ),
    })),
  },
  {
    name: 'another version than the covenant allows',
    inject: otherThanTheCovenant('version', 'version', ({ version }) => ({ version: version === 3 ? 2 : 3 })),
  },
  {
    name: 'another sequence than the covenant allows',
    inject: otherThanTheCovenant('sequence', 'sequence', ({ inputs }) => ({
      inputs: inputs.map((input) => ({
        ...input,
        sequence: input.sequence === 0xffff_fffd ? 0xffff_fffe : input.sequence + 1,
      })),
    })),
  },
  {
    name: 'another lock time than the covenant allows',
    inject: otherThanTheCovenant('lock-time', 'lock-time', ({ lockTime }) => ({ lockTime: lockTime + 1 })),
  },
  {
    name: 'an output less than the covenant allows',
    inject: otherThanTheCovenant('output-count', 'output', ({ outputs }) =>
      outputs.length < 2 ? undefined : { outputs: outputs.slice(0, -1) },
    ),
  },
  {
    name: 'a version that nobody relays',
    inject: async (right) => {
      if (covenantRequest(right.instance, right.plan) !== undefined || isTemplate(right)) return undefined;
      const tx = await signedAnew(right, { version: 7 });
      return { tx, expected: 'policy', details: { rule: 'version' }, profile: policyProfiles['core-31'] };
    },
  },
  {
    name: 'dust that nobody relays',
    inject: async (right) => {
      if (covenantRequest(right.instance, right.plan) !== undefined || isTemplate(right)) return undefined;
      const [first] = right.plan.tx.outputs;
      if (first === undefined) return undefined;
      const dust = { value: 1n, scriptPubKey: first.scriptPubKey };
      const tx = await signedAnew(right, { outputs: [...right.plan.tx.outputs, dust, dust] });
      return { tx, expected: 'policy', details: { rule: 'dust' }, profile: policyProfiles['core-31'] };
    },
  },
];
