import { requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import { kindOf, requireList } from './checks.ts';
import type { Fraction } from './fraction.ts';
import type { HyperbolaNumbers } from './hyperbola.ts';
import { type DlcContract, type PayoutPoint, requireContract, type RoundingInterval } from './payout.ts';

/** JSON without holes. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

const FRACTION_NAMES = ['translateOutcome', 'translatePayout', 'a', 'b', 'c', 'd'] as const;
/** Digits of a number in a text: 2^128 has fewer. */
const INTEGER = /^-?\d{1,40}$/;

/**
 * A contract as JSON: amounts and outcomes are decimal texts, fractions `numerator/denominator`.
 *
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`, `BISCOL_DLC_TERMS_INVALID`.
 */
export function contractToJson(contract: DlcContract): Json {
  const checked = requireContract('contract', contract);
  if (checked.kind === 'enumerated')
    return {
      kind: 'enumerated',
      payouts: checked.payouts.map(({ outcome, payout }) => ({ outcome, payout: String(payout) })),
    };
  return {
    kind: 'numeric',
    pieces: checked.pieces.map(({ from, curve }) => ({
      from: pointToJson(from),
      curve:
        curve.kind === 'polynomial'
          ? { kind: 'polynomial', points: curve.points.map(pointToJson) }
          : {
              kind: 'hyperbola',
              usePositivePiece: curve.usePositivePiece,
              ...Object.fromEntries(FRACTION_NAMES.map((name) => [name, fractionToJson(curve[name])])),
            },
    })),
    end: pointToJson(checked.end),
    rounding: checked.rounding.map(({ from, modulus }) => ({ from: String(from), modulus: String(modulus) })),
  };
}

/**
 * Reads what {@link contractToJson} writes.
 *
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`, `BISCOL_DLC_TERMS_INVALID`.
 *
 * @example
 * ```ts
 * import { contractToJson, parseContract } from '@bitcoin-enterprise/biscol/dlc';
 *
 * const contract = parseContract({ kind: 'enumerated', payouts: [{ outcome: 'rain', payout: '1000' }] });
 * contract.kind; // => 'enumerated'
 * JSON.stringify(contractToJson(contract)); // => '{"kind":"enumerated","payouts":[{"outcome":"rain","payout":"1000"}]}'
 * ```
 */
export function parseContract(json: unknown): DlcContract {
  if (kindOf('json', json, ['enumerated', 'numeric']) === 'enumerated') {
    const { payouts } = requireObject<{ payouts: unknown }>('json', json);
    const rows = requireList('json.payouts', payouts).map((row, index) => {
      const path = `json.payouts[${index}]`;
      const { outcome, payout } = requireObject<{ outcome: unknown; payout: unknown }>(path, row);
      return { outcome, payout: readInteger(`${path}.payout`, payout) };
    });
    return requireContract('json', { kind: 'enumerated', payouts: rows });
  }
  const given = requireObject<{ pieces: unknown; end: unknown; rounding: unknown }>('json', json);
  const pieces = requireList('json.pieces', given.pieces).map((piece, index) => {
    const path = `json.pieces[${index}]`;
    const { from, curve } = requireObject<{ from: unknown; curve: unknown }>(path, piece);
    return { from: readPoint(`${path}.from`, from), curve: readCurve(`${path}.curve`, curve) };
  });
  const rounding = requireList('json.rounding', given.rounding).map((interval, index) => {
    const path = `json.rounding[${index}]`;
    const { from, modulus } = requireObject<RoundingInterval>(path, interval);
    return { from: readInteger(`${path}.from`, from), modulus: readInteger(`${path}.modulus`, modulus) };
  });
  return requireContract('json', { kind: 'numeric', pieces, end: readPoint('json.end', given.end), rounding });
}

function readCurve(path: string, value: unknown): unknown {
  if (kindOf(path, value, ['polynomial', 'hyperbola']) === 'polynomial') {
    const { points } = requireObject<{ points: unknown }>(path, value);
    const list = requireList(`${path}.points`, points);
    return { kind: 'polynomial', points: list.map((point, index) => readPoint(`${path}.points[${index}]`, point)) };
  }
  const given = requireObject<HyperbolaNumbers>(path, value);
  const numbers = FRACTION_NAMES.map((name) => [name, readFraction(`${path}.${name}`, given[name])]);
  return { kind: 'hyperbola', usePositivePiece: given.usePositivePiece, ...Object.fromEntries(numbers) };
}

function readPoint(path: string, value: unknown): unknown {
  const { outcome, payout, extraPrecision } = requireObject<PayoutPoint>(path, value);
  return {
    outcome: readInteger(`${path}.outcome`, outcome),
    payout: readInteger(`${path}.payout`, payout),
    ...(extraPrecision === undefined ? {} : { extraPrecision }),
  };
}

function readInteger(path: string, value: unknown): bigint {
  if (typeof value !== 'string' || !INTEGER.test(value)) throw invalidArgument(path, 'a decimal text', value);
  return BigInt(value);
}

function readFraction(path: string, value: unknown): Fraction {
  const [numerator, denominator = '1', ...rest] = typeof value === 'string' ? value.split('/') : [];
  if (rest.length > 0) throw invalidArgument(path, 'a text of one fraction', value);
  return { numerator: readInteger(path, numerator), denominator: readInteger(path, denominator) };
}

function pointToJson({ outcome, payout, extraPrecision = 0 }: PayoutPoint): Json {
  const whole = { outcome: String(outcome), payout: String(payout) };
  return extraPrecision === 0 ? whole : { ...whole, extraPrecision };
}

function fractionToJson({ numerator, denominator }: Fraction): string {
  return denominator === 1n ? String(numerator) : `${numerator}/${denominator}`;
}
