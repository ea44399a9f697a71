/**
 * The Merkle log and its proofs against the physical limit: SHA-256 alone, natively, over the same bytes.
 *
 * A log cannot be faster than its hashes: one over each entry with its prefix, and one over 65 bytes for each entry but
 * the first. The limit of a case is exactly those, with OpenSSL and nothing around them.
 */
import { createPublicKey, hash as nativeHash, randomBytes, verify } from 'node:crypto';
import { concatBytes, currentCrypto, loadCrypto } from '@bitcoin-enterprise/core';
import {
  cosigner,
  createLog,
  createMemoryLogStorage,
  createMemoryWitnessStorage,
  createReceipts,
  createStatement,
  createWitness,
  ed25519Signer,
  ed25519Verifier,
  formatReceipt,
  leafHash,
  nodeHash,
  noteSigner,
  noteVerifier,
  verifyInclusion,
  verifyReceipt,
} from '@bitcoin-enterprise/receipts';
import { machine, measured, runCase } from './harness.ts';
import type { BenchResult, BenchSettings } from './harness.ts';

const ENTRIES = 20_000;

/** Runs all cases. */
export async function runBench(settings: BenchSettings): Promise<readonly BenchResult[]> {
  await loadCrypto();
  return [
    ...(await appending(256, settings)),
    ...(await appending(2_048, settings)),
    ...proofs(settings),
    await receipts(settings),
  ];
}

/** Appending a batch and computing the root, in microseconds of CPU per entry. */
async function appending(length: number, { rounds }: BenchSettings): Promise<readonly BenchResult[]> {
  const entries = Array.from({ length: ENTRIES }, () => ({ entry: new Uint8Array(randomBytes(length)) }));
  const leaf = new Uint8Array(length + 1);
  const node = new Uint8Array(65).fill(1);
  const engine = currentCrypto();
  const contenders = {
    ours: async () => {
      const log = createLog({ storage: createMemoryLogStorage() });
      await log.append(entries);
      await log.head();
    },
    native: async () => {
      for (let i = 0; i < ENTRIES; i++) {
        nativeHash('sha256', leaf, 'buffer');
        nativeHash('sha256', node, 'buffer');
      }
    },
    engine: async () => {
      for (let i = 0; i < ENTRIES; i++) {
        engine.sha256(leaf);
        engine.sha256(node);
      }
    },
  };
  const times = await interleaved(contenders, rounds);
  const name = `append ${ENTRIES} entries of ${length} bytes, with root and tiles`;
  return [
    against(`${name}, against SHA-256 of OpenSSL alone`, times.ours, times.native),
    against(`${name}, against SHA-256 of the engine alone`, times.ours, times.engine),
  ];

  function against(title: string, ours: readonly number[], limit: readonly number[]): BenchResult {
    const ratios = ours.map((time, round) => (limit[round] ?? Number.NaN) / time);
    return {
      name: title,
      unit: 'µs CPU per entry',
      ours: median(ours) / ENTRIES,
      rival: median(limit) / ENTRIES,
      ratio: median(ratios),
      spread: [Math.min(...ratios), Math.max(...ratios)],
      limit: median(limit) / ENTRIES,
      ofLimit: median(ratios),
      runs: rounds,
      ...machine(),
    };
  }
}

/** Verifying an inclusion proof in a tree of a million entries. */
function proofs(settings: BenchSettings): readonly BenchResult[] {
  const height = 20;
  const entry = new Uint8Array(randomBytes(256));
  const leaf = leafHash(entry);
  const proof = Array.from({ length: height }, () => new Uint8Array(randomBytes(32)));
  const root = proof.reduce((hash, sibling) => nodeHash(hash, sibling), leaf);
  const claim = { leaf, index: 0, size: 2 ** height, proof, root };
  const node = concatBytes(Uint8Array.of(1), leaf, leaf);
  return runCase(
    {
      name: `verify inclusion among ${2 ** height} entries`,
      ours: measured(() => verifyInclusion(claim), { operations: 1 }),
      rivals: {},
      limit: {
        measure: measured(
          () => {
            for (let i = 0; i < height; i++) nativeHash('sha256', node, 'buffer');
          },
          { operations: 1 },
        ),
      },
    },
    settings,
  );
}

/** Verifying a whole receipt from its text: two signers, the log, two witnesses; the limit is five native signatures. */
async function receipts({ rounds }: BenchSettings): Promise<BenchResult> {
  const origin = 'bench.example/log';
  const key = (fill: number): ReturnType<typeof ed25519Signer> => ed25519Signer(new Uint8Array(32).fill(fill));
  const signers = [key(1), key(2)];
  const logSigner = noteSigner({ name: origin, signer: key(3) });
  const logKey = noteVerifier(logSigner.verifierKey);
  const witnesses = [4, 5].map((fill) =>
    createWitness({
      signer: cosigner({ name: `w${fill}`, signer: key(fill) }),
      logs: [{ origin, keys: [logKey] }],
      storage: createMemoryWitnessStorage(),
    }),
  );
  const log = createLog({ storage: createMemoryLogStorage() });
  await log.append(Array.from({ length: 1_000 }, (_, i) => ({ entry: Uint8Array.of(i & 0xff) })));
  const issuer = createReceipts({ log, origin, signers, logSigners: [logSigner], witnesses });
  const statement = createStatement({
    subject: [{ digest: { sha256: 'ab'.repeat(32) } }],
    predicateType: 'https://example.com/payment/v1',
    predicate: { amountSat: '150000' },
  });
  const text = formatReceipt(await issuer.issue(statement, { key: 'bench' }));
  const policy = {
    signers: { keys: signers.map(({ publicKey }) => ed25519Verifier(publicKey)), threshold: 2 },
    log: { origin, logKeys: [logKey], witnesses: witnesses.map((witness) => witness.key) },
  };
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key(1).publicKey]);
  const nativeKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  const message = new TextEncoder().encode(text);
  const signature = await key(1).sign(message);
  const repeats = 50;
  const times = await interleaved(
    {
      ours: async () => {
        for (let i = 0; i < repeats; i++)
          if (!(await verifyReceipt(text, policy)).valid) throw new Error('a contender fails');
      },
      native: async () => {
        for (let i = 0; i < 5 * repeats; i++)
          if (!verify(undefined, message, nativeKey, signature)) throw new Error('a contender fails');
      },
    },
    rounds,
  );
  const ratios = times.ours.map((time, round) => (times.native[round] ?? Number.NaN) / time);
  return {
    name: 'verify a receipt with five signatures, against five Ed25519 verifications of OpenSSL',
    unit: 'µs CPU per receipt',
    ours: median(times.ours) / repeats,
    rival: median(times.native) / repeats,
    ratio: median(ratios),
    spread: [Math.min(...ratios), Math.max(...ratios)],
    limit: median(times.native) / repeats,
    ofLimit: median(ratios),
    runs: rounds,
    ...machine(),
  };
}

/** Microseconds of CPU of each contender in each round, in rotating order after one warm-up. */
async function interleaved<Name extends string>(
  contenders: Readonly<Record<Name, () => Promise<void>>>,
  rounds: number,
): Promise<Readonly<Record<Name, readonly number[]>>> {
  const names = Object.keys(contenders) as Name[];
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (const name of names) await contenders[name]();
  for (let round = 0; round < rounds; round++)
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length] as Name;
      const before = process.cpuUsage();
      await contenders[name]();
      const { user, system } = process.cpuUsage(before);
      times[name].push(user + system);
    }
  return times;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
