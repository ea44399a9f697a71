import { currentCrypto, equalBytes, toHex } from '@bitcoin-enterprise/core';
import { SighashType } from '@bitcoin-enterprise/script';
import { requireFunction, requireObject } from '../../checks.ts';
import { WalletError } from '../../errors.ts';
import { SecretBytes } from '../../keys/secret-bytes.ts';
import type { MusigSlot, Psbt, PsbtInput } from '../../psbt/model.ts';
import { requirePsbt } from '../../psbt/require-psbt.ts';
import { inputInvalid } from '../../psbt/spend.ts';
import type { KeyRing } from '../../signers/key-ring.ts';
import type { KeyReference, Signer, SignerCallOptions } from '../../signers/ports.ts';
import { contributionInvalid } from '../musig/checks.ts';
import { aggregateMusigNonces } from '../musig/nonces.ts';
import { createMusigSession, type MusigSession } from '../musig/session.ts';
import { aggregateMusigSignatures, verifyMusigPartial } from '../musig/signatures.ts';
import { createVaultNonce, signWithVault } from '../musig/vault-signing.ts';
import { type NonceVault, nonceToken } from '../vault/nonce-vault.ts';
import { type MusigPlace, musigPlacesOf, type MusigPlacesOptions } from './places.ts';

/** Who takes part in a MuSig2 signature: keys in memory, and the vault of their nonces. */
export interface MusigPsbtSignerOptions extends MusigPlacesOptions {
  readonly ring: KeyRing;
  readonly vault: NonceVault;
  /** For people, logs and receipts; `musig` when absent. */
  readonly name?: string;
}

/**
 * A signer that takes part in MuSig2 signatures (BIP373): each time it is asked it does whatever can be done next. It adds
 * its nonce where it is missing; where all nonces are there, its partial signature; where all of those are there, the
 * signature. The PSBT is all that has to be sent about, by any transport and in any order.
 *
 * @example
 * ```ts
 * import { createMemoryStore } from '@bitcoin-enterprise/events';
 * import { createKeyRing } from '@bitcoin-enterprise/wallet';
 * import { musigPsbtSigner, openNonceVault } from '@bitcoin-enterprise/wallet/multiparty';
 *
 * const vault = await openNonceVault({ store: createMemoryStore(), name: 'ann' });
 * const signer = musigPsbtSigner({ ring: createKeyRing({ secretKeys: [new Uint8Array(32).fill(1)] }), vault });
 * signer.name; // => 'musig'
 * ```
 */
export function musigPsbtSigner(options: MusigPsbtSignerOptions): Signer {
  const { name = 'musig' } = requireParties(options);
  return {
    name,
    async sign(psbt, call = {}) {
      if (requireObject<SignerCallOptions>('options', call).signal?.aborted === true)
        throw new WalletError('WALLET_ABORTED', 'expected a call that goes on, got one that was aborted', {
          details: { call: 'sign' },
        });
      const withNonces = await addMusigNonces(psbt, options);
      return aggregateMusigPsbt(await addMusigSignatures(withNonces, options), options);
    },
  };
}

/**
 * Adds the nonces of own keys where they are missing, and burns what cannot be used: a nonce in the PSBT that the vault
 * does not have any more is replaced as long as nobody has signed with it.
 *
 * @throws WalletError as `musigPlacesOf` and `createVaultNonce`.
 */
export async function addMusigNonces(psbt: Psbt, parties: MusigPsbtSignerOptions): Promise<Psbt> {
  requirePsbt(psbt);
  const { ring, vault, ...options } = requireParties(parties);
  const inputs = [...psbt.inputs];
  for (const place of musigPlacesOf(psbt, options)) {
    for (const participant of ownParticipants(place, inputs[place.input] as PsbtInput, ring)) {
      const input = inputs[place.input] as PsbtInput;
      const known = nonceOf(input, place, participant.publicKey);
      if (known !== undefined && (await vault.holds(nonceToken(known)))) continue;
      // Others may have signed for the nonce that is there: theirs is for the session of the nonces as they are.
      if (known !== undefined && partialsOf(input, place).length > 0) continue;
      const { publicNonce } = await lend(ring, participant, (secretKey) =>
        createVaultNonce(vault, {
          secretKey,
          keys: place.keys,
          message: place.message,
          ...(place.leafHash === undefined ? {} : { leafHash: place.leafHash }),
        }),
      );
      const others = input.musigPublicNonces.filter((slot) => !isSlot(slot, place, participant.publicKey));
      const added = { ...slotOf(place, participant.publicKey), nonce: publicNonce };
      inputs[place.input] = { ...input, musigPublicNonces: [...others, added] };
    }
  }
  return { ...psbt, inputs };
}

/**
 * Adds the partial signatures of own keys where all nonces are there. Those of others are checked first.
 *
 * @throws WalletError `WALLET_CONTRIBUTION_INVALID` for a nonce or partial signature that is wrong, with the index of the
 * participant; `WALLET_NONCE_SPENT` when the nonce has signed something else: all begin again.
 */
export async function addMusigSignatures(psbt: Psbt, parties: MusigPsbtSignerOptions): Promise<Psbt> {
  requirePsbt(psbt);
  const { ring, vault, ...options } = requireParties(parties);
  const inputs = [...psbt.inputs];
  let hasSigned = false;
  for (const place of musigPlacesOf(psbt, options)) {
    const session = sessionOf(inputs[place.input] as PsbtInput, place);
    if (session === undefined) continue;
    checkPartials(inputs[place.input] as PsbtInput, place, session);
    for (const participant of ownParticipants(place, inputs[place.input] as PsbtInput, ring)) {
      const input = inputs[place.input] as PsbtInput;
      const { publicKey } = participant;
      if (input.musigPartialSignatures.some((slot) => isSlot(slot, place, publicKey))) continue;
      const nonce = nonceOf(input, place, publicKey) as Uint8Array;
      const token = nonceToken(nonce);
      const signature = await lend(ring, participant, (secretKey) =>
        signWithVault(vault, token, { secretKey, session }),
      );
      const added = { ...slotOf(place, publicKey), signature };
      inputs[place.input] = { ...input, musigPartialSignatures: [...input.musigPartialSignatures, added] };
      hasSigned = true;
    }
  }
  // BIP370: what is signed is fixed.
  return hasSigned && psbt.modifiable !== undefined
    ? { ...psbt, inputs, modifiable: psbt.modifiable & ~3 }
    : { ...psbt, inputs };
}

/**
 * Takes all nonces and partial signatures of unfinished MuSig2 signatures out, to begin again: when a participant has lost
 * its nonces, or somebody has sent something wrong.
 */
export function restartMusigPsbt(psbt: Psbt, options: MusigPlacesOptions = {}): Psbt {
  requirePsbt(psbt);
  const inputs = [...psbt.inputs];
  for (const place of musigPlacesOf(psbt, options)) {
    const input = inputs[place.input] as PsbtInput;
    inputs[place.input] = {
      ...input,
      musigPublicNonces: input.musigPublicNonces.filter((slot) => !isPlace(slot, place)),
      musigPartialSignatures: input.musigPartialSignatures.filter((slot) => !isPlace(slot, place)),
    };
  }
  return { ...psbt, inputs };
}

/**
 * Makes the signatures whose partial ones are all there (BIP327, PartialSigAgg).
 *
 * @throws WalletError `WALLET_CONTRIBUTION_INVALID` with the index of the participant whose partial signature is wrong.
 */
export function aggregateMusigPsbt(psbt: Psbt, options: MusigPlacesOptions = {}): Psbt {
  requirePsbt(psbt);
  const inputs = [...psbt.inputs];
  for (const place of musigPlacesOf(psbt, options)) {
    const input = inputs[place.input] as PsbtInput;
    const session = sessionOf(input, place);
    if (session === undefined) continue;
    const partials = place.keys.publicKeys.map(
      (key) => input.musigPartialSignatures.find((slot) => isSlot(slot, place, key))?.signature,
    );
    if (partials.some((partial) => partial === undefined)) continue;
    checkPartials(input, place, session);
    const signature = aggregateMusigSignatures(session, partials as readonly Uint8Array[]);
    if (!currentCrypto().schnorrVerify(signature, place.message, place.keys.xOnlyPublicKey))
      throw inputInvalid(place.input, 'partial signatures that make no signature');
    inputs[place.input] = withSignature(input, place, signature);
  }
  return { ...psbt, inputs };
}

function requireParties(options: MusigPsbtSignerOptions): MusigPsbtSignerOptions {
  const { ring, vault } = requireObject<MusigPsbtSignerOptions>('options', options);
  const { withSecretKey, holds } = requireObject<KeyRing>('options.ring', ring);
  requireFunction('options.ring.withSecretKey', withSecretKey);
  requireFunction('options.ring.holds', holds);
  requireFunction('options.vault.sign', requireObject<NonceVault>('options.vault', vault).sign);
  return options;
}

function withSignature(input: PsbtInput, { keys, leafHash, hashType }: MusigPlace, signature: Uint8Array): PsbtInput {
  const full = hashType === SighashType.DEFAULT ? signature : Uint8Array.of(...signature, hashType);
  if (leafHash === undefined) return { ...input, tapKeySignature: full };
  const added = { publicKey: keys.xOnlyPublicKey, leafHash, signature: full };
  return { ...input, tapScriptSignatures: [...input.tapScriptSignatures, added] };
}

/** The participants of a place whose secret keys are at hand. */
function ownParticipants({ keys }: MusigPlace, input: PsbtInput, ring: KeyRing): readonly KeyReference[] {
  const distinct = keys.publicKeys.filter((key, i) => keys.publicKeys.findIndex((one) => equalBytes(one, key)) === i);
  return distinct
    .map((publicKey): KeyReference => {
      const derivation = input.tapDerivations.find((known) => equalBytes(known.publicKey, publicKey.subarray(1)));
      return derivation === undefined ? { publicKey } : { publicKey, origin: derivation.origin };
    })
    .filter((key) => ring.holds(key));
}

async function lend<Result>(
  ring: KeyRing,
  key: KeyReference,
  action: (secretKey: SecretBytes) => Promise<Result>,
): Promise<Result> {
  const secretKey = ring.withSecretKey(key, (bytes) => new SecretBytes(bytes));
  if (secretKey === undefined)
    throw new WalletError('WALLET_KEY_UNKNOWN', 'expected a key of this ring, got another', {
      details: { key: toHex(key.publicKey) },
    });
  try {
    return await action(secretKey);
  } finally {
    secretKey.wipe();
  }
}

function slotOf({ keys, leafHash }: MusigPlace, participant: Uint8Array): MusigSlot {
  const slot = { participant, aggregate: keys.publicKey };
  return leafHash === undefined ? slot : { ...slot, leafHash };
}

function isPlace(slot: MusigSlot, { keys, leafHash }: MusigPlace): boolean {
  if (!equalBytes(slot.aggregate, keys.publicKey)) return false;
  return leafHash === undefined
    ? slot.leafHash === undefined
    : slot.leafHash !== undefined && equalBytes(slot.leafHash, leafHash);
}

function isSlot(slot: MusigSlot, place: MusigPlace, participant: Uint8Array): boolean {
  return isPlace(slot, place) && equalBytes(slot.participant, participant);
}

function nonceOf(input: PsbtInput, place: MusigPlace, participant: Uint8Array): Uint8Array | undefined {
  return input.musigPublicNonces.find((slot) => isSlot(slot, place, participant))?.nonce;
}

function partialsOf(input: PsbtInput, place: MusigPlace): PsbtInput['musigPartialSignatures'] {
  return input.musigPartialSignatures.filter((slot) => isPlace(slot, place));
}

/** `undefined` while nonces are missing. */
function sessionOf(input: PsbtInput, place: MusigPlace): MusigSession | undefined {
  const nonces = place.keys.publicKeys.map((key) => nonceOf(input, place, key));
  if (nonces.some((nonce) => nonce === undefined)) return undefined;
  const aggregateNonce = aggregateMusigNonces(nonces as readonly Uint8Array[]);
  return createMusigSession(place.keys, { aggregateNonce, message: place.message });
}

function checkPartials(input: PsbtInput, place: MusigPlace, session: MusigSession): void {
  for (const { participant, signature } of partialsOf(input, place)) {
    const signer = place.keys.publicKeys.findIndex((key) => equalBytes(key, participant));
    const publicNonce = nonceOf(input, place, participant);
    if (signer === -1 || publicNonce === undefined || !verifyMusigPartial(session, { signer, publicNonce, signature }))
      throw contributionInvalid('partial signature', signer === -1 ? undefined : signer);
  }
}
