import { concatBytes, currentCrypto, type Entropy, equalBytes, webEntropy } from '@bitcoin-enterprise/core';
import { SecretBytes } from '@bitcoin-enterprise/wallet/multiparty';
import { requireBytes, requireInteger, requireList, requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import { type ProofOptions, type Relation, requireRelation, requireWitness } from './relations.ts';
import { choose, type Instance, instanceOf, type SaleLock, type SaleSize, seal, unmask } from './sale-instances.ts';
import { createNonces, randomBytes, SCALARS, writeNumber } from './scalars.ts';
import { countBytes } from './transcript.ts';

const MOST_INSTANCES = 1024;
const DEFAULT_TOTAL = 256;
const DEFAULT_SEALED = 20;
const NOTHING = new Uint8Array(0);

/**
 * How hard cheating is, in bits: a seller who prepares instances that open but sell nothing has to guess exactly those
 * that stay sealed, one choice in `total` over `sealed`. Each guess costs it a hash over all instances.
 *
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { saleSoundness } from '@bitcoin-enterprise/biscol/zk';
 *
 * Math.floor(saleSoundness({ total: 256, sealed: 20 })); // => 97
 * Math.floor(saleSoundness({ total: 1024, sealed: 1 })); // => 10
 * ```
 */
export function saleSoundness(size: SaleSize): number {
  const { total, sealed } = requireSize('size', size);
  let bits = 0;
  for (let i = 0; i < sealed; i++) bits += Math.log2((total - i) / (i + 1));
  return bits;
}

function requireSize(argument: string, size: unknown): SaleSize {
  const { total, sealed } = requireObject<SaleSize>(argument, size);
  const count = requireInteger(`${argument}.total`, total, 2, MOST_INSTANCES);
  return { total: count, sealed: requireInteger(`${argument}.sealed`, sealed, 1, Math.min(64, count - 1)) };
}

/** What a seller shows: public. */
export interface SaleOffer extends SaleSize {
  /** Seeds of the opened instances in their order, 32 bytes each. */
  readonly seeds: readonly Uint8Array[];
  /** The sealed instances in their order. */
  readonly locks: readonly SaleLock[];
}

/** What an offer is made with. */
export interface OfferOptions extends ProofOptions, Partial<SaleSize> {}

/** An offer, and what only the seller has. */
export interface Sale {
  readonly offer: SaleOffer;
  /** Of the locks, in their order, 32 bytes each: paid for when they are revealed. */
  readonly preimages: readonly SecretBytes[];
}

/**
 * Offers secrets for sale against the preimages of hash locks (a contingent payment): proof that whoever learns the
 * preimages learns the secrets of a relation, by cutting and choosing. Each instance hides the secrets behind masks and
 * encrypts the masks to a preimage; a hash over all instances chooses which stay sealed, all others are opened.
 *
 * Sound up to one choice in `total` over `sealed`, see {@link saleSoundness}: 2^97 with the default of 20 locks of 256
 * instances. One good lock of them is enough for the buyer. Before the payment nothing is told.
 *
 * @param relation - What is sold: a key, an opening, or the `s` of a signature, of which `s*G = R + e*P` is known.
 * @param options - `total` and `sealed`: 256 and 20 when absent.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { currentCrypto } from '@bitcoin-enterprise/core';
 * import { completeSale, createBlinding, keyRelation, offerSecrets, verifyOffer } from '@bitcoin-enterprise/biscol/zk';
 *
 * const secret = createBlinding();
 * const relation = keyRelation(secret.use((bytes) => currentCrypto().publicKey(bytes)) ?? new Uint8Array(33));
 * const { offer, preimages } = offerSecrets(relation, [secret], { total: 64, sealed: 24 });
 *
 * verifyOffer(relation, offer, { soundness: 50 }); // => true
 * const revealed = preimages.map((preimage) => preimage.use((bytes) => bytes.slice()));
 * completeSale(relation, offer, revealed)?.length; // => 1
 * ```
 */
export function offerSecrets(relation: Relation, witness: readonly SecretBytes[], options: OfferOptions = {}): Sale {
  const {
    context = NOTHING,
    entropy = webEntropy(),
    total = DEFAULT_TOTAL,
    sealed = DEFAULT_SEALED,
  } = requireObject<OfferOptions>('options', options);
  requireBytes('options.context', context);
  const size = requireSize('options', { total, sealed });
  const read = requireRelation('relation', relation);
  const secrets = requireWitness('witness', read, witness, entropy);
  const seeds = createSeeds(entropy, secrets, size.total);
  const nonce = createNonces(entropy, NOTHING, secrets);
  const sealings = seeds.map((seed) => seal(read, seed, nonce));
  if (!sealings.every((sealing) => sealing !== undefined))
    throw invalidArgument('options.entropy', 'a source of randomness', entropy);
  const chosen = choose(read, { ...size, context, instances: sealings.map(({ instance }) => instance) });
  const locks = chosen.map((place): SaleLock => {
    const { masks, instance } = sealings[place] as (typeof sealings)[number];
    const masked = secrets.map((secret, index) => writeNumber(SCALARS.reduce(secret + (masks[index] as bigint))));
    return { place, hash: instance.hash, cipher: instance.cipher, masked: concatBytes(...masked) };
  });
  return {
    offer: { ...size, seeds: seeds.filter((_, place) => !chosen.includes(place)), locks },
    preimages: chosen.map((place) => new SecretBytes((sealings[place] as (typeof sealings)[number]).preimage)),
  };
}

/** Seeds of which one tells nothing of another. */
function createSeeds(entropy: Entropy, secrets: readonly bigint[], count: number): readonly Uint8Array[] {
  const crypto = currentCrypto();
  const root = crypto.taggedHash(
    'biscol/zk/sale-root',
    concatBytes(randomBytes(entropy, 32), ...secrets.map(writeNumber)),
  );
  return Array.from({ length: count }, (_, index) =>
    crypto.taggedHash('biscol/zk/sale-seed', concatBytes(root, countBytes(index))),
  );
}

/**
 * Whether an offer sells the secrets of a relation: whoever then learns all preimages of its locks has them, but for
 * the chance of {@link saleSoundness}.
 *
 * @param options - `context` as the offer's; `soundness`: the least that is accepted, in bits, 80 when absent.
 * @returns `false` also for an offer that is sound to fewer bits.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT` for arguments of the wrong type.
 */
export function verifyOffer(
  relation: Relation,
  offer: SaleOffer,
  options: { readonly context?: Uint8Array; readonly soundness?: number } = {},
): boolean {
  const { context = NOTHING, soundness = 80 } = requireObject<{ context: Uint8Array; soundness: number }>(
    'options',
    options,
  );
  requireBytes('options.context', context);
  requireInteger('options.soundness', soundness, 1, 256);
  const read = requireRelation('relation', relation);
  const { total, sealed, seeds, locks } = requireOffer(offer, read);
  if (saleSoundness({ total, sealed }) < soundness) return false;
  if (seeds.length !== total - sealed || locks.length !== sealed) return false;
  const opened = seeds.values();
  const byPlace = new Map(locks.map((lock) => [lock.place, lock]));
  const instances: Instance[] = [];
  for (let place = 0; place < total; place++) {
    const lock = byPlace.get(place);
    const seed = lock === undefined ? opened.next().value : undefined;
    const instance = lock === undefined ? seed && seal(read, seed)?.instance : instanceOf(read, lock);
    if (instance === undefined) return false;
    instances.push(instance);
  }
  const chosen = choose(read, { total, sealed, context, instances });
  return chosen.every((place, at) => locks[at]?.place === place);
}

function requireOffer(offer: unknown, relation: Relation): SaleOffer {
  const { seeds, locks, ...size } = requireObject<SaleOffer>('offer', offer);
  const length = 32 * relation.secrets;
  return {
    ...requireSize('offer', size),
    seeds: requireList('offer.seeds', seeds).map((seed) => requireBytes('offer.seeds, each', seed, 32)),
    locks: requireList('offer.locks', locks).map((lock, at) => {
      const name = `offer.locks[${at}]`;
      const { place, hash, cipher, masked } = requireObject<SaleLock>(name, lock);
      return {
        place: requireInteger(`${name}.place`, place, 0, MOST_INSTANCES - 1),
        hash: requireBytes(`${name}.hash`, hash, 32),
        cipher: requireBytes(`${name}.cipher`, cipher, length),
        masked: requireBytes(`${name}.masked`, masked, length),
      };
    }),
  };
}

/**
 * Takes what was bought: the secrets, from the preimages that the payment revealed.
 *
 * @param preimages - In any order, 32 bytes each; one good one is enough.
 * @returns The secrets in the order of the relation; `undefined` when no preimage gives them.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT` for arguments of the wrong type.
 */
export function completeSale(
  relation: Relation,
  offer: SaleOffer,
  preimages: readonly Uint8Array[],
): readonly SecretBytes[] | undefined {
  const read = requireRelation('relation', relation);
  const { locks } = requireOffer(offer, read);
  const crypto = currentCrypto();
  for (const given of requireList('preimages', preimages)) {
    const preimage = requireBytes('preimages, each', given, 32);
    const hash = crypto.sha256(preimage);
    for (const lock of locks) {
      if (!equalBytes(lock.hash, hash)) continue;
      const secrets = unmask(read, lock, preimage);
      if (secrets !== undefined) return secrets;
    }
  }
  return undefined;
}
