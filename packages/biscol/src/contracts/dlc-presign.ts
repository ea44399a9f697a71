import { equalBytes, type FeeRate, feeRate, satoshis } from '@bitcoin-enterprise/core';
import {
  aggregateMusigKeys,
  aggregateMusigNonces,
  aggregateMusigPresignature,
  completeSchnorr,
  createMusigNonce,
  createMusigSession,
  type MusigKeys,
  type MusigSession,
  type NonceVault,
  type SecretBytes,
  signWithVault,
  sortMusigKeys,
  tweakForTaproot,
  verifySchnorrPresignatures,
} from '@bitcoin-enterprise/wallet/multiparty';
import { requireBytes, requireFunction, requireList, requireObject } from '../checks.ts';
import type { ContractInstance } from '../contract/model.ts';
import type { StateOutput } from '../contract/state-output.ts';
import { type Cell, planTransition, type TransitionPlan } from '../contract/transition.ts';
import type { DlcOutcome } from '../dlc/outcomes.ts';
import { BiscolError, invalidArgument } from '../errors.ts';
import { signatureName, type Signatures, type SigningRequest, signingRequests } from '../signing/requests.ts';
import type { dlc } from './dlc.ts';

/** One outcome of a discreet log contract: its transaction, and the point whose secret completes it. */
export interface DlcEnd {
  /** The same object for outcomes that pay the same. */
  readonly plan: TransitionPlan;
  /** 33 bytes. */
  readonly adaptorPoint: Uint8Array;
}

/** The nonces of one party, one for each end. */
export interface DlcNonces {
  /** For the party itself: they name the nonces to its vault. */
  readonly tokens: readonly string[];
  /** For the other party, 66 bytes each. */
  readonly publicNonces: readonly Uint8Array[];
}

/** Of both parties, in the order offerer, accepter: a list for each, one entry for each end. */
export type OfBoth = readonly [offerer: readonly Uint8Array[], accepter: readonly Uint8Array[]];

/**
 * The transactions of all outcomes. They pay the fee reserve, whatever it is.
 *
 * @param options - `cell`: the collateral, as it is or will be funded. `outcomes`: of `dlcOutcomes`, all of them.
 * @throws BiscolError those of `planTransition`, `BISCOL_INVALID_ARGUMENT`.
 */
export function dlcEnds(
  instance: ContractInstance<typeof dlc>,
  options: { readonly cell: Cell; readonly outcomes: readonly DlcOutcome[] },
): readonly DlcEnd[] {
  const { cell, outcomes } = requireObject<{ cell: Cell; outcomes: readonly DlcOutcome[] }>('options', options);
  const plans = new Map<bigint, TransitionPlan>();
  return requireList('options.outcomes', outcomes).map((outcome, at): DlcEnd => {
    const { anticipationPoint, payouts } = requireObject<DlcOutcome>(`options.outcomes[${at}]`, outcome);
    const adaptorPoint = requireBytes(`options.outcomes[${at}].anticipationPoint`, anticipationPoint, 33);
    const { offer } = requireObject<DlcOutcome['payouts']>(`options.outcomes[${at}].payouts`, payouts);
    if (typeof offer !== 'bigint') throw invalidArgument(`options.outcomes[${at}].payouts.offer`, 'a bigint', offer);
    const plan = plans.get(offer) ?? planEnd(instance, cell as Cell, offer);
    plans.set(offer, plan);
    return { plan, adaptorPoint };
  });
}

const NO_RATE: FeeRate = feeRate(0n);

function planEnd(instance: ContractInstance<typeof dlc>, cell: Cell, toOfferer: bigint): TransitionPlan {
  return planTransition(instance, 'execute', {
    cells: [cell],
    args: { toOfferer: satoshis(toOfferer) },
    feeRate: NO_RATE,
  });
}

/**
 * First round: a nonce of a party for each end, in its vault.
 *
 * @param options - `secretKey`: the party's, 32 bytes.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`; WalletError those of `createMusigNonce` and of the vault.
 */
export async function makeDlcNonces(
  ends: readonly DlcEnd[],
  options: { readonly vault: NonceVault; readonly secretKey: SecretBytes; readonly publicKey: Uint8Array },
): Promise<DlcNonces> {
  const checked = requireEnds(ends);
  const { vault, secretKey, publicKey } = requireObject<typeof options>('options', options);
  requireFunction('options.vault.make', requireObject<NonceVault>('options.vault', vault).make);
  const keys = keysOf(checked);
  const own = checked.map(({ plan }) =>
    createMusigNonce({
      secretKey: secretKey as SecretBytes,
      publicKey: requireBytes('options.publicKey', publicKey, 33),
      xOnlyPublicKey: keys.xOnlyPublicKey,
      message: requestOf(plan).request.digest,
    }),
  );
  const publicNonces = own.map(({ publicNonce }) => new Uint8Array(publicNonce));
  return { tokens: await (vault as NonceVault).make(own), publicNonces };
}

/**
 * Second round: a party's share of each pre-signature.
 *
 * @param options - `nonces`: of both.
 * @returns 32 bytes for each end.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`; WalletError `WALLET_NONCE_SPENT` and others of `signWithVault`.
 */
export async function presignDlcEnds(
  ends: readonly DlcEnd[],
  options: {
    readonly vault: NonceVault;
    readonly secretKey: SecretBytes;
    readonly tokens: readonly string[];
    readonly nonces: OfBoth;
  },
): Promise<readonly Uint8Array[]> {
  const checked = requireEnds(ends);
  const { vault, secretKey, tokens, nonces } = requireObject<typeof options>('options', options);
  if (requireList('options.tokens', tokens).length !== checked.length)
    throw invalidArgument('options.tokens', `a list of ${checked.length}`, tokens);
  const partials: Uint8Array[] = [];
  for (const [at, session] of sessionsOf(checked, nonces).entries())
    partials.push(
      await signWithVault(vault as NonceVault, (tokens as readonly string[])[at] as string, {
        secretKey: secretKey as SecretBytes,
        session,
      }),
    );
  return partials;
}

/**
 * The pre-signatures of all ends, each verified.
 *
 * @returns 65 bytes for each end.
 * @throws BiscolError `BISCOL_SIGNATURE_INVALID` when the other party’s share does not hold: nothing may be funded then;
 * `BISCOL_INVALID_ARGUMENT`; WalletError `WALLET_CONTRIBUTION_INVALID`.
 */
export function joinDlcEnds(
  ends: readonly DlcEnd[],
  options: { readonly nonces: OfBoth; readonly partials: OfBoth },
): readonly Uint8Array[] {
  const checked = requireEnds(ends);
  const { nonces, partials } = requireObject<typeof options>('options', options);
  const [offered, accepted] = requireBoth('options.partials', partials, { count: checked.length, length: 32 });
  const swap = isSwapped(checked);
  const presignatures = sessionsOf(checked, nonces).map((session, at) => {
    const both = [offered[at] as Uint8Array, accepted[at] as Uint8Array];
    return aggregateMusigPresignature(session, swap ? both.toReversed() : both);
  });
  const [failed] = verifySchnorrPresignatures(
    checked.map(({ plan, adaptorPoint }, at) => {
      const { request, verifyingKey } = requestOf(plan);
      const presignature = presignatures[at] as Uint8Array;
      return { presignature, message: request.digest, xOnlyPublicKey: verifyingKey, adaptorPoint };
    }),
  );
  if (failed === undefined) return presignatures;
  throw new BiscolError(
    'BISCOL_SIGNATURE_INVALID',
    `expected a pre-signature of end ${failed} that holds, got another`,
    {
      details: { input: 0, key: '' },
      hint: 'The other party has not signed what was agreed upon. Do not fund the contract.',
    },
  );
}

/**
 * The signature of an end, once an oracle has attested it.
 *
 * @param options - `presignature`: 65 bytes of {@link joinDlcEnds}. `secret`: 32 bytes of `attestationSecret`.
 * @returns For `completeTransition`.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`; WalletError `WALLET_PRESIGNATURE_INVALID`.
 */
export function completeDlcEnd(
  end: DlcEnd,
  options: { readonly presignature: Uint8Array; readonly secret: Uint8Array },
): Signatures {
  const [{ plan }] = requireEnds([end]) as readonly [DlcEnd];
  const { presignature, secret } = requireObject<typeof options>('options', options);
  const { input, key } = requestOf(plan);
  const signature = completeSchnorr(requireBytes('options.presignature', presignature, 65), {
    secret: requireBytes('options.secret', secret, 32),
  });
  return new Map([[signatureName(input, key), signature]]);
}

function requireEnds(ends: unknown): readonly DlcEnd[] {
  const list = requireList('ends', ends);
  for (const [at, end] of list.entries()) {
    const { plan, adaptorPoint } = requireObject<DlcEnd>(`ends[${at}]`, end);
    requireBytes(`ends[${at}].adaptorPoint`, adaptorPoint, 33);
    requireList(`ends[${at}].plan.inputs`, requireObject<TransitionPlan>(`ends[${at}].plan`, plan).inputs);
  }
  if (list.length === 0) throw invalidArgument('ends', 'one or more', ends);
  return list as readonly DlcEnd[];
}

function requestOf(plan: TransitionPlan): SigningRequest {
  const [request] = signingRequests(plan);
  if (request === undefined || request.key.participants.length !== 2)
    throw invalidArgument('end', 'one of dlcEnds', plan.transition);
  return request;
}

/** The key of both with its Taproot tweak: all ends spend the same output. */
function keysOf([first]: readonly DlcEnd[]): MusigKeys {
  const { plan } = first as DlcEnd;
  const { key } = requestOf(plan);
  const { merkleRoot } = (plan.inputs[0] as { readonly output: StateOutput }).output.taproot;
  // BIP390 sorts before it aggregates.
  const keys = aggregateMusigKeys(sortMusigKeys(key.participants.map(({ publicKey }) => publicKey)));
  return tweakForTaproot(keys, merkleRoot === undefined ? {} : { merkleRoot });
}

/** Whether the accepter's key comes first when they are sorted. */
function isSwapped(ends: readonly DlcEnd[]): boolean {
  const [first] = ends;
  const [offerer] = requestOf((first as DlcEnd).plan).key.participants;
  return !equalBytes(keysOf(ends).publicKeys[0] as Uint8Array, offerer?.publicKey as Uint8Array);
}

function sessionsOf(ends: readonly DlcEnd[], nonces: unknown): readonly MusigSession[] {
  const [offered, accepted] = requireBoth('options.nonces', nonces, { count: ends.length, length: 66 });
  const keys = keysOf(ends);
  return ends.map(({ plan, adaptorPoint }, at) =>
    createMusigSession(keys, {
      aggregateNonce: aggregateMusigNonces([offered[at] as Uint8Array, accepted[at] as Uint8Array]),
      message: requestOf(plan).request.digest,
      adaptorPoint,
    }),
  );
}

function requireBoth(
  argument: string,
  value: unknown,
  of: { readonly count: number; readonly length: number },
): OfBoth {
  const lists = requireList(argument, value);
  if (lists.length !== 2) throw invalidArgument(argument, 'two lists: of the offerer and of the accepter', value);
  return lists.map((list, side) => {
    const items = requireList(`${argument}[${side}]`, list);
    if (items.length !== of.count) throw invalidArgument(`${argument}[${side}]`, `a list of ${of.count}`, list);
    return items.map((item, at) => requireBytes(`${argument}[${side}][${at}]`, item, of.length));
  }) as unknown as OfBoth;
}
