import { type HashFunction, type Policy, printPolicy } from '@bitcoin-enterprise/descriptors';
import { guarded, requireInteger, requireList, requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import type { NamedKey } from './values.ts';

/** A key of a clause: that of a party, or several keys that sign as one (BIP327). */
export type ClauseKey = NamedKey & {
  /** Those who sign together; absent for a key of one. */
  readonly participants?: readonly NamedKey[];
};

/** What has to be fulfilled on a path: a policy whose keys have names. */
export type Clause = Policy<ClauseKey>;

/** Where a clause or a key of several was written; the stack of the call that made it. */
const origins = new WeakMap<Clause | ClauseKey, Error>();

/** Keeps where a clause was written. Making an `Error` is cheap as long as nobody reads its stack. */
function written<Made extends Clause | ClauseKey>(clause: Made): Made {
  origins.set(clause, new Error('clause'));
  return clause;
}

/**
 * The stack of the call that made a clause, or a key of several; `undefined` for one that was not made by the functions of
 * this package. The first line that is not of this file is where it was written.
 */
export function clauseOrigin(clause: Clause | ClauseKey): string | undefined {
  return guarded('clause', 'a clause', () => {
    return origins.get(clause)?.stack;
  });
}

/** A signature of a key. */
export function pk(key: ClauseKey): Clause {
  return guarded('key', 'a key', () => {
    const { key: text } = requireObject<NamedKey>('key', key);
    if (typeof text !== 'string') throw invalidArgument('key', 'a party or public key of the contract', key);
    return written({ name: 'pk', key });
  });
}

/**
 * Several keys that sign as one by MuSig2 (BIP327, BIP390), in this order: on chain it looks like a single key.
 *
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT` for fewer than two.
 */
export function musig(...keys: readonly NamedKey[]): ClauseKey {
  return guarded('keys', 'keys', () => {
    if (keys.length < 2) throw invalidArgument('keys', 'two or more', keys);
    for (const key of keys)
      if (typeof requireObject<NamedKey>('keys', key).key !== 'string') throw invalidArgument('keys', 'keys', key);
    return written({
      name: keys.map(({ name }) => name).join('+'),
      key: `musig(${keys.map(({ key }) => key).join(',')})`,
      participants: keys,
    });
  });
}

/** All of them. */
export function and(...clauses: readonly Clause[]): Clause {
  return guarded('clauses', 'clauses', () => {
    const subs = clauses.map(requireClause);
    const [only] = subs;
    if (only === undefined) throw invalidArgument('clauses', 'one or more', clauses);
    return subs.length === 1 ? only : written({ name: 'and', subs });
  });
}

/** One of them; each with how likely it is beside the others: `[9, clause]` in the place of a clause. */
export function or(...clauses: readonly (Clause | readonly [odds: number, clause: Clause])[]): Clause {
  return guarded('clauses', 'clauses', () => {
    const parts = clauses.map((one) => (Array.isArray(one) ? (one as readonly [number, Clause]) : ([1, one] as const)));
    const subs = parts.map(([, clause]) => requireClause(clause as Clause));
    const weights = parts.map(([odds]) => requireInteger('odds', odds, 1, 1_000_000));
    const [only] = subs;
    if (only === undefined) throw invalidArgument('clauses', 'one or more', clauses);
    return subs.length === 1 ? only : written({ name: 'or', subs, weights });
  });
}

/** Some number of them. */
export function thresh(threshold: number, clauses: readonly Clause[]): Clause {
  return guarded('clauses', 'clauses', () => {
    const subs = requireList('clauses', clauses).map((clause) => requireClause(clause as Clause));
    return written({ name: 'thresh', threshold: requireInteger('threshold', threshold, 1, subs.length), subs });
  });
}

/** Not before so many blocks after the output was confirmed: 1 to 65,535 (BIP68, BIP112). */
export function older(count: number): Clause {
  return written({ name: 'older', value: requireInteger('count', count, 1, 0xffff) });
}

/** Bit 22 of a sequence: units of 512 seconds (BIP68). */
const TIME_UNITS = 1 << 22;

/** Not before so many seconds after the output was confirmed, rounded up to 512 of them: 1 to 33,553,920 (BIP68). */
export function olderSeconds(seconds: number): Clause {
  const units = Math.ceil(requireInteger('seconds', seconds, 1, 512 * 0xffff) / 512);
  return written({ name: 'older', value: TIME_UNITS | units });
}

/** Not before a block height (1 to 499,999,999) or Unix time (from 500,000,000) (BIP65, BIP113). */
export function after(heightOrTime: number): Clause {
  return written({ name: 'after', value: requireInteger('heightOrTime', heightOrTime, 1, 0x7fff_ffff) });
}

/** With the secret of 32 bytes whose SHA-256 this is; its size is checked. */
export function sha256(digest: Uint8Array): Clause {
  return hashLock('sha256', digest, 32);
}

/** With the secret of 32 bytes whose double SHA-256 this is; its size is checked. */
export function hash256(digest: Uint8Array): Clause {
  return hashLock('hash256', digest, 32);
}

/** With the secret of 32 bytes whose RIPEMD-160 this is; its size is checked. */
export function ripemd160(digest: Uint8Array): Clause {
  return hashLock('ripemd160', digest, 20);
}

/** With the secret of 32 bytes whose RIPEMD-160 of SHA-256 this is; its size is checked. */
export function hash160(digest: Uint8Array): Clause {
  return hashLock('hash160', digest, 20);
}

function hashLock(name: HashFunction, digest: Uint8Array, length: number): Clause {
  if (!(digest instanceof Uint8Array) || digest.length !== length)
    throw invalidArgument('digest', `${length} bytes`, digest);
  return written({ name, hash: digest });
}

function requireClause(clause: unknown): Clause {
  if (typeof clause !== 'object' || clause === null || typeof (clause as Clause).name !== 'string')
    throw invalidArgument('clause', 'a clause such as pk(party)', clause);
  return clause as Clause;
}

/** A clause as a policy, with the names of keys. */
export function printClause(clause: Clause): string {
  return guarded('clause', 'a clause', () => {
    return printPolicy(clause, ({ name }) => name);
  });
}

/** The keys of a clause, each name once, aggregates as those who sign together. */
export function keysOfClause(clause: Clause): readonly NamedKey[] {
  return guarded('clause', 'a clause', () => {
    const found = new Map<string, NamedKey>();
    const visit = (part: Clause): void => {
      if (part.name === 'pk') for (const key of part.key.participants ?? [part.key]) found.set(key.key, key);
      else if ('subs' in part) for (const sub of part.subs) visit(sub);
    };
    visit(clause);
    return [...found.values()];
  });
}
