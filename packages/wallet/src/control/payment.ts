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
  /** What is signed and nothing else, in hexadecimal: another amount, receiver or fee is another id. */
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
