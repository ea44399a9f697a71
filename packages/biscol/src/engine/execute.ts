import {
  type ComplianceGate,
  type ComplianceRequest,
  type ComplianceVerdict,
  feeRate as asFeeRate,
  type FeeRate,
  parseHex,
  toHex,
} from '@bitcoin-enterprise/core';
import { serializeTransaction } from '@bitcoin-enterprise/script';
import { BiscolError, invalidArgument } from '../errors.ts';
import type { Gas } from '../gas/meter.ts';
import type { TransitionPlan } from '../contract/transition.ts';
import { completeTransition, signingRequests } from '../signing/requests.ts';
import { contractMachine } from './machine.ts';
import type { ExecutionRecord, GasRecord, InstanceState, VerdictRecord } from './model.ts';
import {
  type ExecuteOptions,
  executionNamed,
  hexSignatures,
  type Planned,
  planExecution,
  writtenArgs,
} from './planning.ts';
import { approvalOf, approvalRequest, complianceRequest } from './request.ts';
import type { Engine } from './settings.ts';
import { OwnKeys, signTasks } from './signing.ts';
import { type Checked, Verifier } from './verify.ts';

/** An execution with its name. */
export type Execution = ExecutionRecord & { readonly id: string };

/** What is to be executed. */
export interface ExecuteRequest {
  readonly instance: string;
  readonly transition: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly options: ExecuteOptions;
  /** The execution that it replaces. */
  readonly replaces?: string;
}

/** An execution that is planned and judged, and what its caller waits for. */
interface Begun {
  readonly request: ExecuteRequest;
  readonly planned: Planned;
  readonly state: InstanceState;
  readonly signed: (result: SignedResult) => void;
  readonly failed: (error: unknown) => void;
}

/** Height and fee rates of a moment. */
interface Surroundings {
  readonly height: number;
  readonly rateOf: (options: ExecuteOptions) => Promise<FeeRate>;
}

/** Most executions that are signed together. */
const MOST_TOGETHER = 256;
const TARGET_BLOCKS = 3;

/**
 * Executes transitions. What is ready to be signed at the same time goes through together: one call of the signer, one
 * batch of signatures to verify; the store makes one commit of what comes together. A slow gate holds up its own alone.
 */
export class Executor {
  readonly #engine: Engine;
  readonly #own: OwnKeys;
  readonly #verifier: Verifier;
  readonly #waiting: Begun[] = [];
  #isRunning = false;
  #around: Promise<Surroundings> | undefined;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#own = new OwnKeys(engine);
    this.#verifier = new Verifier(engine.profile);
  }

  /** Plans, asks the gate, signs, verifies, meters, and puts on record what came of it. */
  async execute(request: ExecuteRequest): Promise<Execution> {
    const { instance: id, options } = request;
    const around = this.#surroundings();
    const { state } = await this.#engine.runner.state(contractMachine, id, { kept: true });
    const known = options.key === undefined ? undefined : this.#known(request, state, options.key);
    if (known !== undefined) return known;
    const planned = await this.#plan(request, state, await around);
    const again = this.#known(request, state, planned.id);
    if (again !== undefined) return again;
    const verdict = await judge(this.#engine, planned, 'sign');
    const judged = withVerdict(this.#engine, planned, verdict);
    const result =
      judged.record.status === 'signing' ? await this.#signTogether({ request, planned: judged, state }) : undefined;
    return this.#record(request, judged, result);
  }

  /** What is on record under a name: the same call again, or an error. */
  #known(
    { instance: id, transition, args, options }: ExecuteRequest,
    state: InstanceState,
    key: string,
  ): Execution | undefined {
    const record = executionNamed(state, key);
    if (record === undefined) return undefined;
    const instance = this.#engine.shelf.instanceOf(id, state);
    const isSame =
      record.transition === transition &&
      JSON.stringify(record.args) === JSON.stringify(writtenArgs(instance, transition, args)) &&
      (options.cells === undefined || JSON.stringify(options.cells) === JSON.stringify(record.cells));
    if (!isSame)
      throw invalidArgument(
        'options.key',
        `a name of its own: ${key} is ${record.transition}, or of other arguments`,
        key,
      );
    return { ...record, id: key };
  }

  async #plan(request: ExecuteRequest, state: InstanceState, { height, rateOf }: Surroundings): Promise<Planned> {
    const { instance: id, transition, args, options, replaces } = request;
    return planExecution(this.#engine, {
      instance: this.#engine.shelf.instanceOf(id, state),
      state,
      transition,
      args,
      options,
      height,
      feeRate: await rateOf(options),
      ...(replaces === undefined ? {} : { replaces }),
    });
  }

  async #signTogether(of: Pick<Begun, 'request' | 'planned' | 'state'>): Promise<SignedResult> {
    return new Promise((signed, failed) => {
      this.#waiting.push({ ...of, signed, failed });
      if (this.#isRunning) return;
      this.#isRunning = true;
      queueMicrotask(() => void this.#run());
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, MOST_TOGETHER);
      try {
        const results = await this.#signed(group);
        for (const [place, { signed }] of group.entries()) signed(results[place] as SignedResult);
      } catch (error) {
        // One at a time, so that what is wrong with one does not hit the others.
        if (group.length === 1) for (const { failed } of group) failed(error);
        else for (const one of group) await this.#signAlone(one);
      }
      // What was signed is recorded meanwhile.
    }
    this.#isRunning = false;
  }

  async #signAlone(one: Begun): Promise<void> {
    try {
      const [result] = await this.#signed([one]);
      one.signed(result as SignedResult);
    } catch (error) {
      one.failed(error);
    }
  }

  /** Height and fee rates, asked once for all who ask at the same time. */
  async #surroundings(): Promise<Surroundings> {
    const { chain, fallbackFeeRate } = this.#engine;
    this.#around ??= (async () => {
      const { height } = await chain.tip();
      const rates = new Map<number, Promise<FeeRate>>();
      const estimate = async (target: number): Promise<FeeRate> =>
        (await chain.estimateFeeRate?.(target)) ?? fallbackFeeRate;
      const rateOf = async ({ feeRate, targetBlocks = TARGET_BLOCKS }: ExecuteOptions): Promise<FeeRate> => {
        if (feeRate !== undefined) return feeRate;
        const asked = rates.get(targetBlocks) ?? estimate(targetBlocks);
        rates.set(targetBlocks, asked);
        return asked;
      };
      return { height, rateOf };
    })().finally(() => {
      this.#around = undefined;
    });
    return this.#around;
  }

  /** Signed as far as our keys go; verified and metered where nothing is missing. */
  async #signed(ready: readonly Begun[]): Promise<readonly SignedResult[]> {
    const tasks = ready.map(({ planned, state }) => ({ ...planned, presigned: state.presigned }));
    const results = await signTasks(this.#engine, this.#own, tasks);
    const complete: { readonly place: number; readonly bytes: Uint8Array }[] = [];
    for (const [place, { isComplete, signatures }] of results.entries())
      if (isComplete)
        complete.push({
          place,
          bytes: serializeTransaction(completeTransition((ready[place] as Begun).planned.plan, signatures)),
        });
    const checked = this.#verifier.check(
      complete.map(({ place, bytes }) => ({ ...(ready[place] as Begun).planned, bytes })),
    );
    const signed = results.map(({ signatures, psbt, attempt }): SignedResult => ({ signatures, psbt, attempt }));
    for (const [at, { place, bytes }] of complete.entries())
      signed[place] = { ...(signed[place] as SignedResult), bytes, checked: checked[at] as Checked };
    return signed;
  }

  async #record(request: ExecuteRequest, planned: Planned, result: SignedResult | undefined): Promise<Execution> {
    const engine = this.#engine;
    let { record } = planned;
    if (result?.checked?.ok === false) throw result.checked.error;
    if (result !== undefined)
      record = {
        ...record,
        ...(result.bytes === undefined ? { signatures: hexSignatures(result.signatures) } : {}),
        ...(result.psbt === undefined || result.bytes !== undefined ? {} : { psbt: result.psbt }),
      };
    if (result?.checked?.ok === true && result.bytes !== undefined) {
      const tx = toHex(result.bytes);
      const verdict = await judge(engine, planned, 'broadcast', tx);
      record = signedRecord(record, { tx, gas: result.checked.gas, verdict });
    }
    const sent = await engine.runner.send(contractMachine, request.instance, {
      type: 'begun',
      id: planned.id,
      execution: record,
    });
    const now = executionNamed(sent.state, planned.id);
    if (!sent.accepted && now === undefined)
      throw new BiscolError(
        'BISCOL_TRANSITION_IMPOSSIBLE',
        `expected ${record.transition} to be possible: ${sent.reason}`,
        {
          details: { transition: record.transition, reason: sent.reason },
        },
      );
    const execution = { ...(now ?? record), id: planned.id };
    if (execution.status === 'refused') throw notAllowed(execution);
    return execution;
  }

  /** Whether our keys alone make all signatures of a plan. */
  async isOwn(plan: TransitionPlan): Promise<boolean> {
    const requests = signingRequests(plan);
    await this.#own.learn(requests);
    return requests.every((request) => this.#own.has(request));
  }

  /** Goes on with an execution on record: signs what is missing, and finishes it once everything is there. */
  async proceed(of: Planned & { readonly state: InstanceState }): Promise<SignedResult> {
    const { plan, instance, record, state } = of;
    const [result] = await signTasks(this.#engine, this.#own, [{ plan, instance, record, presigned: state.presigned }]);
    if (result === undefined || !result.isComplete)
      return {
        signatures: result?.signatures ?? new Map(),
        psbt: result?.psbt,
        attempt: result?.attempt ?? record.attempt,
      };
    const bytes = serializeTransaction(completeTransition(plan, result.signatures));
    const [checked] = this.#verifier.check([{ instance, plan, bytes }]);
    const { signatures, psbt, attempt } = result;
    return { signatures, psbt, attempt, bytes, ...(checked === undefined ? {} : { checked }) };
  }
}

/** How far the signatures have come. */
export interface SignedResult {
  readonly signatures: ReadonlyMap<string, Uint8Array>;
  readonly psbt: string | undefined;
  readonly attempt: number;
  /** The signed transaction, and what checking it found, once nothing is missing. */
  readonly bytes?: Uint8Array;
  readonly checked?: Checked;
}

/** Asks the gate; a gate that fails has not allowed. */
export async function judge(
  engine: Engine,
  planned: Pick<Planned, 'instance' | 'plan' | 'id'>,
  stage: 'sign' | 'broadcast',
  tx?: string,
): Promise<VerdictRecord> {
  const { gate } = engine;
  if (gate === undefined) return { stage, decision: 'allow', reasons: [], gate: 'recording/1' };
  const { instance, plan, id } = planned;
  const request = complianceRequest(instance, plan, { execution: id, stage, ...(tx === undefined ? {} : { tx }) });
  const verdict = await asked(gate, request, id);
  // Anything but a clear answer is none.
  const isClear =
    typeof verdict === 'object' &&
    verdict !== null &&
    ['allow', 'refuse', 'review'].includes(verdict.decision) &&
    Array.isArray(verdict.reasons) &&
    verdict.reasons.every((reason: unknown) => typeof (reason as { code?: unknown } | null)?.code === 'string');
  if (!isClear)
    return { stage, decision: 'refuse', reasons: [{ code: 'GATE_ANSWER_INVALID', text: '' }], gate: 'unclear' };
  return { ...verdict, stage };
}

/** What a gate says; that it failed is no answer, and may pass. Throws `BISCOL_NOT_ALLOWED`. */
async function asked(gate: ComplianceGate, request: ComplianceRequest, execution: string): Promise<ComplianceVerdict> {
  try {
    return await gate.judge(request);
  } catch (error) {
    throw new BiscolError('BISCOL_NOT_ALLOWED', 'expected the compliance gate to answer, it failed', {
      details: { execution, reasons: ['GATE_FAILED'] },
      retryable: true,
      cause: error,
    });
  }
}

function withVerdict(engine: Engine, planned: Planned, verdict: VerdictRecord): Planned {
  const { plan, instance, id, record } = planned;
  const verdicts = [verdict];
  if (verdict.decision === 'refuse') {
    const reason = verdict.reasons.map(({ code }) => code).join(', ');
    return { ...planned, record: { ...record, verdicts, status: 'refused', reason } };
  }
  const approval = approvalOf(engine, approvalRequest(instance, plan, id));
  const isWaiting = verdict.decision === 'review' || (approval !== undefined && approval.count > 0);
  return { ...planned, record: { ...record, verdicts, status: isWaiting ? 'waiting' : 'signing' } };
}

/** A record with its signed transaction. */
export function signedRecord(
  record: ExecutionRecord,
  signed: { readonly tx: string; readonly gas: Gas; readonly verdict: VerdictRecord },
): ExecutionRecord {
  const { tx, gas, verdict } = signed;
  const isRefused = verdict.decision === 'refuse';
  return {
    ...record,
    signatures: {},
    verdicts: [...record.verdicts, verdict],
    tx,
    gas: gasRecord(gas),
    status: isRefused ? 'refused' : record.hold || verdict.decision === 'review' ? 'held' : 'sending',
    ...(isRefused ? { reason: verdict.reasons.map(({ code }) => code).join(', ') } : {}),
  };
}

/** Costs as they are kept. */
export function gasRecord(gas: Gas): GasRecord {
  return { ...gas, fee: String(gas.fee) };
}

/** The error of an execution that the gate refused. */
export function notAllowed(execution: Execution): BiscolError {
  const reasons = execution.verdicts.flatMap((verdict) =>
    verdict.decision === 'refuse' ? verdict.reasons.map(({ code }) => code) : [],
  );
  return new BiscolError(
    'BISCOL_NOT_ALLOWED',
    `expected ${execution.transition} to be allowed, got ${reasons.join(', ')}`,
    {
      details: { execution: execution.id, reasons },
    },
  );
}

/** sat/kvB on record. */
export function rateOfRecord({ feeRate }: ExecutionRecord): FeeRate {
  return asFeeRate(BigInt(feeRate));
}

/** The signed bytes on record. */
export function bytesOfRecord({ tx }: ExecutionRecord): Uint8Array | undefined {
  return tx === undefined ? undefined : parseHex(tx);
}
