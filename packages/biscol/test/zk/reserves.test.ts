import { createEmbeddedChain, type EmbeddedChain } from '@bitcoin-enterprise/chain';
import { currentCrypto, encodeWif, loadCrypto, satoshis } from '@bitcoin-enterprise/core';
import { type DerivedOutput, parseDescriptor } from '@bitcoin-enterprise/descriptors';
import { createKeyRing, memorySigner } from '@bitcoin-enterprise/wallet';
import { signMessage } from '@bitcoin-enterprise/wallet/messages';
import { describeInput } from '@bitcoin-enterprise/wallet/psbt';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type LiabilityAccount,
  collectReserves,
  commitTo,
  createLiabilities,
  type LiabilityProof,
  proveLiability,
  proveSolvency,
  type ReserveChallenge,
  reserveMessage,
  type ReserveProof,
  verifyLiability,
  verifyReserves,
} from '../../src/zk/index.ts';
import { codeOf, codeOfPromise } from '../support/code-of.ts';
import { entropy, flipBit, openingOf, secretOf } from './support/known.ts';

const INVALID = 'BISCOL_INVALID_ARGUMENT';
const secrets = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte));
const wif = (place: number): string => encodeWif(secrets[place] as Uint8Array, { network: 'main' });
const signer = () => memorySigner(createKeyRing({ secretKeys: secrets }));

beforeAll(async () => {
  await loadCrypto();
});

const descriptors = (): readonly DerivedOutput[] =>
  [`wpkh(${wif(0)})`, `tr(${wif(1)})`, `wsh(multi(2,${wif(0)},${wif(1)},${wif(2)}))`, `pkh(${wif(2)})`].map((text) =>
    parseDescriptor(text).derive(0),
  );

const accounts: readonly LiabilityAccount[] = [
  { id: 'alice', balance: 10_000n },
  { id: 'bob', balance: 0n },
  { id: 'carol', balance: 25_000n },
];

interface Scene {
  readonly chain: EmbeddedChain;
  readonly outputs: readonly DerivedOutput[];
  readonly challenge: ReserveChallenge;
  readonly proof: ReserveProof;
  readonly liabilities: ReturnType<typeof createLiabilities>;
}

/** A custodian with coins of four kinds, who owes 35,000 and has 50,000. */
async function scene(own: readonly LiabilityAccount[] = accounts): Promise<Scene> {
  const chain = createEmbeddedChain();
  const outputs = descriptors();
  for (const [place, amount] of [20_000n, 15_000n, 10_000n, 5_000n].entries())
    chain.fund((outputs[place] as DerivedOutput).scriptPubKey, satoshis(amount));
  chain.mine();
  const liabilities = createLiabilities(own, { entropy });
  const tip = await chain.ports.tip();
  const challenge: ReserveChallenge = {
    nonce: new Uint8Array(16).fill(9),
    block: { hash: tip.hash, height: tip.height },
    time: 1_800_000_000,
    liabilities: liabilities.root.commitment,
    liabilitiesHash: liabilities.root.hash,
  };
  const { coins, total } = await collectReserves(chain.ports, outputs);
  const [first] = outputs as [DerivedOutput];
  const request = { scriptPubKey: first.scriptPubKey, spend: describeInput(first), coins };
  const signature = await signMessage({ ...request, message: reserveMessage(challenge) }, signer());
  const solvency = proveSolvency(challenge, { assets: total, liabilities: liabilities.total, entropy });
  return { chain, outputs, challenge, proof: { ownership: [signature], solvency }, liabilities };
}

describe('a proof of reserves', () => {
  it('shows coins of descriptors, that are there and enough, and not how much is owed', async () => {
    const { chain, challenge, proof } = await scene();

    const verdict = await verifyReserves(proof, { challenge, chain: chain.ports });

    expect(verdict).toMatchObject({ state: 'solvent', assets: 50_000n, tip: { height: challenge.block.height } });
    expect(proof.solvency).toHaveLength(657);
    expect(
      reserveMessage(challenge)
        .split('\n')
        .map((line) => line.split(' ')[0]),
    ).toStrictEqual(['Proof', 'auditor', 'block', 'time', 'liabilities', 'tree']);
  });

  it('is good at the limit, and cannot be made beyond it', async () => {
    const exact = await scene([{ id: 'all', balance: 50_000n }]);
    const { challenge, chain, proof } = exact;

    expect(await verifyReserves(proof, { challenge, chain: chain.ports })).toMatchObject({ state: 'solvent' });
    expect(await codeOfPromise(scene([{ id: 'more', balance: 50_001n }]))).toBe(INVALID);
    const { total } = exact.liabilities;
    expect(codeOf(() => proveSolvency(challenge, { assets: 49_999n, liabilities: total }))).toBe(INVALID);
    expect(codeOf(() => proveSolvency(challenge, { assets: 50_000n, liabilities: openingOf(1n) }))).toBe(INVALID);
    for (const assets of [-1n, 1n << 51n])
      expect(codeOf(() => proveSolvency(challenge, { assets, liabilities: openingOf(0n) }))).toBe(INVALID);
  });

  it('is refused for any other challenge', async () => {
    const { chain, challenge, proof, liabilities } = await scene();
    const others: readonly Partial<ReserveChallenge>[] = [
      { nonce: new Uint8Array(16).fill(8) },
      { time: 1_800_000_001 },
      { liabilities: commitTo(liabilities.total).with(0, liabilities.root.commitment[0] === 2 ? 3 : 2) },
      { liabilitiesHash: new Uint8Array(32) },
    ];

    for (const other of others) {
      const verdict = await verifyReserves(proof, { challenge: { ...challenge, ...other }, chain: chain.ports });
      expect(verdict).toMatchObject({ state: 'invalid' });
    }
  });

  it('is refused when a coin was spent, is shown twice, or belongs to a block of no chain', async () => {
    const { chain, challenge, proof, outputs } = await scene();
    const elsewhere = { ...challenge, block: { ...challenge.block, hash: flipBit(challenge.block.hash, 3) } };
    const reasonOf = async (given: ReserveProof, asked = challenge): Promise<string> => {
      const verdict = await verifyReserves(given, { challenge: asked, chain: chain.ports });
      return verdict.state === 'invalid' ? verdict.reason : verdict.state;
    };

    const twice = await reasonOf({ ...proof, ownership: [proof.ownership[0] as string, proof.ownership[0] as string] });
    expect(twice).toMatch(/^coin [0-9a-f]{64}:\d+ is there twice$/);
    expect(await reasonOf(proof, elsewhere)).toContain('signature 0');
    const [, taproot] = outputs as [DerivedOutput, DerivedOutput];
    const [coin] = chain.utxos(taproot.scriptPubKey);
    const reorganised = {
      ...chain.ports,
      unspentOutput: async (...given: Parameters<typeof chain.ports.unspentOutput>) =>
        given[0].index === coin?.index && String(given[0].txid) === String(coin.txid)
          ? undefined
          : chain.ports.unspentOutput(...given),
    };
    expect(await verifyReserves(proof, { challenge, chain: reorganised })).toMatchObject({
      reason: expect.stringMatching(/^coin .* is not there$/) as unknown,
    });
    const foreign = { ...chain.ports, blockHash: async () => new Uint8Array(32) };
    expect(await verifyReserves(proof, { challenge, chain: foreign })).toMatchObject({
      reason: 'the block of the challenge is not in the chain',
    });
    chain.mine(5);
    expect(await verifyReserves(proof, { challenge, chain: chain.ports, maximumAge: 4 })).toMatchObject({
      reason: 'the challenge is too old',
    });
    expect(await verifyReserves(proof, { challenge, chain: chain.ports, maximumAge: 5 })).toMatchObject({
      state: 'solvent',
    });
  });

  it('is refused when coins are left out, or what shows that they are enough is changed', async () => {
    const { chain, challenge, proof } = await scene();
    const reasonOf = async (given: ReserveProof): Promise<string> => {
      const verdict = await verifyReserves(given, { challenge, chain: chain.ports });
      return verdict.state === 'invalid' ? verdict.reason : verdict.state;
    };

    expect(await reasonOf({ ...proof, ownership: [] })).toBe('nothing shows that the coins are worth what is owed');
    for (let bit = 0; bit < 8 * proof.solvency.length; bit += 499)
      expect(await reasonOf({ ...proof, solvency: flipBit(proof.solvency, bit) })).toContain('nothing shows');
    expect(await reasonOf({ ...proof, ownership: ['pofAAAA'] })).toContain('signature 0');
    expect(await reasonOf({ ...proof, ownership: ['smpAA=='] })).toBe('signature 0 is no proof of funds');
    expect(await reasonOf({ ...proof, ownership: [''] })).toBe('signature 0 is no proof of funds');
  });

  it('is refused when a coin waits for a time or an age', async () => {
    const { chain, challenge, outputs, liabilities } = await scene([{ id: 'one', balance: 1n }]);
    const later = [
      [`wsh(and_v(v:pk(${wif(0)}),after(100)))`, { lockTime: 100 }, 0],
      [`wsh(and_v(v:pk(${wif(0)}),older(3)))`, { version: 2 as const }, 3],
    ] as const;
    for (const [text, times, sequence] of later) {
      const output = parseDescriptor(text).derive(0);
      chain.fund(output.scriptPubKey, satoshis(9_000n));
      chain.mine();
      const { coins, total } = await collectReserves(chain.ports, [output]);
      const [first] = outputs as [DerivedOutput];
      const request = { scriptPubKey: first.scriptPubKey, spend: describeInput(first), ...times };
      const message = reserveMessage(challenge);
      const signature = await signMessage(
        { ...request, message, coins: coins.map((coin) => ({ ...coin, sequence })) },
        signer(),
      );
      const solvency = proveSolvency(challenge, { assets: total, liabilities: liabilities.total });

      expect(
        await verifyReserves({ ownership: [signature], solvency }, { challenge, chain: chain.ports }),
      ).toMatchObject({
        reason: 'signature 0 is of a later time',
      });
    }
  });

  it('ends with its signal', async () => {
    const { chain, challenge, proof, outputs } = await scene();
    const signal = AbortSignal.abort();

    expect(await codeOfPromise(verifyReserves(proof, { challenge, chain: chain.ports, signal }))).toBe('CHAIN_ABORTED');
    expect(await codeOfPromise(collectReserves(chain.ports, outputs, { signal }))).toBe('CHAIN_ABORTED');
  });

  it('looks again while the chain moves, and gives up when it never holds still', async () => {
    const { chain, challenge, proof } = await scene();
    let looks = 0;
    const moving = (until: number) => ({
      ...chain.ports,
      tip: async () => {
        const tip = await chain.ports.tip();
        return { ...tip, hash: looks++ < until ? Uint8Array.from(tip.hash, (byte) => byte ^ (looks & 1)) : tip.hash };
      },
    });

    expect(await verifyReserves(proof, { challenge, chain: moving(4) })).toMatchObject({ state: 'solvent' });
    looks = 0;
    expect(await verifyReserves(proof, { challenge, chain: moving(100) })).toMatchObject({
      reason: 'the chain does not hold still',
    });
  });

  it('answers wrong arguments with a code', async () => {
    const { chain, challenge, proof } = await scene();
    const options = { challenge, chain: chain.ports };
    for (const wrong of [undefined, null, 5, 'x', {}, new Uint8Array(3)] as never[]) {
      expect(await codeOfPromise(verifyReserves(wrong, options))).toBe(INVALID);
      expect(await codeOfPromise(verifyReserves(proof, wrong))).toBe(INVALID);
      expect(await codeOfPromise(verifyReserves({ ...proof, ownership: wrong }, options))).toBe(INVALID);
      expect(await codeOfPromise(verifyReserves(proof, { ...options, chain: wrong }))).toBe(INVALID);
      expect(await codeOfPromise(verifyReserves(proof, { ...options, challenge: wrong }))).toBe(INVALID);
      expect(await codeOfPromise(collectReserves(wrong, []))).toBe(INVALID);
      expect(await codeOfPromise(collectReserves(chain.ports, wrong))).toBe(INVALID);
      expect(await codeOfPromise(collectReserves(chain.ports, [wrong]))).toBe(INVALID);
      expect(codeOf(() => proveSolvency(challenge, wrong))).toBe(INVALID);
      expect(codeOf(() => proveSolvency(challenge, { assets: wrong, liabilities: openingOf(0n) }))).toBe(INVALID);
      for (const name of ['nonce', 'block', 'time', 'liabilities', 'liabilitiesHash'] as const)
        if (
          !((wrong as unknown) === undefined && name === 'liabilitiesHash') &&
          !((wrong as unknown) === 5 && name === 'time')
        )
          expect(codeOf(() => reserveMessage({ ...challenge, [name]: wrong }))).toBe(INVALID);
    }
    expect(await codeOfPromise(verifyReserves({ ...proof, ownership: [5 as never] }, options))).toBe(INVALID);
    expect(await codeOfPromise(verifyReserves(proof, { ...options, maximumAge: -1 }))).toBe(INVALID);
  });
});

describe('a tree of liabilities', () => {
  const many = (count: number): readonly LiabilityAccount[] =>
    Array.from({ length: count }, (_, i) => ({ id: `account ${i}`, balance: BigInt(i * 100) }));

  it.for([1, 2, 3, 5, 8])('shows each of %i accounts that its balance is in the sum', (count) => {
    const own = many(count);
    const tree = createLiabilities(own, { entropy });

    expect(tree.total.value).toBe(own.reduce((sum, { balance }) => sum + balance, 0n));
    expect(commitTo(tree.total)).toStrictEqual(tree.root.commitment);
    for (const { id, balance } of own) {
      const proof = proveLiability(tree, id, { entropy });
      expect(proof.balance).toBe(balance);
      expect(verifyLiability(tree.root, proof)).toBe(true);
    }
  });

  it('refuses a balance, an account or a way that is another', () => {
    const tree = createLiabilities(many(5), { entropy });
    const proof = proveLiability(tree, 'account 3', { entropy });
    const [first] = proof.siblings as [LiabilityProof['siblings'][number]];
    const others: readonly Partial<LiabilityProof>[] = [
      { id: 'account 2' },
      { balance: proof.balance + 1n },
      { balance: 0n },
      { blinding: secretOf(5n) },
      { salt: new Uint8Array(32) },
      { place: 2 },
      { place: 11 },
      { siblings: proof.siblings.slice(1) },
      { siblings: [...proof.siblings, first] },
      { siblings: proof.siblings.toReversed() },
      { siblings: proof.siblings.with(0, { ...first, hash: flipBit(first.hash, 1) }) },
      { siblings: proof.siblings.with(0, { ...first, commitment: tree.root.commitment }) },
      { ranges: flipBit(proof.ranges, 77) },
      { ranges: new Uint8Array(0) },
    ];

    for (const other of others) expect(verifyLiability(tree.root, { ...proof, ...other })).toBe(false);
    const alone = createLiabilities(many(1), { entropy });
    const own = proveLiability(alone, 'account 0');
    expect(verifyLiability(alone.root, own)).toBe(true);
    expect(verifyLiability(alone.root, { ...own, ranges: proof.ranges })).toBe(false);
    const deep = { ...proof, siblings: new Array<typeof first>(21).fill(first) };
    expect(codeOf(() => verifyLiability(tree.root, deep))).toBe(INVALID);
    expect(verifyLiability(tree.root, { ...deep, siblings: deep.siblings.slice(1) })).toBe(false);
    expect(verifyLiability({ ...tree.root, hash: new Uint8Array(32) }, proof)).toBe(false);
    expect(verifyLiability({ ...tree.root, commitment: first.commitment }, proof)).toBe(false);
  });

  it('that is none has no proofs', () => {
    const tree = createLiabilities(many(4), { entropy });
    for (const wrong of [
      { ...tree, levels: [] },
      { ...tree, levels: [[], ...tree.levels.slice(1)] },
      { ...tree, levels: [tree.levels[0], null, tree.levels[2]] },
      { ...tree, levels: [tree.levels[0], [], tree.levels[2]] },
      { ...tree, accounts: [] },
      { ...tree, root: undefined },
    ] as never[])
      expect(codeOf(() => proveLiability(wrong, 'account 0'))).toBe(INVALID);
  });

  it('has no proof for a sum that a negative balance lowers', () => {
    const tree = createLiabilities(many(2), { entropy });
    const negative = { value: 2n ** 256n - 432420386565659656852420866394968145599n - 50n, blinding: secretOf(9n) };
    const leaf = (tree.levels[0] as (typeof tree.levels)[number])[0] as (typeof tree.levels)[number][number];
    const forged = { ...tree, levels: [[{ ...leaf }, { ...leaf, opening: negative }], tree.levels[1] as never] };

    expect(codeOf(() => proveLiability(forged, 'account 0'))).toBe(INVALID);
  });

  it('answers wrong arguments with a code', () => {
    const tree = createLiabilities(many(2));
    const proof = proveLiability(tree, 'account 0');
    for (const wrong of [undefined, null, 5, 'x', {}, [], 1n] as never[]) {
      expect(codeOf(() => createLiabilities(wrong))).toBe(INVALID);
      expect(codeOf(() => createLiabilities([wrong]))).toBe(INVALID);
      expect(codeOf(() => proveLiability(wrong, 'account 0'))).toBe(INVALID);
      expect(codeOf(() => proveLiability(tree, wrong))).toBe(INVALID);
      expect(codeOf(() => verifyLiability(wrong, proof))).toBe(INVALID);
      expect(codeOf(() => verifyLiability(tree.root, wrong))).toBe(INVALID);
      for (const name of ['balance', 'blinding', 'salt', 'place', 'siblings', 'ranges', 'id'] as const) {
        const value = wrong as unknown;
        const fits =
          (name === 'balance' && value === 1n) ||
          (name === 'place' && value === 5) ||
          (name === 'id' && value === 'x') ||
          (name === 'siblings' && Array.isArray(value));
        if (!fits) expect(codeOf(() => verifyLiability(tree.root, { ...proof, [name]: wrong }))).toBe(INVALID);
      }
    }
    const [one] = many(1) as [LiabilityAccount];
    expect(codeOf(() => createLiabilities([one, one]))).toBe(INVALID);
    expect(codeOf(() => createLiabilities([{ ...one, balance: 1n << 51n }]))).toBe(INVALID);
    expect(currentCrypto().name).toBe('wasm');
  });
});
