import { equalBytes, toHex } from '@bitcoin-enterprise/core';
import { requireList } from '../checks.ts';
import { invalidArgument, WalletError } from '../errors.ts';
import { GlobalType, InputType, MAGIC } from './field-types.ts';
import type { Psbt } from './model.ts';
import { parsePsbt } from './parse.ts';
import { PsbtReader, type PsbtRecord } from './reader.ts';
import { serializePsbt } from './serialize.ts';
import { requirePsbt } from './require-psbt.ts';
import { psbtId } from './transaction.ts';
import { PsbtMap, PsbtWriter } from './writer.ts';

/**
 * Puts together what several have added to one PSBT (BIP174, “Combiner”). Of signatures that differ the first is taken;
 * what else differs cannot both be true.
 *
 * @param psbts - One at least, of one transaction and one version.
 * @throws WalletError `WALLET_PSBT_MISMATCH`, `WALLET_INVALID_ARGUMENT`.
 */
export function combinePsbts(psbts: readonly Psbt[]): Psbt {
  requireList('psbts', psbts);
  const [first, ...others] = psbts;
  if (first === undefined) throw invalidArgument('psbts', 'one PSBT at least', psbts);
  for (const [i, psbt] of psbts.entries()) requirePsbt(psbt, `psbts[${i}]`);
  if (others.length === 0) return first;
  const id = psbtId(first);
  for (const other of others) {
    if (other.version !== first.version) throw mismatch('another version');
    if (!equalBytes(psbtId(other), id)) throw mismatch('another transaction');
  }
  const parts = psbts.map((psbt) => mapsOf(psbt));
  const writer = new PsbtWriter();
  writer.raw(MAGIC);
  for (let place = 0; place < 1 + first.inputs.length + first.outputs.length; place++) {
    const kind = place === 0 ? 'global' : place <= first.inputs.length ? 'input' : 'output';
    unite(
      parts.map((maps) => maps[place] as readonly PsbtRecord[]),
      kind,
    ).writeTo(writer);
  }
  return parsePsbt(writer.finish());
}

function mapsOf(psbt: Psbt): readonly (readonly PsbtRecord[])[] {
  const reader = new PsbtReader(serializePsbt(psbt).subarray(MAGIC.length));
  return Array.from({ length: 1 + psbt.inputs.length + psbt.outputs.length }, () => reader.map());
}

type MapKind = 'global' | 'input' | 'output';

function unite(maps: readonly (readonly PsbtRecord[])[], kind: MapKind): PsbtMap {
  const found = new Map<string, PsbtRecord>();
  for (const record of maps.flat()) {
    const name = toHex(record.key);
    const known = found.get(name);
    if (known === undefined) found.set(name, record);
    else if (!equalBytes(known.value, record.value))
      found.set(name, { ...known, value: resolved(known, record, kind) });
  }
  const map = new PsbtMap();
  for (const { key, value } of found.values()) map.addRaw(key, value);
  return map;
}

/** Where several values are right. */
const MANY_VALUES: ReadonlySet<number> = new Set([
  InputType.partialSignature,
  InputType.finalScriptSig,
  InputType.finalScriptWitness,
  InputType.tapKeySignature,
  InputType.tapScriptSignature,
  InputType.silentProof,
]);

function resolved(known: PsbtRecord, other: PsbtRecord, kind: MapKind): Uint8Array {
  const { type } = known;
  if (kind === 'input' && MANY_VALUES.has(type)) return known.value;
  if (kind === 'global' && type === GlobalType.silentProof) return known.value;
  // BIP370: what one signature has fixed is fixed; there is a SIGHASH_SINGLE when one is.
  if (kind === 'global' && type === GlobalType.modifiable && known.value.length === 1 && other.value.length === 1) {
    const [a = 0, b = 0] = [known.value[0], other.value[0]];
    return Uint8Array.of((a & b & 3) | ((a | b) & ~3));
  }
  throw mismatch(`two values of ${kind} field 0x${type.toString(16).padStart(2, '0')}`);
}

function mismatch(reason: string): WalletError<'WALLET_PSBT_MISMATCH'> {
  return new WalletError('WALLET_PSBT_MISMATCH', `expected PSBTs that can be combined, got ${reason}`, {
    details: { reason },
  });
}
