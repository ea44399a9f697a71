import type { InputContext } from './input-context.ts';

const LOCKTIME_THRESHOLD = 500_000_000;
const SEQUENCE_FINAL = 0xffffffff;
const SEQUENCE_DISABLE = 0x80000000;
const SEQUENCE_TIME = 0x00400000;
const SEQUENCE_VALUE = 0x0000ffff;

/** Whether the transaction's lock time reaches what OP_CHECKLOCKTIMEVERIFY asks for (BIP65). */
export function isLockTimeReached({ tx, inputIndex }: InputContext, required: number): boolean {
  const { lockTime } = tx;
  if (lockTime < LOCKTIME_THRESHOLD !== required < LOCKTIME_THRESHOLD) return false;
  // A final sequence would switch the lock time off for the whole transaction.
  return required <= lockTime && tx.sequence(inputIndex) !== SEQUENCE_FINAL;
}

/** Whether what OP_CHECKSEQUENCEVERIFY asks for is no demand at all (BIP112: bit 31 leaves room for soft forks). */
export function isSequenceDemandDisabled(required: number): boolean {
  return Math.floor(required / SEQUENCE_DISABLE) % 2 === 1;
}

/** Whether the input's relative lock time reaches what OP_CHECKSEQUENCEVERIFY asks for (BIP68, BIP112). */
export function isSequenceReached({ tx, inputIndex }: InputContext, required: number): boolean {
  if (tx.version < 2) return false;
  const sequence = tx.sequence(inputIndex);
  if (sequence >= SEQUENCE_DISABLE) return false;
  const isTime = (sequence & SEQUENCE_TIME) !== 0;
  if (isTime !== (Math.floor(required / SEQUENCE_TIME) % 2 === 1)) return false;
  return required % (SEQUENCE_VALUE + 1) <= (sequence & SEQUENCE_VALUE);
}
