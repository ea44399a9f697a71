import { OutputType } from './field-types.ts';
import type { PsbtOutput } from './model.ts';
import type { Growing } from './parse-input.ts';
import { malformed, MOST_ITEMS, type PsbtRecord } from './reader.ts';
import {
  compressed,
  derivationOf,
  fixed,
  participantsOf,
  plainKey,
  publicKeyOf,
  rawField,
  tapDerivationOf,
  uint32,
  valueReader,
  xOnly,
} from './values.ts';

/** What version 0 says of an output in its transaction. */
export type UnsignedOutput = Pick<PsbtOutput, 'value' | 'scriptPubKey'>;

type OutputDraft = Growing<Partial<UnsignedOutput> & Omit<PsbtOutput, keyof UnsignedOutput>>;

/**
 * Reads the map of an output.
 *
 * @param unsigned - Of version 0; absent in version 2.
 */
export function parseOutput(
  records: readonly PsbtRecord[],
  unsigned: UnsignedOutput | undefined,
  offset: number,
): PsbtOutput {
  const output: OutputDraft = { ...emptyOutput(), ...unsigned };
  for (const record of records) {
    if (unsigned !== undefined && isOnlyVersion2(record.type))
      throw malformed(record.offset, 'a field of version 2 alone');
    readField(output, record);
  }
  const { value, scriptPubKey, silentAddress, silentLabel } = output;
  if (value === undefined) throw malformed(offset, 'an output without its amount');
  if (scriptPubKey === undefined && silentAddress === undefined)
    throw malformed(offset, 'an output without its script');
  if (silentLabel !== undefined && silentAddress === undefined)
    throw malformed(offset, 'a silent payment label without its address');
  return { ...output, value, scriptPubKey: scriptPubKey ?? NOTHING };
}

const NOTHING = new Uint8Array(0);

/** Lists that nobody has put anything into. */
export function emptyOutput(): Growing<Omit<PsbtOutput, keyof UnsignedOutput>> {
  return { derivations: [], tapDerivations: [], musigParticipants: [], unknown: [] };
}

function isOnlyVersion2(type: number): boolean {
  return (
    type === OutputType.amount ||
    type === OutputType.script ||
    type === OutputType.silentAddress ||
    type === OutputType.silentLabel
  );
}

function readField(output: OutputDraft, record: PsbtRecord): void {
  const { type, value } = record;
  switch (type) {
    case OutputType.derivation:
      output.derivations.push(derivationOf(record, publicKeyOf(record)));
      return;
    case OutputType.tapDerivation:
      output.tapDerivations.push(tapDerivationOf(record));
      return;
    case OutputType.musigParticipants:
      output.musigParticipants.push(participantsOf(record));
      return;
    case OutputType.redeemScript:
      output.redeemScript = value;
      break;
    case OutputType.witnessScript:
      output.witnessScript = value;
      break;
    case OutputType.amount: {
      fixed(record, 8);
      output.value = valueReader(record).int64();
      break;
    }
    case OutputType.script:
      output.scriptPubKey = value;
      break;
    case OutputType.tapInternalKey:
      output.tapInternalKey = xOnly(record, value);
      break;
    case OutputType.tapTree:
      output.tapTree = tapTreeOf(record);
      break;
    case OutputType.silentAddress:
      fixed(record, 66);
      compressed(record, value.subarray(0, 33));
      compressed(record, value.subarray(33));
      output.silentAddress = value;
      break;
    case OutputType.silentLabel:
      output.silentLabel = uint32(record);
      break;
    case OutputType.dnssecProof:
      output.dnssecProof = value;
      break;
    default:
      output.unknown.push(rawField(record));
      return;
  }
  plainKey(record);
}

/** Leaves in depth-first order; together they must fill a tree (BIP371). */
function tapTreeOf(record: PsbtRecord): NonNullable<PsbtOutput['tapTree']> {
  const reader = valueReader(record);
  const leaves: NonNullable<PsbtOutput['tapTree']>[number][] = [];
  // Depths of what is complete, each deeper than the one before: two of one depth are one of the depth above.
  const open: number[] = [];
  while (!reader.isAtEnd) {
    const { offset } = reader;
    const depth = reader.byte();
    const leafVersion = reader.byte();
    if (leaves.length === MOST_ITEMS) throw malformed(offset, `a tree of more than ${MOST_ITEMS} leaves`);
    if (depth > 128) throw malformed(offset, 'a leaf deeper than 128');
    if ((leafVersion & 1) !== 0) throw malformed(offset, 'an odd leaf version');
    if (depth < (open.at(-1) ?? 0) || (leaves.length > 0 && open[0] === 0))
      throw malformed(offset, 'a leaf that has no place in the tree');
    leaves.push({ depth, leafVersion, script: reader.sized() });
    let complete = depth;
    while (open.length > 0 && open.at(-1) === complete) {
      open.pop();
      complete--;
    }
    open.push(complete);
  }
  if (open.length !== 1 || open[0] !== 0) throw malformed(record.offset, 'leaves that do not fill a tree');
  return leaves;
}
