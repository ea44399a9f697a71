import { requireList, requireObject, requireText } from '../checks.ts';
import { invalidArgument } from '../errors.ts';

/** What leaves the wallet to one place. */
export interface Transfer {
  /** `native`, or the address of a token. */
  readonly asset: string;
  /** An address; the script in hexadecimal where there is none. */
  readonly to: string;
  /** In the smallest unit of the asset: satoshis, wei. */
  readonly amount: bigint;
}

/** A transaction as a policy sees it: what leaves the wallet, and what that costs. */
export interface Payment {
  /**
   * Names what is signed and by which account, in hexadecimal. An id of Bitcoin says nothing of the amounts that are
   * spent: payments are the same when all of their fields are.
   */
  readonly id: string;
  /** `bitcoin:main`, `bitcoin:regtest`, `eip155:1`. */
  readonly chain: string;
  readonly transfers: readonly Transfer[];
  /** In the smallest unit of the chain. */
  readonly fee: bigint;
}

/** A payment and who asks for it. */
export interface PaymentRequest {
  readonly payment: Payment;
  /** Id of an actor of the policy. */
  readonly initiator: string;
}

/** A payment as JSON: amounts as decimal strings. */
export type PaymentJson = Omit<Payment, 'transfers' | 'fee'> & {
  readonly transfers: readonly (Omit<Transfer, 'amount'> & { readonly amount: string })[];
  readonly fee: string;
};

/** Writes a payment as JSON. */
export function paymentToJson({ id, chain, transfers, fee }: Payment): PaymentJson {
  const listed = transfers.map(({ asset, to, amount }) => ({ asset, to, amount: String(amount) }));
  return { id, chain, transfers: listed, fee: String(fee) };
}

/** Reads what `paymentToJson` wrote. */
export function paymentFromJson({ id, chain, transfers, fee }: PaymentJson): Payment {
  const listed = transfers.map(({ asset, to, amount }) => ({ asset, to, amount: BigInt(amount) }));
  return { id, chain, transfers: listed, fee: BigInt(fee) };
}

/** Throws unless a value is a payment: what is on record once is read for ever. */
export function requirePayment(argument: string, value: unknown): Payment {
  const { id, chain, transfers, fee } = requireObject<Payment>(argument, value);
  requireName(`${argument}.id`, id);
  requireName(`${argument}.chain`, chain);
  for (const [i, transfer] of requireList(`${argument}.transfers`, transfers).entries()) {
    const { asset, to, amount } = requireObject<Transfer>(`${argument}.transfers[${i}]`, transfer);
    requireName(`${argument}.transfers[${i}].asset`, asset);
    requireName(`${argument}.transfers[${i}].to`, to);
    requireAmount(`${argument}.transfers[${i}].amount`, amount);
  }
  requireAmount(`${argument}.fee`, fee);
  return value as Payment;
}

/** Throws unless a value is a text that is not empty. */
export function requireName(argument: string, value: unknown): string {
  if (requireText(argument, value) === '') throw invalidArgument(argument, 'a text that is not empty', value);
  return value as string;
}

function requireAmount(argument: string, value: unknown): void {
  if (typeof value !== 'bigint' || value < 0n)
    throw invalidArgument(argument, 'the smallest unit, as a bigint of 0 or more', value);
}

/** Whether two payments are the same in all that an approval signs. */
export function isSamePayment(one: Payment, other: Payment): boolean {
  return JSON.stringify(paymentToJson(one)) === JSON.stringify(paymentToJson(other));
}

/** An address or asset in the letters that it is compared in: hexadecimal and bech32 mean the same in either case. */
export function comparable(name: string): string {
  return /^(0x|(bc|tb|bcrt|sp|tsp)1)/i.test(name) ? name.toLowerCase() : name;
}

/** The coin of a chain itself. */
export const NATIVE_ASSET = 'native';

/**
 * What leaves the wallet in each asset. The fee leaves in the native one: it counts there, unless tokens alone are paid,
 * whose amounts it cannot be added to.
 */
export function amountsOf({ transfers, fee }: Payment): ReadonlyMap<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const { asset, amount } of transfers) sums.set(asset, (sums.get(asset) ?? 0n) + amount);
  const native = sums.get(NATIVE_ASSET);
  if (native !== undefined || sums.size === 0) sums.set(NATIVE_ASSET, (native ?? 0n) + fee);
  return sums;
}
