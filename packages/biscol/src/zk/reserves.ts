import type { ChainHeader, ChainSource } from '@bitcoin-enterprise/chain';
import { type BlockHeight, type Entropy, equalBytes, toHex, webEntropy } from '@bitcoin-enterprise/core';
import { checkFunds, parseMessageSignature, type ProvenCoin, verifyMessage } from '@bitcoin-enterprise/wallet/messages';
import { requireBytes, requireFunction, requireInteger, requireList, requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import { addCommitments, type Opening, readOpening, shiftCommitment, negatedBlinding } from './commitments.ts';
import { proveRange, verifyRange } from './range-proof.ts';
import { type ReserveChallenge, requireChallenge, reserveContext, reserveMessage } from './reserve-challenge.ts';

/** Bits that hold every amount of satoshis there can be: 21 million BTC are less than 2^51. */
export const AMOUNT_BITS = 51;

/** A proof of reserves: who controls which coins, and that they are enough. */
export interface ReserveProof {
  /** Signatures of {@link reserveMessage}, each a proof of funds (`pof…`, BIP322). */
  readonly ownership: readonly string[];
  /** That the coins are worth no less than the liabilities; how much more, it does not tell. 657 bytes. */
  readonly solvency: Uint8Array;
}

/** What a proof that coins are enough is made of. */
export interface ProveSolvencyOptions {
  /** Sum of the coins, satoshis. */
  readonly assets: bigint;
  /** What opens `challenge.liabilities`. */
  readonly liabilities: Opening;
  /** Where random bytes come from; the platform's when absent. */
  readonly entropy?: Entropy;
}

/**
 * Proves that coins are worth no less than what a commitment says is owed: a range proof of the difference, which is
 * `assets*H` less the commitment, and of the commitment itself, so that nobody owes less than nothing. Neither the
 * liabilities nor the surplus are told.
 *
 * @returns 657 bytes, for `ReserveProof.solvency`.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`, also for coins that are not enough.
 */
export function proveSolvency(challenge: ReserveChallenge, options: ProveSolvencyOptions): Uint8Array {
  const { assets, liabilities, entropy = webEntropy() } = requireObject<ProveSolvencyOptions>('options', options);
  const context = reserveContext(challenge);
  if (typeof assets !== 'bigint' || assets < 0n || assets >> BigInt(AMOUNT_BITS) !== 0n)
    throw invalidArgument('options.assets', 'satoshis as a bigint', assets);
  const { value } = readOpening('options.liabilities', liabilities);
  if (value > assets) throw invalidArgument('options.assets', 'no less than the liabilities', 'less');
  const opening = liabilities as Opening;
  const surplus = { value: assets - value, blinding: negatedBlinding(opening) };
  const { commitments, proof } = proveRange([surplus, opening], { bits: AMOUNT_BITS, context, entropy });
  if (!equalBytes(commitments[1] as Uint8Array, challenge.liabilities))
    throw invalidArgument('options.liabilities', 'what opens challenge.liabilities', 'another opening');
  return proof;
}

/** The commitment to `assets` less what another commits to. */
function surplusOf(liabilities: Uint8Array, assets: bigint): Uint8Array | undefined {
  const negated = addCommitments([], [liabilities]);
  return negated === undefined ? undefined : shiftCommitment(negated, assets);
}

/** What a proof of reserves is checked against. */
export interface VerifyReservesOptions {
  /** As the auditor gave it. */
  readonly challenge: ReserveChallenge;
  readonly chain: Pick<ChainSource, 'tip' | 'blockHash' | 'unspentOutput'>;
  /** How many blocks the challenge may be old; 144 when absent. */
  readonly maximumAge?: number;
  readonly signal?: AbortSignal;
}

/** The outcome. */
export type ReserveVerdict =
  | {
      readonly state: 'solvent';
      /** Sum of the coins, satoshis. */
      readonly assets: bigint;
      readonly coins: readonly ProvenCoin[];
      /** The tip at which all coins were unspent. */
      readonly tip: { readonly hash: Uint8Array; readonly height: number };
    }
  | { readonly state: 'invalid'; readonly reason: string };

/**
 * Whether those who signed control coins that are there, and worth no less than what is owed: every signature is one of
 * the challenge, no coin counts twice, each is unspent and can be spent now, and the range proof holds for their sum.
 *
 * That the same coins are not shown for somebody else too, and that nobody lent them for the day, no proof can tell.
 *
 * @returns `solvent` with the sum of the coins, or `invalid` with a reason.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`; ChainError as the source.
 */
export async function verifyReserves(proof: ReserveProof, options: VerifyReservesOptions): Promise<ReserveVerdict> {
  const { challenge, chain, maximumAge = 144, signal } = requireObject<VerifyReservesOptions>('options', options);
  const asked = requireChallenge('options.challenge', challenge);
  const source = requireChain(chain);
  requireInteger('options.maximumAge', maximumAge, 0, 0xffff_ffff);
  const { ownership, solvency } = requireObject<ReserveProof>('proof', proof);
  requireBytes('proof.solvency', solvency);
  const signatures = requireList('proof.ownership', ownership).map((signature, place) => {
    if (typeof signature !== 'string') throw invalidArgument(`proof.ownership[${place}]`, 'a text', signature);
    return signature;
  });

  const owned = ownedCoins(asked, signatures);
  if (typeof owned === 'string') return invalid(owned);
  const call = signal === undefined ? {} : { signal };
  const known = await source.blockHash(asked.block.height as BlockHeight, call);
  if (known === undefined || !equalBytes(known, asked.block.hash))
    return invalid('the block of the challenge is not in the chain');
  const found = await lookUp(owned, { source, call });
  if (typeof found === 'string') return invalid(found);
  const { assets, tip } = found;
  if (tip.height - asked.block.height > maximumAge) return invalid('the challenge is too old');
  const commitment = surplusOf(asked.liabilities, assets);
  const isEnough =
    commitment !== undefined &&
    verifyRange({
      commitments: [commitment, asked.liabilities],
      proof: solvency as Uint8Array,
      bits: AMOUNT_BITS,
      context: reserveContext(asked),
    });
  if (!isEnough) return invalid('nothing shows that the coins are worth what is owed');
  return { state: 'solvent', assets, coins: owned, tip: { hash: tip.hash, height: tip.height } };
}

type Source = VerifyReservesOptions['chain'];

function requireChain(chain: unknown): Source {
  const source = requireObject<Source>('options.chain', chain);
  for (const name of ['tip', 'blockHash', 'unspentOutput'] as const)
    requireFunction(`options.chain.${name}`, source[name]);
  return chain as Source;
}

function invalid(reason: string): ReserveVerdict {
  return { state: 'invalid', reason };
}

/** The coins that signatures of a challenge show control of, or what is wrong with one. */
function ownedCoins(challenge: ReserveChallenge, signatures: readonly string[]): readonly ProvenCoin[] | string {
  const message = reserveMessage(challenge);
  const seen = new Set<string>();
  const coins: ProvenCoin[] = [];
  for (const [place, signature] of signatures.entries()) {
    // Any other format takes an address, and shows no coins.
    if (!signature.startsWith('pof')) return `signature ${place} is no proof of funds`;
    const verdict = verifyMessage({ message, signature });
    if (verdict.state !== 'valid') return `signature ${place}: ${verdict.reason}`;
    if (!isOfNow(signature, verdict.lockTime)) return `signature ${place} is of a later time`;
    for (const coin of verdict.coins) {
      const name = `${toHex(coin.previousTxid)}:${coin.previousIndex}`;
      if (seen.has(name)) return `coin ${name} is there twice`;
      seen.add(name);
      coins.push(coin);
    }
  }
  return coins;
}

/** Whether a proof of funds waits for no time and no age of any coin: else its coins may not be spendable yet. */
function isOfNow(signature: string, lockTime: number): boolean {
  const parsed = parseMessageSignature(signature);
  return (
    lockTime === 0 && parsed.format === 'proof-of-funds' && parsed.psbt.inputs.every(({ sequence }) => sequence === 0)
  );
}

/** Tries to see all coins at one tip. */
const MOST_LOOKS = 5;

/** Sum of the coins, all unspent at one tip; or which is not. */
async function lookUp(
  coins: readonly ProvenCoin[],
  { source, call }: { readonly source: Source; readonly call: { readonly signal?: AbortSignal } },
): Promise<{ readonly assets: bigint; readonly tip: ChainHeader } | string> {
  for (let look = 0; look < MOST_LOOKS; look++) {
    const before = await source.tip(call);
    const { coins: checked, total } = await checkFunds(coins, source, call);
    const after = await source.tip(call);
    if (!equalBytes(before.hash, after.hash)) continue;
    const missing = checked.find(({ isUnspent }) => !isUnspent);
    if (missing === undefined) return { assets: total, tip: after };
    return `coin ${toHex(missing.previousTxid)}:${missing.previousIndex} is not there`;
  }
  return 'the chain does not hold still';
}
