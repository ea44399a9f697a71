import { equalBytes, parseDisplayHash } from '@bitcoin-enterprise/core';
import type { WatchNotice } from '@bitcoin-enterprise/chain/watches';
import { parseTransaction, type Transaction, viewBlock } from '@bitcoin-enterprise/script';
import { fundingOutputs } from '../contract/instance.ts';
import { BiscolError } from '../errors.ts';
import { contractMachine } from './machine.ts';
import type { EngineEvent, InstanceState, Placement } from './model.ts';
import { recognise, type Recognised } from './recognise.ts';
import type { Engine } from './settings.ts';
import { cellOfRecord, seedOf } from './shelf.ts';

/** Names of what the engine watches: the instance, what for, and which. Watchers take names of up to 100 characters. */
const watchName = {
  funding: (instance: string, place: number): string => `${instance}/funding/${place}`,
  spend: (instance: string, outpoint: string): string => `${instance}/spend/${shortened(outpoint)}`,
};

/** 160 bits of a transaction's id are as good as all of them. */
function shortened(outpoint: string): string {
  const [txid = '', index = ''] = outpoint.split(':');
  return `${txid.slice(0, 40)}:${index}`;
}

function outpointNamed({ cells }: InstanceState, name: string): string | undefined {
  return Object.keys(cells).find((outpoint) => shortened(outpoint) === name);
}

/** Tells an instance what the chain says. The notice's key makes a second time harmless. */
export async function deliverNotice(engine: Engine, notice: WatchNotice): Promise<void> {
  const [id = '', about = '', which = ''] = notice.watch.split('/');
  const { state } = await engine.runner.state(contractMachine, id);
  if (state.instance === undefined) return;
  const event =
    about === 'funding'
      ? fundingEvent(engine, { id, state, place: Number(which), notice })
      : await spendEvent(engine, { id, state, outpoint: outpointNamed(state, which), notice });
  if (event === undefined) return;
  await engine.runner.send(contractMachine, id, event, { key: notice.key });
}

function placementOf({ kind }: WatchNotice): Placement | 'gone' {
  return kind === 'reorged-out' || kind === 'vanished' ? 'gone' : kind;
}

function heightOf({ block }: WatchNotice): { readonly height?: number } {
  return block === undefined ? {} : { height: block.height };
}

function fundingEvent(
  engine: Engine,
  of: { readonly id: string; readonly state: InstanceState; readonly place: number; readonly notice: WatchNotice },
): EngineEvent | undefined {
  const { id, state, place, notice } = of;
  const { txid, index, value } = notice;
  if (txid === undefined || index === undefined || value === undefined) return undefined;
  const outpoint = `${txid}:${index}`;
  const at = placementOf(notice);
  if (state.cells[outpoint] !== undefined)
    return { type: 'placed', outpoint, placed: at, ...(at === 'gone' ? {} : heightOf(notice)) };
  const instance = engine.shelf.instanceOf(id, state);
  const wanted = fundingOutputs(instance)[place];
  // Another amount is another contract's business: whoever sent it has to be talked to.
  if (wanted === undefined || at === 'gone' || String(wanted.value) !== value) return undefined;
  return { type: 'funded', begins: place, cell: seedOf(instance, outpoint, wanted), placed: at, ...heightOf(notice) };
}

async function spendEvent(
  engine: Engine,
  of: {
    readonly id: string;
    readonly state: InstanceState;
    readonly outpoint: string | undefined;
    readonly notice: WatchNotice;
  },
): Promise<EngineEvent | undefined> {
  const { id, state, outpoint, notice } = of;
  const record = outpoint === undefined ? undefined : state.cells[outpoint];
  const { txid } = notice;
  if (outpoint === undefined || record === undefined || txid === undefined) return undefined;
  const placed = placementOf(notice);
  const known = Object.values(state.executions).find((execution) => execution.txid === txid);
  const found: Recognised | undefined =
    known === undefined
      ? placed === 'gone'
        ? { next: childrenOf(state, txid), secrets: [] }
        : await lookAt(engine, { id, state, outpoint }, notice)
      : { transition: known.transition, next: known.next, secrets: [] };
  if (found === undefined) {
    // Gone before it could be looked at: its next notice brings it again.
    if (placed === 'seen') return undefined;
    throw new BiscolError('BISCOL_CHAIN_INCOMPLETE', `expected the chain to have the transaction ${txid}, got none`, {
      details: { txid, instance: id },
      retryable: true,
    });
  }
  return {
    type: 'spent',
    outpoint,
    txid,
    placed,
    ...(placed === 'gone' ? {} : heightOf(notice)),
    ...(found.transition === undefined ? {} : { transition: found.transition }),
    next: found.next,
    secrets: found.secrets,
  };
}

function childrenOf({ cells }: InstanceState, txid: string): Recognised['next'] {
  return Object.entries(cells)
    .filter(([outpoint]) => outpoint.startsWith(`${txid}:`))
    .map(([outpoint, { state, data, value }]) => ({ outpoint, state, data, value }));
}

async function lookAt(
  engine: Engine,
  of: { readonly id: string; readonly state: InstanceState; readonly outpoint: string },
  notice: WatchNotice,
): Promise<Recognised | undefined> {
  const instance = engine.shelf.instanceOf(of.id, of.state);
  const record = of.state.cells[of.outpoint];
  const tx = await transactionOf(engine, notice);
  return tx === undefined || record === undefined
    ? undefined
    : recognise(instance, cellOfRecord(instance, of.outpoint, record), tx);
}

/** The transaction of a notice: of its block, because not every node finds confirmed transactions by their ids. */
async function transactionOf(engine: Engine, { txid, block }: WatchNotice): Promise<Transaction | undefined> {
  if (txid === undefined) return undefined;
  const wanted = parseDisplayHash(txid);
  if (block === undefined) {
    const found = await engine.chain.transaction(wanted);
    return found === undefined ? undefined : parseTransaction(found.bytes);
  }
  const bytes = await engine.chain.block(parseDisplayHash(block.hash));
  if (bytes === undefined) return undefined;
  const { transactions } = viewBlock(bytes);
  return transactions.find((tx) => equalBytes(tx.id(), wanted))?.toTransaction();
}

/** Watches what pays to the contract, and what spends its outputs. */
export async function watchFunding(engine: Engine, id: string, since: number): Promise<void> {
  const { state } = await engine.runner.state(contractMachine, id);
  const instance = engine.shelf.instanceOf(id, state);
  const { confirmations } = engine;
  for (const [place, { output }] of fundingOutputs(instance).entries())
    await engine.watcher.watchScript(watchName.funding(id, place), output.scriptPubKey, { confirmations, since });
}

/** Watches what spends an output. */
export async function watchSpend(
  engine: Engine,
  id: string,
  of: { readonly outpoint: string; readonly since: number },
): Promise<void> {
  const [txid = '', index = ''] = of.outpoint.split(':');
  const { confirmations } = engine;
  await engine.watcher.watchOutput(
    watchName.spend(id, of.outpoint),
    { txid: parseDisplayHash(txid), index: Number(index) },
    { confirmations, since: of.since },
  );
}
