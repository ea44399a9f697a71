import { covenantRequest } from '@bitcoin-enterprise/biscol';
import type { Cause, Diagnosis } from '@bitcoin-enterprise/biscol/debugger';
import type { Transaction } from '@bitcoin-enterprise/script';
import { type FaultKind, type Right, signedAnew, withInput } from './fault.ts';

const TIME_UNITS = 1 << 22;

/** The locks of the way that is taken. */
function locksOf({ plan, inputIndex }: Right): { readonly after: number; readonly older: number | undefined } {
  const own = plan.inputs[inputIndex]?.plan;
  const sequence = own?.sequence ?? 0xffff_ffff;
  return { after: own?.lockTime ?? 0, older: sequence < 0x8000_0000 ? sequence : undefined };
}

const isCovenant = ({ instance, plan, inputIndex }: Right): boolean =>
  covenantRequest(instance, plan) !== undefined || plan.inputs[inputIndex]?.plan.way.template !== undefined;

/** Signed by everybody, but the lock is not as the clause wants it. */
function unlocked(
  lock: 'after' | 'older',
  change: (right: Right, value: number) => Partial<Transaction> | undefined,
  of: { readonly expected: Cause; readonly details?: (right: Right, value: number) => Partial<Diagnosis> },
): FaultKind['inject'] {
  return async (right) => {
    const value = locksOf(right)[lock];
    if (value === undefined || value === 0 || isCovenant(right)) return undefined;
    const changes = change(right, value);
    if (changes === undefined) return undefined;
    return {
      tx: await signedAnew(right, changes),
      expected: of.expected,
      ...(of.details === undefined ? {} : { details: of.details(right, value) }),
    };
  };
}

const sequences = ({ plan, inputIndex }: Right, sequence: number): Partial<Transaction> => ({
  inputs: withInput(plan.tx, inputIndex, { sequence }).inputs,
});

/** A lock is not as it has to be, or has not ended. */
export const lockFaults: readonly FaultKind[] = [
  {
    name: 'no lock time',
    inject: unlocked('after', () => ({ lockTime: 0 }), {
      expected: 'locktime-not-set',
      details: (_, height) => ({ worksFrom: { height } }),
    }),
  },
  {
    name: 'a lock time a block too early',
    inject: unlocked('after', (_, value) => ({ lockTime: value - 1 }), {
      expected: 'too-early',
      details: (_, height) => ({ worksFrom: { height } }),
    }),
  },
  {
    name: 'a lock time of seconds where a height is wanted',
    inject: unlocked('after', () => ({ lockTime: 1_900_000_000 }), { expected: 'locktime-not-set' }),
  },
  {
    name: 'a sequence that switches the lock time off',
    inject: unlocked('after', (right) => sequences(right, 0xffff_ffff), { expected: 'sequence-not-set' }),
  },
  {
    name: 'a sequence that is no lock',
    inject: unlocked('older', (right) => sequences(right, 0xffff_fffd), {
      expected: 'sequence-not-set',
    }),
  },
  {
    name: 'a sequence a block too young',
    inject: unlocked('older', (right, value) => sequences(right, value - 1), {
      expected: 'too-early',
      details: (_, confirmations) => ({ worksFrom: { confirmations } }),
    }),
  },
  {
    name: 'a sequence of seconds where blocks are wanted',
    inject: unlocked('older', (right, value) => sequences(right, value | TIME_UNITS), { expected: 'sequence-not-set' }),
  },
  {
    name: 'a version without relative locks',
    inject: unlocked('older', () => ({ version: 1 }), { expected: 'wrong-transaction-version' }),
  },
  {
    name: 'sent before the height',
    inject: ({ tx, chain }) =>
      tx.lockTime === 0
        ? undefined
        : {
            tx,
            expected: 'too-early',
            chain: { ...chain, height: tx.lockTime - 1 },
            details: { worksFrom: { height: tx.lockTime } },
          },
  },
  {
    name: 'sent before the output is old enough',
    inject: (right) => {
      const { tx, inputIndex } = right;
      const { older } = locksOf(right);
      if (older === undefined || tx.lockTime !== 0) return undefined;
      const height = 500;
      const outputs = tx.inputs.map((_, at) => ({ height: at === inputIndex ? height : 1 }));
      return {
        tx,
        expected: 'too-early',
        chain: { height: height + older - 2, outputs },
        details: { worksFrom: { height: height + older - 1, confirmations: older } },
      };
    },
  },
  {
    name: 'sent before the output is in a block',
    inject: (right) => {
      const { tx, inputIndex } = right;
      const { older } = locksOf(right);
      if (older === undefined || tx.lockTime !== 0) return undefined;
      const outputs = tx.inputs.map((_, at) => (at === inputIndex ? {} : { height: 1 }));
      return {
        tx,
        expected: 'too-early',
        chain: { height: 900, outputs },
        details: { worksFrom: { confirmations: older } },
      };
    },
  },
];
