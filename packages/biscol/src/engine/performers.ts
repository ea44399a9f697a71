import { feeRate as asFeeRate, hasCode } from '@bitcoin-enterprise/core';
import type { Performers } from '@bitcoin-enterprise/events';
import { BiscolError } from '../errors.ts';
import { transitionOf } from '../contract/model.ts';
import { cellAt, dutyOf, heldExecutions } from './duties.ts';
import { messageOf } from './exchange.ts';
import { bytesOfRecord, type Executor, rateOfRecord } from './execute.ts';
import { contractMachine } from './machine.ts';
import type { EngineEffect, EngineEvent } from './model.ts';
import { watchFunding, watchSpend } from './notices.ts';
import { defaultKey, ownKey, planOfRecord } from './planning.ts';
import type { Engine } from './settings.ts';

/** Reasons of a node that time may mend: fees of the moment, parents that are still on their way. */
const PASSING: ReadonlySet<string> = new Set([
  'bad-txns-inputs-missingorspent',
  'missing-inputs',
  'min relay fee not met',
  'mempool min fee not met',
  'mempool full',
  'too-long-mempool-chain',
  'insufficient fee',
  'txn-mempool-conflict',
  'premature-version2-tx',
]);

/** Of each further attempt, in hundredths of the fee rate before. */
const BUMP_PERCENT = 150n;

/** What the engine does in the world; each may be done twice. */
export function performersOf(engine: Engine, executor: Executor): Performers<EngineEvent, EngineEffect> {
  const { runner, chain, transport, logger } = engine;
  return {
    watchFunding: async ({ since }, { id }) => {
      await watchFunding(engine, id, since);
      return undefined;
    },
    watch: async ({ outpoint, since }, { id }) => {
      await watchSpend(engine, id, { outpoint, since });
      return undefined;
    },
    propose: async ({ id: execution }, { id, signal }) => {
      if (transport === undefined) return undefined;
      const { state } = await runner.state(contractMachine, id);
      const message = messageOf(engine, id, { state, execution });
      if (message !== undefined) await transport.send(message, { signal });
      return undefined;
    },
    broadcast: async ({ id: execution }, { id, signal }) => {
      const { state } = await runner.state(contractMachine, id);
      const record = state.executions[execution];
      const bytes = record === undefined ? undefined : bytesOfRecord(record);
      if (record === undefined || bytes === undefined || record.status !== 'sending') return undefined;
      // Seen by nobody is done by nobody: what spends its outputs is watched before it is sent.
      for (const outpoint of record.cells) await watchSpend(engine, id, { outpoint, since: record.since });
      try {
        await chain.broadcast(bytes, { signal });
        return { type: 'sent', id: execution, height: (await chain.tip({ signal })).height };
      } catch (error) {
        if (!hasCode(error, 'CHAIN_TX_REJECTED')) throw error;
        const { reason } = error.details as { readonly reason: string };
        const isPassing = [...PASSING].some((passing) => reason.startsWith(passing));
        if (reason === 'txn-already-in-mempool' || reason === 'txn-already-known')
          return { type: 'sent', id: execution, height: (await chain.tip({ signal })).height };
        if (reason === 'non-final' || reason === 'non-BIP68-final') {
          const { height } = await chain.tip({ signal });
          return { type: 'postponed', id: execution, height: height + 1 };
        }
        if (isPassing)
          throw new BiscolError('BISCOL_NOT_RELAYED', `expected the network to take ${execution}, got ${reason}`, {
            details: { execution, reason },
            retryable: true,
            cause: error,
          });
        logger.warn('the network refuses an execution', { instance: id, execution, reason });
        return { type: 'refused', id: execution, reason };
      }
    },
    bump: async ({ id: execution }, { id }) => {
      const { state } = await runner.state(contractMachine, id);
      const record = state.executions[execution];
      if (record === undefined || (record.status !== 'sent' && record.status !== 'sending')) return undefined;
      const instance = engine.shelf.instanceOf(id, state);
      // A covenant has one fee for good, and what others have signed they would have to sign again.
      if (transitionOf(instance, record.transition).covenant === true) return undefined;
      if (!(await executor.isOwn(planOfRecord(engine, instance, { state, record })))) return undefined;
      const rate = asFeeRate((rateOfRecord(record) * BUMP_PERCENT) / 100n + 1_000n);
      try {
        await executor.execute({
          instance: id,
          transition: record.transition,
          args: record.args,
          options: {
            key: ownKey(state, `${execution.slice(0, 90)}~`, ({ replaces }) => replaces === execution),
            cells: record.cells,
            feeRate: rate,
            ...(record.signers === undefined ? {} : { signers: record.signers }),
          },
          replaces: execution,
        });
      } catch (error) {
        // Beyond a limit, or what is left would be dust: it waits at the fee that it has.
        const isLimit = ['BISCOL_GAS_LIMIT', 'BISCOL_DUST', 'BISCOL_AMOUNTS_MISMATCH'].some((code) =>
          hasCode(error, code),
        );
        if (!isLimit) throw error;
        logger.warn('an execution is late and cannot be bumped', { instance: id, execution });
      }
      return undefined;
    },
    duty: async ({ outpoint }, { id }) => {
      const { state } = await runner.state(contractMachine, id);
      const instance = engine.shelf.instanceOf(id, state);
      const at = cellAt(instance, state, outpoint);
      if (at === undefined) return undefined;
      const { height, medianTime } = await chain.tip();
      const held = heldExecutions(state, outpoint);
      const call = dutyOf(instance, {
        cell: at.cell,
        parties: engine.dutiesOf,
        cellHeight: at.height,
        tip: { height, medianTime },
        secrets: state.secrets,
        held: held.map(({ record }) => record),
      });
      if (call === undefined) return undefined;
      if (call.kind === 'wait') return { type: 'dutyWaits', outpoint, height: call.height };
      if (call.held) {
        const kept = held.find(({ record }) => record.transition === call.transition);
        if (kept === undefined) return { type: 'dutyWaits', outpoint, height: height + 1 };
        if (kept.record.status === 'held') await runner.send(contractMachine, id, { type: 'released', id: kept.id });
        return { type: 'dutyDone', outpoint };
      }
      await executor.execute({
        instance: id,
        transition: call.transition,
        args: call.args,
        options: {
          // Whatever others have named so is none of ours.
          key: ownKey(state, `duty-${defaultKey([outpoint], call.transition)}`, () => true),
          cells: [outpoint],
        },
      });
      return { type: 'dutyDone', outpoint };
    },
  };
}
