import { toHex } from '@bitcoin-enterprise/core';
import { requireBytes, requireInteger, requireList, requireObject, requireText } from '../checks.ts';
import { invalidArgument } from '../errors.ts';

/** What the two ways out of a sale's output depend on. */
export interface SaleScriptOptions {
  /** Hashes of the locks of an offer, 32 bytes each. */
  readonly hashes: readonly Uint8Array[];
  /** Key expression of the seller, who takes the payment by revealing all preimages. */
  readonly seller: string;
  /** Key expression of the buyer, who takes it back. */
  readonly buyer: string;
  /** Height from which on the buyer can, 1 to 499,999,999. */
  readonly refundHeight: number;
}

/**
 * The two leaves of the output that a buyer pays to, in miniscript: `claim` with all preimages and the seller's
 * signature, `refund` with the buyer's from a height on. For a descriptor `tr(KEY,{claim,refund})`.
 *
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function saleScripts(options: SaleScriptOptions): { readonly claim: string; readonly refund: string } {
  const { hashes, seller, buyer, refundHeight } = requireObject<SaleScriptOptions>('options', options);
  const list = requireList('options.hashes', hashes).map((hash, place) =>
    toHex(requireBytes(`options.hashes[${place}]`, hash, 32)),
  );
  if (list.length === 0 || list.length > 64) throw invalidArgument('options.hashes', '1 to 64 hashes', hashes);
  const payee = `pk(${requireText('options.seller', seller)})`;
  return {
    claim: list.reduceRight((inner, hash) => `and_v(v:sha256(${hash}),${inner})`, payee),
    refund: `and_v(v:pk(${requireText('options.buyer', buyer)}),after(${requireInteger('options.refundHeight', refundHeight, 1, 499_999_999)}))`,
  };
}
