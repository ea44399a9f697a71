import { loadCrypto, toHex } from '@bitcoin-enterprise/core';
import { consensusFlags, policyProfiles, verifyInput } from '@bitcoin-enterprise/script';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type DerivedKey,
  type DerivedOutput,
  finishSpend,
  parseDescriptor,
  type PlanOptions,
  planSpend,
  type SpendAssets,
} from '../src/index.ts';
import { type Dice, dice } from './support/dice.ts';
import { preimageOf } from './support/random-miniscript.ts';
import { spendableDescriptor } from './support/spendable-descriptor.ts';
import { publicKeyOf, spendingTransaction } from './support/signing.ts';

const RUNS = Number(process.env['BE_RUNS'] ?? (process.env['BE_LONG'] === '1' ? 40_000 : 1_500));
const SEED = Number(process.env['BE_SEED'] ?? 1);

beforeAll(async () => {
  await loadCrypto();
});

type RandomAssets = SpendAssets & { readonly height: number; readonly confirmations: number };

function randomAssets(roll: Dice): RandomAssets {
  const oneIn = 2 + roll.below(5);
  const known = new Map<string, boolean>();
  const decide = (name: string): boolean => {
    const before = known.get(name) ?? !roll.oneIn(oneIn);
    known.set(name, before);
    return before;
  };
  return {
    canSign: (key) => decide(toHex(key.bytes)),
    hasPreimage: (_function, hash) => decide(toHex(hash)),
    height: roll.below(130),
    confirmations: roll.below(40),
    explicitSighash: roll.oneIn(3),
  };
}

/** What is wrong with a plan when it is carried out, if anything. */
function faultOf(
  output: DerivedOutput,
  facts: { readonly assets: RandomAssets; readonly scriptIndex: number },
): string | undefined {
  const { assets, scriptIndex } = facts;
  const plan = planSpend(output, assets, { scriptIndex });
  if (!plan.ok) return faultOfBlocked(output, { ...facts, plan });
  const { tx, signatureOf, spentOutputs } = spendingTransaction(plan, { scriptIndex, assets });
  const { scriptSig, witness } = finishSpend(plan, { signatureOf, preimageOf });
  const isTaproot = output.taproot !== undefined;
  for (const flags of [consensusFlags, policyProfiles['core-31'].flags]) {
    const verdict = verifyInput({ tx: tx(scriptSig, witness), spentOutputs, inputIndex: 0, flags });
    if (!verdict.ok) return `refused: ${verdict.error}`;
    const { minimum, maximum } = plan.weight;
    const { weight } = verdict;
    if (weight < minimum || weight > maximum) return `weight ${weight}, planned ${minimum} to ${maximum}`;
    if (isTaproot && minimum !== maximum) return 'a Schnorr plan whose weight is not exact';
  }
  return undefined;
}

function faultOfBlocked(
  output: DerivedOutput,
  facts: {
    readonly assets: RandomAssets;
    readonly scriptIndex: number;
    readonly plan: Extract<ReturnType<typeof planSpend>, { readonly ok: false }>;
  },
): string | undefined {
  const { assets, scriptIndex, plan } = facts;
  const at = (blocks: number, more: Partial<SpendAssets> = {}): boolean => {
    const { height, confirmations } = assets;
    const then = { ...assets, height: height + blocks, confirmations: confirmations + blocks, ...more };
    return planSpend(output, then, { scriptIndex }).ok;
  };
  if (plan.spendableFrom !== undefined) {
    const { blocks } = plan.spendableFrom;
    if (!at(blocks)) return `not spendable after ${blocks} blocks`;
    return at(blocks - 1) ? `spendable before ${blocks} blocks` : undefined;
  }
  const isMissing = (key: DerivedKey): boolean => plan.keys.some(({ bytes }) => toHex(bytes) === toHex(key.bytes));
  const helps = at(1_000, {
    canSign: (key) => assets.canSign(key) || isMissing(key),
    hasPreimage: (name, hash) =>
      assets.hasPreimage?.(name, hash) === true || plan.preimages.some((one) => toHex(one.hash) === toHex(hash)),
  });
  return helps ? undefined : 'what is said to be missing does not help';
}

describe('plans', () => {
  it(`are carried out as planned by the interpreter, to the weight unit: ${RUNS} random descriptors`, () => {
    let spent = 0;
    for (let seed = SEED; seed < SEED + RUNS; seed++) {
      const roll = dice(seed);
      const { text, scriptIndex } = spendableDescriptor(roll);
      const output = parseDescriptor(text).derive();
      const assets = randomAssets(roll);
      const fault = faultOf(output, { assets, scriptIndex });
      if (fault !== undefined) expect.fail(`seed ${seed}: ${text}: ${fault}`);
      if (planSpend(output, assets, { scriptIndex }).ok) spent += 1;
    }
    expect(spent).toBeGreaterThan(RUNS / 2);
  });

  it('refuse what says nothing of how it is spent', () => {
    for (const text of ['raw(51)', 'addr(1BoatSLRHtKNngkdXEeobR76b53LETtpyT)'])
      expect(() => planSpend(parseDescriptor(text).derive(), { canSign: () => true })).toThrow(/DESCRIPTORS_NO_PLAN/);
  });

  it('leave out what nodes of a policy would not relay', () => {
    const [a, b, c] = [0, 1, 2].map((place) => publicKeyOf(place).slice(2));
    const internal = publicKeyOf(3);
    const output = parseDescriptor(`tr(${internal},{or_d(pk(${a}),pkh(${b})),multi_a(1,${b},${c})})`).derive();
    const canSign: SpendAssets['canSign'] = ({ bytes }) => toHex(bytes) !== internal.slice(2);
    const leafOf = (options: PlanOptions): unknown => {
      const plan = planSpend(output, { canSign }, options);
      return plan.ok ? plan.path : plan;
    };
    expect(leafOf({})).toMatchObject({ kind: 'leaf', index: 0 });
    expect(leafOf({ profile: policyProfiles['core-31'] })).toMatchObject({ kind: 'leaf', index: 0 });
    // Knots' mempool takes no IF in tapscript.
    expect(leafOf({ profile: policyProfiles['knots-29'] })).toMatchObject({ kind: 'leaf', index: 1 });
  });

  it('say what is missing, and when', () => {
    const [alice, bob] = [
      '0260b2003c386519fc9eadf2b5cf124dd8eea4c4e68d5e154050a9346ea98ce600',
      '03a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd',
    ];
    const output = parseDescriptor(`wsh(or_d(pk(${alice}),and_v(v:pk(${bob}),older(144))))`).derive();
    const plan = planSpend(output, { canSign: ({ bytes }) => toHex(bytes) === bob, height: 1_000, confirmations: 10 });
    expect(plan).toMatchObject({ ok: false, spendableFrom: { height: 1_134, blocks: 134, seconds: 0 } });
    expect(plan.ok ? [] : plan.keys.map(({ bytes }) => toHex(bytes))).toEqual([alice]);
  });
});
