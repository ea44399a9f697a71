import type { CryptoEngine } from '@bitcoin-enterprise/core';
import { invalidArgument } from '../errors.ts';
import { type Deployment, DEPLOYMENTS } from '../model/deployments.ts';
import { defaultMempoolPolicy, type MempoolPolicy } from '../model/mempool-policy.ts';
import { requireObject } from './refusals.ts';

/** A whole policy of the fields given and the defaults for the rest. */
export function policyFrom(fields: Partial<MempoolPolicy>): MempoolPolicy {
  const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  const policy: MempoolPolicy = { ...defaultMempoolPolicy, ...given };
  for (const [field, standard] of Object.entries(defaultMempoolPolicy)) {
    const value: unknown = policy[field as keyof MempoolPolicy];
    const argument = `options.policy.${field}`;
    if (typeof standard === 'bigint' && !(typeof value === 'bigint' && value >= 0n))
      throw invalidArgument(argument, 'a fee rate of zero or more', value);
    if (typeof standard === 'number' && !(typeof value === 'number' && value >= 0))
      throw invalidArgument(argument, 'a number of zero or more', value);
  }
  const { standardness } = policy;
  if (standardness !== undefined && typeof standardness !== 'function')
    throw invalidArgument('options.policy.standardness', 'a function', standardness);
  return policy;
}

/** Throws unless a value is a list of deployments; each counts once, in the order of all. */
export function deploymentsFrom(value: readonly Deployment[]): readonly Deployment[] {
  const known: readonly unknown[] = DEPLOYMENTS;
  const isList = Array.isArray(value) && Array.from<unknown>(value).every((name) => known.includes(name));
  if (!isList) throw invalidArgument('options.deployments', `an array of ${DEPLOYMENTS.join(', ')}`, value);
  return DEPLOYMENTS.filter((name) => value.includes(name));
}

/** Throws unless a value hashes as an engine does; scripts ask for the rest as they need it. */
export function requireCrypto(crypto: CryptoEngine): void {
  requireObject(crypto, 'options.crypto');
  for (const name of ['sha256', 'hash256', 'hash160', 'taggedHash', 'hash256Pairs'] as const)
    if (typeof crypto[name] !== 'function') throw invalidArgument('options.crypto', 'a CryptoEngine', crypto);
}
