import { MAX_SATOSHIS, toHex } from '@bitcoin-enterprise/core';
import { requireInteger, requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import { checkAnnouncement } from './attestation.ts';
import { requireBigint, requireList, termsInvalid } from './checks.ts';
import { type EventDescriptor, type OracleAnnouncement, requireAnnouncement } from './oracle-messages.ts';
import { type DlcContract, requireContract } from './payout.ts';
import { type OracleTolerance, requireTolerance } from './tolerance.ts';

/** What two parties agree upon: who gets what, and whose word decides. */
export interface DlcTerms {
  /** In order of preference, 1 to 100; each has another key. */
  readonly oracles: readonly OracleAnnouncement[];
  /** How many of them must attest. */
  readonly threshold: number;
  /** Of both parties together, in satoshis. */
  readonly collateral: bigint;
  readonly contract: DlcContract;
  /** How far apart numbers may be that go together; they must be equal when absent. */
  readonly tolerance?: OracleTolerance;
  /**
   * How the points of several oracles become one. `weighted`: each times a hash of all announcements, so that an oracle
   * that saw the others' announcements cannot choose nonces that cancel theirs. `sum`: as dlcspecs does, which needs
   * oracles that do not do that. `weighted` when absent; for a threshold of 1 both are the same.
   */
  readonly aggregation?: 'weighted' | 'sum';
  /** Outcomes, 1 to 10,000,000; 100,000 when absent. */
  readonly most?: number;
}

/** Terms that were checked. */
export interface CheckedTerms extends DlcTerms {
  readonly aggregation: 'weighted' | 'sum';
  readonly most: number;
  /** Of digits; 1 and 0 for named outcomes. */
  readonly base: number;
  readonly digits: number;
}

const MOST_ORACLES = 100;
const MOST_OUTCOMES = 10_000_000;

/** Throws unless a value is terms that agree with themselves and with announcements that are signed; a copy. */
export function requireTerms(argument: string, value: unknown): CheckedTerms {
  const given = requireObject<DlcTerms>(argument, value);
  const list = requireList(`${argument}.oracles`, given.oracles);
  if (list.length === 0 || list.length > MOST_ORACLES)
    throw termsInvalid(`${argument}.oracles`, `a list of 1 to ${MOST_ORACLES}`);
  const oracles = list.map((oracle, index) => requireAnnouncement(`${argument}.oracles[${index}]`, oracle));
  // The same oracle twice would be one word that counts for two.
  if (new Set(oracles.map(({ oraclePublicKey }) => toHex(oraclePublicKey))).size !== oracles.length)
    throw termsInvalid(`${argument}.oracles`, 'oracles of different keys');
  for (const oracle of oracles) checkAnnouncement(oracle);
  const threshold = requireInteger(`${argument}.threshold`, given.threshold, 1, oracles.length);
  const collateral = requireBigint(`${argument}.collateral`, given.collateral, 1n, MAX_SATOSHIS);
  const contract = requireContract(`${argument}.contract`, given.contract);
  const { aggregation = 'weighted', most = 100_000 } = given;
  if (aggregation !== 'weighted' && aggregation !== 'sum')
    throw invalidArgument(`${argument}.aggregation`, `'weighted' or 'sum'`, aggregation);
  const { base, digits } = domainOf(argument, { oracles, collateral, contract });
  const checked = {
    oracles,
    threshold,
    collateral,
    contract,
    aggregation,
    most: requireInteger(`${argument}.most`, most, 1, MOST_OUTCOMES),
    base,
    digits,
  };
  if (given.tolerance === undefined) return checked;
  if (contract.kind !== 'numeric' || base !== 2)
    throw termsInvalid(`${argument}.tolerance`, 'absent, unless numbers are attested in base 2');
  return { ...checked, tolerance: requireTolerance(`${argument}.tolerance`, given.tolerance, digits) };
}

/** Throws unless all oracles attest what the contract pays for. */
function domainOf(
  argument: string,
  { oracles, collateral, contract }: Pick<DlcTerms, 'oracles' | 'collateral' | 'contract'>,
): { readonly base: number; readonly digits: number } {
  const descriptors = oracles.map(({ event }) => event.descriptor);
  if (contract.kind === 'enumerated') {
    const names = contract.payouts.map(({ outcome }) => outcome);
    if (!descriptors.every((descriptor) => hasOutcomes(descriptor, names)))
      throw termsInvalid(`${argument}.contract.payouts`, 'one for each outcome of each oracle');
    if (contract.payouts.some(({ payout }) => payout > collateral))
      throw termsInvalid(`${argument}.contract.payouts`, 'of at most the collateral each');
    return { base: 1, digits: 0 };
  }
  const [first] = descriptors;
  if (first?.kind !== 'digits' || first.isSigned)
    throw termsInvalid(`${argument}.oracles[0].event.descriptor`, 'digits without a sign');
  const { base, digits, precision } = first;
  for (const [index, other] of descriptors.entries())
    if (
      other.kind !== 'digits' ||
      other.isSigned ||
      other.base !== base ||
      other.digits !== digits ||
      other.precision !== precision
    )
      throw termsInvalid(`${argument}.oracles[${index}].event.descriptor`, 'of the same digits as the first one');
  if (contract.end.outcome !== BigInt(base) ** BigInt(digits) - 1n)
    throw termsInvalid(`${argument}.contract.end.outcome`, 'the last one that the oracles can attest');
  return { base, digits };
}

function hasOutcomes(descriptor: EventDescriptor, names: readonly string[]): boolean {
  if (descriptor.kind !== 'enumerated' || descriptor.outcomes.length !== names.length) return false;
  const all = new Set(descriptor.outcomes);
  return names.every((name) => all.has(name));
}
