import { Transaction } from 'ethers';
import { requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import { requireAddress } from './address.ts';
import type { EvmSending } from './ledger.ts';

/** What is to be sent. */
export interface EvmPayment {
  readonly to?: string;
  /** Wei; 0 when absent. */
  readonly value?: bigint;
  /** `0x` and hexadecimal digits. */
  readonly data?: string;
  /** Estimated, with a fifth on top, when absent. */
  readonly gasLimit?: bigint;
}

/** Throws unless a value is a payment; without a receiver it must make a contract, or its value would be lost. */
export function requireEvmPayment(value: unknown): EvmPayment {
  const { to, value: amount, data, gasLimit } = requireObject<EvmPayment>('payment', value);
  if (to !== undefined) requireAddress('payment.to', to);
  else if (data === undefined || data === '0x')
    throw invalidArgument('payment.to', 'an address, or data that makes a contract', to);
  if (amount !== undefined) requireAmount('payment.value', amount);
  if (gasLimit !== undefined) requireAmount('payment.gasLimit', gasLimit);
  if (data !== undefined && (typeof data !== 'string' || !/^0x([0-9a-f]{2})*$/i.test(data)))
    throw invalidArgument('payment.data', '0x and hexadecimal digits', data);
  return value as EvmPayment;
}

function requireAmount(argument: string, value: unknown): void {
  if (typeof value !== 'bigint' || value < 0n || value >= 1n << 256n)
    throw invalidArgument(argument, 'a bigint of 0 to 2²⁵⁶-1', value);
}

/** Whether a signed transaction is a payment. */
export function isOfPayment(raw: string, { to, value = 0n, data = '0x' }: EvmPayment): boolean {
  const tx = Transaction.from(raw);
  return (
    tx.to?.toLowerCase() === to?.toLowerCase() && tx.value === value && tx.data.toLowerCase() === data.toLowerCase()
  );
}

/** Whether one of the attempts is the payment, and no cancellation: both may be mined when they race. */
export function isPaymentAttempt({ attempts }: EvmSending, hash: string): boolean {
  const [first] = attempts;
  const mined = attempts.find((attempt) => attempt.hash === hash);
  if (first === undefined || mined === undefined) return false;
  const { to, value, data } = Transaction.from(first.raw);
  return isOfPayment(mined.raw, { ...(to === null ? {} : { to }), value, data });
}
