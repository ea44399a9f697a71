import { createEmbeddedChain } from '@bitcoin-enterprise/chain';
import { currentCrypto, loadCrypto, satoshis, toHex } from '@bitcoin-enterprise/core';
import { parseDescriptor, planSpend } from '@bitcoin-enterprise/descriptors';
import { parseTransaction } from '@bitcoin-enterprise/script';
import { createKeyRing, memorySigner } from '@bitcoin-enterprise/wallet';
import { createPsbt, describeInput, extractTransaction, finalizePsbt } from '@bitcoin-enterprise/wallet/psbt';
import { serializeTransaction } from '@bitcoin-enterprise/script';
import { beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../../../scripts/testing/random.ts';
import {
  commitTo,
  completeSale,
  keyRelation,
  offerSecrets,
  openingRelation,
  type Relation,
  type SaleOffer,
  saleScripts,
  saleSoundness,
  verifyOffer,
} from '../../src/zk/index.ts';
import { ORDER, readNumber, writeNumber } from '../../src/zk/scalars.ts';
import { codeOf } from '../support/code-of.ts';
import { entropy, flipBit, isLong, keyOf, openingOf, secretOf, seed } from './support/known.ts';

const INVALID = 'BISCOL_INVALID_ARGUMENT';
const context = new TextEncoder().encode('order 17');
const size = { total: 48, sealed: 12 };
const least = { soundness: 30 };
const H = '50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0';

beforeAll(async () => {
  await loadCrypto();
});

const secret = () => secretOf(0xdeadbeefn);
const relation = (): Relation => keyRelation(keyOf(secret()));
const revealedOf = (preimages: ReturnType<typeof offerSecrets>['preimages']): Uint8Array[] =>
  preimages.map((preimage) => preimage.use((bytes) => bytes.slice()));
const numbersOf = (secrets: ReturnType<typeof completeSale>): readonly bigint[] | undefined =>
  secrets?.map((one) => one.use(readNumber));

describe('an offer of secrets', () => {
  it('gives them to whoever learns the preimages: all, or any one of them', () => {
    const { offer, preimages } = offerSecrets(relation(), [secret()], { ...size, context, entropy });
    const revealed = revealedOf(preimages);

    expect(verifyOffer(relation(), offer, { ...least, context })).toBe(true);
    expect(offer.locks.map(({ hash }) => toHex(hash))).toStrictEqual(
      revealed.map((preimage) => toHex(currentCrypto().sha256(preimage))),
    );
    expect(numbersOf(completeSale(relation(), offer, revealed))).toStrictEqual([0xdeadbeefn]);
    for (const preimage of revealed)
      expect(numbersOf(completeSale(relation(), offer, [preimage]))).toStrictEqual([0xdeadbeefn]);
    expect(completeSale(relation(), offer, [])).toBeUndefined();
    expect(completeSale(relation(), offer, [new Uint8Array(32)])).toBeUndefined();
    expect(completeSale(relation(), offer, offer.seeds)).toBeUndefined();
  });

  it('sells an opening, and the s of a signature', () => {
    const opening = openingOf(1234n);
    const ofOpening = openingRelation(commitTo(opening));
    const sale = offerSecrets(ofOpening, [secretOf(1234n), opening.blinding], { ...size, entropy });
    expect(verifyOffer(ofOpening, sale.offer, least)).toBe(true);
    expect(numbersOf(completeSale(ofOpening, sale.offer, revealedOf(sale.preimages)))).toStrictEqual([
      1234n,
      opening.blinding.use(readNumber),
    ]);

    const crypto = currentCrypto();
    const message = crypto.sha256(Uint8Array.of(1));
    const key = new Uint8Array(32).fill(5);
    const xOnly = (crypto.publicKey(key) as Uint8Array).slice(1);
    const signature = crypto.schnorrSign(message, key) as Uint8Array;
    const [r, s] = [signature.slice(0, 32), signature.slice(32)];
    const e = readNumber(crypto.taggedHash('BIP0340/challenge', Uint8Array.from([...r, ...xOnly, ...message]))) % ORDER;
    // All of s*G = R + e*P is public but s.
    const image = crypto.publicKeyCombine([
      Uint8Array.from([2, ...r]),
      crypto.publicKeyTweakMul(Uint8Array.from([2, ...xOnly]), writeNumber(e)) as Uint8Array,
    ]) as Uint8Array;
    const signed = offerSecrets(keyRelation(image), [secretOf(readNumber(s))], { ...size, entropy });
    const [bought] = completeSale(keyRelation(image), signed.offer, revealedOf(signed.preimages)) ?? [];
    const whole = Uint8Array.from([...r, ...(bought?.use((bytes) => bytes.slice()) ?? [])]);
    expect(crypto.schnorrVerify(whole, message, xOnly)).toBe(true);
  });

  it('is refused for another relation, context, or with less soundness than asked for', () => {
    const { offer } = offerSecrets(relation(), [secret()], { ...size, context, entropy });

    expect(verifyOffer(keyRelation(keyOf(secretOf(5n))), offer, { ...least, context })).toBe(false);
    expect(verifyOffer(relation(), offer, least)).toBe(false);
    expect(Math.floor(saleSoundness(size))).toBe(36);
    expect(verifyOffer(relation(), offer, { soundness: 36, context })).toBe(true);
    expect(verifyOffer(relation(), offer, { soundness: 37, context })).toBe(false);
    expect(verifyOffer(relation(), offer, { context })).toBe(false);
  });

  it('is sound to 97 bits without more, and verified at 80', () => {
    const { offer, preimages } = offerSecrets(relation(), [secret()], { entropy });

    expect([offer.total, offer.sealed, offer.seeds.length, preimages.length]).toStrictEqual([256, 20, 236, 20]);
    expect(verifyOffer(relation(), offer)).toBe(true);
    expect(saleSoundness({ total: 256, sealed: 20 })).toBeCloseTo(97.82, 1);
    expect(saleSoundness({ total: 2, sealed: 1 })).toBe(1);
  });

  it('is refused with any part changed', () => {
    const { offer } = offerSecrets(relation(), [secret()], { ...size, context, entropy });
    const random = new Random(seed);
    const [first, second] = offer.locks as [SaleOffer['locks'][number], SaleOffer['locks'][number]];
    const fixed: readonly Partial<SaleOffer>[] = [
      { total: 47 },
      { sealed: 11 },
      { locks: offer.locks.toReversed() },
      { locks: offer.locks.slice(1) },
      { locks: offer.locks.slice(0, -1) },
      { locks: [...offer.locks, offer.locks[11] as SaleOffer['locks'][number]] },
      { locks: [...offer.locks.slice(1), { ...second }] },
      { locks: offer.locks.with(0, { ...first, place: first.place + 1 }) },
      { locks: offer.locks.with(0, { ...first, place: 1_000 }) },
      { locks: offer.locks.with(0, { ...first, hash: second.hash }) },
      { locks: offer.locks.with(0, { ...first, cipher: writeNumber(ORDER) }) },
      { locks: offer.locks.with(0, { ...first, masked: writeNumber(ORDER) }) },
      { seeds: offer.seeds.toReversed() },
      { seeds: offer.seeds.slice(1) },
      { seeds: [...offer.seeds, new Uint8Array(32)] },
    ];
    for (const other of fixed)
      expect(verifyOffer(relation(), { ...offer, ...other }, { ...least, context })).toBe(false);
    for (let i = 0; i < (isLong ? 20_000 : 150); i++) {
      const [bit, lock, seedAt] = [
        random.below(256),
        random.below(size.sealed),
        random.below(size.total - size.sealed),
      ];
      const mutant: SaleOffer =
        i % 2 === 0
          ? { ...offer, seeds: offer.seeds.with(seedAt, flipBit(offer.seeds[seedAt] as Uint8Array, bit)) }
          : {
              ...offer,
              locks: offer.locks.map((one, at) => {
                const name = random.pick(['hash', 'cipher', 'masked'] as const);
                return at === lock ? { ...one, [name]: flipBit(one[name], bit) } : one;
              }),
            };
      expect(verifyOffer(relation(), mutant, { ...least, context })).toBe(false);
    }
  });

  it('gives the secrets even where the seller spoiled all locks but one', () => {
    // With 1 sealed of 2 a cheat is caught every other time: try until one passes, and see what the buyer gets.
    const small = { total: 4, sealed: 2 };
    const { offer, preimages } = offerSecrets(relation(), [secret()], { ...small, entropy });
    const [first, second] = offer.locks as [SaleOffer['locks'][number], SaleOffer['locks'][number]];
    const spoiled = { ...offer, locks: [{ ...first, cipher: writeNumber(1n) }, second] };

    expect(numbersOf(completeSale(relation(), spoiled, revealedOf(preimages)))).toStrictEqual([0xdeadbeefn]);
    const all = { ...offer, locks: [first, second].map((lock) => ({ ...lock, cipher: writeNumber(1n) })) };
    expect(completeSale(relation(), all, revealedOf(preimages))).toBeUndefined();
    expect(verifyOffer(relation(), spoiled, { soundness: 2 })).toBe(false);
  });

  it('tells nothing before the payment: no part of it is the secret, or a mask that is opened', () => {
    const { offer, preimages } = offerSecrets(relation(), [secret()], { ...size, entropy });
    const text = JSON.stringify([offer, preimages], (_, value: unknown) =>
      value instanceof Uint8Array ? toHex(value) : value,
    );

    expect(text).not.toContain(toHex(writeNumber(0xdeadbeefn)));
    for (const preimage of revealedOf(preimages)) expect(text).not.toContain(toHex(preimage));
  });

  it('answers wrong arguments with a code', () => {
    const { offer } = offerSecrets(relation(), [secret()], { ...size, entropy });
    for (const wrong of [undefined, null, 5, 'x', {}, 1n, new Uint8Array(3)] as never[]) {
      expect(codeOf(() => offerSecrets(wrong, [secret()]))).toBe(INVALID);
      expect(codeOf(() => offerSecrets(relation(), wrong))).toBe(INVALID);
      expect(codeOf(() => verifyOffer(wrong, offer))).toBe(INVALID);
      expect(codeOf(() => verifyOffer(relation(), wrong))).toBe(INVALID);
      expect(codeOf(() => completeSale(relation(), wrong, []))).toBe(INVALID);
      expect(codeOf(() => completeSale(relation(), offer, wrong))).toBe(INVALID);
      expect(codeOf(() => completeSale(relation(), offer, [wrong]))).toBe(INVALID);
      expect(codeOf(() => saleSoundness(wrong))).toBe(INVALID);
      expect(codeOf(() => saleScripts(wrong))).toBe(INVALID);
      for (const name of ['total', 'sealed', 'seeds', 'locks'] as const)
        if ((wrong as unknown) !== 5)
          expect(codeOf(() => verifyOffer(relation(), { ...offer, [name]: wrong }))).toBe(INVALID);
      for (const name of ['place', 'hash', 'cipher', 'masked'] as const)
        if ((wrong as unknown) !== 5 || name !== 'place')
          expect(
            codeOf(() =>
              verifyOffer(relation(), {
                ...offer,
                locks: [{ ...(offer.locks[0] as SaleOffer['locks'][number]), [name]: wrong }],
              }),
            ),
          ).toBe(INVALID);
    }
    for (const bad of [{ total: 1 }, { total: 2_000 }, { sealed: 0 }, { sealed: 65 }, { total: 4, sealed: 4 }])
      expect(codeOf(() => offerSecrets(relation(), [secret()], bad))).toBe(INVALID);
    expect(codeOf(() => offerSecrets(relation(), [secretOf(4n)], size))).toBe(INVALID);
    expect(codeOf(() => verifyOffer(relation(), offer, { soundness: 0 }))).toBe(INVALID);
    const scripts = { hashes: [new Uint8Array(32)], seller: H, buyer: H, refundHeight: 500 };
    for (const bad of [
      { hashes: [] },
      { hashes: [new Uint8Array(31)] },
      { seller: '' },
      { buyer: 5 as never },
      { refundHeight: 0 },
    ])
      expect(codeOf(() => saleScripts({ ...scripts, ...bad }))).toBe(INVALID);
  });
});

describe('a sale on a chain', () => {
  const seller = new Uint8Array(32).fill(3);
  const buyer = new Uint8Array(32).fill(4);
  const xOnly = (key: Uint8Array): string => toHex((currentCrypto().publicKey(key) as Uint8Array).slice(1));

  function fundedSale() {
    const { offer, preimages } = offerSecrets(relation(), [secret()], { context, entropy });
    const hashes = offer.locks.map(({ hash }) => hash);
    const chain = createEmbeddedChain();
    const refundHeight = chain.tip.height + 300;
    const { claim, refund } = saleScripts({ hashes, seller: xOnly(seller), buyer: xOnly(buyer), refundHeight });
    const output = parseDescriptor(`tr(${H},{${claim},${refund}})`).derive(0);
    const { txid, index } = chain.fund(output.scriptPubKey, satoshis(100_000n));
    chain.mine();
    return { offer, preimages, chain, output, coin: { previousTxid: txid, previousIndex: index }, refundHeight };
  }

  it('pays the seller for the preimages, of which the buyer makes the secret', async () => {
    const { offer, preimages, chain, output, coin } = fundedSale();
    const known = revealedOf(preimages);
    const plan = planSpend(output, {
      canSign: (key) => toHex(key.bytes).includes(xOnly(seller)),
      hasPreimage: () => true,
    });
    if (!plan.ok) throw new Error('expected a plan');
    const psbt = createPsbt({
      version: 2,
      inputs: [
        {
          ...describeInput(output, plan),
          ...coin,
          witnessUtxo: { value: 100_000n, scriptPubKey: output.scriptPubKey },
          preimages: known.map((preimage) => ({
            hashFunction: 'sha256',
            hash: currentCrypto().sha256(preimage),
            preimage,
          })),
        },
      ],
      outputs: [{ value: 95_000n, scriptPubKey: Uint8Array.of(0x51, 0x20, ...new Uint8Array(32).fill(2)) }],
    });
    const signed = await memorySigner(createKeyRing({ secretKeys: [seller] })).sign(psbt);
    const bytes = serializeTransaction(extractTransaction(finalizePsbt(signed)));
    chain.broadcast(bytes);
    chain.mine();

    // The buyer reads the chain, and nothing else.
    const { witness } = parseTransaction(bytes).inputs[0] as { readonly witness: readonly Uint8Array[] };
    const seen = witness.filter((item) => item.length === 32);
    expect(seen).toHaveLength(20);
    expect(numbersOf(completeSale(relation(), offer, seen))).toStrictEqual([0xdeadbeefn]);
  });

  it('pays nobody who knows all preimages but one, and gives the buyer the money back in time', async () => {
    const { offer, chain, output, coin, refundHeight } = fundedSale();
    const { hash } = offer.locks[7] as SaleOffer['locks'][number];
    const isSeller = (key: { readonly bytes: Uint8Array }): boolean => toHex(key.bytes).includes(xOnly(seller));
    const isBuyer = (key: { readonly bytes: Uint8Array }): boolean => toHex(key.bytes).includes(xOnly(buyer));
    const { height } = chain.tip;

    const blocked = planSpend(output, { canSign: isSeller, hasPreimage: (_, of) => toHex(of) !== toHex(hash), height });
    expect(blocked.ok).toBe(false);
    expect(planSpend(output, { canSign: isSeller, hasPreimage: () => false, height }).ok).toBe(false);
    expect(planSpend(output, { canSign: isBuyer, hasPreimage: () => true, height }).ok).toBe(false);
    chain.mine(refundHeight - height);
    const plan = planSpend(output, { canSign: isBuyer, height: chain.tip.height });
    if (!plan.ok) throw new Error('expected a plan');
    expect(plan.lockTime).toBe(refundHeight);
    const psbt = createPsbt({
      version: 2,
      lockTime: plan.lockTime,
      inputs: [
        {
          ...describeInput(output, plan),
          ...coin,
          sequence: plan.sequence,
          witnessUtxo: { value: 100_000n, scriptPubKey: output.scriptPubKey },
        },
      ],
      outputs: [{ value: 95_000n, scriptPubKey: Uint8Array.of(0x51, 0x20, ...new Uint8Array(32).fill(2)) }],
    });
    const signed = await memorySigner(createKeyRing({ secretKeys: [buyer] })).sign(psbt);
    chain.broadcast(serializeTransaction(extractTransaction(finalizePsbt(signed))));
    chain.mine();
    expect(chain.balance(output.scriptPubKey)).toBe(0n);
  });
});
