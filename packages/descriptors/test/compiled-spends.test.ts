import { currentCrypto, equalBytes, loadCrypto, parseDisplayHash, satoshis, toHex } from '@bitcoin-enterprise/core';
import { createEmbeddedChain, mempoolProfile } from '@bitcoin-enterprise/chain';
import {
  parseTransaction,
  serializeTransaction,
  transactionId,
  UNSPENDABLE_INTERNAL_KEY,
} from '@bitcoin-enterprise/script';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { leafFragment } from '../src/descriptor/derive.ts';
import {
  compilePolicy,
  type CompilePolicyOptions,
  type DerivedOutput,
  finishSpend,
  type HashFunction,
  parsePolicy,
  planSpend,
  satisfy,
  type SpendAssets,
  type SpendPlan,
} from '../src/index.ts';
import { conditionsOf, normalise } from '../src/policy/normal.ts';
import { type Dice, dice } from './support/dice.ts';
import { type Bitcoind, findBitcoind, orSkip, startBitcoind } from './support/nodes.ts';
import { randomPolicy } from './support/random-policy.ts';
import { publicKeyOf, spendingTransaction } from './support/signing.ts';

const isLong = process.env['BE_LONG'] === '1';
const POLICIES = isLong ? 600 : 40;
const MINED = isLong ? 150 : 15;
const SEED = Number(process.env['BE_SEED'] ?? 1);
const present = orSkip('bitcoind', await findBitcoind());

const VALUE = 100_000n;
/** A policy with more conditions takes the compiler seconds, and shows nothing else. */
const MOST_CONDITIONS = 12;
const MOST_LEAVES = 40;
/** Heights of `after`: all above those at which outputs are funded. */
const FIRST_HEIGHT = 135;

beforeAll(async () => {
  await loadCrypto();
});

const CHOICES: readonly CompilePolicyOptions[] = [
  { context: 'tr' },
  { context: 'tr', musig: 'none' },
  { context: 'tr', musig: 'everywhere' },
  { context: 'tr', ifFree: true },
  { context: 'wsh' },
];

interface Compiled {
  readonly text: string;
  readonly template: string;
  readonly output: DerivedOutput;
  readonly preimageOf: (name: HashFunction, hash: Uint8Array) => Uint8Array | undefined;
}

/** A random policy with keys and hashes of which the secrets are known, and locks that a chain of tests reaches. */
function compiledPolicy(seed: number): Compiled | undefined {
  const roll = dice(seed);
  const preimages: Uint8Array[] = [];
  let locks = 0;
  const text = randomPolicy(roll, 1 + roll.below(4))
    .replaceAll(/older\(\d+\)/g, () => `older(${1 + ((locks++ * 7) % 19)})`)
    .replaceAll(/after\(\d+\)/g, () => `after(${FIRST_HEIGHT + ((locks++ * 7) % 19)})`)
    .replaceAll(/(sha256|hash160)\(\d+\)/g, (_all, name: 'sha256' | 'hash160') => {
      const preimage = currentCrypto().sha256(Uint8Array.of(preimages.length));
      preimages.push(preimage);
      return `${name}(${toHex(currentCrypto()[name](preimage))})`;
    });
  if (conditionsOf(normalise(parsePolicy(text))) > MOST_CONDITIONS) return undefined;
  const keys = Object.fromEntries(Array.from({ length: 40 }, (_, place) => [`K${place}`, publicKeyOf(place)]));
  const asked = CHOICES[seed % CHOICES.length] as CompilePolicyOptions;
  const { template, descriptor, paths } = compilePolicy(text, { ...asked, keys });
  if (descriptor === undefined) throw new Error(`${text}: no descriptor`);
  if (paths.length > MOST_LEAVES) return undefined;
  return {
    text,
    template,
    output: descriptor.derive(),
    preimageOf: (name, hash) => preimages.find((one) => equalBytes(currentCrypto()[name](one), hash)),
  };
}

/** Everything is at hand, except what an optional roll takes away. */
function assetsOf({ preimageOf }: Compiled, roll?: Dice): SpendAssets {
  const known = new Map<string, boolean>();
  const decide = (name: string): boolean => {
    const before = known.get(name) ?? (roll === undefined || !roll.oneIn(3));
    known.set(name, before);
    return before;
  };
  return {
    canSign: (key) =>
      key.participants.length === 0 &&
      !equalBytes(key.bytes, UNSPENDABLE_INTERNAL_KEY) &&
      decide(toHex(key.publicKey).slice(2)),
    hasPreimage: (name, hash) => preimageOf(name, hash) !== undefined && decide(toHex(hash)),
    height: 1_000,
    confirmations: 1_000,
  };
}

/** A plan for each path of an output, whether the planner would ever take it or not, and some that the planner takes. */
function plansOf(compiled: Compiled, seed: number): readonly SpendPlan[] {
  const { output } = compiled;
  const plans: SpendPlan[] = [];
  const roll = dice(seed);
  const whole = planSpend(output, assetsOf(compiled));
  if (!whole.ok) throw new Error(`${compiled.text}: no plan with everything at hand`);
  plans.push(whole);
  for (let count = 0; count < 4; count++) {
    const some = planSpend(output, assetsOf(compiled, roll));
    if (some.ok) plans.push(some);
  }
  const { leaves = [], leafNodes = [] } = output.taproot ?? {};
  for (const [index, node] of leafNodes.entries()) {
    const fragment = leafFragment(node);
    const { hasPreimage = () => false } = assetsOf(compiled);
    const satisfied = satisfy(fragment, {
      context: 'tapscript',
      assets: {
        canSign: () => true,
        hasPreimage,
        isOld: () => true,
        isAfter: () => true,
        signatureSize: () => ({ minimum: 64, maximum: 64 }),
      },
    });
    if (satisfied === undefined) throw new Error(`${compiled.text}: leaf ${index} cannot be satisfied`);
    const { script, leafHash, controlBlock } = leaves[index] as (typeof leaves)[number];
    const { items, lockTime, sequence } = satisfied;
    plans.push({
      ...whole,
      path: { kind: 'leaf', index, leafHash, script, controlBlock },
      items,
      lockTime,
      sequence: sequence === 0 ? 0xffff_fffd : sequence,
    });
  }
  return plans;
}

interface Funded {
  readonly txid: Uint8Array;
  readonly index: number;
}

function spendOf(plan: SpendPlan, compiled: Compiled, previous: Funded): Uint8Array {
  const assets = assetsOf(compiled);
  const { tx, signatureOf } = spendingTransaction(plan, { scriptIndex: 0, assets, previous });
  const { scriptSig, witness } = finishSpend(plan, { signatureOf, preimageOf: compiled.preimageOf });
  return serializeTransaction(tx(scriptSig, witness));
}

function* compiledPolicies(count: number): Generator<{ readonly compiled: Compiled; readonly seed: number }> {
  let made = 0;
  for (let seed = SEED; made < count; seed++) {
    const compiled = compiledPolicy(seed);
    if (compiled === undefined) continue;
    made += 1;
    yield { compiled, seed };
  }
}

describe('compiled policies', () => {
  it(`are spent by each leaf and the key path, in the first block that the locks allow: ${POLICIES} random policies`, () => {
    const chain = createEmbeddedChain({ policy: mempoolProfile('core-31') });
    chain.mine(120);
    const counts = { key: 0, leaf: 0, script: 0, locked: 0 };
    for (const { compiled, seed } of compiledPolicies(POLICIES)) {
      const before = chain.snapshot();
      const script = compiled.output.scripts[0] as Uint8Array;
      const previous = chain.fund(script, satoshis(VALUE));
      const funded = chain.snapshot();
      for (const plan of plansOf(compiled, seed)) {
        const { path, lockTime, sequence } = plan;
        const what = `seed ${seed}: ${compiled.text}: ${compiled.template}: ${path.kind} ${path.kind === 'leaf' ? path.index : ''}`;
        const tx = spendOf(plan, compiled, previous);
        const wait = Math.max(lockTime - chain.height, sequence < 0x1_0000 ? sequence - 1 : 0);
        if (wait > 0) {
          chain.mine(wait - 1);
          const early = chain.testAccept(tx);
          if (early.accepted) expect.fail(`${what}: accepted a block early`);
          chain.mine(1);
          counts.locked += 1;
        }
        const answer = chain.testAccept(tx);
        if (!answer.accepted) expect.fail(`${what}: ${JSON.stringify(answer.rejection)}`);
        chain.mine(1, { transactions: [tx] });
        expect(chain.balance(script)).toBe(0n);
        counts[path.kind] += 1;
        chain.revert(funded);
      }
      chain.revert(before);
    }
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(POLICIES / 4);
    process.stdout.write(`compiled policies on the embedded chain: ${JSON.stringify(counts)}\n`);
  });

  describe.skipIf(present === undefined)('on a real bitcoind', () => {
    let node: Bitcoind;

    beforeAll(async () => {
      node = await startBitcoind();
    });

    afterAll(async () => {
      await node.stop();
    });

    it(`are mined by each leaf and the key path: ${MINED} random policies`, async () => {
      const anyone = 'raw(51)';
      await node.rpc('generatetodescriptor', [120, anyone]);
      const hash = await node.rpc<string>('getblockhash', [1]);
      const { tx: transactions } = await node.rpc<{ readonly tx: readonly string[] }>('getblock', [hash]);
      const spends = [...compiledPolicies(MINED)].flatMap(({ compiled, seed }) =>
        plansOf(compiled, seed).map((plan) => ({ compiled, plan })),
      );
      // Knots takes no tapscript with a branch into its mempool: all go into blocks by themselves.
      const funding = serializeTransaction({
        version: 2,
        inputs: [
          {
            previousTxid: parseDisplayHash(transactions[0] as string),
            previousIndex: 0,
            scriptSig: new Uint8Array(0),
            sequence: 0xffff_ffff,
            witness: [],
          },
        ],
        outputs: spends.map(({ compiled }) => ({
          value: VALUE,
          scriptPubKey: compiled.output.scripts[0] as Uint8Array,
        })),
        lockTime: 0,
      });
      await node.rpc('generateblock', [anyone, [toHex(funding)]]);
      await node.rpc('generatetodescriptor', [40, anyone]);
      const txid = transactionId(parseTransaction(funding));
      const paid = spends.map(({ compiled, plan }, index) => toHex(spendOf(plan, compiled, { txid, index })));
      for (let from = 0; from < paid.length; from += 200) {
        const block = await node.rpc<{ readonly hash: string }>('generateblock', [
          anyone,
          paid.slice(from, from + 200),
        ]);
        const { nTx } = await node.rpc<{ readonly nTx: number }>('getblock', [block.hash]);
        expect(nTx).toBe(1 + Math.min(200, paid.length - from));
      }
      expect(paid.length).toBeGreaterThan(2 * MINED);
      process.stdout.write(`compiled policies mined by ${node.version}: ${paid.length} spends\n`);
    });
  });
});
