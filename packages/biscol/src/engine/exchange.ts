import { feeRate, hasCode, toHex } from '@bitcoin-enterprise/core';
import { combinePsbts, parsePsbt, type Psbt, psbtToBase64 } from '@bitcoin-enterprise/wallet';
import { transitionOf } from '../contract/model.ts';
import { BiscolError } from '../errors.ts';
import { requireSameTransaction, signaturesOfPsbt } from '../signing/psbt.ts';
import { type Executor, judge, notAllowed, signedRecord } from './execute.ts';
import { contractMachine } from './machine.ts';
import type { EngineEvent, ExecutionRecord, InstanceState } from './model.ts';
import { hexSignatures, isExecutionId, planExecution, planOfRecord } from './planning.ts';
import type { PartyMessage } from './ports.ts';
import { approvalOf, approvalRequest } from './request.ts';
import type { Engine } from './settings.ts';
import { psbtOf } from './signing.ts';

/** Names, texts and lists in a message: more is not read. */
const MOST_TEXT = 200_000;
const MOST_CELLS = 1_000;
const MOST_ATTEMPTS = 1_000;
/** Statuses of executions that others are told of. */
const TOLD: ReadonlySet<string> = new Set(['signing', 'sending', 'sent']);
/** Proposals of others that wait at a time. */
const MOST_PROPOSALS = 100;

function messageInvalid(reason: string): BiscolError {
  return new BiscolError('BISCOL_MESSAGE_INVALID', `expected a message of another party, got ${reason}`, {
    details: { reason },
  });
}

/** Reads a message that came from outside. Throws `BISCOL_MESSAGE_INVALID`. */
export function parseMessage(input: unknown): PartyMessage {
  if (typeof input !== 'object' || input === null) throw messageInvalid('no object');
  const message = input as Partial<Record<keyof PartyMessage, unknown>>;
  const {
    type,
    version,
    instance,
    execution,
    transition,
    cells,
    args,
    feeRate: rate,
    signers,
    psbt,
    attempt,
  } = message;
  if (type !== 'biscol/execution' || version !== 1) throw messageInvalid('another type or version');
  if (typeof instance !== 'string' || !/^[\da-f]{32}$/.test(instance)) throw messageInvalid('no id of an instance');
  if (!isExecutionId(execution)) throw messageInvalid('no id of an execution');
  if (typeof transition !== 'string' || transition.length > 64) throw messageInvalid('no name of a transition');
  const areTexts = (list: unknown): list is readonly string[] =>
    Array.isArray(list) &&
    list.length <= MOST_CELLS &&
    list.every((one) => typeof one === 'string' && one.length < 200);
  if (!areTexts(cells) || cells.length === 0) throw messageInvalid('no outputs');
  if (typeof args !== 'object' || args === null || Array.isArray(args)) throw messageInvalid('no arguments');
  if (typeof rate !== 'string' || !/^\d{1,15}$/.test(rate)) throw messageInvalid('no fee rate');
  if (signers !== undefined && !areTexts(signers)) throw messageInvalid('signers that are no names');
  const isCount =
    typeof attempt === 'number' && Number.isSafeInteger(attempt) && attempt >= 0 && attempt <= MOST_ATTEMPTS;
  if (!isCount) throw messageInvalid('no number of attempts');
  if (typeof psbt !== 'string' || psbt.length > MOST_TEXT) throw messageInvalid('no PSBT');
  return {
    type,
    version,
    instance,
    execution,
    transition,
    cells,
    args: args as Readonly<Record<string, unknown>>,
    feeRate: rate,
    ...(signers === undefined ? {} : { signers }),
    attempt,
    psbt,
  };
}

/** The message that tells others how far an execution has come; `undefined` when there is nothing to tell. */
export function messageOf(
  engine: Engine,
  id: string,
  of: {
    readonly state: InstanceState;
    readonly execution: string;
  },
): PartyMessage | undefined {
  const { state, execution } = of;
  const record = state.executions[execution];
  // Whoever lacks a signature of ours gets it, but not of what we hold back.
  if (record === undefined || !TOLD.has(record.status)) return undefined;
  const instance = engine.shelf.instanceOf(id, state);
  const plan = planOfRecord(engine, instance, { state, record });
  const kinds = transitionOf(instance, record.transition).args ?? {};
  return {
    type: 'biscol/execution',
    version: 1,
    instance: id,
    execution,
    transition: record.transition,
    cells: record.cells,
    args: Object.fromEntries(Object.entries(record.args).filter(([name]) => kinds[name]?.kind !== 'preimage')),
    feeRate: record.feeRate,
    ...(record.signers === undefined ? {} : { signers: record.signers }),
    attempt: record.attempt,
    psbt: psbtOf({ plan, record }),
  };
}

/**
 * Takes a message of another party: plans the same execution from what is on record here, and accepts nothing but
 * signatures of exactly that transaction.
 */
export async function receiveMessage(engine: Engine, executor: Executor, message: PartyMessage): Promise<void> {
  const { instance: id, execution } = message;
  const { state } = await engine.runner.state(contractMachine, id);
  const instance = engine.shelf.instanceOf(id, state);
  const psbt = parsePsbt(message.psbt);
  const known = Object.hasOwn(state.executions, execution) ? state.executions[execution] : undefined;
  if (known === undefined) {
    const proposed = Object.values(state.executions).filter(({ status }) => status === 'proposed').length;
    if (proposed >= MOST_PROPOSALS) throw messageInvalid('too many proposals that wait for an answer');
    const planned = planExecution(engine, {
      instance,
      state,
      transition: message.transition,
      args: message.args,
      options: {
        key: execution,
        cells: message.cells,
        ...(message.signers === undefined ? {} : { signers: message.signers }),
      },
      height: (await engine.chain.tip()).height,
      feeRate: feeRate(BigInt(message.feeRate)),
      assumeSecrets: true,
    });
    requireSameTransaction(planned.plan, psbt);
    // The same under another name says nothing new.
    const isKnown = Object.values(state.executions).some(
      ({ status, txid }) => status === 'proposed' && txid === planned.record.txid,
    );
    if (isKnown) return;
    const signatures = hexSignatures(signaturesOfPsbt(planned.plan, psbt));
    const record: ExecutionRecord = {
      ...planned.record,
      status: 'proposed',
      proposer: 'another',
      signatures,
      psbt: message.psbt,
      attempt: message.attempt,
    };
    await engine.runner.send(contractMachine, id, { type: 'begun', id: execution, execution: record });
    const decision = await engine.consent(approvalRequest(instance, planned.plan, execution));
    if (decision === 'refuse')
      await engine.runner.send(contractMachine, id, { type: 'abandoned', id: execution, reason: 'no consent' });
    if (decision === 'sign') await proceed(engine, executor, { id, execution });
    return;
  }
  if (known.status === 'proposed' || known.status === 'waiting') return;
  if (known.tx !== undefined && !TOLD.has(known.status)) return;
  if (message.attempt < known.attempt) return;
  const plan = planOfRecord(engine, instance, { state, record: known });
  requireSameTransaction(plan, psbt);
  if (known.tx !== undefined) {
    const isBehind = signaturesOfPsbt(plan, psbt).size < Object.keys(known.signatures).length;
    const answer = isBehind ? messageOf(engine, id, { state, execution }) : undefined;
    if (answer !== undefined) await engine.transport?.send(answer, {});
    return;
  }
  const event: EngineEvent = {
    type: 'contributed',
    id: execution,
    signatures: hexSignatures(signaturesOfPsbt(plan, psbt)),
    psbt: mergedPsbt(message.attempt > known.attempt ? undefined : known.psbt, psbt),
    attempt: message.attempt,
    own: false,
  };
  await engine.runner.send(contractMachine, id, event);
  await proceed(engine, executor, { id, execution });
}

/** Nonces and partial signatures of both. Who began anew at the same time as we did: the smaller text counts for all. */
function mergedPsbt(own: string | undefined, theirs: Psbt): string {
  const text = psbtToBase64(theirs);
  if (own === undefined) return text;
  try {
    return psbtToBase64(combinePsbts([parsePsbt(own), theirs]));
  } catch (error) {
    if (!hasCode(error, 'WALLET_PSBT_MISMATCH')) throw error;
    return own < text ? own : text;
  }
}

/**
 * Signs what is missing and can be signed here, tells the others, and finishes the execution once nothing is missing.
 */
export async function proceed(
  engine: Engine,
  executor: Executor,
  of: { readonly id: string; readonly execution: string },
): Promise<void> {
  const { id, execution } = of;
  const { state } = await engine.runner.state(contractMachine, id);
  const record = state.executions[execution];
  if (record === undefined || record.tx !== undefined) return;
  const instance = engine.shelf.instanceOf(id, state);
  const plan = planOfRecord(engine, instance, { state, record });
  const planned = { id: execution, instance, plan, record };
  if (!record.verdicts.some(({ stage, decision }) => stage === 'sign' && decision === 'allow')) {
    const verdict = await judge(engine, planned, 'sign');
    await engine.runner.send(contractMachine, id, { type: 'judged', id: execution, verdict });
    if (verdict.decision === 'refuse')
      throw notAllowed({ ...record, verdicts: [...record.verdicts, verdict], id: execution });
    if (verdict.decision === 'review') return;
  }
  const approval = approvalOf(engine, approvalRequest(instance, plan, execution));
  if (approval !== undefined && record.approvals.filter((by) => approval.of.includes(by)).length < approval.count)
    return;
  const result = await executor.proceed({ ...planned, state });
  if (result.checked?.ok === false) throw result.checked.error;
  if (result.checked === undefined || result.bytes === undefined) {
    await engine.runner.send(contractMachine, id, {
      type: 'contributed',
      id: execution,
      signatures: hexSignatures(result.signatures),
      ...(result.psbt === undefined ? {} : { psbt: result.psbt }),
      attempt: result.attempt,
      own: true,
    });
    return;
  }
  const tx = toHex(result.bytes);
  const verdict = await judge(engine, planned, 'broadcast', tx);
  const done = signedRecord(record, { tx, gas: result.checked.gas, verdict });
  await engine.runner.send(contractMachine, id, {
    type: 'signed',
    id: execution,
    tx,
    gas: done.gas as NonNullable<ExecutionRecord['gas']>,
    verdict,
    ...(engine.transport === undefined ? {} : { signatures: hexSignatures(result.signatures) }),
  });
}
