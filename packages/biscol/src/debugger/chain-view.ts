import type { Transaction } from '@bitcoin-enterprise/script';
import { requireInteger, requireList, requireObject } from '../checks.ts';
import type { WorksFrom } from './model.ts';

/** Where an output that is spent stands in the chain. */
export interface OutputAge {
  /** Height of its block; absent while it waits for one. */
  readonly height?: number;
  /** Median time of the block before its own, Unix seconds, from which locks of seconds count (BIP68). */
  readonly medianTime?: number;
}

/** The chain as a spend meets it. */
export interface ChainView {
  /** Height of the best block, 0 to 499,999,999. */
  readonly height: number;
  /** Median time of the best block, Unix seconds; without it locks of time are taken as ended. */
  readonly medianTime?: number;
  /** The outputs that are spent, in the order of inputs or cells; without them locks of age are taken as ended. */
  readonly outputs?: readonly (OutputAge | undefined)[];
}

/** BIP68. */
const SEQUENCE_DISABLED = 0x8000_0000;
const SEQUENCE_TIME = 1 << 22;
const SEQUENCE_FINAL = 0xffff_ffff;
/** BIP65: from here on a lock is a time. */
const FIRST_TIME = 500_000_000;
const MOST_HEIGHT = FIRST_TIME - 1;
/** Seconds of a unit of BIP68. */
const TIME_UNIT = 512;

/** Checks a view that came from outside. */
export function requireChainView(argument: string, value: unknown): ChainView {
  const { height, medianTime, outputs } = requireObject<ChainView>(argument, value);
  const checked = outputs === undefined ? undefined : requireList(`${argument}.outputs`, outputs);
  return {
    height: requireInteger(`${argument}.height`, height, 0, MOST_HEIGHT),
    ...(medianTime === undefined
      ? {}
      : { medianTime: requireInteger(`${argument}.medianTime`, medianTime, 0, 0xffff_ffff) }),
    ...(checked === undefined
      ? {}
      : { outputs: Array.from(checked, (one, place) => readAge(`${argument}.outputs[${place}]`, one)) }),
  };
}

function readAge(argument: string, value: unknown): OutputAge | undefined {
  if (value === undefined) return undefined;
  const { height, medianTime } = requireObject<OutputAge>(argument, value);
  return {
    ...(height === undefined ? {} : { height: requireInteger(`${argument}.height`, height, 0, MOST_HEIGHT) }),
    ...(medianTime === undefined
      ? {}
      : { medianTime: requireInteger(`${argument}.medianTime`, medianTime, 0, 0xffff_ffff) }),
  };
}

/** A lock that somebody has to wait for. */
export interface Wait {
  readonly kind: 'older' | 'after';
  readonly from: WorksFrom;
  /** For people: `height 900,000`. */
  readonly text: string;
}

/** When an absolute lock ends (BIP65, BIP113); `undefined` when it has, or nobody can tell. */
export function waitForLockTime(lockTime: number, chain: ChainView): Wait | undefined {
  if (lockTime < FIRST_TIME)
    return chain.height >= lockTime
      ? undefined
      : { kind: 'after', from: { height: lockTime }, text: `height ${lockTime}` };
  if (chain.medianTime === undefined || chain.medianTime > lockTime) return undefined;
  const medianTime = lockTime + 1;
  return { kind: 'after', from: { medianTime }, text: `median time ${medianTime}` };
}

/** When a relative lock ends (BIP68); `undefined` when it has, or nobody can tell. */
export function waitForAge(value: number, age: OutputAge | undefined, chain: ChainView): Wait | undefined {
  if (age === undefined) return undefined;
  const count = value & 0xffff;
  if (count === 0) return undefined;
  if ((value & SEQUENCE_TIME) === 0) {
    const confirmations = age.height === undefined ? 0 : Math.max(0, chain.height - age.height + 1);
    if (confirmations >= count) return undefined;
    const height = age.height === undefined ? undefined : age.height + count - 1;
    return {
      kind: 'older',
      from: { confirmations: count, ...(height === undefined ? {} : { height }) },
      text: `${count} confirmations${height === undefined ? '' : `, which is height ${height}`}`,
    };
  }
  const ageSeconds = count * TIME_UNIT;
  if (age.height !== undefined && (age.medianTime === undefined || chain.medianTime === undefined)) return undefined;
  if (age.height === undefined || age.medianTime === undefined)
    return { kind: 'older', from: { ageSeconds }, text: `an age of ${ageSeconds} seconds` };
  const medianTime = age.medianTime + ageSeconds;
  if ((chain.medianTime ?? 0) >= medianTime) return undefined;
  return { kind: 'older', from: { ageSeconds, medianTime }, text: `median time ${medianTime}` };
}

/** What a transaction as it is has to wait for before it can be in the next block. */
export function waitsOfTransaction(
  tx: Transaction,
  chain: ChainView,
): readonly { readonly wait: Wait; readonly input: number | undefined }[] {
  const isFinal = tx.inputs.every(({ sequence }) => sequence === SEQUENCE_FINAL);
  const lock = isFinal ? undefined : waitForLockTime(tx.lockTime, chain);
  const ages =
    tx.version < 2
      ? []
      : tx.inputs.flatMap(({ sequence }, input) => {
          const wait = sequence >= SEQUENCE_DISABLED ? undefined : waitForAge(sequence, chain.outputs?.[input], chain);
          return wait === undefined ? [] : [{ wait, input }];
        });
  return lock === undefined ? ages : [{ wait: lock, input: undefined }, ...ages];
}

/** The latest of several moments. */
export function latest(moments: readonly WorksFrom[]): WorksFrom {
  const most = (name: keyof WorksFrom): Partial<WorksFrom> => {
    const known = moments.flatMap((one) => one[name] ?? []);
    return known.length === 0 ? {} : { [name]: Math.max(...known) };
  };
  return { ...most('height'), ...most('medianTime'), ...most('confirmations'), ...most('ageSeconds') };
}
