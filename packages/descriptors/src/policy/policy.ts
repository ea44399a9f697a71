import { requireFunction, requireNamed } from '../arguments.ts';
import { toHex } from '@bitcoin-enterprise/core';
import { DescriptorsError, syntaxError } from '../errors.ts';
import type { HashFunction } from '../miniscript/fragment.ts';
import { readHash, readNumber, readThreshold } from '../miniscript/parse.ts';
import { type Expression, shownWord } from '../text/expression.ts';

/** What has to be fulfilled in order to spend, in words that know nothing of scripts. */
export type Policy<Key> =
  | { readonly name: 'pk'; readonly key: Key }
  | { readonly name: 'older' | 'after'; readonly value: number }
  | { readonly name: HashFunction; readonly hash: Uint8Array }
  | { readonly name: 'and'; readonly subs: readonly Policy<Key>[] }
  | {
      readonly name: 'or';
      readonly subs: readonly Policy<Key>[];
      /** How likely each is, beside the others; whole numbers from 1 up. */
      readonly weights: readonly number[];
    }
  | {
      readonly name: 'thresh';
      /** 1 to the number of parts. */
      readonly threshold: number;
      readonly subs: readonly Policy<Key>[];
    };

/** How a policy is read. */
export interface ReadPolicyOptions<Key> {
  readonly readKey: (expression: Expression) => Key;
}

const MAXIMUM_LOCK = 0x7fff_ffff;
/** BIP68: units of 512 seconds instead of blocks. */
const TIME_FLAG = 1 << 22;
const MAXIMUM_WEIGHT = 1_000_000_000;

/**
 * Reads a policy: `pk(K)`, `older(n)`, `after(n)`, the four hashes, `and(X,Y)`, `or(9@X,Y)`, `thresh(k,X,…)`.
 *
 * @throws DescriptorsError `DESCRIPTORS_SYNTAX`, `DESCRIPTORS_THRESHOLD_INVALID`, `DESCRIPTORS_POLICY_INVALID`.
 */
export function readPolicy<Key>(expression: Expression, options: ReadPolicyOptions<Key>): Policy<Key> {
  const { name, position, length, args, suffix, brackets } = expression;
  if (suffix !== '' || brackets !== 'round' || args === undefined)
    throw syntaxError({ position, length }, 'a policy such as pk(KEY)', shownWord(name));
  const only = (): Expression => {
    const [first, second] = args;
    if (first === undefined || second !== undefined)
      throw syntaxError({ position, length }, `one argument of ${name}`, `${args.length}`);
    return first;
  };
  switch (name) {
    case 'pk':
      return { name, key: options.readKey(only()) };
    case 'after':
      return { name, value: readNumber(only(), 1, MAXIMUM_LOCK) };
    case 'older':
      return { name, value: readRelativeLock(only()) };
    case 'sha256':
    case 'hash256':
      return { name, hash: readHash(only(), 32) };
    case 'ripemd160':
    case 'hash160':
      return { name, hash: readHash(only(), 20) };
    case 'and':
      requireParts(expression, args);
      return { name, subs: args.map((sub) => readPolicy(sub, options)) };
    case 'or': {
      requireParts(expression, args);
      const parts = args.map(weighted);
      return {
        name,
        subs: parts.map(({ rest }) => readPolicy(rest, options)),
        weights: parts.map(({ weight }) => weight),
      };
    }
    case 'thresh': {
      const { threshold, rest } = readThreshold(expression, Infinity);
      return { name, threshold, subs: rest.map((sub) => readPolicy(sub, options)) };
    }
    default: {
      const shown = shownWord(name);
      throw new DescriptorsError(
        'DESCRIPTORS_FUNCTION_INVALID',
        `expected pk, older, after, a hash, and, or or thresh, got ${shown}`,
        {
          details: {
            position,
            length: name.length,
            name: shown,
            expected: 'pk, older, after, a hash, and, or, thresh',
          },
        },
      );
    }
  }
}

/** A relative lock that locks what it seems to: BIP68 looks at 16 bits and the one that says that they count time. */
function readRelativeLock(expression: Expression): number {
  const value = readNumber(expression, 1, MAXIMUM_LOCK);
  const amount = value & 0xffff;
  if (amount !== 0 && value === amount + (value & TIME_FLAG)) return value;
  const { position, length } = expression;
  throw new DescriptorsError(
    'DESCRIPTORS_POLICY_INVALID',
    `expected 1 to 65535 blocks, or ${TIME_FLAG} and 1 to 65535 units of 512 seconds, got a number that locks something else`,
    { details: { position, length, reason: 'relative lock' } },
  );
}

function requireParts({ name, position, length }: Expression, args: readonly Expression[]): void {
  if (args.length < 2)
    throw syntaxError({ position: position + length - 1, length: 1 }, `two parts of ${name}`, `${args.length}`);
}

/** `9@pk(A)`: how likely, and what. */
function weighted(expression: Expression): { readonly weight: number; readonly rest: Expression } {
  const { name, position } = expression;
  const at = name.indexOf('@');
  if (at < 0) return { weight: 1, rest: expression };
  const odds = name.slice(0, at).trimEnd();
  const weight = readNumber({ ...expression, name: odds, length: odds.length, args: undefined }, 1, MAXIMUM_WEIGHT);
  const after = name.slice(at + 1);
  const begin = at + 1 + (after.length - after.trimStart().length);
  const rest = {
    ...expression,
    name: after.trimStart(),
    position: position + begin,
    length: expression.length - begin,
  };
  return { weight, rest };
}

/** A policy as text. */
export function printPolicy<Key>(policy: Policy<Key>, writeKey: (key: Key) => string): string {
  requireNamed(policy, 'policy');
  requireFunction(writeKey, 'writeKey');
  const print = (sub: Policy<Key>): string => printPolicy(sub, writeKey);
  switch (policy.name) {
    case 'pk':
      return `pk(${writeKey(policy.key)})`;
    case 'older':
    case 'after':
      return `${policy.name}(${policy.value})`;
    case 'and':
      return `and(${policy.subs.map(print).join(',')})`;
    case 'or': {
      const { weights } = policy;
      const isEven = weights.every((weight) => weight === weights[0]);
      const parts = policy.subs.map((sub, place) => (isEven ? print(sub) : `${weights[place]}@${print(sub)}`));
      return `or(${parts.join(',')})`;
    }
    case 'thresh':
      return `thresh(${[String(policy.threshold), ...policy.subs.map(print)].join(',')})`;
    default:
      return `${policy.name}(${toHex(policy.hash)})`;
  }
}
