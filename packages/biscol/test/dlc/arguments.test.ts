import { currentCrypto, loadCrypto, SuiteError } from '@bitcoin-enterprise/core';
import { createMemoryStore } from '@bitcoin-enterprise/events';
import { SecretBytes } from '@bitcoin-enterprise/wallet/keys';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import * as dlc from '../../src/dlc/index.ts';
import { codeOf } from '../support/code-of.ts';
import { bits, hash, oraclesOf } from './support/oracles.ts';

beforeAll(async () => {
  await loadCrypto();
});

type Anything = (...given: readonly unknown[]) => unknown;

/** Everything that is exported and can be called. */
const exported: ReadonlyArray<readonly [string, Anything]> = Object.entries(dlc).flatMap(
  ([name, value]: readonly [string, unknown]) =>
    typeof value === 'function' && name !== 'BiscolError'
      ? [[name, (...given) => Reflect.apply(value, undefined, given) as unknown] as const]
      : [],
);

const nonsense: readonly unknown[] = [
  undefined,
  null,
  0,
  -1,
  Number.NaN,
  2 ** 40,
  1n,
  -1n,
  2n ** 300n,
  '',
  'text',
  '__proto__',
  true,
  [],
  [null],
  [[]],
  {},
  Symbol('x'),
  () => 1,
  new Uint8Array(0),
  new Uint8Array(32),
  new Uint8Array(64).fill(0xff),
  new Map(),
  new Array(3),
];

async function coded(call: () => unknown): Promise<void> {
  try {
    await call();
  } catch (error) {
    expect(error).toBeInstanceOf(SuiteError);
    expect((error as SuiteError).code).toMatch(/^(?:BISCOL|CORE|WALLET)_/);
  }
}

/** A value with one of its parts replaced, for each of its parts. */
function* mutants(value: unknown, depth: number): Generator {
  if (depth === 0 || typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  if (value instanceof SecretBytes) return;
  for (const [key, part] of Object.entries(value)) {
    const withPart = (other: unknown): unknown =>
      Array.isArray(value) ? value.with(Number(key), other) : { ...value, [key]: other };
    for (const other of nonsense) yield withPart(other);
    for (const other of mutants(part, depth - 1)) yield withPart(other);
  }
}

async function goodArguments(): Promise<Readonly<Record<string, readonly unknown[]>>> {
  const oracles = await oraclesOf(2, bits(4));
  const announcements = oracles.map(({ announcement }) => announcement);
  const attestations = await Promise.all(oracles.map(({ oracle }) => oracle.attest('event', 5n)));
  const [announcement] = announcements as [dlc.OracleAnnouncement];
  const [attestation] = attestations as [dlc.OracleAttestation];
  const fraction = { numerator: 1n, denominator: 2n };
  const zero = { numerator: 0n, denominator: 1n };
  const contract: dlc.NumericContract = {
    kind: 'numeric',
    pieces: [
      {
        from: { outcome: 0n, payout: 0n },
        curve: { kind: 'polynomial', points: [{ outcome: 3n, payout: 9n, extraPrecision: 7 }] },
      },
      {
        from: { outcome: 5n, payout: 50n },
        curve: {
          kind: 'hyperbola',
          usePositivePiece: true,
          translateOutcome: zero,
          translatePayout: zero,
          a: fraction,
          b: zero,
          c: zero,
          d: fraction,
        },
      },
    ],
    end: { outcome: 15n, payout: 100n },
    rounding: [{ from: 0n, modulus: 10n }],
  };
  const terms = {
    oracles: announcements,
    threshold: 2,
    collateral: 100n,
    contract,
    tolerance: { maxErrorExponent: 2, minSupportExponent: 1, maximizeCoverage: true },
  };
  const outcomes = dlc.dlcOutcomes(terms);
  const found = dlc.findOutcomes(terms, { outcomes, attestations });
  const outcome = outcomes[found[0] ?? 0];
  const secret = new SecretBytes(hash('key'));
  const { descriptor } = announcement.event;
  const message = hash('message');
  const point = currentCrypto().publicKey(hash('key')) as Uint8Array;
  const x = point.slice(1);
  const enumerated = { kind: 'enumerated', payouts: [{ outcome: 'a', payout: 1n }] };
  return {
    announcementMessage: [announcement.event, 'tagged'],
    attestationMessage: ['rain', 'plain'],
    attestationSecret: [terms, { outcome, attestations }],
    checkAnnouncement: [announcement],
    checkAttestation: [announcement, attestation],
    contractToJson: [contract],
    coverDigits: [[3n, 9n], { base: 2, digits: 4 }],
    createOracle: [{ secretKey: secret, store: createMemoryStore(), name: 'x', profile: 'tagged' }],
    decodeAnnouncement: [dlc.encodeAnnouncement(announcement), { profile: 'tagged' }],
    decodeAttestation: [dlc.encodeAttestation(attestation)],
    dlcContractId: [{ fundingTxid: x, fundingOutput: 1, temporaryContractId: x }],
    dlcFees: [
      { inputs: [{ scriptSigLength: 0, maxWitnessLength: 66 }], payoutScriptLength: 34, changeScriptLength: 34 },
      { rate: 1_000n, fundingOutput: 'taproot-key' },
    ],
    dlcOutcomes: [{ ...terms, aggregation: 'weighted', most: 1_000 }],
    encodeAnnouncement: [announcement],
    encodeAttestation: [attestation],
    encodeOracleEvent: [announcement.event, 'tagged'],
    findOutcomes: [terms, { outcomes: outcomes.slice(0, 2), attestations }],
    outcomesOf: [descriptor, 5n],
    parseContract: [dlc.contractToJson(contract)],
    payoutIntervals: [contract, { collateral: 100n, most: 1_000 }],
    signWithNonce: [{ secretKey: secret, secretNonce: new SecretBytes(hash('nonce')), message }],
    signaturePoint: [{ oraclePublicKey: x, nonce: x, message }],
    enumerated: [enumerated],
  };
}

describe('whatever it is given, it says so with a code', () => {
  it.for(exported)('%s', { timeout: 120_000 }, async ([name, call]) => {
    const good = (await goodArguments())[name];
    if (good === undefined) throw new Error(`no arguments for ${name}`);
    expect(codeOf(() => call(...good))).toBe('no error');
    await coded(() => call());
    for (const first of nonsense) for (const second of nonsense) await coded(() => call(first, second));
    for (const at of good.keys()) {
      for (const other of nonsense) await coded(() => call(...good.with(at, other)));
      for (const mutant of mutants(good[at], 6)) await coded(() => call(...good.with(at, mutant)));
    }
  });

  it('an oracle', async () => {
    const oracle = dlc.createOracle({
      secretKey: new SecretBytes(hash('key')),
      store: createMemoryStore(),
      name: 'x',
    });
    const event = { eventId: 'event', maturity: 7, descriptor: bits(4) };
    for (const one of [...nonsense, ...mutants(event, 3)]) await coded(() => oracle.announce(one as never));
    for (const one of nonsense)
      for (const other of nonsense) await coded(() => oracle.attest(one as never, other as never));
    for (const entropy of [{}, { bytes: () => 'x' }, { bytes: () => new Uint8Array(31) }, 7] as never[]) {
      const secretKey = new SecretBytes(hash('key'));
      await coded(() =>
        dlc.createOracle({ secretKey, store: createMemoryStore(), name: 'x', entropy }).announce(event),
      );
    }
  });

  it('bytes that are no message', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(3), (bytes, kind) => {
        // A right beginning lets some of them come further.
        const head = [[], [0xfd, 0xd8, 0x24], [0xfd, 0xd8, 0x68], [0xff, 0, 0, 0, 0, 0, 0]][kind] ?? [];
        const given = Uint8Array.from([...head, ...bytes]);
        for (const decode of [dlc.decodeAnnouncement, dlc.decodeAttestation])
          expect(codeOf(() => decode(given))).toBe('BISCOL_DLC_MESSAGE_INVALID');
      }),
      { numRuns: 2_000 },
    );
  });

  it('a curve that would take for ever', () => {
    const steep: dlc.NumericContract = {
      kind: 'numeric',
      pieces: [
        {
          from: { outcome: 0n, payout: 0n },
          curve: {
            kind: 'polynomial',
            points: Array.from({ length: 30 }, (_, n) => ({
              outcome: 2n ** 48n * BigInt(n + 1),
              payout: n % 2 ? 2n ** 63n : -(2n ** 63n),
              extraPrecision: 65_535,
            })),
          },
        },
      ],
      end: { outcome: 2n ** 53n - 1n, payout: 0n },
      rounding: [],
    };
    expect(codeOf(() => dlc.payoutIntervals(steep, { collateral: 21n * 10n ** 14n, most: 1_000 }))).toBe(
      'BISCOL_DLC_TOO_LARGE',
    );
    expect(codeOf(() => dlc.payoutIntervals(steep, { collateral: 1n }))).toBe('no error');
  });
});
