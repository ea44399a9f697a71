import { createManualClock } from '@bitcoin-enterprise/core/testing';
import { toHex } from '@bitcoin-enterprise/core';
import {
  cosigner,
  createHttpWitness,
  createLog,
  createMemoryLogStorage,
  createMemoryWitnessStorage,
  createWitness,
  ed25519Signer,
  formatCheckpoint,
  formatCosignRequest,
  type MerkleLog,
  parseCosignRequest,
  publishCheckpoint,
  signNote,
  verifyCheckpoint,
  type Witness,
  witnessHandler,
  type WitnessStorage,
} from '@bitcoin-enterprise/receipts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createScene, type Scene } from './scene.ts';

const entry = (text: string): { readonly entry: Uint8Array } => ({ entry: new TextEncoder().encode(text) });

async function signedBy(scene: Scene, log: MerkleLog, size?: number): Promise<string> {
  const head = await log.head();
  const of = size ?? head.size;
  const text = formatCheckpoint({ origin: scene.origin, size: of, root: await log.root(of) });
  return signNote(text, [scene.logSigner]);
}

function witnessOf(scene: Scene, storage: WitnessStorage): Witness {
  const signer = cosigner({
    name: 'witness.example/w',
    signer: ed25519Signer(new Uint8Array(32).fill(9)),
    clock: createManualClock(),
  });
  return createWitness({ signer, logs: [{ origin: scene.origin, keys: [scene.logKey] }], storage });
}

describe('a witness', () => {
  it('co-signs a log that only ever grows', async () => {
    const scene = createScene();
    const witness = witnessOf(scene, createMemoryWitnessStorage());
    const policy = { origin: scene.origin, logKeys: [scene.logKey], witnesses: [witness.key] };
    let oldSize = 0;
    for (const batch of [1, 2, 7, 300]) {
      await scene.log.append(Array.from({ length: batch }, (_, i) => entry(`${i}`)));
      const { size } = await scene.log.head();
      const proof = await scene.log.proveConsistency(oldSize, size);
      const checkpoint = await signedBy(scene, scene.log);
      const line = await witness.cosign({ oldSize, proof, checkpoint });
      const verified = await verifyCheckpoint(checkpoint + line, policy);
      expect(verified.cosignedBy).toEqual([{ name: 'witness.example/w', timestamp: scene.clock.now() }]);
      oldSize = size;
    }
  });

  it('catches a forked log, at the same size and at a later one', async () => {
    const scene = createScene();
    const storage = createMemoryWitnessStorage();
    const witness = witnessOf(scene, storage);
    const fork = createLog({ storage: createMemoryLogStorage() });
    await scene.log.append([entry('a'), entry('pay Alice'), entry('c')]);
    await fork.append([entry('a'), entry('pay Mallory'), entry('c')]);
    await witness.cosign({ oldSize: 0, proof: [], checkpoint: await signedBy(scene, scene.log) });

    const same = witness.cosign({ oldSize: 3, proof: [], checkpoint: await signedBy(scene, fork) });
    await expect(same).rejects.toMatchObject({
      code: 'RECEIPTS_LOG_FORKED',
      details: { origin: scene.origin, knownSize: 3, size: 3 },
    });
    await fork.append([entry('d')]);
    const proof = await fork.proveConsistency(3, 4);
    const later = witness.cosign({ oldSize: 3, proof, checkpoint: await signedBy(scene, fork) });
    await expect(later).rejects.toThrow('RECEIPTS_PROOF_INVALID');
    // What it holds is still the first history, with the note that convicts the log.
    const held = await storage.read(scene.origin);
    expect([held?.size, toHex(held?.root ?? new Uint8Array(0))]).toEqual([3, toHex(await scene.log.root(3))]);
    expect(held?.note).toBe(await signedBy(scene, scene.log));
  });

  it('refuses a rollback, a stale size, a stranger, another log, and an impossible size', async () => {
    const scene = createScene();
    const witness = witnessOf(scene, createMemoryWitnessStorage());
    await scene.log.append([entry('a'), entry('b'), entry('c')]);
    const checkpoint = await signedBy(scene, scene.log);
    await witness.cosign({ oldSize: 0, proof: [], checkpoint });

    const rollback = witness.cosign({ oldSize: 2, proof: [], checkpoint: await signedBy(scene, scene.log, 2) });
    await expect(rollback).rejects.toMatchObject({
      code: 'RECEIPTS_LOG_ROLLED_BACK',
      details: { knownSize: 3, size: 2 },
    });
    await expect(witness.cosign({ oldSize: 1, proof: [], checkpoint })).rejects.toMatchObject({
      code: 'RECEIPTS_WITNESS_STALE',
      details: { size: 3 },
      retryable: true,
    });
    await expect(witness.cosign({ oldSize: 4, proof: [], checkpoint })).rejects.toThrow('RECEIPTS_INDEX_OUT_OF_RANGE');
    const stranger = createScene({ seed: 'stranger' });
    await stranger.log.append([entry('a')]);
    await expect(
      witness.cosign({ oldSize: 0, proof: [], checkpoint: await signedBy(stranger, stranger.log) }),
    ).rejects.toThrow('RECEIPTS_NOTE_UNVERIFIED');
    const text = formatCheckpoint({ origin: 'other.example', size: 1, root: await scene.log.root(1) });
    await expect(
      witness.cosign({ oldSize: 0, proof: [], checkpoint: await signNote(text, [scene.logSigner]) }),
    ).rejects.toThrow('RECEIPTS_WITNESS_LOG_UNKNOWN');
  });

  it('killed between storing and answering, answers the same checkpoint when asked from it', async () => {
    const scene = createScene();
    const storage = createMemoryWitnessStorage();
    await scene.log.append([entry('a'), entry('b')]);
    const checkpoint = await signedBy(scene, scene.log);
    const dying = createWitness({
      signer: {
        ...cosigner({ name: 'witness.example/w', signer: ed25519Signer(new Uint8Array(32).fill(9)) }),
        sign: () => Promise.reject(new Error('killed')),
      },
      logs: [{ origin: scene.origin, keys: [scene.logKey] }],
      storage,
    });
    await expect(dying.cosign({ oldSize: 0, proof: [], checkpoint })).rejects.toThrow('killed');
    const restarted = witnessOf(scene, storage);
    await expect(restarted.cosign({ oldSize: 0, proof: [], checkpoint })).rejects.toMatchObject({
      details: { size: 2 },
    });

    // The log finds its way without help: it asks from zero, is told two, and asks from there.
    const { refusals } = await publishCheckpoint(scene.log, {
      origin: scene.origin,
      signers: [scene.logSigner],
      witnesses: [restarted],
    });
    expect(refusals).toEqual([]);
  });

  it('killed before storing, has promised nothing', async () => {
    const scene = createScene();
    const storage = createMemoryWitnessStorage();
    await scene.log.append([entry('a')]);
    const witness = witnessOf(scene, { ...storage, compareAndSet: () => Promise.reject(new Error('killed')) });
    await expect(
      witness.cosign({ oldSize: 0, proof: [], checkpoint: await signedBy(scene, scene.log) }),
    ).rejects.toThrow('killed');

    expect(await storage.read(scene.origin)).toBeUndefined();
  });

  it('asked by two forks at the same time co-signs one of them', async () => {
    const scene = createScene();
    for (let round = 0; round < 10; round++) {
      const storage = createMemoryWitnessStorage();
      // Both have read that nothing is held before either of them writes.
      let readers = 0;
      let open: () => void = () => undefined;
      const both = new Promise<void>((resolve) => (open = resolve));
      const witness = witnessOf(scene, {
        ...storage,
        read: async (origin) => {
          const held = await storage.read(origin);
          if (++readers === 2) open();
          await both;
          return held;
        },
      });
      const forks = await Promise.all(
        ['x', 'y'].map(async (text) => {
          const log = createLog({ storage: createMemoryLogStorage() });
          await log.append([entry(`${text}${round}`)]);
          return signedBy(scene, log);
        }),
      );
      const answers = await Promise.allSettled(
        forks.map((checkpoint) => witness.cosign({ oldSize: 0, proof: [], checkpoint })),
      );
      const refused = answers.filter((answer) => answer.status === 'rejected');

      expect(refused.length).toBe(1);
      expect(refused[0]?.reason).toMatchObject({ code: 'RECEIPTS_WITNESS_STALE' });
    }
  });
});

describe('a quorum of witnesses', () => {
  it('is asked once each, from what was published last; a new witness is told about twice', async () => {
    const scene = createScene();
    const asked = new Map<string, number[]>();
    const counted = scene.witnesses.map((witness): Witness => ({
      key: witness.key,
      cosign: (request) => {
        asked.set(witness.key.name, [...(asked.get(witness.key.name) ?? []), request.oldSize]);
        return witness.cosign(request);
      },
    }));
    const options = { origin: scene.origin, signers: [scene.logSigner] };
    for (const size of [1, 2, 3]) {
      await scene.log.append([entry(`${size}`)]);
      // The third witness comes late.
      await publishCheckpoint(scene.log, { ...options, witnesses: size < 3 ? counted.slice(0, 2) : counted });
    }

    expect(Object.fromEntries(asked)).toEqual({
      'witness.example/w1': [0, 1, 2],
      'witness.example/w2': [0, 1, 2],
      'witness.example/w3': [2, 0],
    });
  });

  it('is met by k of n, and names those that refused', async () => {
    const scene = createScene();
    await scene.log.append([entry('a')]);
    const down: Witness = {
      ...(scene.witnesses[1] as Witness),
      cosign: () => Promise.reject(new Error('unreachable')),
    };
    const witnesses = [scene.witnesses[0] as Witness, down, scene.witnesses[2] as Witness];
    const options = { origin: scene.origin, signers: [scene.logSigner], witnesses };
    const { note, refusals } = await publishCheckpoint(scene.log, { ...options, quorum: 2 });

    expect(refusals.map(({ witness }) => witness)).toEqual(['witness.example/w2']);
    const policy = { ...scene.policy.log, quorum: 2 };
    expect((await verifyCheckpoint(note, policy)).cosignedBy.length).toBe(2);
    await expect(verifyCheckpoint(note, scene.policy.log)).rejects.toMatchObject({
      code: 'RECEIPTS_WITNESS_QUORUM_MISSED',
      details: { valid: 2, needed: 3 },
    });
  });

  it('is missed when too few answer: nothing is published, and later it is', async () => {
    const scene = createScene();
    await scene.log.append([entry('a')]);
    let up = false;
    const [first, second] = scene.witnesses as [Witness, Witness];
    const flaky: Witness = {
      key: second.key,
      cosign: (request) => (up ? second.cosign(request) : Promise.reject(new Error('unreachable'))),
    };
    const options = { origin: scene.origin, signers: [scene.logSigner], witnesses: [first, flaky] };
    await expect(publishCheckpoint(scene.log, options)).rejects.toMatchObject({
      code: 'RECEIPTS_WITNESS_QUORUM_MISSED',
      retryable: true,
    });
    expect(await scene.log.checkpoint()).toBeUndefined();
    up = true;

    expect((await publishCheckpoint(scene.log, options)).refusals).toEqual([]);
  });

  it('is not met by a witness that answers another signature than its own', async () => {
    const scene = createScene();
    await scene.log.append([entry('a')]);
    const [first, second] = scene.witnesses as [Witness, Witness];
    const liar: Witness = { key: first.key, cosign: (request) => second.cosign(request) };
    const broken: Witness = {
      key: first.key,
      cosign: async (request) => (await first.cosign(request)).replace(/.{6}==\n$/, 'AAAAAA==\n'),
    };

    for (const witness of [liar, broken])
      await expect(
        publishCheckpoint(scene.log, { origin: scene.origin, signers: [scene.logSigner], witnesses: [witness] }),
      ).rejects.toMatchObject({ cause: { code: 'RECEIPTS_WITNESS_ANSWER_INVALID' } });
  });
});

describe('witnesses over HTTP (C2SP tlog-witness)', () => {
  const scene = createScene();
  const [witness] = scene.witnesses as [Witness];
  const handler = witnessHandler(witness);
  const remote = createHttpWitness({ url: 'https://witness.example/w1', key: witness.key, fetch: handler });
  const post = (body: string): Promise<Response> =>
    handler(new Request('https://witness.example/w1/add-checkpoint', { method: 'POST', body }));

  it('co-sign for a log that does not know what they hold', async () => {
    for (let i = 0; i < 3; i++) {
      await scene.log.append([entry(`${i}`)]);
      const options = { origin: scene.origin, signers: [scene.logSigner], witnesses: [remote] };
      const { note, refusals } = await publishCheckpoint(scene.log, options);
      expect(refusals).toEqual([]);
      expect((await verifyCheckpoint(note, { ...scene.policy.log, witnesses: [witness.key] })).size).toBe(i + 1);
    }
  });

  it('answer the status codes of the specification', async () => {
    const checkpoint = await signedBy(scene, scene.log);
    const proof = await scene.log.proveConsistency(1, 3);
    const stale = await post(formatCosignRequest({ oldSize: 1, proof, checkpoint }));
    expect([stale.status, stale.headers.get('content-type'), await stale.text()]).toEqual([
      409,
      'text/x.tlog.size',
      '3\n',
    ]);
    expect((await post(formatCosignRequest({ oldSize: 3, proof: [], checkpoint }))).status).toBe(200);
    expect((await post(formatCosignRequest({ oldSize: 3, proof, checkpoint }))).status).toBe(422);
    expect((await post(formatCosignRequest({ oldSize: 4, proof: [], checkpoint }))).status).toBe(400);
    expect((await post('old 01\n\nx')).status).toBe(400);
    expect((await post('x'.repeat(1_000_000))).status).toBe(400);
    const stranger = createScene({ seed: 'stranger' });
    await stranger.log.append([entry('a')]);
    const strange = await signedBy(stranger, stranger.log);
    expect((await post(formatCosignRequest({ oldSize: 0, proof: [], checkpoint: strange }))).status).toBe(403);
    const text = formatCheckpoint({ origin: 'other.example', size: 0, root: await scene.log.root(0) });
    const unknown = await signNote(text, [scene.logSigner]);
    expect((await post(formatCosignRequest({ oldSize: 0, proof: [], checkpoint: unknown }))).status).toBe(404);
    expect((await handler(new Request('https://witness.example/w1/add-checkpoint'))).status).toBe(405);
    expect((await handler(new Request('https://witness.example/'))).status).toBe(404);
  });

  it('read back every request they are sent, and refuse any other text with a code', () => {
    const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.array(hash, { maxLength: 20 }), fc.string(), (oldSize, proof, checkpoint) => {
        const request = { oldSize, proof, checkpoint };
        expect(parseCosignRequest(formatCosignRequest(request))).toEqual(request);
      }),
    );
    fc.assert(
      fc.property(fc.string(), (body) => {
        try {
          parseCosignRequest(body);
        } catch (error) {
          expect(error).toMatchObject({ code: 'RECEIPTS_NOTE_MALFORMED' });
        }
      }),
    );
  });

  it('report what is no answer of the protocol', async () => {
    const broken = createHttpWitness({
      url: 'https://witness.example/w1',
      key: witness.key,
      fetch: async () => new Response('out of order', { status: 503 }),
    });
    const checkpoint = await signedBy(scene, scene.log);

    await expect(broken.cosign({ oldSize: 3, proof: [], checkpoint })).rejects.toMatchObject({
      code: 'RECEIPTS_WITNESS_ANSWER_INVALID',
      retryable: true,
    });
  });
});
