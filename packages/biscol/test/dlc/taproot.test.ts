import { concatBytes, currentCrypto, loadCrypto, toHex } from '@bitcoin-enterprise/core';
import { createMemoryStore } from '@bitcoin-enterprise/events';
import { sighashTaproot, standardFlags, type Transaction, verifyInput } from '@bitcoin-enterprise/script';
import { SecretBytes } from '@bitcoin-enterprise/wallet/keys';
import {
  aggregateMusigKeys,
  aggregateMusigNonces,
  aggregateMusigPresignature,
  completeSchnorr,
  createMusigSession,
  createVaultNonce,
  extractSchnorrSecret,
  openNonceVault,
  presignSchnorrMany,
  signWithVault,
  tweakForTaproot,
  verifySchnorrPresignature,
  verifySchnorrPresignatures,
} from '@bitcoin-enterprise/wallet/multiparty';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  attestationSecret,
  type DlcOutcome,
  dlcOutcomes,
  type DlcPayouts,
  type DlcTerms,
  findOutcomes,
} from '../../src/dlc/index.ts';
import { bits, hash, oraclesOf } from './support/oracles.ts';

beforeAll(async () => {
  await loadCrypto();
});

const COLLATERAL = 200_000n;
const line = { kind: 'polynomial', points: [] } as const;
const p2tr = (xOnly: Uint8Array): Uint8Array => concatBytes(Uint8Array.of(0x51, 32), xOnly);

describe('a contract that Taproot funds', () => {
  it('pays what the oracles say, by one signature of both parties that nobody could make before', async () => {
    const oracles = await oraclesOf(3, bits(8));
    const terms: DlcTerms = {
      oracles: oracles.map(({ announcement }) => announcement),
      threshold: 2,
      collateral: COLLATERAL,
      contract: {
        kind: 'numeric',
        pieces: [
          { from: { outcome: 0n, payout: 0n }, curve: line },
          { from: { outcome: 100n, payout: 0n }, curve: line },
          { from: { outcome: 150n, payout: COLLATERAL }, curve: line },
        ],
        end: { outcome: 255n, payout: COLLATERAL },
        rounding: [{ from: 0n, modulus: 20_000n }],
      },
    };
    const outcomes = dlcOutcomes(terms);
    const parties = [1, 2].map((n) => new SecretBytes(hash('party', n)));
    const publicKeys = parties.map((key) => key.use((secret) => currentCrypto().publicKey(secret) as Uint8Array));
    const keys = tweakForTaproot(aggregateMusigKeys(publicKeys));
    const spentOutputs = [{ value: COLLATERAL + 1_000n, scriptPubKey: p2tr(keys.xOnlyPublicKey) }];
    const scripts = ['offer', 'accept'].map((name) =>
      p2tr((currentCrypto().publicKey(hash(name)) as Uint8Array).slice(1)),
    );
    const endOf = ({ offer, accept }: DlcPayouts): Transaction => ({
      version: 2,
      lockTime: 0,
      inputs: [
        {
          previousTxid: hash('funding'),
          previousIndex: 0,
          sequence: 0xffff_fffe,
          scriptSig: new Uint8Array(),
          witness: [],
        },
      ],
      outputs: [offer, accept]
        .map((value, at) => ({ value, scriptPubKey: scripts[at] as Uint8Array }))
        .filter(({ value }) => value >= 1_000n),
    });

    // Both presign each outcome; outcomes that pay the same share the transaction.
    const vault = await openNonceVault({ store: createMemoryStore(), name: 'dlc' });
    const messages = new Map<bigint, Uint8Array>();
    const messageOf = (payouts: DlcPayouts): Uint8Array => {
      const known = messages.get(payouts.offer);
      const message = known ?? sighashTaproot({ tx: endOf(payouts), inputIndex: 0, spentOutputs });
      messages.set(payouts.offer, message);
      return message;
    };
    const presignatures: Uint8Array[] = [];
    for (const { anticipationPoint: adaptorPoint, payouts } of outcomes) {
      const message = messageOf(payouts);
      const nonces = await Promise.all(
        parties.map((secretKey) => createVaultNonce(vault, { secretKey, keys, message })),
      );
      const aggregateNonce = aggregateMusigNonces(nonces.map(({ publicNonce }) => publicNonce));
      const session = createMusigSession(keys, { aggregateNonce, message, adaptorPoint });
      const partials = await Promise.all(
        parties.map((secretKey, at) => signWithVault(vault, nonces[at]?.token ?? '', { secretKey, session })),
      );
      presignatures.push(aggregateMusigPresignature(session, partials));
    }
    const { xOnlyPublicKey } = keys;
    const items = outcomes.map(({ anticipationPoint: adaptorPoint, payouts }, at) => {
      const presignature = presignatures[at] as Uint8Array;
      return { presignature, adaptorPoint, xOnlyPublicKey, message: messageOf(payouts) };
    });
    expect(verifySchnorrPresignatures(items)).toEqual([]);
    expect(messages.size).toBe(11);

    // The second and the third oracle attest 128; the first one is silent.
    const attestations = await Promise.all(oracles.slice(1).map(({ oracle }) => oracle.attest('event', 128n)));
    const [index = -1, ...more] = findOutcomes(terms, { outcomes, attestations });
    expect(more).toEqual([]);
    const outcome = outcomes[index] as DlcOutcome;
    expect(outcome.payouts).toEqual({ offer: 120_000n, accept: 80_000n });
    const secret = attestationSecret(terms, { outcome, attestations });
    const presignature = presignatures[index] as Uint8Array;
    const signature = completeSchnorr(presignature, { secret });
    const unsigned = endOf(outcome.payouts);
    const verdictOf = (one: Uint8Array) => {
      const tx = { ...unsigned, inputs: unsigned.inputs.map((input) => ({ ...input, witness: [one] })) };
      return verifyInput({ tx, inputIndex: 0, spentOutputs, flags: standardFlags });
    };
    expect(verdictOf(signature)).toMatchObject({ ok: true });
    for (const [at, other] of presignatures.entries())
      if (at !== index) expect(verdictOf(completeSchnorr(other, { secret }))).toMatchObject({ ok: false });

    // Who sees the transaction on the chain learns what the oracles said.
    const { anticipationPoint: adaptorPoint } = outcome;
    expect(extractSchnorrSecret(presignature, { signature, adaptorPoint })).toEqual(secret);
    await vault.close();
  });
});

describe('a contract of thousands of outcomes', () => {
  it('costs less than so many verifications of signatures', { timeout: 180_000 }, async () => {
    const announcements = (await oraclesOf(3, bits(20))).map(({ announcement }) => announcement);
    const terms: DlcTerms = {
      oracles: announcements,
      threshold: 2,
      collateral: 100_000_000n,
      contract: {
        kind: 'numeric',
        pieces: [
          { from: { outcome: 0n, payout: 0n }, curve: line },
          { from: { outcome: 400_000n, payout: 0n }, curve: line },
          { from: { outcome: 500_000n, payout: 100_000_000n }, curve: line },
        ],
        end: { outcome: 1_048_575n, payout: 100_000_000n },
        rounding: [{ from: 0n, modulus: 1_000_000n }],
      },
    };
    const message = hash('message');
    const key = hash('key');
    const xOnlyPublicKey = (currentCrypto().publicKey(key) as Uint8Array).slice(1);
    const signature = currentCrypto().schnorrSign(message, key) as Uint8Array;
    const fastest = (action: () => void): number => {
      let best = Number.POSITIVE_INFINITY;
      for (let run = 0; run < 5; run++) {
        const from = performance.now();
        action();
        best = Math.min(best, performance.now() - from);
      }
      return best;
    };
    const outcomes = dlcOutcomes(terms);
    expect(outcomes).toHaveLength(2_706);
    expect(new Set(outcomes.map(({ anticipationPoint }) => toHex(anticipationPoint))).size).toBe(2_706);
    const unit = fastest(() => {
      for (let n = 0; n < 2_706; n++) currentCrypto().schnorrVerify(signature, message, xOnlyPublicKey);
    });
    expect(fastest(() => void dlcOutcomes(terms)) / unit).toBeLessThan(1);

    const facts = outcomes.slice(0, 1_000).map(({ anticipationPoint: adaptorPoint }) => ({ message, adaptorPoint }));
    const presignatures = presignSchnorrMany({ secretKey: new SecretBytes(key), items: facts });
    const items = facts.map((one, at) => ({ ...one, xOnlyPublicKey, presignature: presignatures[at] as Uint8Array }));
    const alone = fastest(() => {
      for (const { presignature, ...one } of items) verifySchnorrPresignature(presignature, one);
    });
    expect(fastest(() => void verifySchnorrPresignatures(items)) / alone).toBeLessThan(0.75);
  });
});
