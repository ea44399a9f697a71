import { feeRate, hasCode, parseHex, satoshis, toHex } from '@bitcoin-enterprise/core';
import { createEmbeddedChain, type EmbeddedChain, FUNDER_SCRIPT, type Outpoint } from '@bitcoin-enterprise/chain';
import { parseBlock, serializeTransaction, type Transaction, transactionId } from '@bitcoin-enterprise/script';
import { describe, expect, it } from 'vitest';
import { inputOf, spend } from './support/block-workshop.ts';

const script = parseHex(`51${'61'.repeat(10)}`);

/** A spend of outpoints worth `value` that leaves a fee and has some outputs. */
function pay(
  from: readonly Outpoint[],
  value: bigint,
  fee: bigint,
  options: { readonly outputs?: number } = {},
): Transaction {
  const { outputs = 1 } = options;
  const each = (value - fee) / BigInt(outputs);
  const rest = value - fee - each * BigInt(outputs);
  return spend(
    from.map((outpoint) => inputOf(outpoint, { sequence: 0xffff_fffd })),
    {
      outputs: Array.from({ length: outputs }, (_, i) => ({
        value: each + (i === 0 ? rest : 0n),
        scriptPubKey: script,
      })),
    },
  );
}

const out = (tx: Transaction, index = 0): Outpoint => ({ txid: transactionId(tx), index });
const send = (chain: EmbeddedChain, tx: Transaction): Uint8Array => chain.broadcast(serializeTransaction(tx));

/** Core's reason to refuse a transaction, or `accepted`. */
function reasonFor(chain: EmbeddedChain, tx: Transaction): string {
  const result = chain.testAccept(serializeTransaction(tx));
  let thrown = 'accepted';
  if (!result.accepted) {
    try {
      send(chain, tx);
    } catch (error) {
      if (hasCode(error, 'CHAIN_TX_REJECTED')) thrown = error.details.reason;
    }
    expect(thrown).toBe(result.rejection.reason);
  }
  return result.accepted ? 'accepted' : result.rejection.reason;
}

function fresh(policy = {}): { chain: EmbeddedChain; coin: () => Outpoint } {
  const chain = createEmbeddedChain({ policy });
  return { chain, coin: () => chain.fund(script, satoshis(1_000_000n)) };
}

describe('the mempool refuses', () => {
  const { chain, coin } = fresh();
  const young = (): Outpoint => {
    const found = chain.utxos(FUNDER_SCRIPT).find(({ coinbase, height }) => coinbase && height === chain.height);
    return found as Outpoint;
  };
  const cases: readonly (readonly [string, () => Transaction])[] = [
    ['bad-txns-vout-empty', () => spend([inputOf(coin())], { outputs: [] })],
    ['bad-txns-vout-toolarge', () => pay([coin()], 2_100_000_000_000_002n, 1n)],
    ['coinbase', () => parseBlock([...chain.blocks()][0] as Uint8Array).transactions[0] as Transaction],
    ['tx-size-small', () => spend([inputOf(coin())], { outputs: [{ value: 1n, scriptPubKey: parseHex('6a') }] })],
    ['non-final', () => ({ ...pay([coin()], 1_000_000n, 1_000n), lockTime: chain.height + 1 })],
    ['bad-txns-inputs-missingorspent', () => pay([{ txid: new Uint8Array(32).fill(3), index: 1 }], 1_000n, 100n)],
    [
      'bad-txns-premature-spend-of-coinbase',
      () => {
        const tx = pay([young()], 1_000_000n, 1_000n);
        return { ...tx, inputs: tx.inputs.map((input) => ({ ...input, witness: [Uint8Array.of(0x51)] })) };
      },
    ],
    ['bad-txns-in-belowout', () => pay([coin()], 1_000_001n, 0n)],
    [
      'non-BIP68-final',
      () => {
        const tx = pay([coin()], 1_000_000n, 1_000n);
        return { ...tx, inputs: tx.inputs.map((input) => ({ ...input, sequence: 5 })) };
      },
    ],
    ['min relay fee not met', () => pay([coin()], 1_000_000n, 7n)],
    [
      'bad-txns-too-many-sigops',
      () => spend([inputOf(coin())], { outputs: [{ value: 1n, scriptPubKey: parseHex('ac'.repeat(4_001)) }] }),
    ],
    [
      'txn-already-known',
      () => {
        const tx = pay([coin()], 1_000_000n, 1_000n);
        chain.mine(1, { transactions: [serializeTransaction(tx)] });
        return tx;
      },
    ],
  ];

  it.for(cases)('%s', ([reason, make]) => {
    expect(reasonFor(chain, make())).toBe(reason);
    expect(chain.mempool()).toEqual([]);
  });

  it('a transaction that waits already, when asked, and takes it again when sent', () => {
    const tx = pay([coin()], 1_000_000n, 1_000n);
    send(chain, tx);

    expect(chain.testAccept(serializeTransaction(tx))).toMatchObject({
      rejection: { reason: 'txn-already-in-mempool' },
    });
    expect(send(chain, tx)).toEqual(transactionId(tx));
    chain.mine(1);
  });

  it('a failing script with its name and input', () => {
    const locked = chain.fund(parseHex(`00${'61'.repeat(12)}`), satoshis(10_000n));
    const tx = pay([coin(), locked], 1_000_000n, 1_000n);

    expect(chain.testAccept(serializeTransaction(tx))).toMatchObject({
      rejection: {
        reason:
          'mandatory-script-verify-flag-failed (Script evaluated without error but finished with a false/empty top stack element)',
        scriptError: 'EVAL_FALSE',
        inputIndex: 1,
      },
    });
  });

  it('what a standardness rule of the policy refuses', () => {
    const strict = createEmbeddedChain({
      policy: { standardness: (tx) => (tx.version > 1 ? 'version' : undefined) },
    });
    const output = strict.fund(script, satoshis(1_000_000n));

    expect(reasonFor(strict, pay([output], 1_000_000n, 1_000n))).toBe('version');
  });
});

describe('a replacement (BIP125)', () => {
  it('must pay all that it replaces, its own relay, and a better rate', () => {
    const { chain, coin } = fresh({ incrementalRelayFeeRate: feeRate(1_000n) });
    const outpoint = coin();
    const first = pay([outpoint], 1_000_000n, 1_000n);
    const child = pay([out(first)], 999_000n, 5_000n);
    send(chain, first);
    send(chain, child);

    // Rule 3: below the 6,000 sat of both; rule 4: 6,000 and its own 71 vB at 1 sat/vB.
    expect(reasonFor(chain, pay([outpoint], 1_000_000n, 5_999n))).toBe('insufficient fee');
    expect(reasonFor(chain, pay([outpoint], 1_000_000n, 6_070n))).toBe('insufficient fee');
    const better = pay([outpoint], 1_000_000n, 6_071n);
    expect(reasonFor(chain, better)).toBe('accepted');
    send(chain, better);
    expect(chain.mempool().map(toHex)).toEqual([toHex(transactionId(better))]);
  });

  it('with a worse rate is refused whatever it pays in all', () => {
    const { chain, coin } = fresh();
    const outpoint = coin();
    send(chain, pay([outpoint], 1_000_000n, 1_000n));

    expect(reasonFor(chain, pay([outpoint], 1_000_000n, 2_000n, { outputs: 10 }))).toBe('insufficient fee');
  });

  it('replaces a hundred transactions at most (rule 5)', () => {
    const { chain } = fresh({ maxDescendants: 200 });
    const fan = chain.fund(script, satoshis(1_000_000n));
    const parent = pay([fan], 1_000_000n, 10_000n, { outputs: 100 });
    send(chain, parent);
    for (let i = 0; i < 100; i++) send(chain, pay([out(parent, i)], 9_900n, 10n));

    expect(reasonFor(chain, pay([fan], 1_000_000n, 500_000n))).toBe('too many potential replacements');
  });

  it('must not spend what it replaces', () => {
    const { chain, coin } = fresh();
    const outpoint = coin();
    const first = pay([outpoint], 1_000_000n, 1_000n);
    send(chain, first);

    expect(reasonFor(chain, pay([outpoint, out(first)], 1_999_000n, 500_000n))).toBe('bad-txns-spends-conflicting-tx');
  });
});

describe('a chain of waiting transactions', () => {
  it('has 25 members at most', () => {
    const { chain, coin } = fresh();
    let last = pay([coin()], 1_000_000n, 100n);
    send(chain, last);
    for (let i = 2; i <= 25; i++) {
      last = pay([out(last)], 1_000_000n - 100n * BigInt(i - 1), 100n);
      send(chain, last);
    }

    expect(reasonFor(chain, pay([out(last)], 997_500n, 100n))).toBe('too-long-mempool-chain');
    chain.mine(1);
    expect(chain.mempool()).toEqual([]);
  });

  it('has 25 descendants at most, the first included', () => {
    const { chain, coin } = fresh();
    const parent = pay([coin()], 1_000_000n, 1_000n, { outputs: 30 });
    send(chain, parent);
    for (let i = 0; i < 24; i++) send(chain, pay([out(parent, i + 1)], 33_300n, 100n));

    expect(reasonFor(chain, pay([out(parent, 27)], 33_300n, 100n))).toBe('too-long-mempool-chain');
  });

  it('weighs 101,000 virtual bytes at most', () => {
    const { chain, coin } = fresh();
    const big = (from: Outpoint, value: bigint): Transaction =>
      spend([inputOf(from)], {
        outputs: [
          { value: value - 10_000n, scriptPubKey: script },
          { value: 0n, scriptPubKey: new Uint8Array(60_000).fill(0x6a) },
        ],
      });
    const first = big(coin(), 1_000_000n);
    send(chain, first);

    expect(reasonFor(chain, big(out(first), 990_000n))).toBe('too-long-mempool-chain');
  });
});

describe('the next block', () => {
  it('takes the best-paying packages first, parents before children', () => {
    const { chain, coin } = fresh();
    const low = pay([coin()], 1_000_000n, 100n);
    const child = pay([out(low)], 999_900n, 50_000n);
    const middle = pay([coin()], 1_000_000n, 10_000n);
    for (const tx of [low, middle, child]) send(chain, tx);
    chain.mine(1);
    const block = parseBlock([...chain.blocks()].at(-1) as Uint8Array);

    expect(block.transactions.slice(1).map((tx) => toHex(transactionId(tx)))).toEqual(
      [low, child, middle].map((tx) => toHex(transactionId(tx))),
    );
    expect(block.transactions[0]?.outputs[0]?.value).toBe(5_000_000_000n + 60_100n);
  });

  it('leaves out what does not fit', () => {
    const { chain, coin } = fresh({ maxAncestorSizeVb: 1_000_000, maxDescendantSizeVb: 1_000_000 });
    const bulky = (fee: bigint): Transaction =>
      spend([inputOf(coin())], {
        outputs: [{ value: 1_000_000n - fee, scriptPubKey: new Uint8Array(400_000).fill(0x6a) }],
      });
    for (const fee of [400_000n, 300_000n, 200_000n]) send(chain, bulky(fee));
    chain.mine(1);

    expect(chain.mempool()).toHaveLength(1);
    chain.mine(1);
    expect(chain.mempool()).toHaveLength(0);
  });
});

it('a full pool lets the worst-paying go, and refuses what would be it', () => {
  const { chain, coin } = fresh({ maxPoolSizeVb: 220 });
  const good = [
    pay([coin()], 1_000_000n, 3_000n),
    pay([coin()], 1_000_000n, 2_000n),
    pay([coin()], 1_000_000n, 1_000n),
  ];
  for (const tx of good) send(chain, tx);
  const worse = pay([coin()], 1_000_000n, 500n);
  const better = pay([coin()], 1_000_000n, 4_000n);

  expect(() => send(chain, worse)).toThrow('mempool full');
  send(chain, better);
  expect(chain.mempool().map(toHex)).toEqual(
    [good[0], good[1], better].map((tx) => toHex(transactionId(tx as Transaction))),
  );
});

it('a block that spends a coin otherwise removes what waits for it, with its children', () => {
  const { chain, coin } = fresh();
  const outpoint = coin();
  const first = pay([outpoint], 1_000_000n, 1_000n);
  send(chain, first);
  send(chain, pay([out(first)], 999_000n, 1_000n));
  chain.mine(1, { transactions: [serializeTransaction(pay([outpoint], 1_000_000n, 77n))] });

  expect(chain.mempool()).toEqual([]);
});
