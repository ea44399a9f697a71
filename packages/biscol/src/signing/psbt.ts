import { guarded } from '../checks.ts';
import { concatBytes, currentCrypto, equalBytes } from '@bitcoin-enterprise/core';
import { aggregatePublicKeys, type DerivedKey, sortPublicKeys } from '@bitcoin-enterprise/descriptors';
import { SighashType, type TransactionOutput } from '@bitcoin-enterprise/script';
import { createPsbt, type NewInput, type Psbt, type PsbtInput, unsignedTransaction } from '@bitcoin-enterprise/wallet';
import type { StateOutput } from '../contract/state-output.ts';
import type { PathPlan } from '../contract/state-output.ts';
import type { TransitionPlan } from '../contract/transition.ts';
import { BiscolError } from '../errors.ts';
import { signatureName, type SigningRequest, signingRequests } from './requests.ts';

/**
 * A plan as a PSBT of version 2 (BIP370, 371, 373): what parties send each other. Only the way that is taken is told.
 * Secrets are not in it.
 */
export function planToPsbt(plan: TransitionPlan): Psbt {
  return guarded('plan', 'what planTransition returned', () => {
    const { tx, spentOutputs, inputs, hashType } = plan;
    return createPsbt({
      version: 2,
      transactionVersion: tx.version,
      lockTime: tx.lockTime,
      inputs: tx.inputs.map(({ previousTxid, previousIndex, sequence }, place): NewInput => {
        const { value, scriptPubKey } = spentOutputs[place] as TransactionOutput;
        const planned = inputs[place];
        return {
          previousTxid,
          previousIndex,
          sequence,
          witnessUtxo: { value, scriptPubKey },
          ...(planned === undefined ? {} : describeWay(planned.output, planned.plan)),
          ...(planned === undefined || hashType === SighashType.DEFAULT ? {} : { sighashType: hashType }),
        };
      }),
      outputs: tx.outputs.map(({ value, scriptPubKey }) => ({ value, scriptPubKey })),
    });
  });
}

type Described = Pick<PsbtInput, 'tapInternalKey' | 'tapLeafScripts' | 'tapDerivations' | 'musigParticipants'> &
  Pick<Partial<PsbtInput>, 'tapMerkleRoot'>;

function describeWay({ taproot }: StateOutput, { way, signers }: PathPlan): Described {
  const { internalKey, merkleRoot } = taproot;
  const { leaf } = way;
  const leafHashes = leaf === undefined ? [] : [leaf.leafHash];
  const tapDerivations: Described['tapDerivations'][number][] = [];
  const musigParticipants: Described['musigParticipants'][number][] = [];
  const tell = ({ publicKey, origin }: DerivedKey): void => {
    const xOnly = publicKey.subarray(1, 33);
    if (!tapDerivations.some((known) => equalBytes(known.publicKey, xOnly)))
      tapDerivations.push({ publicKey: xOnly, leafHashes, origin });
  };
  for (const key of signers) {
    tell(key);
    if (key.participants.length === 0) continue;
    for (const participant of key.participants) tell(participant);
    // BIP390 sorts before it aggregates.
    const participants = sortPublicKeys(key.participants.map(({ publicKey }) => publicKey));
    const aggregate = aggregatePublicKeys(participants);
    if (aggregate !== undefined && !musigParticipants.some((known) => equalBytes(known.aggregate, aggregate)))
      musigParticipants.push({ aggregate, participants });
  }
  return {
    tapInternalKey: internalKey,
    ...(merkleRoot === undefined ? {} : { tapMerkleRoot: merkleRoot }),
    tapLeafScripts:
      leaf === undefined
        ? []
        : [{ controlBlock: leaf.controlBlock, script: leaf.script, leafVersion: leaf.leafVersion }],
    tapDerivations,
    musigParticipants,
  };
}

/**
 * The signatures of a PSBT that a plan asks for, each verified.
 *
 * @returns By {@link signatureName}, 64 bytes each, without the hash type.
 * @throws BiscolError `BISCOL_PSBT_MISMATCH` when the PSBT is of another transaction; `BISCOL_SIGNATURE_INVALID` for a
 * signature that does not verify, or covers less than the plan says.
 */
export function signaturesOfPsbt(plan: TransitionPlan, psbt: Psbt): Map<string, Uint8Array> {
  return guarded('plan', 'what planTransition returned', () => {
    requireSameTransaction(plan, psbt);
    const found = new Map<string, Uint8Array>();
    for (const request of signingRequests(plan)) {
      const full = rawSignature(psbt.inputs[request.input] as PsbtInput, request);
      if (full === undefined) continue;
      const signature = checkSignature(plan, request, full);
      found.set(signatureName(request.input, request.key), signature);
    }
    return found;
  });
}

function rawSignature(input: PsbtInput, { leafHash, verifyingKey }: SigningRequest): Uint8Array | undefined {
  if (leafHash === undefined) return input.tapKeySignature;
  return input.tapScriptSignatures.find(
    (one) => equalBytes(one.leafHash, leafHash) && equalBytes(one.publicKey, verifyingKey),
  )?.signature;
}

/** A signature without its hash type, if it is right. */
function checkSignature({ hashType }: TransitionPlan, asked: SigningRequest, full: Uint8Array): Uint8Array {
  const { input, verifyingKey, request } = asked;
  const signature = full.subarray(0, 64);
  const type = full.length === 65 ? full[64] : SighashType.DEFAULT;
  const isRight =
    type === hashType &&
    full.length === (hashType === SighashType.DEFAULT ? 64 : 65) &&
    currentCrypto().schnorrVerify(signature, request.digest, verifyingKey);
  if (isRight) return signature;
  throw new BiscolError(
    'BISCOL_SIGNATURE_INVALID',
    `expected a signature of input ${input} that verifies, got another`,
    {
      details: { input, key: Array.from(verifyingKey, (byte) => byte.toString(16).padStart(2, '0')).join('') },
      hint: 'It is of another transaction, another key, or covers less than it should.',
    },
  );
}

/** Throws unless a PSBT is of the transaction of a plan, to the byte. */
export function requireSameTransaction(plan: TransitionPlan, psbt: Psbt): void {
  const { version, lockTime, inputs, outputs } = unsignedTransaction(psbt);
  const { tx } = plan;
  const isSame =
    version === tx.version &&
    lockTime === tx.lockTime &&
    inputs.length === tx.inputs.length &&
    outputs.length === tx.outputs.length &&
    inputs.every((input, place) => {
      const planned = tx.inputs[place];
      return (
        planned !== undefined &&
        input.previousIndex === planned.previousIndex &&
        input.sequence === planned.sequence &&
        equalBytes(input.previousTxid, planned.previousTxid)
      );
    }) &&
    outputs.every((output, place) => {
      const planned = tx.outputs[place];
      return (
        planned !== undefined && output.value === planned.value && equalBytes(output.scriptPubKey, planned.scriptPubKey)
      );
    });
  if (isSame) return;
  throw new BiscolError(
    'BISCOL_PSBT_MISMATCH',
    `expected the PSBT of ${plan.transition} as it was planned, got another`,
    {
      details: { transition: plan.transition },
      hint: 'Whoever made it wants another transaction: nothing was signed.',
    },
  );
}

/** The PSBT of a plan with signatures in it. */
export function withSignatures(plan: TransitionPlan, signatures: ReadonlyMap<string, Uint8Array>): Psbt {
  return guarded('plan', 'what planTransition returned', () => {
    const psbt = planToPsbt(plan);
    const inputs = [...psbt.inputs];
    for (const { input, key, leafHash, verifyingKey } of signingRequests(plan)) {
      const signature = signatures.get(signatureName(input, key));
      if (signature === undefined) continue;
      const full =
        plan.hashType === SighashType.DEFAULT ? signature : concatBytes(signature, Uint8Array.of(plan.hashType));
      const known = inputs[input] as PsbtInput;
      inputs[input] =
        leafHash === undefined
          ? { ...known, tapKeySignature: full }
          : {
              ...known,
              tapScriptSignatures: [
                ...known.tapScriptSignatures,
                { publicKey: verifyingKey, leafHash, signature: full },
              ],
            };
    }
    return { ...psbt, inputs };
  });
}
