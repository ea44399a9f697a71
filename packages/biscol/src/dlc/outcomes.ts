import { currentCrypto, equalBytes } from '@bitcoin-enterprise/core';
import { requireBytes, requireInteger, requireObject } from '../checks.ts';
import { BiscolError, invalidArgument } from '../errors.ts';
import { type Attested, createAnticipation, weightOf } from './anticipation.ts';
import { checkAttestation } from './attestation.ts';
import { requireList, requireString, tooLarge } from './checks.ts';
import { ORDER, scalarBytes, scalarOf } from './curve.ts';
import { coverInterval, type DigitPrefix } from './digits.ts';
import { type OracleAttestation, requireAttestation } from './oracle-messages.ts';
import { MOST_TEXT } from './payout.ts';
import { intervalsOf } from './payout-intervals.ts';
import { type CheckedTerms, type DlcTerms, requireTerms } from './terms.ts';
import { coversOf } from './tolerance.ts';

/** Satoshis of both parties; together the collateral. */
export interface DlcPayouts {
  readonly offer: bigint;
  readonly accept: bigint;
}

/** An outcome of a contract: what must be attested for it, and who gets what then. */
export interface DlcOutcome {
  /** As many oracles as the threshold says. */
  readonly attested: readonly Attested[];
  /** Whose secret the attestations give, 33 bytes: the adaptor point of the transaction that pays out. */
  readonly anticipationPoint: Uint8Array;
  /** The same object for outcomes next to each other that pay the same. */
  readonly payouts: DlcPayouts;
}

/** An outcome before its point is computed. */
interface Case {
  readonly attested: readonly Attested[];
  readonly payouts: DlcPayouts;
}

/**
 * All outcomes of a contract, each with the point that its attestations will give the secret of (dlcspecs). For each, both
 * parties presign a transaction that pays out; outcomes of the same payouts may share the transaction, not the
 * pre-signature.
 *
 * @returns In the order of dlcspecs: by outcome, then by oracles.
 * @throws BiscolError `BISCOL_DLC_TERMS_INVALID`, `BISCOL_DLC_ANNOUNCEMENT_INVALID`, `BISCOL_DLC_TOO_LARGE`,
 * `BISCOL_INVALID_ARGUMENT`.
 *
 * @example A bet on the weather, decided by one oracle
 * ```ts
 * import { createMemoryStore } from '@bitcoin-enterprise/events';
 * import { SecretBytes } from '@bitcoin-enterprise/wallet/keys';
 * import { createOracle, dlcOutcomes } from '@bitcoin-enterprise/biscol/dlc';
 *
 * const oracle = createOracle({
 *   secretKey: new SecretBytes(new Uint8Array(32).fill(1)), store: createMemoryStore(), name: 'weather',
 * });
 * const announcement = await oracle.announce({
 *   eventId: 'tomorrow', maturity: 1_800_000_000, descriptor: { kind: 'enumerated', outcomes: ['rain', 'sun'] },
 * });
 * const outcomes = dlcOutcomes({
 *   oracles: [announcement], threshold: 1, collateral: 100_000n,
 *   contract: { kind: 'enumerated', payouts: [{ outcome: 'rain', payout: 100_000n }, { outcome: 'sun', payout: 0n }] },
 * });
 * outcomes.map(({ payouts }) => payouts.accept); // => [0n, 100_000n]
 * ```
 */
export function dlcOutcomes(terms: DlcTerms): readonly DlcOutcome[] {
  const checked = requireTerms('terms', terms);
  const cases = casesOf(checked);
  const pointOf = createAnticipation(checked);
  return cases.map(({ attested, payouts }) => ({ attested, payouts, anticipationPoint: pointOf(attested) }));
}

/** Attestations, and what they are to decide. */
export interface FindOutcomesOptions {
  /** Of {@link dlcOutcomes}. */
  readonly outcomes: readonly DlcOutcome[];
  /** Of any of the oracles, each at most once. */
  readonly attestations: readonly OracleAttestation[];
}

/**
 * The outcomes that attestations decide. There is more than one where more oracles attested than are needed, and where
 * they contradict each other: a party takes the one that it gains from, and so may the other.
 *
 * @returns Indices, ascending; none while attestations are missing.
 * @throws BiscolError `BISCOL_DLC_ATTESTATION_INVALID` for one that does not hold, `BISCOL_INVALID_ARGUMENT`; those of
 * {@link dlcOutcomes} for terms that are wrong.
 */
export function findOutcomes(terms: DlcTerms, options: FindOutcomesOptions): readonly number[] {
  const checked = requireTerms('terms', terms);
  const given = requireObject<FindOutcomesOptions>('options', options);
  const known = byOracle(checked, given.attestations);
  const found: number[] = [];
  for (const [index, outcome] of requireList('options.outcomes', given.outcomes).entries()) {
    const { attested } = requireOutcome(`options.outcomes[${index}]`, outcome, checked);
    if (attested.every((one) => isAttested(one, known))) found.push(index);
  }
  return found;
}

/**
 * The secret of an outcome: what completes the pre-signatures that are for it.
 *
 * @param options - `outcome`: of {@link dlcOutcomes}. `attestations`: at least those of its oracles.
 * @returns 32 bytes; with the attestations published, they are public.
 * @throws BiscolError `BISCOL_DLC_UNDECIDED` when the attestations decide another outcome or none yet,
 * `BISCOL_DLC_ATTESTATION_INVALID`, `BISCOL_INVALID_ARGUMENT`; those of {@link dlcOutcomes} for terms that are wrong.
 */
export function attestationSecret(
  terms: DlcTerms,
  options: { readonly outcome: DlcOutcome; readonly attestations: readonly OracleAttestation[] },
): Uint8Array {
  const checked = requireTerms('terms', terms);
  const given = requireObject<{ outcome: DlcOutcome; attestations: readonly OracleAttestation[] }>('options', options);
  const { attested, anticipationPoint } = requireOutcome('options.outcome', given.outcome, checked);
  const known = byOracle(checked, given.attestations);
  let secret = 0n;
  for (const one of attested) {
    if (!isAttested(one, known))
      throw new BiscolError('BISCOL_DLC_UNDECIDED', `expected oracle ${one.oracle} to attest this outcome`, {
        details: { oracle: one.oracle },
      });
    const { signatures } = known.get(one.oracle) as OracleAttestation;
    const sum = one.outcomes.reduce(
      (total, _, at) => total + scalarOf((signatures[at] as Uint8Array).subarray(32)),
      0n,
    );
    secret = (secret + sum * weightOf(checked, one.oracle)) % ORDER;
  }
  const bytes = scalarBytes(secret);
  const point = currentCrypto().publicKey(bytes);
  // The outcome may come from elsewhere: another aggregation, or other terms.
  if (point === undefined || !equalBytes(point, anticipationPoint))
    throw invalidArgument('options.outcome', 'an outcome of these terms', given.outcome);
  return bytes;
}

function casesOf(terms: CheckedTerms): readonly Case[] {
  const { oracles, threshold, collateral, contract, most } = terms;
  const groups = combinationsOf(oracles.length, threshold, most);
  const cases: Case[] = [];
  const add = (attested: readonly Attested[], payouts: DlcPayouts): void => {
    if (cases.length === most) throw tooLarge('outcomes', most);
    cases.push({ attested, payouts });
  };
  if (contract.kind === 'enumerated') {
    for (const { outcome, payout } of contract.payouts) {
      const payouts = { offer: payout, accept: collateral - payout };
      for (const group of groups)
        add(
          group.map((oracle) => ({ oracle, outcomes: [outcome] })),
          payouts,
        );
    }
    return cases;
  }
  for (const { from, to, payout } of intervalsOf(contract, { collateral, most })) {
    const payouts = { offer: payout, accept: collateral - payout };
    for (const prefix of coverInterval([from, to], terms))
      for (const group of groups) for (const attested of attestedBy(group, prefix, terms)) add(attested, payouts);
  }
  return cases;
}

/** What a group of oracles may attest so that the number begins with a prefix. */
function* attestedBy(
  group: readonly number[],
  prefix: DigitPrefix,
  { digits, tolerance }: CheckedTerms,
): Generator<readonly Attested[]> {
  const attestedAs = (oracle: number, digitsOfIt: DigitPrefix): Attested => ({
    oracle,
    outcomes: digitsOfIt.map(String),
  });
  if (tolerance === undefined || group.length === 1) {
    yield group.map((oracle) => attestedAs(oracle, prefix));
    return;
  }
  const [first, ...others] = group as [number, ...number[]];
  for (const { primary, choices, notAll } of coversOf(prefix, digits, tolerance))
    for (let number = 0; number < choices.length ** others.length; number++) {
      // The digits of the number say what each of the others chooses.
      const chosen = others.map(
        (_, at) => choices[Math.floor(number / choices.length ** (others.length - 1 - at)) % choices.length],
      ) as readonly DigitPrefix[];
      if (chosen.every((choice) => choice === notAll)) continue;
      yield [attestedAs(first, primary), ...others.map((oracle, at) => attestedAs(oracle, chosen[at] as DigitPrefix))];
    }
}

/** All groups of so many of the first whole numbers, in the order of a dictionary. */
function combinationsOf(count: number, size: number, most: number): readonly (readonly number[])[] {
  let groups: (readonly number[])[] = [[]];
  for (let length = 1; length <= size; length++) {
    groups = groups.flatMap((group) => {
      const next = (group.at(-1) ?? -1) + 1;
      // What remains must be enough to fill the group.
      const end = count - (size - length);
      return Array.from({ length: Math.max(0, end - next) }, (_, step) => [...group, next + step]);
    });
    if (groups.length > most) throw tooLarge('groups of oracles', most);
  }
  return groups;
}

/** Attestations by the index of their oracle; each is checked. */
function byOracle(terms: CheckedTerms, value: unknown): ReadonlyMap<number, OracleAttestation> {
  const known = new Map<number, OracleAttestation>();
  for (const [index, one] of requireList('options.attestations', value).entries()) {
    const argument = `options.attestations[${index}]`;
    const attestation = requireAttestation(argument, one);
    const oracle = terms.oracles.findIndex(({ oraclePublicKey }) =>
      equalBytes(oraclePublicKey, attestation.oraclePublicKey),
    );
    const announcement = terms.oracles[oracle];
    if (announcement === undefined) throw invalidArgument(argument, 'of an oracle of the terms', one);
    if (known.has(oracle)) throw invalidArgument(argument, 'of another oracle than those before', one);
    checkAttestation(announcement, attestation);
    known.set(oracle, attestation);
  }
  return known;
}

function isAttested({ oracle, outcomes }: Attested, known: ReadonlyMap<number, OracleAttestation>): boolean {
  const attestation = known.get(oracle);
  return attestation !== undefined && outcomes.every((outcome, at) => attestation.outcomes[at] === outcome);
}

/** Throws unless a value is an outcome that terms can have. */
function requireOutcome(argument: string, value: unknown, terms: CheckedTerms): Omit<DlcOutcome, 'payouts'> {
  const { attested, anticipationPoint } = requireObject<DlcOutcome>(argument, value);
  const list = requireList(`${argument}.attested`, attested).map((one, index) => {
    const path = `${argument}.attested[${index}]`;
    const { oracle, outcomes } = requireObject<Attested>(path, one);
    const names = requireList(`${path}.outcomes`, outcomes);
    const at = requireInteger(`${path}.oracle`, oracle, 0, terms.oracles.length - 1);
    if (names.length === 0 || names.length > (terms.oracles[at]?.event.nonces.length ?? 0))
      throw invalidArgument(`${path}.outcomes`, 'a list of at most one for each nonce of the oracle', outcomes);
    return {
      oracle: at,
      outcomes: names.map((name, place) => requireString(`${path}.outcomes[${place}]`, name, MOST_TEXT)),
    };
  });
  if (list.length !== terms.threshold || new Set(list.map(({ oracle }) => oracle)).size !== list.length)
    throw invalidArgument(`${argument}.attested`, `a list of ${terms.threshold} different oracles`, attested);
  return {
    attested: list,
    anticipationPoint: requireBytes(`${argument}.anticipationPoint`, anticipationPoint, 33),
  };
}
