import { parseDisplayHash, satoshis } from '@bitcoin-enterprise/core';
import { readInstance } from '../contract/instance.ts';
import { type AnyContract, type ContractInstance } from '../contract/model.ts';
import type { Cell } from '../contract/transition.ts';
import { readValues, type ValueKinds, writeValues } from '../contract/values.ts';
import { BiscolError, invalidArgument } from '../errors.ts';
import type { CellRecord, CellSeed, InstanceState } from './model.ts';

/** Instances in memory, built once from their records. */
export interface Shelf {
  /** The instance of a state. Throws `BISCOL_INSTANCE_UNKNOWN` for one that was not opened. */
  instanceOf(id: string, state: InstanceState): ContractInstance;
}

/** Makes a shelf that keeps those used last. */
export function createShelf(contracts: readonly AnyContract[], most: number): Shelf {
  const built = new Map<string, ContractInstance>();
  return {
    instanceOf(id, { instance }) {
      const known = built.get(id);
      if (known !== undefined) return known;
      if (instance === undefined) throw unknownInstance(id);
      const made = readInstance(instance, contracts);
      built.set(id, made);
      if (built.size > most) built.delete(built.keys().next().value as string);
      return made;
    },
  };
}

/** The error of an instance that nobody opened here. */
export function unknownInstance(id: string): BiscolError {
  return new BiscolError('BISCOL_INSTANCE_UNKNOWN', 'expected an instance that was opened, got another', {
    details: { instance: id.slice(0, 64) },
  });
}

/** An output as the model sees it. */
export function cellOfRecord(instance: ContractInstance, outpoint: string, record: CellRecord): Cell {
  const { txid, index } = parseOutpoint(outpoint);
  return {
    state: record.state,
    data: readValues(instance.contract.data as ValueKinds, record.data, { network: instance.network, path: 'data' }),
    value: satoshis(BigInt(record.value)),
    txid,
    index,
  };
}

/** An output as it is kept. */
export function seedOf(
  instance: ContractInstance,
  outpoint: string,
  cell: Pick<Cell, 'state' | 'data' | 'value'>,
): CellSeed {
  const { state, data, value } = cell;
  return { outpoint, state, data: writeValues(instance.contract.data as ValueKinds, data), value: String(value) };
}

/** Reads `txid:index`. */
export function parseOutpoint(outpoint: string): { readonly txid: Uint8Array; readonly index: number } {
  const found = typeof outpoint === 'string' ? /^([\da-f]{64}):(\d{1,10})$/.exec(outpoint) : null;
  const index = Number(found?.[2]);
  if (found === null || index > 0xffff_ffff) throw invalidArgument('outpoint', 'txid:index', outpoint);
  return { txid: parseDisplayHash(found[1] as string), index };
}
