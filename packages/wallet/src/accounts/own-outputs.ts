import { parseDisplayHash, toHex } from '@bitcoin-enterprise/core';
import {
  type DerivedKey,
  type DerivedOutput,
  type Descriptor,
  planSpend,
  type SpendPlan,
} from '@bitcoin-enterprise/descriptors';
import type { BuildPaymentOptions } from '../building/build.ts';
import type { AccountCoin } from './bitcoin-account-model.ts';
import type { SpentCoin } from './ledger.ts';
import { coinLocked } from './payments.ts';

/** When all locks are open. */
const SOME_DAY = {
  height: 499_999_999,
  medianTime: 0xffff_fffe,
  confirmations: 65_535,
  ageSeconds: 0xffff_ffff,
} as const;

/** The outputs of an account's descriptor, and how they are spent. */
export class OwnOutputs {
  /** Receiving, and change if there is a branch for it. */
  readonly branches: readonly Descriptor[];
  readonly #canSign: (key: DerivedKey) => boolean;
  readonly #derived: Map<string, DerivedOutput> = new Map();
  readonly #scripts: Map<string, { readonly branch: number; readonly index: number }> = new Map();

  /**
   * @param descriptor - With all its branches.
   * @param canSign - Which keys can sign.
   */
  constructor(descriptor: Descriptor, canSign: (key: DerivedKey) => boolean) {
    this.branches = descriptor.paths();
    this.#canSign = canSign;
  }

  /** One output; its scripts are known from then on. */
  output(branch: number, index: number): DerivedOutput {
    const name = `${branch}/${index}`;
    const known = this.#derived.get(name);
    if (known !== undefined) return known;
    const output = (this.branches[branch] as Descriptor).derive(index);
    this.#derived.set(name, output);
    for (const script of output.scripts) this.#scripts.set(toHex(script), { branch, index });
    return output;
  }

  /** Where a script lies, among those that were derived. */
  placeOf(scriptPubKey: Uint8Array): { readonly branch: number; readonly index: number } | undefined {
    return this.#scripts.get(toHex(scriptPubKey));
  }

  /** How an output is spent now; `undefined` when it cannot be. */
  planOf(
    output: DerivedOutput,
    tip: { readonly height: number; readonly medianTime: number },
    age: { readonly confirmations: number; readonly ageSeconds: number },
  ): SpendPlan | undefined {
    const canSign = this.#canSign;
    const plan = planSpend(output, { canSign, height: tip.height, medianTime: tip.medianTime, ...age, lowR: true });
    return plan.ok ? plan : undefined;
  }

  /** A coin that is on record; its locks count as open, for it was spent. */
  coinOf({ txid, index, value, branch, derivationIndex }: SpentCoin): AccountCoin {
    const output = this.output(branch, derivationIndex);
    const plan = planSpend(output, { canSign: this.#canSign, ...SOME_DAY, lowR: true });
    if (!plan.ok) throw coinLocked(`${txid}:${index}`);
    return { txid: parseDisplayHash(txid), index, value: BigInt(value), output, plan, branch, derivationIndex };
  }

  /** An output as change. */
  changeAt(branch: number, index: number): BuildPaymentOptions['change'] {
    const output = this.output(branch, index);
    const plan = planSpend(output, { canSign: this.#canSign, ...SOME_DAY, lowR: true });
    // Of a wallet that cannot sign yet: heavier than most inputs.
    return { output, spendWeight: plan.ok ? plan.weight.maximum : 1_000 };
  }
}
