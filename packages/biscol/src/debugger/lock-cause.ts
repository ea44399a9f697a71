import type { DebugStep } from './model.ts';
import { type ChainView, latest, waitForAge, waitForLockTime } from './chain-view.ts';
import { inputOf, type Scene } from './scene.ts';
import type { Finding } from './signature-cause.ts';

const FIRST_TIME = 500_000_000;
const SEQUENCE_FINAL = 0xffff_ffff;
const SEQUENCE_DISABLED = 0x8000_0000;
const SEQUENCE_TIME = 1 << 22;

/** Why a lock of a script does not hold for a transaction: version before sequence before lock time. */
export function explainLock(scene: Scene, step: DebugStep): Finding {
  const required = numberOf(step.before.stack.at(-1));
  if (required === undefined || required < 0)
    return { cause: 'script-rule', text: `the lock is no number that ${step.name} reads` };
  return step.name === 'OP_CHECKSEQUENCEVERIFY' ? explainAge(scene, required) : explainLockTime(scene, required);
}

function explainAge(scene: Scene, required: number): Finding {
  const { tx, chain, inputIndex } = scene;
  const { sequence } = inputOf(scene);
  const isTime = (required & SEQUENCE_TIME) !== 0;
  const count = required & 0xffff;
  const wanted = isTime ? `${count} units of 512 seconds` : `${count} blocks`;
  const wait = chain === undefined ? undefined : waitForAge(required, chain.outputs?.[inputIndex], chain);
  const worksFrom = wait?.from ?? (isTime ? { ageSeconds: count * 512 } : { confirmations: count });
  if (tx.version < 2)
    return {
      cause: 'wrong-transaction-version',
      text: `relative locks need a transaction of version 2 or higher (BIP68), got ${tx.version}`,
      worksFrom,
    };
  if (sequence >= SEQUENCE_DISABLED)
    return {
      cause: 'sequence-not-set',
      text: `the clause waits for ${wanted}: the sequence of the input must say ${required}, it says ${sequence}, which is no lock (BIP68)`,
      worksFrom,
    };
  if (((sequence & SEQUENCE_TIME) !== 0) !== isTime)
    return {
      cause: 'sequence-not-set',
      text: `the clause waits for ${wanted}, the sequence of the input counts ${isTime ? 'blocks' : 'seconds'}`,
      worksFrom,
    };
  return {
    cause: 'too-early',
    text: `the clause waits for ${wanted}, the sequence of the input says ${sequence & 0xffff}`,
    worksFrom,
  };
}

function explainLockTime(scene: Scene, required: number): Finding {
  const { tx, chain } = scene;
  const { lockTime } = tx;
  const isTime = required >= FIRST_TIME;
  const what = isTime ? `time ${required}` : `height ${required}`;
  const worksFrom = worksFromLock(required, chain);
  if (inputOf(scene).sequence === SEQUENCE_FINAL)
    return {
      cause: 'sequence-not-set',
      text: 'the sequence 0xffffffff of the input switches the lock time off (BIP65): it must be lower',
      worksFrom,
    };
  if (lockTime === 0)
    return {
      cause: 'locktime-not-set',
      text: `the clause opens at ${what}: the lock time of the transaction must say so, it says 0`,
      worksFrom,
    };
  if (lockTime >= FIRST_TIME !== isTime)
    return {
      cause: 'locktime-not-set',
      text: `the clause opens at ${what}, the lock time of the transaction is a ${isTime ? 'height' : 'time'}`,
      worksFrom,
    };
  return {
    cause: 'too-early',
    text: `the clause opens at ${what}, the lock time of the transaction says ${lockTime}`,
    worksFrom,
  };
}

function worksFromLock(required: number, chain: ChainView | undefined): NonNullable<Finding['worksFrom']> {
  const wait = chain === undefined ? undefined : waitForLockTime(required, chain);
  return latest([wait?.from ?? (required < FIRST_TIME ? { height: required } : { medianTime: required + 1 })]);
}

/** A number of a script of up to five bytes (BIP65). */
export function numberOf(bytes: Uint8Array | undefined): number | undefined {
  if (bytes === undefined || bytes.length > 5) return undefined;
  let value = 0;
  for (let at = bytes.length - 1; at >= 0; at--) {
    const byte = bytes[at] as number;
    value = value * 256 + (at === bytes.length - 1 ? byte & 0x7f : byte);
  }
  return ((bytes.at(-1) ?? 0) & 0x80) === 0 ? value : -value;
}
