import { concatBytes, currentCrypto, webEntropy } from '@bitcoin-enterprise/core';
import { SecretBytes } from '@bitcoin-enterprise/wallet/multiparty';
import { announced, holdsFor, imagesOf, readScalars, type Relation, relationBytes } from './relations.ts';
import { createNonces, ORDER, readNumber, SCALARS, writeNumber } from './scalars.ts';
import { countBytes, createTranscript } from './transcript.ts';

/** How much cutting and choosing there is. */
export interface SaleSize {
  /** Instances of which the seller opens most: 2 to 1,024. */
  readonly total: number;
  /** Instances that stay sealed, each with a hash lock of its own: 1 to 64, fewer than `total`. */
  readonly sealed: number;
}

/** An instance that stays sealed. */
export interface SaleLock {
  /** From 0. */
  readonly place: number;
  /** SHA-256 of the preimage that the payment is to reveal, 32 bytes. */
  readonly hash: Uint8Array;
  /** The masks, encrypted to the preimage: 32 bytes for each secret. */
  readonly cipher: Uint8Array;
  /** The secrets plus the masks: 32 bytes for each secret. */
  readonly masked: Uint8Array;
}

/** One instance as all see it before the choice. */
export interface Instance {
  /** `Σ mask * base` of each equation. */
  readonly images: readonly Uint8Array[];
  readonly hash: Uint8Array;
  readonly cipher: Uint8Array;
}

/** What follows from a seed. */
export interface Sealing {
  readonly preimage: Uint8Array;
  readonly masks: readonly bigint[];
  readonly instance: Instance;
}

function derive(name: string, key: Uint8Array, index: number): bigint {
  const crypto = currentCrypto();
  const wide = [0, 1].map((half) => crypto.taggedHash(name, concatBytes(key, countBytes(index, half))));
  return readNumber(concatBytes(...wide)) % ORDER;
}

function keystream(preimage: Uint8Array, index: number): bigint {
  return derive('biscol/zk/sale-cipher', preimage, index);
}

/** Makes an instance, with nonces while the seed is secret; `undefined` where its masks add up to infinity, which nobody meets by chance. */
export function seal(relation: Relation, seed: Uint8Array, nonce?: () => bigint): Sealing | undefined {
  const crypto = currentCrypto();
  const preimage = crypto.taggedHash('biscol/zk/sale-preimage', seed);
  const masks = Array.from({ length: relation.secrets }, (_, index) => derive('biscol/zk/sale-mask', seed, index));
  const images = imagesOf(relation, masks, nonce);
  if (images === undefined) return undefined;
  const cipher = concatBytes(
    ...masks.map((mask, index) => writeNumber(SCALARS.reduce(mask + keystream(preimage, index)))),
  );
  return { preimage, masks, instance: { images, hash: crypto.sha256(preimage), cipher } };
}

/** The places that stay sealed, ascending: a choice that depends on every instance. */
export function choose(
  relation: Relation,
  {
    total,
    sealed,
    context,
    instances,
  }: SaleSize & { readonly context: Uint8Array; readonly instances: readonly Instance[] },
): readonly number[] {
  const transcript = createTranscript('biscol/zk/sale/1');
  transcript.append('context', context);
  transcript.append('relation', relationBytes(relation));
  transcript.append('size', countBytes(total, sealed));
  for (const { images, hash, cipher } of instances) transcript.append('instance', concatBytes(...images, hash, cipher));
  const places = Array.from({ length: total }, (_, place) => place);
  for (let i = 0; i < sealed; i++) {
    // A challenge of 256 bits modulo a thousand is as good as even.
    const other = i + Number(transcript.challenge('choice') % BigInt(total - i));
    [places[i], places[other]] = [places[other] as number, places[i] as number];
  }
  return places.slice(0, sealed).toSorted((left, right) => left - right);
}

/** A sealed instance, whose images are what the masked secrets are too many. */
export function instanceOf(relation: Relation, { hash, cipher, masked }: SaleLock): Instance | undefined {
  const scalars = readScalars(masked, relation.secrets);
  const isCanonical = readScalars(cipher, relation.secrets) !== undefined;
  const images = scalars === undefined || !isCanonical ? undefined : announced(relation, scalars, 1n);
  return images === undefined ? undefined : { images, hash, cipher };
}

/** The secrets of a lock whose preimage is known; `undefined` where it encrypts something else. */
export function unmask(
  relation: Relation,
  { cipher, masked }: SaleLock,
  preimage: Uint8Array,
): SecretBytes[] | undefined {
  const [masks, sums] = [readScalars(cipher, relation.secrets), readScalars(masked, relation.secrets)];
  if (masks === undefined || sums === undefined) return undefined;
  const secrets = sums.map((sum, index) => SCALARS.reduce(sum - (masks[index] as bigint) + keystream(preimage, index)));
  // A bad lock: the preimage was revealed, and encrypts something else.
  if (!holdsFor(relation, secrets, createNonces(webEntropy(), preimage, secrets))) return undefined;
  return secrets.map((secret) => {
    const bytes = writeNumber(secret);
    const kept = new SecretBytes(bytes);
    bytes.fill(0);
    return kept;
  });
}
