import { feeRate, parseDisplayHash, toHex } from '@bitcoin-enterprise/core';
import {
  type CellRecord,
  type ContractEngine,
  type ContractInstance,
  createEngine,
  type EngineChain,
  fundingOutputs,
  type InstanceState,
  planTransition,
} from '@bitcoin-enterprise/biscol';
import type { EventStore } from '@bitcoin-enterprise/events';
import { createKeyRing, memoryDigestSigner, type Psbt, type Signer } from '@bitcoin-enterprise/wallet';
import { musigPsbtSigner, openNonceVault } from '@bitcoin-enterprise/wallet/multiparty';
import { cellOfRecord } from '../../src/engine/shelf.ts';
import { secretOf } from './people.ts';
import type { Scenario, ScenarioStep } from './scenarios.ts';

/** A chain that a scenario is run on by an engine. */
export interface ScenarioChain {
  readonly ports: EngineChain;
  mine(count: number): Promise<void>;
}

/** What a run of a scenario is made of; everything that a process needs to go on where another one died. */
export interface ScenarioRun {
  readonly store: EventStore;
  readonly chain: ScenarioChain;
  readonly scenario: Scenario;
  readonly instance: ContractInstance;
  /** `txid:index` of the outputs that begin it. */
  readonly outpoints: readonly string[];
  /** Hears which nonce signed which message: the same nonce must never sign two. */
  readonly onNonce?: (nonce: string, message: string) => void;
  readonly onError?: (text: string) => void;
}

const CONFIRMATIONS = 2;
/** Of a run that shares the machine with others. */
const PATIENCE_MS = 60_000;

/** Runs a scenario to its end, from wherever the store says that it stands. */
export async function runScenario(run: ScenarioRun): Promise<InstanceState> {
  const { scenario, instance, outpoints, chain } = run;
  const stop = new AbortController();
  const engine = await engineFor(run);
  const working = engine.work({ signal: stop.signal });
  try {
    const id = await engine.open(instance);
    await engine.fund(id, outpoints);
    await until(async () => outpoints.every(() => true) && (await allPlaced(engine, id, outpoints)));
    const done: string[] = [];
    for (const [place, step] of scenario.steps.entries()) done.push(await runStep({ run, engine, id, step, place }));
    await until(async () => {
      const { executions, cells } = await engine.state(id);
      const isFinal =
        done.every((key) => executions[key]?.status === 'final') &&
        Object.values(cells).every(({ spent }) => spent === undefined || spent.placed === 'final');
      if (isFinal) return true;
      const isSettled = done.every((key) => ['confirmed', 'final'].includes(executions[key]?.status ?? ''));
      if (isSettled) await chain.mine(1);
      return false;
    });
    return await engine.state(id);
  } finally {
    stop.abort();
    await working;
  }
}

async function allPlaced(engine: ContractEngine, id: string, outpoints: readonly string[]): Promise<boolean> {
  const { cells } = await engine.state(id);
  return outpoints.every((outpoint) => cells[outpoint]?.height !== undefined);
}

async function engineFor({ store, chain, instance, scenario, onNonce, onError }: ScenarioRun): Promise<ContractEngine> {
  const people = Array.from({ length: 99 }, (_, at) => secretOf(at + 1));
  const ring = createKeyRing({
    secretKeys: [...people, ...scenario.steps.flatMap(({ secretKeys = [] }) => secretKeys)],
  });
  const vault = await openNonceVault({ store, name: 'scenario' });
  return createEngine({
    store,
    chain: chain.ports,
    network: 'regtest',
    contracts: [instance.contract],
    keys: memoryDigestSigner(ring),
    musig: watched(musigPsbtSigner({ ring, vault }), onNonce),
    pollMs: 2,
    leaseMs: 60,
    confirmations: CONFIRMATIONS,
    logger: {
      debug: () => undefined,
      info: () => undefined,
      warn: (text: string, fields: unknown) => onError?.(`${text} ${JSON.stringify(fields)}`),
      error: (text: string, fields: unknown) => onError?.(`${text} ${JSON.stringify(fields)}`),
    } as never,
  });
}

/** A signer that tells which of its nonces signed what. */
function watched(signer: Signer, onNonce: ScenarioRun['onNonce']): Signer {
  return {
    name: signer.name,
    async sign(psbt, call) {
      let signed: Psbt = await signer.sign(psbt, call);
      // Both rounds: all parties are here.
      signed = await signer.sign(signed, call);
      for (const { previousTxid, previousIndex, musigPublicNonces, musigPartialSignatures } of signed.inputs)
        for (const { participant, signature } of musigPartialSignatures) {
          const nonce = musigPublicNonces.find((one) => toHex(one.participant) === toHex(participant))?.nonce;
          if (nonce !== undefined)
            onNonce?.(toHex(nonce), `${toHex(previousTxid)}:${previousIndex} ${toHex(signature)}`);
        }
      return signed;
    },
  };
}

async function runStep(of: {
  readonly run: ScenarioRun;
  readonly engine: ContractEngine;
  readonly id: string;
  readonly step: ScenarioStep;
  readonly place: number;
}): Promise<string> {
  const { run, engine, id, step, place } = of;
  const { chain, instance } = run;
  const key = `step-${place}`;
  const { from } = instance.contract.transitions[step.transition] as { readonly from: string };
  await until(async () => {
    const { executions, cells } = await engine.state(id);
    if (executions[key] !== undefined) return true;
    const there = Object.keys(cells).filter((outpoint) => {
      const cell = cells[outpoint];
      return cell?.state === from && cell.spent === undefined && cell.height !== undefined;
    });
    const chosen = step.cells === 'all' ? there : (step.cells ?? [0]).flatMap((at) => there[at] ?? []);
    if (chosen.length === 0) return false;
    await passLocks({ run, step, cells: chosen.map((outpoint) => [outpoint, cells[outpoint] as CellRecord] as const) });
    await engine.execute(id, step.transition, step.args ?? {}, {
      key,
      cells: chosen,
      feeRate: feeRate(2_000n),
      ...(step.signers === undefined ? {} : { signers: step.signers }),
    });
    return true;
  });
  await until(async () => {
    const { executions } = await engine.state(id);
    const { status } = executions[key] ?? { status: 'gone' };
    if (status === 'confirmed' || status === 'final') return true;
    if (status === 'refused' || status === 'displaced')
      throw new Error(`${step.transition} is ${status}: ${executions[key]?.reason}`);
    await mineIfSent(chain, executions[key]?.txid);
    return false;
  });
  return key;
}

/** Only what waits is worth a block: others would make everything late. */
async function mineIfSent(chain: ScenarioChain, txid: string | undefined): Promise<void> {
  const found = txid === undefined ? undefined : await chain.ports.transaction(parseDisplayHash(txid));
  if (found !== undefined && found.block === undefined) await chain.mine(1);
}

/** Mines until the locks of a step have ended. */
async function passLocks(of: {
  readonly run: ScenarioRun;
  readonly step: ScenarioStep;
  readonly cells: readonly (readonly [string, CellRecord])[];
}): Promise<void> {
  const { run, step, cells } = of;
  const { instance, chain } = run;
  const { tx } = planTransition(instance, step.transition, {
    cells: cells.map(([outpoint, record]) => cellOfRecord(instance, outpoint, record)),
    feeRate: feeRate(2_000n),
    ...(step.args === undefined ? {} : { args: step.args }),
    ...(step.signers === undefined ? {} : { signers: step.signers }),
  });
  const from = Math.max(
    tx.lockTime,
    ...tx.inputs.map(({ sequence }, at) =>
      sequence < 0x8000_0000 ? (cells[at]?.[1].height ?? 0) + (sequence & 0xffff) - 1 : 0,
    ),
  );
  const { height } = await chain.ports.tip();
  if (from > height) await chain.mine(from - height);
}

async function until(is: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (performance.now() < end) {
    if (await is()) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 4);
    });
  }
  throw new Error('it never came');
}

/** Scripts and amounts that begin an instance. */
export function beginningOf(
  instance: ContractInstance,
): readonly { readonly scriptPubKey: Uint8Array; readonly value: bigint }[] {
  return fundingOutputs(instance).map(({ output, value }) => ({ scriptPubKey: output.scriptPubKey, value }));
}

/** Which transactions the instance came to: nothing else may differ between a run that died and one that did not. */
export function outcomeOf({ executions, cells }: InstanceState): unknown {
  return {
    executions: Object.fromEntries(
      Object.entries(executions).map(([key, { transition, status }]) => [key, [transition, status]]),
    ),
    cells: Object.values(cells)
      .map(({ state, value, spent }) => [state, value, spent?.placed, spent?.transition])
      .toSorted((a, b) => String(a).localeCompare(String(b))),
  };
}
