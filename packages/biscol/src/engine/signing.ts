import { equalBytes, hasCode, parseHex } from '@bitcoin-enterprise/core';
import type { DerivedKey } from '@bitcoin-enterprise/descriptors';
import { combinePsbts, parsePsbt, type Psbt, type PsbtInput, psbtToBase64 } from '@bitcoin-enterprise/wallet';
import { restartMusigPsbt } from '@bitcoin-enterprise/wallet/multiparty';
import { covenantRequest } from '../covenant/presign.ts';
import type { ContractInstance } from '../contract/model.ts';
import type { TransitionPlan } from '../contract/transition.ts';
import { planToPsbt, signaturesOfPsbt, withSignatures } from '../signing/psbt.ts';
import { type SigningRequest, signingRequests } from '../signing/requests.ts';
import type { ExecutionRecord, InstanceState } from './model.ts';
import type { Engine } from './settings.ts';

/** An execution that is to be signed. */
export interface SigningTask {
  readonly instance: ContractInstance;
  readonly plan: TransitionPlan;
  readonly record: ExecutionRecord;
  /** What was signed beforehand. */
  readonly presigned: InstanceState['presigned'];
}

/** What came of it. */
export interface SigningResult {
  /** By name. */
  readonly signatures: ReadonlyMap<string, Uint8Array>;
  /** MuSig2 under way. */
  readonly psbt: string | undefined;
  /** One more than before when our nonces were lost. */
  readonly attempt: number;
  readonly isComplete: boolean;
}

/** Which keys are ours, asked once. */
export class OwnKeys {
  readonly #keys: Engine['keys'];
  readonly #known = new Map<DerivedKey, boolean>();

  constructor({ keys }: Pick<Engine, 'keys'>) {
    this.#keys = keys;
  }

  /** Asks for those of the requests that nobody has asked for yet. */
  async learn(requests: readonly SigningRequest[]): Promise<void> {
    if (this.#keys === undefined) return;
    const unknown = requests.filter(({ key }) => !this.#known.has(key));
    if (unknown.length === 0) return;
    const held = await this.#keys.holds(unknown.map(({ request }) => request.key));
    if (this.#known.size > MOST_KEYS) this.#known.clear();
    for (const [place, { key }] of unknown.entries()) this.#known.set(key, held[place] === true);
  }

  has({ key }: SigningRequest): boolean {
    return this.#known.get(key) === true;
  }
}

const MOST_KEYS = 100_000;

/**
 * Signs what our keys can: all tasks in one call of the signer, then MuSig2 one by one. What is on record already, of
 * others and from before the funding, is taken along.
 */
export async function signTasks(
  engine: Engine,
  own: OwnKeys,
  tasks: readonly SigningTask[],
): Promise<readonly SigningResult[]> {
  const asked = tasks.map(({ plan }) => signingRequests(plan));
  const found = tasks.map((task, place) => knownSignatures(task, asked[place] as readonly SigningRequest[]));
  const wanted: { readonly place: number; readonly request: SigningRequest }[] = [];
  for (const [place, requests] of asked.entries())
    for (const request of requests) {
      if (found[place]?.has(request.name) === false) wanted.push({ place, request });
    }
  await own.learn(wanted.map(({ request }) => request));
  const ours = wanted.filter(({ request }) => own.has(request));
  if (ours.length > 0 && engine.keys !== undefined) {
    const signatures = await engine.keys.signDigests(ours.map(({ request }) => request.request));
    for (const [at, { place, request }] of ours.entries())
      found[place]?.set(request.name, signatures[at] as Uint8Array);
  }
  return Promise.all(
    tasks.map(async (task, place) => {
      const signatures = found[place] as Map<string, Uint8Array>;
      const requests = asked[place] as readonly SigningRequest[];
      const isComplete = (): boolean => requests.every(({ name }) => signatures.has(name));
      if (isComplete() || engine.musig === undefined || !requests.some(({ key }) => key.participants.length > 0))
        return { signatures, psbt: task.record.psbt, attempt: task.record.attempt, isComplete: isComplete() };
      const { psbt, attempt } = await signTogether(engine, task, signatures);
      for (const [name, signature] of signaturesOfPsbt(task.plan, psbt)) signatures.set(name, signature);
      return { signatures, psbt: psbtToBase64(psbt), attempt, isComplete: isComplete() };
    }),
  );
}

function knownSignatures(
  { record, presigned, instance, plan }: SigningTask,
  requests: readonly SigningRequest[],
): Map<string, Uint8Array> {
  const known = new Map<string, Uint8Array>();
  for (const { name } of requests) {
    const signature = record.signatures[name];
    if (signature !== undefined) known.set(name, parseHex(signature));
  }
  const covenant = covenantRequest(instance, plan);
  const [outpoint] = record.cells;
  const signed = presigned[`${outpoint}/${record.transition}`];
  if (covenant !== undefined && signed !== undefined) known.set(covenant.name, parseHex(signed));
  return known;
}

/** The next round of MuSig2, with what others have sent so far; from the beginning when our nonces are gone. */
async function signTogether(
  engine: Engine,
  { plan, record }: SigningTask,
  signatures: ReadonlyMap<string, Uint8Array>,
): Promise<{ readonly psbt: Psbt; readonly attempt: number }> {
  const own = withSignatures(plan, signatures);
  const psbt = record.psbt === undefined ? own : combinePsbts([parsePsbt(record.psbt), own]);
  const sign = async (given: Psbt): Promise<Psbt> => (await engine.musig?.sign(given)) ?? given;
  const { attempt } = record;
  try {
    const signed = await sign(psbt);
    return { psbt: signed, attempt: hasNoncesOf(signed, psbt) ? attempt : attempt + 1 };
  } catch (error) {
    // Keys of which none is ours: others sign.
    if (hasCode(error, 'WALLET_KEY_UNKNOWN')) return { psbt, attempt };
    if (!hasCode(error, 'WALLET_NONCE_SPENT')) throw error;
    return { psbt: await sign(restartMusigPsbt(psbt)), attempt: attempt + 1 };
  }
}

/** Whether no nonce of one PSBT was replaced in the other: our own are when they did not outlive a restart. */
function hasNoncesOf(signed: Psbt, before: Psbt): boolean {
  return before.inputs.every(({ musigPublicNonces }, place) =>
    musigPublicNonces.every((one) =>
      (signed.inputs[place] as PsbtInput).musigPublicNonces.some(({ nonce }) => equalBytes(nonce, one.nonce)),
    ),
  );
}

/** The PSBT that goes to others: everything that is there. */
export function psbtOf(task: Pick<SigningTask, 'plan' | 'record'>): string {
  const { plan, record } = task;
  const signatures = new Map(
    Object.entries(record.signatures).map(([name, signature]) => [name, parseHex(signature)] as const),
  );
  const own = Object.keys(record.signatures).length === 0 ? planToPsbt(plan) : withSignatures(plan, signatures);
  return psbtToBase64(record.psbt === undefined ? own : combinePsbts([parsePsbt(record.psbt), own]));
}
