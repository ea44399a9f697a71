import { feeRate } from '@bitcoin-enterprise/core';
import { policyProfiles, standardFlags } from '@bitcoin-enterprise/script';
import { invalidArgument } from '../errors.ts';
import { defaultMempoolPolicy, type MempoolPolicy, type MempoolRules } from './mempool-policy.ts';

/** The real nodes whose mempool is known. */
export type MempoolProfileName = 'core-29' | 'core-30' | 'core-31' | 'knots-29';

/**
 * What a real node's mempool takes by default.
 *
 * `core-29`, `core-30`, `core-31`: Bitcoin Core of that version. `knots-29`: Debian's bitcoin-knots 29.4 with
 * `-corepolicy=1`.
 *
 * @throws {@link ChainError} `CHAIN_INVALID_ARGUMENT` for another name.
 *
 * @example
 * ```ts
 * import { createEmbeddedChain, mempoolProfile } from '@bitcoin-enterprise/chain';
 *
 * const chain = createEmbeddedChain({ policy: mempoolProfile('core-31') });
 * mempoolProfile('core-29').minRelayFeeRate; // => 1_000n
 * ```
 */
export function mempoolProfile(name: MempoolProfileName): MempoolPolicy {
  const known = profiles();
  if (!Object.hasOwn(known, name)) throw invalidArgument('name', `one of ${Object.keys(known).join(', ')}`, name);
  return known[name];
}

function profiles(): Readonly<Record<MempoolProfileName, MempoolPolicy>> {
  const flag = 'script-verify-flag-failed';
  const core31: MempoolRules = {
    name: 'core-31',
    form: policyProfiles['core-31'],
    flags: standardFlags,
    scriptFailure: { consensus: `mempool-${flag}`, policy: `mempool-${flag}` },
    limits: 'clusters',
    cluster: { maxCount: 64, maxSizeVb: 101_000 },
    carveOut: false,
    truc: 'enforce',
    minRelayFeeInPackages: false,
    replacesConfirmedOnly: false,
    dialect: 'core',
    packagesHoldAllParents: false,
    explainsInputs: true,
    replacementBeats: 'diagram',
  };
  const core30: MempoolRules = {
    ...core31,
    name: 'core-30',
    form: policyProfiles['core-30'],
    limits: 'chains',
    carveOut: true,
    minRelayFeeInPackages: true,
    replacesConfirmedOnly: true,
    explainsInputs: false,
    replacementBeats: 'conflicts',
  };
  const core29: MempoolRules = {
    ...core30,
    name: 'core-29',
    form: policyProfiles['core-29'],
    packagesHoldAllParents: true,
    scriptFailure: { consensus: `mandatory-${flag}`, policy: 'non-mandatory-script-verify-flag' },
  };
  const knots29: MempoolRules = {
    ...core30,
    name: 'knots-29',
    form: policyProfiles['knots-29-corepolicy'],
    packagesHoldAllParents: true,
    dialect: 'knots',
  };
  const cheap = defaultMempoolPolicy;
  const dear: MempoolPolicy = { ...cheap, minRelayFeeRate: feeRate(1_000n), incrementalRelayFeeRate: feeRate(1_000n) };
  return {
    'core-31': { ...cheap, rules: core31 },
    'core-30': { ...cheap, rules: core30 },
    'core-29': { ...dear, rules: core29 },
    'knots-29': { ...cheap, rules: knots29 },
  };
}
