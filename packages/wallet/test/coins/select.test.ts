import { type FeeRate, feeRate, loadCrypto } from '@bitcoin-enterprise/core';
import { createSeededEntropy } from '@bitcoin-enterprise/core/testing';
import { dustThreshold, transactionWeight } from '@bitcoin-enterprise/script';
import { beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../../../scripts/testing/random.ts';
import { descending } from '../../src/coins/candidates.ts';
import {
  type Coin,
  type CoinSelection,
  type Payment,
  selectCoins,
  type SelectCoinsOptions,
  sweepCoins,
} from '../../src/coins/index.ts';
import { feeOf, outputBytes, transactionWeightOf } from '../../src/coins/price.ts';
import { codeOf } from '../support/code-of.ts';

const rounds = process.env['BE_LONG'] === '1' ? 20_000 : 400;
const seed = Number(process.env['BE_SEED'] ?? 9);
const taproot = Uint8Array.of(0x51, 32, ...new Uint8Array(32).fill(2));
const scripts = [
  taproot,
  Uint8Array.of(0, 20, ...new Uint8Array(20)),
  Uint8Array.of(0x76, 0xa9, 20, ...new Uint8Array(20), 0x88, 0xac),
];

beforeAll(async () => {
  await loadCrypto();
});

const sum = (list: readonly { readonly value: bigint }[]): bigint =>
  list.reduce((total, { value }) => total + value, 0n);

function randomCoins(random: Random, most: number): readonly Coin[] {
  const scale = random.pick([1_000, 100_000, 50_000_000]);
  return Array.from({ length: 1 + random.below(most) }, (_, i) => ({
    id: `${i}`,
    value: BigInt(1 + random.below(scale)),
    weight: random.pick([230, 272, 273, 364, 592]),
    ...(random.chance(0.2) ? { hasWitness: false } : {}),
    ...(random.chance(0.2) ? { group: `g${random.below(3)}` } : {}),
    ...(random.chance(0.05) ? { isRequired: true } : {}),
  }));
}

function randomOptions(random: Random, most: number): SelectCoinsOptions {
  const coins = randomCoins(random, most);
  const total = Number(sum(coins));
  const payments = Array.from({ length: 1 + random.below(3) }, () => ({
    value: BigInt(1 + random.below(Math.max(1, Math.floor(total * random.pick([0.1, 0.4, 0.9]))))),
    scriptPubKey: random.pick(scripts),
  }));
  return {
    coins,
    payments,
    change: { scriptPubKey: random.pick(scripts), spendWeight: random.pick([230, 272, 592]) },
    feeRate: feeRate(BigInt(random.pick([0, 100, 1_000, 1_777, 12_345, 60_000]))),
    ...(random.chance(0.3) ? { longTermFeeRate: feeRate(0n) } : {}),
    ...(random.chance(0.3) ? { maximumWeight: random.pick([2_000, 4_000, 40_000]) } : {}),
    ...(random.chance(0.2) ? { feeFrom: [0] } : {}),
    entropy: createSeededEntropy(`${random.below(1_000)}`),
  };
}

/** The weight of what was selected, worked out once more. */
function weightOf(selection: CoinSelection, options: SelectCoinsOptions): number {
  const scriptsOut = [
    ...selection.payments.map(({ scriptPubKey }) => scriptPubKey),
    ...(selection.change === undefined ? [] : [options.change.scriptPubKey]),
  ];
  return transactionWeightOf(
    {
      weight: selection.coins.reduce((total, { weight }) => total + weight, 0),
      count: selection.coins.length,
      witnesses: selection.coins.filter(({ hasWitness = true }) => hasWitness).length,
    },
    { bytes: scriptsOut.reduce((total, script) => total + outputBytes(script), 0), count: scriptsOut.length },
  );
}

function expectSound(selection: CoinSelection, options: SelectCoinsOptions): void {
  const { coins, payments, change = 0n, fee, weight } = selection;
  const rate = Number(options.feeRate);
  expect(sum(coins)).toBe(sum(payments) + change + fee);
  expect(new Set(coins.map(({ id }) => id)).size).toBe(coins.length);
  expect(weight).toBe(weightOf(selection, options));
  expect(weight).toBeLessThanOrEqual(options.maximumWeight ?? 400_000);
  const least = BigInt(feeOf(weight, rate));
  expect(fee).toBeGreaterThanOrEqual(least);
  for (const coin of options.coins) if (coin.isRequired === true) expect(coins).toContain(coin);
  if (change > 0n) {
    // With change the fee is what the rate asks for, to the satoshi.
    expect(fee).toBe(least);
    expect(change).toBeGreaterThanOrEqual(dustThreshold(options.change.scriptPubKey, 3_000n));
  } else if (options.feeFrom === undefined) {
    // Without change, no more is given away than what would be no change.
    const minimum = Math.max(
      Number(dustThreshold(options.change.scriptPubKey, 3_000n)),
      feeOf(options.change.spendWeight, Number(options.longTermFeeRate ?? 10_000n)) + 1,
    );
    const output = feeOf(4 * outputBytes(options.change.scriptPubKey) + 4, rate);
    expect(Number(fee - least)).toBeLessThan(minimum + output + 1);
  }
  if (options.feeFrom === undefined) expect(payments).toStrictEqual(options.payments);
  else expect(sum(payments)).toBeLessThanOrEqual(sum(options.payments));
  for (const group of new Set(coins.map(({ group: name }) => name))) {
    if (group === undefined) continue;
    const price = options.feeFrom === undefined ? rate / 4_000 : 0;
    const mates = options.coins.filter(
      (coin) => coin.group === group && coin.isRequired !== true && Number(coin.value) > coin.weight * price,
    );
    const taken = coins.filter((coin) => coin.group === group && coin.isRequired !== true);
    if (taken.length > 0) expect(taken).toHaveLength(mates.length);
  }
}

describe('a selection', () => {
  it(`pays exactly, at the rate, whatever is asked for (seed ${seed})`, () => {
    const random = new Random(seed);
    let selected = 0;
    for (let round = 0; round < rounds; round++) {
      const options = randomOptions(random, 40);
      try {
        const drawn = `${round}`;
        const selection = selectCoins({ ...options, entropy: createSeededEntropy(drawn) });
        selected++;
        expectSound(selection, options);
        expect(selectCoins({ ...options, entropy: createSeededEntropy(drawn) })).toStrictEqual(selection);
      } catch (error) {
        const { code } = error as { readonly code?: string };
        if (code !== 'WALLET_FUNDS_INSUFFICIENT' && code !== 'WALLET_BUILD_IMPOSSIBLE') throw error;
      }
    }
    expect(selected).toBeGreaterThan(rounds / 4);
  });

  it(`wastes no more than any of its ways (seed ${seed})`, () => {
    const random = new Random(seed + 1);
    for (let round = 0; round < rounds; round++) {
      const options = { ...randomOptions(random, 30), entropy: createSeededEntropy('w') };
      const best = attempt({ ...options, entropy: createSeededEntropy('w') });
      if (best === undefined) continue;
      // Those that draw at random draw otherwise when others drew before; the others are the same.
      for (const algorithm of ['branch-and-bound', 'coin-grinder', 'largest-first'] as const) {
        const single = attempt({ ...options, algorithms: [algorithm], entropy: createSeededEntropy('w') });
        if (single?.algorithm === algorithm) expect(best.waste).toBeLessThanOrEqual(single.waste + 1e-6);
      }
    }
  });

  it(`is as good as trying everything, without change, and never better (seed ${seed})`, () => {
    const random = new Random(seed + 2);
    let exact = 0;
    for (let round = 0; round < rounds; round++) {
      const coins = Array.from({ length: 1 + random.below(9) }, (_, i) => ({
        id: `${i}`,
        value: BigInt(500 + random.below(20_000)),
        weight: random.pick([230, 272, 273]),
        ...(random.chance(0.2) ? { hasWitness: false } : {}),
      }));
      const base: SelectCoinsOptions = {
        coins,
        payments: [{ value: BigInt(500 + random.below(30_000)), scriptPubKey: taproot }],
        change: { scriptPubKey: taproot, spendWeight: 230 },
        feeRate: feeRate(BigInt(random.pick([1_000, 3_333, 20_000]))),
        entropy: createSeededEntropy('b'),
      };
      const rate = Number(base.feeRate);
      // For half of them a set that fits to the satoshi is there.
      const chosen = coins.filter(() => random.chance(0.5));
      const due = BigInt(feeOf(weightOfCoins(chosen), rate));
      const options =
        chosen.length > 0 && sum(chosen) - due > 0n && random.chance(0.5)
          ? { ...base, payments: [{ value: sum(chosen) - due, scriptPubKey: taproot }] }
          : base;

      const best = bruteForce(options);

      const found = attempt({ ...options, algorithms: ['branch-and-bound'] });
      if (best.changeless === undefined)
        expect(found?.change === undefined && found?.algorithm === 'branch-and-bound').toBe(false);
      else {
        exact++;
        expect(found?.algorithm).toBe('branch-and-bound');
        expect(found?.waste).toBeCloseTo(best.changeless, 6);
      }
      const any = attempt(options);
      expect(any === undefined).toBe(best.any === undefined);
      if (any !== undefined && best.any !== undefined) expect(any.waste).toBeGreaterThanOrEqual(best.any - 1e-6);
    }
    expect(exact).toBeGreaterThan(rounds / 5);
  });

  it('takes the fee from payments when it is told to, in equal parts', () => {
    const options: SelectCoinsOptions = {
      coins: [{ id: 'a', value: 100_000n, weight: 230 }],
      payments: [
        { value: 50_000n, scriptPubKey: taproot },
        { value: 50_000n, scriptPubKey: taproot },
      ],
      change: { scriptPubKey: taproot, spendWeight: 230 },
      feeRate: feeRate(1_000n),
      feeFrom: [1, 0],
    };

    const { payments, fee, change } = selectCoins(options);

    expect(change).toBeUndefined();
    expect(fee).toBe(154n);
    expect(payments.map(({ value }) => value)).toStrictEqual([49_923n, 49_923n]);
    const tooSmall = {
      ...options,
      payments: [
        { value: 99_600n, scriptPubKey: taproot },
        { value: 400n, scriptPubKey: taproot },
      ],
    };
    expect(codeOf(() => selectCoins({ ...tooSmall, feeFrom: [1] }))).toBe('WALLET_BUILD_IMPOSSIBLE');
  });

  it('says what is missing', () => {
    const options: SelectCoinsOptions = {
      coins: [{ id: 'a', value: 1_000n, weight: 230 }],
      payments: [{ value: 1_000n, scriptPubKey: taproot }],
      change: { scriptPubKey: taproot, spendWeight: 230 },
      feeRate: feeRate(1_000n),
    };

    expect(() => selectCoins(options)).toThrowErrorMatchingInlineSnapshot(
      `[WalletError: WALLET_FUNDS_INSUFFICIENT: expected coins worth 1111 satoshis with their fees, got 1000]`,
    );
    expect(codeOf(() => selectCoins(options))).toBe('WALLET_FUNDS_INSUFFICIENT');
    expect(codeOf(() => selectCoins({ ...options, coins: [] }))).toBe('WALLET_FUNDS_INSUFFICIENT');
  });

  it('keeps below the weight of a TRUC transaction, or says that it cannot', () => {
    const coins = Array.from({ length: 300 }, (_, i) => ({ id: `${i}`, value: 10_000n, weight: 272 }));
    const options: SelectCoinsOptions = {
      coins,
      payments: [{ value: 1_000_000n, scriptPubKey: taproot }],
      change: { scriptPubKey: taproot, spendWeight: 230 },
      feeRate: feeRate(1_000n),
      maximumWeight: 40_000,
    };

    expect(selectCoins(options).weight).toBeLessThanOrEqual(40_000);
    expect(codeOf(() => selectCoins({ ...options, maximumWeight: 4_000 }))).toBe('WALLET_BUILD_IMPOSSIBLE');
  });

  it('is made, or refused, as quickly among equal coins as among others', () => {
    const equal = (count: number, value: bigint): readonly Coin[] =>
      Array.from({ length: count }, (_, i) => ({ id: `${i}`, value, weight: 230 }));
    const options = (coins: readonly Coin[], value: bigint): SelectCoinsOptions => ({
      coins,
      payments: [{ value, scriptPubKey: taproot }],
      change: { scriptPubKey: taproot, spendWeight: 230 },
      feeRate: feeRate(5_000n),
    });

    expect(selectCoins(options(equal(100_000, 100_000n), 50_000_000n)).coins.length).toBeGreaterThan(500);
    expect(codeOf(() => selectCoins(options(equal(100_000, 100_000n), 5_000_000_000n)))).toBe(
      'WALLET_BUILD_IMPOSSIBLE',
    );
    expect(codeOf(() => selectCoins(options(equal(100_000, 1_000n), 5_000_000_000n)))).toBe(
      'WALLET_FUNDS_INSUFFICIENT',
    );
    expect(selectCoins(options(equal(100_000, 290n), 1_000n)).coins.length).toBeGreaterThan(500);
  });

  it('refuses what is no coin, payment or rate, with a code', () => {
    const good: SelectCoinsOptions = {
      coins: [{ id: 'a', value: 100_000n, weight: 230 }],
      payments: [{ value: 1_000n, scriptPubKey: taproot }],
      change: { scriptPubKey: taproot, spendWeight: 230 },
      feeRate: feeRate(1_000n),
    };
    const coin = { id: 'a', value: 100_000n, weight: 230 };
    const wrong: readonly unknown[] = [
      undefined,
      null,
      {},
      { ...good, coins: [coin, coin], payments: [{ value: 150_000n, scriptPubKey: taproot }] },
      { ...good, coins: 5 },
      ...[-1n, 0n, 2n ** 64n, 5, '5', undefined].map((value) => ({ ...good, coins: [{ ...coin, value }] })),
      ...[0, -1, 1.5, Number.NaN, Infinity, 1e9, '230'].map((weight) => ({ ...good, coins: [{ ...coin, weight }] })),
      ...[null, undefined, 7].map((bad) => ({ ...good, coins: [bad] })),
      { ...good, coins: [{ ...coin, id: 7 }] },
      { ...good, coins: Array.from({ length: 3 }, (_, i) => ({ ...coin, id: `${i}`, value: 2_000_000_000_000_000n })) },
      { ...good, payments: [] },
      ...[-1n, 2n ** 70n, 5].map((value) => ({ ...good, payments: [{ value, scriptPubKey: taproot }] })),
      { ...good, payments: [{ value: 5n }] },
      ...[-1n, 10n ** 12n, 5, Number.NaN].map((rate) => ({ ...good, feeRate: rate })),
      { ...good, change: { scriptPubKey: taproot } },
      { ...good, change: { scriptPubKey: taproot, spendWeight: 230, minimum: -1n } },
      { ...good, maximumWeight: Number.NaN },
      { ...good, feeFrom: [1] },
      { ...good, feeFrom: [0, 0] },
      { ...good, algorithms: ['luck'] },
      { ...good, entropy: {} },
    ];

    for (const options of wrong) expect(codeOf(() => selectCoins(options as never))).toBe('WALLET_INVALID_ARGUMENT');
    expect(codeOf(() => selectCoins(good))).toBe('no error');
  });

  it('takes less than a moment among 100,000 coins', () => {
    const random = new Random(seed);
    const coins = Array.from({ length: 100_000 }, (_, i) => ({
      id: `${i.toString(16).padStart(64, '0')}:0`,
      value: BigInt(1_000 + random.below(100_000_000)),
      weight: 230,
    }));
    const options: SelectCoinsOptions = {
      coins,
      payments: [{ value: 5_000_000_000n, scriptPubKey: taproot }],
      change: { scriptPubKey: taproot, spendWeight: 230 },
      feeRate: feeRate(5_000n),
      entropy: createSeededEntropy('x'),
    };

    expectSound(selectCoins(options), options);
  });
});

function attempt(options: SelectCoinsOptions): CoinSelection | undefined {
  try {
    return selectCoins(options);
  } catch (error) {
    const { code } = error as { readonly code?: string };
    if (code === 'WALLET_FUNDS_INSUFFICIENT' || code === 'WALLET_BUILD_IMPOSSIBLE') return undefined;
    throw error;
  }
}

function weightOfCoins(coins: readonly Coin[], change = 0): number {
  return transactionWeightOf(
    {
      weight: coins.reduce((total, { weight }) => total + weight, 0),
      count: coins.length,
      witnesses: coins.filter(({ hasWitness = true }) => hasWitness).length,
    },
    { bytes: 43 * (1 + change), count: 1 + change },
  );
}

/** Every set there is: the least waste without change (as branch and bound has it), and the least of all. */
function bruteForce(options: SelectCoinsOptions): {
  readonly changeless: number | undefined;
  readonly any: number | undefined;
} {
  const rate = Number(options.feeRate);
  const spendFee = feeOf(230, 10_000);
  const changeCost = (43 * 4 * rate) / 4_000 + spendFee;
  const minimum = Math.max(330, spendFee + 1);
  const paid = Number(sum(options.payments));
  let changeless: number | undefined;
  let any: number | undefined;
  for (let bits = 1; bits < 1 << options.coins.length; bits++) {
    const set = options.coins.filter((_, i) => (bits & (1 << i)) !== 0);
    // What costs more than it is worth is never spent.
    if (set.some(({ value, weight }) => Number(value) <= (weight * rate) / 4_000)) continue;
    const value = Number(sum(set));
    const later = set.reduce((total, { weight }) => total + weight, 0) * (rate / 4_000 - 10_000 / 4_000);
    const left = value - paid - feeOf(weightOfCoins(set, 1), rate);
    const excess = value - paid - feeOf(weightOfCoins(set), rate);
    if (excess < 0) continue;
    const waste = left >= minimum ? later + changeCost : later + excess;
    any = Math.min(any ?? Infinity, waste);
    if (left < minimum && excess <= changeCost) changeless = Math.min(changeless ?? Infinity, later + excess);
  }
  return { changeless, any };
}

describe('the weight of a transaction', () => {
  it('is that of the transaction, with and without witnesses, of few and of many inputs', () => {
    for (const [legacy, segwit] of [
      [1, 0],
      [0, 1],
      [3, 2],
      [300, 1],
      [0, 253],
      [252, 0],
    ] as const) {
      const input = (hasWitness: boolean, index: number) => ({
        previousTxid: new Uint8Array(32),
        previousIndex: index,
        scriptSig: new Uint8Array(hasWitness ? 0 : 107),
        sequence: 0,
        witness: hasWitness ? [new Uint8Array(72), new Uint8Array(33)] : [],
      });
      const tx = {
        version: 2,
        lockTime: 0,
        inputs: [
          ...Array.from({ length: legacy }, (_, i) => input(false, i)),
          ...Array.from({ length: segwit }, (_, i) => input(true, i)),
        ],
        outputs: scripts.map((scriptPubKey) => ({ value: 1n, scriptPubKey })),
      };
      // What `planSpend` says of either: 4 × 148, and 4 × 41 with a witness of 1 + 73 + 34.
      const inputs = { weight: legacy * 592 + segwit * 272, count: legacy + segwit, witnesses: segwit };

      const bytes = scripts.reduce((total, script) => total + outputBytes(script), 0);

      expect(transactionWeightOf(inputs, { bytes, count: scripts.length })).toBe(transactionWeight(tx));
    }
  });
});

describe('sorting by worth', () => {
  it('puts the largest first, as comparing would', () => {
    const random = new Random(seed);
    for (const length of [0, 1, 10, 5_000]) {
      const numbers = Float64Array.from({ length }, () => random.below(0x1_0000_0000) * random.pick([1, 1, 40_000]));

      const order = descending(numbers);

      const sorted = [...numbers].sort((left, right) => right - left);
      expect([...order].map((place) => numbers[place])).toStrictEqual(sorted);
    }
  });
});

describe('a sweep', () => {
  const rate = feeRate(2_000n) as FeeRate;

  it(`pays all that is worth it, less the fee (seed ${seed})`, () => {
    const random = new Random(seed + 3);
    for (let round = 0; round < rounds; round++) {
      const coins = randomCoins(random, 30);
      const includeUneconomical = random.chance(0.5);
      const payment = { coins, scriptPubKey: taproot, feeRate: rate, includeUneconomical };
      let swept: CoinSelection;
      try {
        swept = sweepCoins(payment);
      } catch (error) {
        expect(error).toMatchObject({ code: 'WALLET_FUNDS_INSUFFICIENT' });
        continue;
      }
      const [{ value }] = swept.payments as [Payment];
      expect(sum(swept.coins)).toBe(value + swept.fee);
      expect(swept.fee).toBe(BigInt(feeOf(swept.weight, 2_000)));
      if (includeUneconomical) expect(swept.coins).toHaveLength(coins.length);
    }
  });

  it('of dust, or of too much at once, is refused', () => {
    const coin = { id: 'a', value: 500n, weight: 230 };
    const many = Array.from({ length: 2_000 }, (_, i) => ({ id: `${i}`, value: 50_000n, weight: 230 }));

    expect(codeOf(() => sweepCoins({ coins: [coin], scriptPubKey: taproot, feeRate: rate }))).toBe(
      'WALLET_FUNDS_INSUFFICIENT',
    );
    expect(codeOf(() => sweepCoins({ coins: many, scriptPubKey: taproot, feeRate: rate }))).toBe(
      'WALLET_BUILD_IMPOSSIBLE',
    );
    expect(codeOf(() => sweepCoins({ coins: [{}] } as never))).toBe('WALLET_INVALID_ARGUMENT');
  });
});

describe('a selection of coins that do not stay as they are', () => {
  it('is refused', () => {
    let reads = 0;
    const coin = {
      id: 'a',
      weight: 230,
      get value() {
        return reads++ === 0 ? 100_000n : 1n;
      },
    };
    const scriptPubKey = Uint8Array.of(0x51, 32, ...new Uint8Array(32).fill(2));
    const select = (): unknown =>
      selectCoins({
        coins: [coin],
        payments: [{ value: 50_000n, scriptPubKey }],
        change: { scriptPubKey, spendWeight: 230 },
        feeRate: feeRate(1_000n),
      });

    expect(select).toThrow(expect.objectContaining({ code: 'WALLET_INVALID_ARGUMENT' }));
  });
});
