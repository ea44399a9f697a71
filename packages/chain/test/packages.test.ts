import { hasCode, parseHex, satoshis } from '@bitcoin-enterprise/core';
import {
  createEmbeddedChain,
  type EmbeddedChain,
  mempoolProfile,
  type Outpoint,
  type SubmittedPackage,
} from '@bitcoin-enterprise/chain';
import { serializeTransaction, type Transaction, transactionId } from '@bitcoin-enterprise/script';
import { describe, expect, it } from 'vitest';
import { inputOf, spend } from './support/block-workshop.ts';

/** Pay to anchor: standard, and everybody may spend it. */
const ANCHOR = parseHex('51024e73');
const VALUE = 100_000n;
/** Less than 65 bytes would be too small. */
const PADDING = { value: 0n, scriptPubKey: parseHex('6a') };

function fresh(): { readonly chain: EmbeddedChain; readonly coin: () => Outpoint } {
  const chain = createEmbeddedChain({ policy: mempoolProfile('core-31') });
  return { chain, coin: () => chain.fund(ANCHOR, satoshis(VALUE)) };
}

const v3 = (from: readonly Outpoint[], values: readonly bigint[]): Transaction => ({
  ...spend(
    from.map((outpoint) => inputOf(outpoint)),
    { outputs: [...values.map((value) => ({ value, scriptPubKey: ANCHOR })), PADDING] },
  ),
  version: 3,
});

const out = (tx: Transaction, index = 0): Outpoint => ({ txid: transactionId(tx), index });
const submit = (chain: EmbeddedChain, ...txs: Transaction[]): SubmittedPackage =>
  chain.submitPackage(txs.map((tx) => serializeTransaction(tx)));
const reasons = ({ transactions }: SubmittedPackage): readonly string[] =>
  transactions.map((result) => (result.accepted ? 'accepted' : result.rejection.reason));

describe('a package', () => {
  it('lets a child pay for a parent without a fee, ephemeral dust and all, and is mined', () => {
    const { chain, coin } = fresh();
    const parent = v3([coin()], [VALUE, 0n]);
    const child = v3([out(parent), out(parent, 1)], [VALUE - 5_000n]);
    const refused = chain.testAccept(serializeTransaction(parent));
    expect(refused).toMatchObject({ accepted: false, rejection: { reason: 'min relay fee not met' } });

    const result = submit(chain, parent, child);

    expect(result).toMatchObject({ accepted: true, transactions: [{ fee: 0n }, { fee: 5_000n }] });
    expect(result).not.toHaveProperty('reason');
    chain.mine();
    expect(chain.utxo(out(child))?.value).toBe(VALUE - 5_000n);
  });

  it('is refused as such, with a reason for each of its transactions', () => {
    const { chain, coin } = fresh();
    const parent = v3([coin()], [VALUE, 0n]);
    const careless = v3([out(parent)], [VALUE - 5_000n]);
    const result = submit(chain, parent, careless);
    expect(result).toMatchObject({ accepted: false, reason: 'unspent-dust' });
    expect(chain.mempool()).toEqual([]);

    expect(submit(chain, careless, parent)).toMatchObject({ accepted: false, reason: 'package-not-sorted' });
    expect(reasons(submit(chain, careless, parent))).toEqual(['package-not-validated', 'package-not-validated']);
  });

  it('leaves in the mempool what pays for itself', () => {
    const { chain, coin } = fresh();
    const rich = v3([coin()], [VALUE - 1_000n]);
    const greedy = v3([out(rich)], [VALUE]);
    const result = submit(chain, rich, greedy);

    expect(result).toMatchObject({ accepted: false, reason: 'transaction failed' });
    expect(reasons(result)).toEqual(['accepted', 'bad-txns-in-belowout']);
    expect(chain.mempool().length).toBe(1);
    expect(submit(chain, rich)).toMatchObject({ accepted: true });
  });

  it('wants an array of transactions', () => {
    const { chain } = fresh();
    for (const bad of [[], undefined, 'x', [parseHex('00')], [5]]) {
      let code = '';
      try {
        chain.submitPackage(bad as never);
      } catch (error) {
        if (hasCode(error, 'CHAIN_INVALID_ARGUMENT', 'CHAIN_TX_MALFORMED')) ({ code } = error);
      }
      expect.soft(code).not.toBe('');
    }
  });
});
