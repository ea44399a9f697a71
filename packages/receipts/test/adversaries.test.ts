import { mkdtempSync, rmSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as sqlite from 'node:sqlite';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseHex } from '@bitcoin-enterprise/core';
import {
  createFileLogStorage,
  createHttpWitness,
  createLog,
  createLogReader,
  createMemoryLogStorage,
  createReceipts,
  createWitness,
  encodeStatement,
  type FileAccess,
  IN_TOTO_PAYLOAD_TYPE,
  type LogReader,
  type MerkleLog,
  p256Signer,
  p256Verifier,
  publishCheckpoint,
  secp256k1Signer,
  secp256k1Verifier,
  signEnvelope,
  verifyCheckpoint,
  verifyEnvelope,
  type Witness,
  witnessHandler,
} from '@bitcoin-enterprise/receipts';
import { afterAll, describe, expect, it } from 'vitest';
import { hasProofOfWork } from '../src/model/block-proof.ts';
import { createScene, payment } from './scene.ts';

const base = mkdtempSync(join(tmpdir(), 'be-adversaries-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));
const content = { payloadType: IN_TOTO_PAYLOAD_TYPE, payload: encodeStatement(payment(1)) };
const gate = (): { readonly opened: Promise<void>; readonly open: () => void } => {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
};
const entryOf = (value: number): { readonly entry: Uint8Array } => ({ entry: Uint8Array.of(value) });

describe('one key that is told twice', () => {
  it('counts once in another spelling of a P-256 key', async () => {
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
    const signer = await p256Signer(await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify']));
    // The same point, compressed: other bytes, and WebCrypto of Node reads them too.
    const [x, y] = [signer.publicKey.slice(27, 59), signer.publicKey.slice(59)];
    const head = parseHex('3039301306072a8648ce3d020106082a8648ce3d030107032200');
    const compressed = Uint8Array.of(...head, 2 + ((y.at(-1) ?? 0) & 1), ...x);
    const envelope = await signEnvelope(content, [signer]);
    const twice = { ...envelope, signatures: [0, 1].map(() => ({ signature: envelope.signatures[0]?.signature })) };

    await expect(
      (async () => {
        const keys = [await p256Verifier(signer.publicKey), await p256Verifier(compressed)];
        return verifyEnvelope(twice as typeof envelope, { keys, threshold: 2 });
      })(),
    ).rejects.toThrow('RECEIPTS_INVALID_ARGUMENT');
  });

  it('counts once as a key of BIP340 and of ECDSA', async () => {
    const secret = new Uint8Array(32).fill(7);
    const signers = (['schnorr-secp256k1', 'ecdsa-secp256k1-sha256'] as const).map((algorithm) =>
      secp256k1Signer(secret, { algorithm }),
    );
    const keys = signers.map(({ publicKey }) => secp256k1Verifier(publicKey));
    const envelope = await signEnvelope(content, signers);

    await expect(verifyEnvelope(envelope, { keys, threshold: 2 })).rejects.toThrow('RECEIPTS_INVALID_ARGUMENT');
  });
});

describe('a key id that is empty', () => {
  it('is none, as other writers of DSSE put it', async () => {
    const { signers, policy } = createScene();
    const envelope = await signEnvelope(content, signers);
    const nameless = envelope.signatures.map(({ signature }) => ({ keyId: '', signature }));

    const verified = await verifyEnvelope({ ...envelope, signatures: nameless }, policy.signers);
    expect(verified.signedBy).toEqual(signers.map(({ keyId }) => keyId));
  });
});

describe('a text of millions of escapes', () => {
  it('is read to its end', () => {
    const statement = { ...payment(1), predicate: { note: '\n'.repeat(6_000_000) } };

    expect(encodeStatement(statement).length).toBeGreaterThan(12_000_000);
  });
});

describe('a log reader that is asked twice at once', () => {
  it('never goes back, and never believes two histories', async () => {
    const scene = createScene({ witnesses: 0 });
    const { origin, logSigner } = scene;
    const historyOf = async (...values: readonly number[]): Promise<ReturnType<typeof createMemoryLogStorage>> => {
      const storage = createMemoryLogStorage();
      const log = createLog({ storage });
      for (const value of values) await log.append([entryOf(value)]);
      await publishCheckpoint(log, { origin, signers: [logSigner] });
      return storage;
    };
    const [first, fork, longer] = [await historyOf(1), await historyOf(1, 2), await historyOf(1, 9, 4)];
    const checkpoints = [first, fork, longer];
    const slow = gate();
    const reader = createLogReader({
      policy: scene.policy.log,
      read: async (path) => {
        if (path === 'checkpoint') return checkpoints.shift()?.read(path);
        if (path.endsWith('.p/2')) await slow.opened;
        return (path.endsWith('.p/2') ? fork : longer).read(path);
      },
    });
    await reader.refresh();
    const both = [reader.refresh(), reader.refresh()];
    setTimeout(() => slow.open(), 5);
    const settled = await Promise.allSettled(both);

    const sizes = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value.size] : []));
    expect(sizes).toEqual([2]);
    expect(settled[1]).toMatchObject({ reason: { code: 'RECEIPTS_LOG_FORKED' } });
    expect(reader.trusted?.split('\n')[1]).toBe('2');
  });

  it('keeps the newer checkpoint when the first one handed in is still being verified', async () => {
    const scene = createScene({ witnesses: 0 });
    const { origin, logSigner, log, storage } = scene;
    await log.append([entryOf(1)]);
    const { note } = await publishCheckpoint(log, { origin, signers: [logSigner] });
    await log.append([entryOf(2)]);
    await publishCheckpoint(log, { origin, signers: [logSigner] });
    const slow = gate();
    let asked = 0;
    const [key] = scene.policy.log.logKeys;
    if (key === undefined) throw new Error('no key');
    const logKeys = [
      {
        ...key,
        verify: async (text: string, signature: Uint8Array) => {
          if (asked++ === 0) await slow.opened;
          return key.verify(text, signature);
        },
      },
    ];
    const reader: LogReader = createLogReader({
      policy: { ...scene.policy.log, logKeys },
      trusted: note,
      read: (path) => storage.read(path),
    });
    const early = reader.entry(0);
    await reader.refresh();
    slow.open();
    await early;

    expect((await reader.entry(1)).index).toBe(1);
  });
});

describe('a witness that never answers', () => {
  const silent = (witness: Witness): Witness => ({ ...witness, cosign: () => new Promise<string>(() => {}) });

  it('holds up nothing once its time is over', async () => {
    const scene = createScene({ witnesses: 3 });
    const [first, second, third] = scene.witnesses as readonly [Witness, Witness, Witness];
    const refusals: unknown[] = [];
    const receipts = createReceipts({
      log: scene.log,
      origin: scene.origin,
      signers: scene.signers,
      logSigners: [scene.logSigner],
      witnesses: [first, second, silent(third)],
      quorum: 2,
      witnessTimeoutMs: 20,
      onRefusal: (refusal) => refusals.push(refusal),
    });

    expect((await receipts.issue(payment(1), { key: '1' })).index).toBe(0);
    expect(refusals).toMatchObject([{ witness: third.key.name, error: { code: 'RECEIPTS_WITNESS_ANSWER_INVALID' } }]);
  });

  it('does not keep a call from being ended', async () => {
    const scene = createScene({ witnesses: 1 });
    const witnesses = scene.witnesses.map(silent);
    const { log, origin, signers, logSigner } = scene;
    const receipts = createReceipts({ log, origin, signers, logSigners: [logSigner], witnesses });
    const controller = new AbortController();
    const waiting = receipts.issue(payment(1), { key: '1', signal: controller.signal });
    setTimeout(() => controller.abort(), 5);
    await expect(waiting).rejects.toThrow('RECEIPTS_ABORTED');

    const other = new AbortController();
    const published = publishCheckpoint(log, { origin, signers: [logSigner], witnesses, signal: other.signal });
    setTimeout(() => other.abort(), 5);
    await expect(published).rejects.toThrow('RECEIPTS_ABORTED');
  });
});

describe('a fork', () => {
  it('is called one over HTTP too', async () => {
    const scene = createScene({ witnesses: 1 });
    const [witness] = scene.witnesses as readonly [Witness];
    const remote = createHttpWitness({ url: 'https://w.example', key: witness.key, fetch: witnessHandler(witness) });
    const { origin, logSigner } = scene;
    const other = createLog({ storage: createMemoryLogStorage() });
    await scene.log.append([entryOf(1)]);
    await other.append([entryOf(2)]);
    await publishCheckpoint(scene.log, { origin, signers: [logSigner], witnesses: [remote] });
    const { refusals } = await publishCheckpoint(other, {
      origin,
      signers: [logSigner],
      witnesses: [remote],
      quorum: 0,
    });

    expect(refusals).toMatchObject([{ error: { code: 'RECEIPTS_LOG_FORKED', details: { origin, knownSize: 1 } } }]);
  });
});

describe('a note under a policy that refuses unknown signatures', () => {
  it('has no second line in the name of a key that signed', async () => {
    const scene = createScene({ witnesses: 0 });
    await scene.log.append([entryOf(1)]);
    const { note } = await publishCheckpoint(scene.log, { origin: scene.origin, signers: [scene.logSigner] });
    const bytes = Buffer.from(note.trimEnd().split(' ').at(-1) ?? '', 'base64');
    bytes.fill(0, 4);
    const longer = `${note}— ${scene.logSigner.name} ${bytes.toString('base64')}\n`;

    expect((await verifyCheckpoint(longer, scene.policy.log)).size).toBe(1);
    const strict = { ...scene.policy.log, unknownSignatures: 'refuse' } as const;
    expect((await verifyCheckpoint(note, strict)).size).toBe(1);
    await expect(verifyCheckpoint(longer, strict)).rejects.toThrow('RECEIPTS_NOTE_UNVERIFIED');
  });
});

describe('proof of work', () => {
  it('is seen in the genesis header of signet, whose limit is the easiest that its blocks may have', () => {
    const header = new Uint8Array(80);
    const view = new DataView(header.buffer);
    view.setUint32(0, 1, true);
    header.set(parseHex('3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a'), 36);
    for (const [at, value] of [
      [68, 1_598_918_400],
      [72, 0x1e0377ae],
      [76, 52_613_770],
    ] as const)
      view.setUint32(at, value, true);

    expect(hasProofOfWork(header, 'signet')).toBe(true);
    expect(hasProofOfWork(header, 'main')).toBe(false);
  });
});

describe('a second log on the folder of another', () => {
  it('sees what the first has written meanwhile instead of writing another history over it', async () => {
    const folder = join(base, 'two');
    const [first, second] = [0, 1].map(() => createLog({ storage: createFileLogStorage({ folder, fs, sqlite }) })) as [
      MerkleLog,
      MerkleLog,
    ];
    await first.append([{ ...entryOf(1), key: 'one' }]);
    await second.append([{ ...entryOf(2), key: 'two' }]);
    await first.append([{ ...entryOf(3), key: 'three' }]);

    expect(await second.append([{ ...entryOf(4), key: 'four' }])).toEqual([{ index: 3, appended: true }]);
    expect(await second.append([{ ...entryOf(9), key: 'three' }])).toEqual([{ index: 2, appended: false }]);
    expect((await first.head()).size).toBe(4);
    expect(await first.indexOf('four')).toBe(3);
    const again = createLog({ storage: createFileLogStorage({ folder, fs, sqlite }) });
    expect(await again.root(4)).toEqual(await first.root(4));
  });
});

describe('a log in files on a machine that stops', () => {
  it('has every name of a folder on the disk before the journal is forgotten', async () => {
    const folder = join(base, 'names');
    const unsynced = new Set<string>();
    const there = new Set<string>();
    const lost: string[] = [];
    const watching: FileAccess = {
      ...fs,
      mkdir: async (path, options) => {
        await fs.mkdir(path, options);
        // Each folder that is new is a name in the one above it, which only that one's sync makes durable.
        for (let at = path; at.length > folder.length && !there.has(at); at = dirname(at)) {
          there.add(at);
          unsynced.add(at);
        }
      },
      open: async (path, flags) => {
        const handle = await fs.open(path, flags);
        return {
          writeFile: (bytes) => handle.writeFile(bytes),
          close: () => handle.close(),
          sync: async () => {
            await handle.sync();
            for (const name of unsynced) if (dirname(name) === path) unsynced.delete(name);
          },
        };
      },
      rm: async (path, options) => {
        if (path.endsWith('.journal')) lost.push(...unsynced);
        await fs.rm(path, options);
      },
    };
    const log = createLog({ storage: createFileLogStorage({ folder, fs: watching, sqlite }) });
    for (let i = 0; i < 3; i++) await log.append(Array.from({ length: 200 }, (_, j) => entryOf((i + j) % 256)));

    expect(there.size).toBeGreaterThan(4);
    expect(lost).toEqual([]);
  });
});

describe('calls with what is no argument', () => {
  it('are answered with a code', async () => {
    const { log, policy, origin, logSigner, witnesses } = createScene({ witnesses: 1 });
    const reader = createLogReader({ read: async () => undefined, policy: policy.log });
    const nothing = undefined as never;
    const calls: ReadonlyArray<() => unknown> = [
      () => reader.entries(nothing)[Symbol.asyncIterator]().next(),
      () => reader.entries({ start: nothing, end: 2 })[Symbol.asyncIterator]().next(),
      () => log.publish(nothing),
      () => log.publish({ note: 'x', size: Number.NaN }),
      () => log.append([{ entry: Uint8Array.of(1), key: 'a\uD800' }]),
      () => verifyCheckpoint('x', { ...policy.log, witnesses: [null as never] }),
      () => createWitness({ signer: logSigner, logs: [null as never], storage: nothing }),
      () => createReceipts({ log, origin, signers: [null as never], logSigners: [logSigner], witnesses }),
      () => createReceipts({ log, origin, signers: [], logSigners: [logSigner], witnesses: 5 as never }),
    ];
    for (const call of calls) await expect((async () => call())()).rejects.toThrow('RECEIPTS_INVALID_ARGUMENT');
  });
});
