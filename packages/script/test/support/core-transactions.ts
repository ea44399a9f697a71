import { concatBytes, parseDisplayHash, toHex } from '@bitcoin-enterprise/core';
import type { ScriptFlag, SpentOutput, TransactionView } from '@bitcoin-enterprise/script';
import { parseCoreScript } from './core-script.ts';

/** What a row of Core's transaction tests says about an output that is spent: id, index, script, satoshis. */
export type Prevout = readonly [txid: string, index: number, script: string, value?: number | string];

/** The flags that a row names, separated by commas. */
export const flagsOf = (text: string): ScriptFlag[] =>
  text.split(',').filter((flag) => flag !== '' && flag !== 'BADTX') as ScriptFlag[];

/** The outputs that a transaction spends, in the order of its inputs. */
export function spentOutputsOf(tx: TransactionView, prevouts: readonly Prevout[]): SpentOutput[] {
  const byOutpoint = new Map(
    prevouts.map(([txid, index, script, value = 0]) => [
      toHex(concatBytes(parseDisplayHash(txid), Uint8Array.of(index, index >> 8, index >> 16, index >> 24))),
      { value: BigInt(value), scriptPubKey: parseCoreScript(script) },
    ]),
  );
  return Array.from({ length: tx.inputCount }, (_, input) => {
    const spent = byOutpoint.get(toHex(tx.outpoint(input)));
    if (spent === undefined) throw new Error('test data names no output for an input');
    return spent;
  });
}

/** Flags that are off only together with others (Core's TrimFlags): WITNESS needs P2SH, CLEANSTACK needs both. */
export function trimFlags(flags: readonly ScriptFlag[]): ScriptFlag[] {
  const has = new Set(flags);
  if (!has.has('P2SH')) has.delete('WITNESS');
  if (!has.has('WITNESS')) has.delete('CLEANSTACK');
  return [...has];
}
