import { guarded } from '../checks.ts';
import { currentCrypto, displayHash, equalBytes, satoshis } from '@bitcoin-enterprise/core';
import { aggregatePublicKeys, type DerivedKey, sortPublicKeys } from '@bitcoin-enterprise/descriptors';
import type { Psbt } from '@bitcoin-enterprise/wallet';
import { covenantsFrom, type ContractInstance } from '../contract/model.ts';
import { type Cell, planTransition, type TransitionPlan } from '../contract/transition.ts';
import { BiscolError, invalidArgument } from '../errors.ts';
import { planToPsbt, signaturesOfPsbt } from '../signing/psbt.ts';
import { signatureName, type SigningRequest, signingRequests } from '../signing/requests.ts';

/** A transition that is fixed beforehand, and those that come after it. */
export interface CovenantStep {
  /** `txid:index` of the output that is spent, as people write it. */
  readonly outpoint: string;
  readonly plan: TransitionPlan;
}

/** More steps than anybody signs. */
const MOST_STEPS = 10_000;

/**
 * All transitions that are fixed beforehand from these outputs on, parents before children. The ids of transactions do
 * not depend on signatures, so that the whole tree is known before anything is signed or sent.
 *
 * @throws BiscolError `BISCOL_COVENANT_ENDLESS`; those of `planTransition`.
 */
export function covenantSteps(instance: ContractInstance, cells: readonly Cell[]): readonly CovenantStep[] {
  return guarded('instance', 'what instantiate returned', () => {
    const steps: CovenantStep[] = [];
    let waiting = [...cells];
    while (waiting.length > 0) {
      const next: Cell[] = [];
      for (const cell of waiting)
        for (const transition of covenantsFrom(instance.contract, cell.state)) {
          if (steps.length >= MOST_STEPS)
            throw new BiscolError(
              'BISCOL_COVENANT_ENDLESS',
              `expected covenants that end, got over ${MOST_STEPS} steps`,
              {
                details: { state: cell.state },
              },
            );
          const plan = planTransition(instance, transition, { cells: [cell], assumeSecrets: true });
          steps.push({ outpoint: outpointOf(cell), plan });
          next.push(...nextCells(plan));
        }
      waiting = next;
    }
    return steps;
  });
}

/** The outputs of a plan that the contract goes on in, as they will be. */
export function nextCells(plan: TransitionPlan): readonly Cell[] {
  return guarded('plan', 'what planTransition returned', () => {
    if (plan.next.length === 0) return [];
    const { txid } = plan;
    return plan.next.map(({ index, state, data }) => {
      const { value } = plan.tx.outputs[index] as { readonly value: bigint };
      return { state, data, value: satoshis(value), txid, index };
    });
  });
}

/** The name of an output as people write it. */
export function outpointOf(cell: Pick<Cell, 'txid' | 'index'>): string {
  return guarded('cell', 'an output', () => `${displayHash(cell.txid)}:${cell.index}`);
}

/** The signature of the covenant that a plan needs beside those of its clause; `undefined` without presigning. */
export function covenantRequest(instance: ContractInstance, plan: TransitionPlan): SigningRequest | undefined {
  return guarded('plan', 'what planTransition returned', () => {
    const { covenants } = instance;
    if (covenants?.kind !== 'presigned') return undefined;
    return signingRequests(plan).find(({ key }) => isCovenantKey(instance, key));
  });
}

function isCovenantKey({ covenants }: ContractInstance, key: DerivedKey): boolean {
  if (covenants?.kind !== 'presigned') return false;
  const texts = covenants.keys.map((one) => one.key);
  const [only] = texts;
  if (texts.length === 1) return key.expression.text('public') === only;
  const own = key.participants.map((one) => one.expression.text('public'));
  return own.length === texts.length && texts.every((text) => own.includes(text));
}

/** The PSBT of a step in which the covenant alone is signed: without the keys of its clause, which sign later. */
export function covenantPsbt(instance: ContractInstance, plan: TransitionPlan): Psbt {
  return guarded('plan', 'what planTransition returned', () => {
    const request = covenantRequest(instance, plan);
    if (request === undefined) throw invalidArgument('plan', 'a transition that is signed beforehand', plan.transition);
    const psbt = planToPsbt(plan);
    const { participants } = request.key;
    const own = [request.key, ...participants].map(({ publicKey }) => publicKey.subarray(1, 33));
    const aggregate = aggregatePublicKeys(sortPublicKeys(participants.map(({ publicKey }) => publicKey)));
    return {
      ...psbt,
      inputs: psbt.inputs.map((input) => ({
        ...input,
        tapDerivations: input.tapDerivations.filter((one) => own.some((key) => equalBytes(key, one.publicKey))),
        musigParticipants: input.musigParticipants.filter(
          (one) => aggregate !== undefined && equalBytes(one.aggregate, aggregate),
        ),
      })),
    };
  });
}

/**
 * The signature of a covenant from a PSBT that all have signed, verified.
 *
 * @returns 64 bytes; `undefined` while it is not there.
 * @throws BiscolError `BISCOL_PSBT_MISMATCH`, `BISCOL_SIGNATURE_INVALID`.
 */
export function covenantSignature(
  instance: ContractInstance,
  plan: TransitionPlan,
  psbt: Psbt,
): Uint8Array | undefined {
  return guarded('plan', 'what planTransition returned', () => {
    const request = covenantRequest(instance, plan);
    if (request === undefined) return undefined;
    return signaturesOfPsbt(plan, psbt).get(signatureName(request.input, request.key));
  });
}

/** Whether 64 bytes are the signature of the covenant of a plan. */
export function isCovenantSignature(instance: ContractInstance, plan: TransitionPlan, signature: Uint8Array): boolean {
  return guarded('plan', 'what planTransition returned', () => {
    const request = covenantRequest(instance, plan);
    return (
      request !== undefined &&
      signature.length === 64 &&
      currentCrypto().schnorrVerify(signature, request.request.digest, request.verifyingKey)
    );
  });
}
