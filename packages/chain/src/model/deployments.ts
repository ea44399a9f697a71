import { consensusFlags, type ScriptFlag } from '@bitcoin-enterprise/script';
import { type MempoolPolicy, rulesOf } from './mempool-policy.ts';

/** A soft fork that Bitcoin may get: `CHECKTEMPLATEVERIFY` is BIP119. */
export type Deployment = 'CHECKTEMPLATEVERIFY';

/** All of them; their places are their numbers in a dump. */
export const DEPLOYMENTS: readonly Deployment[] = ['CHECKTEMPLATEVERIFY'];

/** The script rules of blocks: those of Bitcoin as it is, and of each deployment. */
export function blockFlagsUnder(deployments: readonly Deployment[]): readonly ScriptFlag[] {
  return deployments.length === 0 ? consensusFlags : [...consensusFlags, ...deployments];
}

/** A policy whose script rules go with those of blocks: what a soft fork defines is no longer discouraged. */
export function policyUnder(policy: MempoolPolicy, blockFlags: readonly ScriptFlag[]): MempoolPolicy {
  if (blockFlags === consensusFlags) return policy;
  const rules = rulesOf(policy);
  const flags = rules.flags === consensusFlags ? blockFlags : [...new Set([...rules.flags, ...blockFlags])];
  return { ...policy, rules: { ...rules, flags } };
}
