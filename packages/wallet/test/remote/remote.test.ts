import { createServer, request as httpsRequest, type RequestOptions } from 'node:https';
import { connect, createServer as createTcpServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { currentCrypto, loadCrypto, systemClock, toHex, unixMilliseconds } from '@bitcoin-enterprise/core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WalletError } from '../../src/errors.ts';
import { deriveKey, masterKey, SecretBytes } from '../../src/keys/index.ts';
import { createPsbt, type Psbt, psbtToBase64 } from '../../src/psbt/index.ts';
import {
  createRemoteSigner,
  createRemoteSignerServer,
  type MutualTls,
  type RemoteSigner,
  type RemoteSignerOptions,
  type RemoteSignerServerOptions,
} from '../../src/remote/index.ts';
import { createKeyRing, memorySigner, type Signer } from '../../src/signers/index.ts';
import { signerPromises } from '../../src/testing/index.ts';
import { makeCertificate, type TestCertificate } from '../support/certificates.ts';

const CANARY = 'canary-of-the-server';
const authority = makeCertificate({ commonName: 'our authority' });
const otherAuthority = makeCertificate({ commonName: 'another authority' });
const serverCertificate = makeCertificate({ commonName: 'signer', issuer: authority });
const clientCertificate = makeCertificate({ commonName: 'treasury-desk', issuer: authority });
const tlsOf = (own: TestCertificate, trusted: TestCertificate = authority): MutualTls => ({
  certificate: own.certificate,
  key: own.key,
  authorities: trusted.certificate,
});

const toClose: (() => Promise<unknown>)[] = [];
const secretKey = new Uint8Array(32).fill(0x61);
let signer: Signer;
let psbt: Psbt;
let signed: Psbt;

beforeAll(async () => {
  await loadCrypto();
  signer = memorySigner(createKeyRing({ secretKeys: [secretKey] }), { name: 'far' });
  psbt = psbtOf(secretKey, 1);
  signed = await signer.sign(psbt);
});
afterEach(async () => {
  for (const close of toClose.splice(0)) await close();
});

function psbtOf(secret: Uint8Array, number: number): Psbt {
  const crypto = currentCrypto();
  const publicKey = crypto.publicKey(secret) as Uint8Array;
  return createPsbt({
    inputs: [
      {
        previousTxid: new Uint8Array(32).fill(number),
        previousIndex: number,
        witnessUtxo: { value: 9_000n, scriptPubKey: Uint8Array.of(0, 20, ...crypto.hash160(publicKey)) },
        derivations: [{ publicKey, origin: { fingerprint: new Uint8Array(4), path: [] } }],
      },
    ],
    outputs: [{ value: 1_000n, scriptPubKey: Uint8Array.of(0x51) }],
  });
}

async function serve(more: Partial<RemoteSignerServerOptions> = {}): Promise<number> {
  const server = createRemoteSignerServer({
    signer,
    tls: tlsOf(serverCertificate),
    authorise: () => ({ allowed: true }),
    ...more,
  });
  toClose.push(() => server.close());
  return (await server.listen()).port;
}

function client(port: number, more: Partial<RemoteSignerOptions> = {}): RemoteSigner {
  const remote = createRemoteSigner({
    url: `https://127.0.0.1:${port}`,
    tls: tlsOf(clientCertificate),
    name: 'remote',
    ...more,
  });
  toClose.push(() => remote.close());
  return remote;
}

/** A server that answers whatever it likes. */
async function serveRaw(
  answer: (body: string) => { readonly status?: number; readonly body: string } | undefined,
): Promise<number> {
  const server = createServer(
    { cert: serverCertificate.certificate, key: serverCertificate.key, ca: authority.certificate, requestCert: true },
    (request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const given = answer(Buffer.concat(parts).toString());
        if (given === undefined) return void request.socket.destroy();
        response.writeHead(given.status ?? 200, { 'content-type': 'application/json' });
        response.end(given.body);
      });
    },
  );
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  toClose.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** One request as anybody could make it. */
function post(
  port: number,
  body: string,
  more: RequestOptions = {},
): Promise<{ readonly status: number; readonly body: string }> {
  const { certificate, key } = tlsOf(clientCertificate);
  return new Promise((done, fail) => {
    const request = httpsRequest(
      {
        host: '127.0.0.1',
        port,
        path: '/v1/sign',
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        cert: certificate,
        key: key as string,
        ca: authority.certificate,
        agent: false,
        ...more,
      },
      (response) => {
        let text = '';
        response.on('data', (part: Buffer) => (text += part.toString()));
        response.on('end', () => done({ status: response.statusCode ?? 0, body: text }));
      },
    );
    request.on('error', fail);
    request.end(body);
  });
}

const requestOf = (fields: object = {}): string =>
  JSON.stringify({ version: 1, key: '0a'.repeat(16), sentAt: Date.now(), psbt: psbtToBase64(psbt), ...fields });
const failureOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'it was signed',
    (error: unknown) => error,
  );

describe('a remote signer keeps the promises of a signer', () => {
  const master = () => masterKey(new SecretBytes(new Uint8Array(32).fill(0x21)), { network: 'main' });
  it.for(signerPromises)('$name', ({ run }) =>
    run(async () => {
      const keys = [0, 1, 2, 3].map((step) => ({
        publicKey: deriveKey(master(), [step]).publicKey,
        origin: { fingerprint: master().fingerprint, path: [step] },
      }));
      const server = createRemoteSignerServer({
        signer: memorySigner(createKeyRing({ extendedKeys: [master()] })),
        tls: tlsOf(serverCertificate),
        authorise: () => ({ allowed: true }),
      });
      const { port } = await server.listen();
      const remote = createRemoteSigner({ url: `https://localhost:${port}`, tls: tlsOf(clientCertificate) });
      return {
        signer: remote,
        ecdsaKeys: keys.slice(0, 2),
        schnorrKeys: keys.slice(2),
        secrets: [toHex(master().secretKey() as Uint8Array), 'PRIVATE KEY'],
        close: async () => {
          await remote.close();
          await server.close();
        },
      };
    }),
  );
});

describe('who may connect', () => {
  it('is told from its certificate, and asked about', async () => {
    const asked: unknown[] = [];
    const port = await serve({
      authorise: ({ client: who, psbt: what, signal }) => {
        asked.push({ who, outputs: what.outputs.length, isSignal: signal instanceof AbortSignal });
        return { allowed: true };
      },
    });
    expect(psbtToBase64(await client(port).sign(psbt))).toBe(psbtToBase64(signed));
    expect(asked).toEqual([
      {
        who: {
          commonName: 'treasury-desk',
          fingerprint: clientCertificate.fingerprint,
          serialNumber: expect.stringMatching(/^[0-9a-f]+$/) as string,
          alternativeNames: 'DNS:localhost, IP Address:127.0.0.1',
        },
        outputs: 1,
        isSignal: true,
      },
    ]);
  });

  it('is nobody without a certificate, with an expired one, or one of another authority', async () => {
    let asked = 0;
    const port = await serve({ authorise: () => ({ allowed: ++asked > 0 }) as never });
    const expired = makeCertificate({ commonName: 'treasury-desk', issuer: authority, from: -9, until: -2 });
    const early = makeCertificate({ commonName: 'treasury-desk', issuer: authority, from: 2, until: 9 });
    const foreign = makeCertificate({ commonName: 'treasury-desk', issuer: otherAuthority });
    const self = makeCertificate({ commonName: 'treasury-desk' });
    for (const own of [expired, early, foreign, self])
      await expect(client(port, { tls: tlsOf(own) }).sign(psbt)).rejects.toMatchObject({
        code: 'WALLET_SIGNER_UNAVAILABLE',
        details: { signer: 'remote' },
      });
    await expect(post(port, requestOf(), { cert: undefined, key: undefined })).rejects.toThrow(
      /ECONNRESET|alert|hang up/i,
    );
    await expect(post(port, requestOf(), { maxVersion: 'TLSv1.2' })).rejects.toThrow(/protocol version|ECONNRESET/i);
    expect(asked).toBe(0);
  });

  it('does not go to a server that is another one', async () => {
    const expired = makeCertificate({ commonName: 'signer', issuer: authority, from: -9, until: -2 });
    const foreign = makeCertificate({ commonName: 'signer', issuer: otherAuthority });
    for (const [own, reason] of [
      [expired, 'CERT_HAS_EXPIRED'],
      [foreign, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ] as const) {
      const port = await serve({ tls: tlsOf(own) });
      await expect(client(port).sign(psbt)).rejects.toMatchObject({
        code: 'WALLET_SIGNER_UNAVAILABLE',
        details: { reason },
      });
    }
    const port = await serve();
    const byName = client(port, { url: `https://127.0.0.2:${port}` });
    await expect(byName.sign(psbt)).rejects.toMatchObject({ code: 'WALLET_SIGNER_UNAVAILABLE' });
    const pinned = client(port, { serverFingerprint: serverCertificate.fingerprint.toUpperCase() });
    expect(await pinned.sign(psbt)).toMatchObject({ inputs: [{ partialSignatures: [{}] }] });
    const wrong = client(port, { serverFingerprint: clientCertificate.fingerprint });
    await expect(wrong.sign(psbt)).rejects.toMatchObject({
      code: 'WALLET_SIGNER_UNAVAILABLE',
      details: { reason: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    });
  });

  it('is refused by who authorises, in its words or its code, and by anything but a clear yes', async () => {
    const no = await serve({ authorise: () => ({ allowed: false, reason: 'over the limit' }) });
    await expect(client(no).sign(psbt)).rejects.toMatchObject({
      code: 'WALLET_SIGNER_REFUSED',
      details: { signer: 'remote', reason: 'over the limit' },
    });
    const coded = await serve({
      authorise: () => {
        throw new WalletError('WALLET_NOT_APPROVED', CANARY, { details: { reasons: ['two more must agree'] } });
      },
    });
    await expect(client(coded).sign(psbt)).rejects.toMatchObject({
      code: 'WALLET_NOT_APPROVED',
      details: { reasons: ['two more must agree'] },
    });
    for (const answer of [undefined, true, 'yes', { allowed: 'true' }, { allowed: 1 }, {}]) {
      const port = await serve({ authorise: () => answer as never });
      await expect(client(port).sign(psbt)).rejects.toMatchObject({ code: 'WALLET_SIGNER_REFUSED' });
    }
  });
});

describe('what goes over the wire', () => {
  it('is no stack, no text and no secret of the server', async () => {
    const logged: string[] = [];
    const warn = (message: string, fields?: object): void => void logged.push(message + JSON.stringify(fields));
    const logger = { debug() {}, info() {}, warn, error() {}, child: () => logger };
    for (const error of [
      new Error(CANARY),
      CANARY,
      Object.assign(new Error(CANARY), { code: 'WALLET_FORBIDDEN', details: { actor: CANARY } }),
      new WalletError('WALLET_INVALID_ARGUMENT', CANARY, {
        details: { argument: CANARY, expected: CANARY, got: CANARY },
      }),
      new WalletError('WALLET_KEY_UNKNOWN', CANARY, { details: { key: 7 as never } }),
    ]) {
      const port = await serve({ logger, signer: { name: 'far', sign: () => Promise.reject(error as Error) } });
      const { status, body } = await post(port, requestOf());
      expect(status).toBe(503);
      expect(JSON.parse(body)).toEqual({
        version: 1,
        key: '0a'.repeat(16),
        error: { code: 'WALLET_SIGNER_UNAVAILABLE', details: { reason: 'it failed' }, retryable: false },
      });
      expect(inspect(await failureOf(client(port).sign(psbt)), { depth: 9 })).not.toContain(CANARY);
    }
    expect(logged).toHaveLength(10);
    expect(logged.join('')).not.toContain(CANARY);
  });

  it('is answered whatever becomes of the log', async () => {
    const warn = (): never => {
      throw new Error(CANARY);
    };
    const logger = { debug() {}, info() {}, warn, error() {}, child: () => logger };
    const port = await serve({ logger, authorise: () => ({ allowed: false, reason: 'no' }) });

    // Twice: what nobody has caught would have ended the server.
    for (let times = 0; times < 2; times++)
      await expect(client(port).sign(psbt)).rejects.toMatchObject({
        code: 'WALLET_SIGNER_REFUSED',
        details: { reason: 'no' },
      });
  });

  it('are codes that both sides know, with their facts', async () => {
    const errors = [
      new WalletError('WALLET_TOKEN_PIN_WRONG', 'x', { details: { isLocked: true } }),
      new WalletError('WALLET_TOKEN_FAILED', 'x', { details: { call: 'C_Sign', code: 5, name: 'CKR_GENERAL_ERROR' } }),
      new WalletError('WALLET_PSBT_INPUT_INVALID', 'x', { details: { input: 3, reason: 'y' } }),
      new WalletError('WALLET_PSBT_LOCK_TIME_UNDETERMINED', 'x', { details: { inputs: [1, 2] } }),
      new WalletError('WALLET_SIGNER_UNAVAILABLE', 'x', {
        details: { signer: 'token', reason: 'gone' },
        retryable: true,
      }),
    ];
    for (const error of errors) {
      const port = await serve({ signer: { name: 'far', sign: () => Promise.reject(error) } });
      const details = 'signer' in error.details ? { ...error.details, signer: 'remote' } : error.details;
      await expect(client(port).sign(psbt)).rejects.toMatchObject({
        code: error.code,
        details,
        retryable: error.retryable,
      });
    }
  });

  it('is one call, of one kind and size', async () => {
    const port = await serve({ maxBodyBytes: 4_096 });
    expect((await post(port, '', { path: '/' })).status).toBe(404);
    expect((await post(port, '', { method: 'GET' })).status).toBe(405);
    expect((await post(port, '{}', { headers: { 'content-type': 'text/plain' } })).status).toBe(415);
    expect((await post(port, `"${'x'.repeat(10_000)}"`)).status).toBe(413);
    for (const body of [
      '',
      '{}',
      '[]',
      'null',
      requestOf({ version: 2 }),
      requestOf({ key: 'x' }),
      requestOf({ sentAt: '1' }),
      requestOf({ psbt: 7 }),
      requestOf({ more: 1 }),
    ])
      expect(await post(port, body)).toEqual({ status: 400, body: '' });
    expect(JSON.parse((await post(port, requestOf({ psbt: 'AAAA' }))).body)).toMatchObject({
      error: { code: 'WALLET_PSBT_MALFORMED', details: { offset: 0 } },
    });
  });

  it('is refused when it is huge, in both directions', async () => {
    const port = await serve({ maxBodyBytes: 1_024 });
    const large = createPsbt({
      inputs: psbt.inputs,
      outputs: Array.from({ length: 200 }, () => ({ value: 1n, scriptPubKey: new Uint8Array(40) })),
    });
    expect(await failureOf(client(port).sign(large))).toMatchObject({
      code: expect.stringMatching(/^WALLET_SIGNER_(REFUSED|UNAVAILABLE)$/) as string,
    });
    await expect(client(port, { maxBodyBytes: 1_024 }).sign(psbt)).resolves.toBeDefined();
    const huge = await serveRaw((body) => ({
      body: JSON.stringify({ ...JSON.parse(body), psbt: 'A'.repeat(9_000_000) }),
    }));
    await expect(client(huge).sign(psbt)).rejects.toMatchObject({
      code: 'WALLET_SIGNER_ANSWER_INVALID',
      details: { reason: 'an answer that is too large' },
    });
  });
});

describe('an answer', () => {
  it('is believed only when it is the same transaction with signatures that verify', async () => {
    const keyOf = (body: string): string => (JSON.parse(body) as { key: string }).key;
    const with_ = (answer: Psbt) => (body: string) => ({
      body: JSON.stringify({ version: 1, key: keyOf(body), psbt: psbtToBase64(answer) }),
    });
    const [input] = signed.inputs as [Psbt['inputs'][number]];
    const [signature] = input.partialSignatures as [(typeof input.partialSignatures)[number]];
    const spoilt = new Uint8Array(signature.signature);
    spoilt[12] = (spoilt[12] as number) ^ 1;
    const stranger = await memorySigner(createKeyRing({ secretKeys: [new Uint8Array(32).fill(7)] })).sign(
      psbtOf(new Uint8Array(32).fill(7), 1),
    );
    const lies: readonly ((body: string) => { readonly status?: number; readonly body: string })[] = [
      with_({ ...signed, outputs: [{ ...(signed.outputs[0] as Psbt['outputs'][number]), value: 2_000n }] }),
      with_({ ...signed, inputs: [{ ...input, partialSignatures: [{ ...signature, signature: spoilt }] }] }),
      with_({ ...signed, inputs: [{ ...input, previousIndex: 9 }] }),
      with_(stranger),
      (body) => ({
        body: JSON.stringify({ version: 1, key: '00'.repeat(16), psbt: psbtToBase64(signed), was: keyOf(body) }),
      }),
      () => ({ body: JSON.stringify({ version: 1, key: '00'.repeat(16), psbt: psbtToBase64(signed) }) }),
      (body) => ({ body: JSON.stringify({ version: 2, key: keyOf(body), psbt: psbtToBase64(signed) }) }),
      (body) => ({ body: JSON.stringify({ version: 1, key: keyOf(body), psbt: 'AAAA' }) }),
      (body) => ({
        body: JSON.stringify({ version: 1, key: keyOf(body), error: { code: 'X', details: {}, retryable: true } }),
      }),
      (body) => ({
        body: JSON.stringify({
          version: 1,
          key: keyOf(body),
          error: { code: 'WALLET_FORBIDDEN', details: { actor: 1 }, retryable: true },
        }),
      }),
      (body) => ({ body: JSON.stringify({ version: 1, key: keyOf(body), error: null }) }),
      () => ({ body: '' }),
      () => ({ body: '{' }),
      () => ({ status: 302, body: '' }),
      () => ({ status: 500, body: 'x' }),
    ];
    for (const [place, lie] of lies.entries())
      await expect(client(await serveRaw(lie)).sign(psbt), String(place)).rejects.toMatchObject({
        code: 'WALLET_SIGNER_ANSWER_INVALID',
        details: { signer: 'remote' },
      });
    expect(await client(await serveRaw(with_(signed))).sign(psbt)).toMatchObject({
      inputs: [{ partialSignatures: [{}] }],
    });
  });

  it('to a silent payment has proven shares, the script that follows, and signatures (BIP375)', async () => {
    const [scan, spend] = [8, 9].map((fill) => currentCrypto().publicKey(new Uint8Array(32).fill(fill)) as Uint8Array);
    const silentAddress = Uint8Array.of(...(scan ?? []), ...(spend ?? []));
    const open = {
      ...psbt,
      modifiable: 0,
      outputs: [{ ...(psbt.outputs[0] as Psbt['outputs'][number]), silentAddress, scriptPubKey: new Uint8Array() }],
    };
    const paid = await client(await serve()).sign(open);
    expect(paid.outputs[0]?.scriptPubKey).toHaveLength(34);
    expect(paid.inputs[0]?.partialSignatures).toHaveLength(1);

    const [share] = [...paid.silentShares, ...(paid.inputs[0]?.silentShares ?? [])];
    const flip = (bytes: Uint8Array | undefined): Uint8Array =>
      (bytes ?? new Uint8Array(64)).map((byte, i) => (i === 9 ? byte ^ 1 : byte));
    const [input] = paid.inputs as [Psbt['inputs'][number]];
    const [output] = paid.outputs as [Psbt['outputs'][number]];
    const without = { ...input, silentShares: [] };
    const lies: readonly Psbt[] = [
      { ...paid, outputs: [{ ...output, scriptPubKey: flip(output.scriptPubKey) }] },
      { ...paid, silentShares: [{ ...share, proof: flip(share?.proof) } as never], inputs: [without] },
      { ...paid, silentShares: [], inputs: [without] },
      { ...paid, outputs: [{ ...output, silentAddress: flip(silentAddress) }] },
    ];
    for (const [place, lie] of lies.entries()) {
      const answer = (body: string) => ({
        body: JSON.stringify({ version: 1, key: (JSON.parse(body) as { key: string }).key, psbt: psbtToBase64(lie) }),
      });
      await expect(client(await serveRaw(answer)).sign(open), String(place)).rejects.toMatchObject({
        code: 'WALLET_SIGNER_ANSWER_INVALID',
      });
    }
  });

  it('of a signer that lies does not leave the server', async () => {
    const port = await serve({ signer: { name: 'far', sign: async () => ({ ...signed, transactionVersion: 1 }) } });
    expect(JSON.parse((await post(port, requestOf())).body)).toMatchObject({
      error: { code: 'WALLET_SIGNER_ANSWER_INVALID' },
    });
  });

  it('comes late, and nobody waits for ever', async () => {
    let wasAborted = false;
    const slow: Signer = {
      name: 'far',
      sign: (_, options) => new Promise(() => options?.signal?.addEventListener('abort', () => (wasAborted = true))),
    };
    const port = await serve({ signer: slow, timeoutMs: 400 });
    // Longer than this test may take: whoever asks has ended the call itself.
    const patient = await serve({ signer: slow, timeoutMs: 600_000 });
    const unavailable = {
      code: 'WALLET_SIGNER_UNAVAILABLE',
      details: { reason: 'no answer in time' },
      retryable: true,
    };
    await expect(client(patient, { timeoutMs: 100 }).sign(psbt)).rejects.toMatchObject(unavailable);
    await expect(client(port).sign(psbt)).rejects.toMatchObject(unavailable);
    expect(wasAborted).toBe(true);
    const controller = new AbortController();
    const call = client(port).sign(psbt, { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await expect(call).rejects.toMatchObject({ code: 'WALLET_ABORTED' });
  });
});

describe('a request', () => {
  const counting = (): { readonly signer: Signer; readonly count: () => number } => {
    let count = 0;
    const sign: Signer['sign'] = async (given, options) => {
      count += 1;
      await sleep(20);
      return signer.sign(given, options);
    };
    return { signer: { name: 'far', sign }, count: () => count };
  };

  it('whose answer is lost is sent once more, and signed once', async () => {
    const { signer: counted, count } = counting();
    const port = await serve({ signer: counted });
    let connections = 0;
    const proxy = createTcpServer((socket) => {
      connections += 1;
      const isFirst = connections === 1;
      const upstream = connect(port, '127.0.0.1');
      let sent = 0;
      socket.on('data', (part) => (sent += part.length));
      socket.pipe(upstream);
      upstream.on('data', (part) => {
        // The first connection dies as soon as an answer comes: after the request, of some hundred bytes and more.
        if (isFirst && sent > 1_500 && count() > 0) socket.destroy();
        else socket.write(part);
      });
      for (const one of [socket, upstream]) one.on('error', () => undefined);
      socket.on('close', () => upstream.destroy());
      upstream.on('close', () => socket.destroy());
    });
    await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done));
    toClose.push(async () => proxy.close());
    const remote = client((proxy.address() as AddressInfo).port);

    expect(psbtToBase64(await remote.sign(psbt))).toBe(psbtToBase64(signed));
    expect([connections, count()]).toEqual([2, 1]);
  });

  it('is not sent a third time', async () => {
    let requests = 0;
    const port = await serveRaw(() => {
      requests += 1;
      return undefined;
    });
    await expect(client(port).sign(psbt)).rejects.toMatchObject({
      code: 'WALLET_SIGNER_UNAVAILABLE',
      details: { reason: 'ECONNRESET' },
      retryable: true,
    });
    expect(requests).toBe(2);
  });

  it('fails when the server ends in the middle, and is answered by the next one', async () => {
    const { signer: counted } = counting();
    const server = createRemoteSignerServer({
      signer: counted,
      tls: tlsOf(serverCertificate),
      authorise: () => ({ allowed: true }),
    });
    const { port } = await server.listen();
    const remote = client(port);
    await remote.sign(psbt);
    const call = failureOf(remote.sign(psbt));
    await sleep(10);
    await server.close();
    expect(await call).toMatchObject({ code: 'WALLET_SIGNER_UNAVAILABLE', retryable: true });

    const again = createRemoteSignerServer({
      signer: counted,
      tls: tlsOf(serverCertificate),
      authorise: () => ({ allowed: true }),
    });
    toClose.push(() => again.close());
    await again.listen({ port });
    expect(await remote.sign(psbt)).toMatchObject({ inputs: [{ partialSignatures: [{}] }] });
  });

  it('that comes again is answered as before; its key serves no other, and no old one', async () => {
    const { signer: counted, count } = counting();
    let nowMs = 1_700_000_000_000;
    let monotonic = 0;
    const clock = { ...systemClock(), nowMs: () => unixMilliseconds(nowMs), monotonicMs: () => monotonic };
    const port = await serve({ signer: counted, clock, maxAgeMs: 1_000 });
    const first = requestOf({ sentAt: nowMs });
    const [one, two] = await Promise.all([post(port, first), post(port, first)]);
    expect(one).toEqual(two);
    expect(await post(port, first)).toEqual(one);
    expect([one.status, count()]).toEqual([200, 1]);
    const refusal = async (body: string, reason: string, more: RequestOptions = {}): Promise<void> => {
      const answer = await post(port, body, more);
      expect(JSON.parse(answer.body)).toMatchObject({ error: { code: 'WALLET_SIGNER_REFUSED', details: { reason } } });
    };
    await refusal(requestOf({ sentAt: nowMs + 1 }), 'an idempotency key of another request');
    const old = 'a request that is too old, or a clock that is wrong';
    await refusal(requestOf({ sentAt: nowMs - 1_001, key: '0b'.repeat(16) }), old);
    await refusal(requestOf({ sentAt: nowMs + 1_001, key: '0b'.repeat(16) }), old);
    nowMs += 1_500;
    monotonic += 1_500;
    await refusal(first, old);
    expect(count()).toBe(1);
    // Another client may have thought of the same key.
    const desk = makeCertificate({ commonName: 'another-desk', issuer: authority });
    const other = await post(port, requestOf({ sentAt: nowMs }), { cert: desk.certificate, key: desk.key });
    expect([other.status, count()]).toEqual([200, 2]);
  });

  it('waits for its turn no longer than there is room', async () => {
    let open: () => void = () => undefined;
    const gate = new Promise<void>((done) => {
      open = done;
    });
    const waiting: Signer = { name: 'far', sign: async (given) => (await gate, signer.sign(given)) };
    const port = await serve({ signer: waiting, maxRequests: 2 });
    const answered: number[] = [];
    const answers = Array.from({ length: 6 }, async (_, n) => {
      const { status } = await post(port, requestOf({ key: `${n}`.repeat(32) }));
      answered.push(status);
      // The other two have all the room there is.
      if (answered.length === 4) open();
    });
    await Promise.all(answers);
    expect(answered).toStrictEqual([503, 503, 503, 503, 200, 200]);
  });

  it('is not waited for when the server ends, nor is who says nothing at all', async () => {
    const server = createRemoteSignerServer({
      signer,
      tls: tlsOf(serverCertificate),
      authorise: () => ({ allowed: true }),
    });
    const { port } = await server.listen();
    const silent = connect(port, '127.0.0.1');
    silent.on('error', () => undefined);
    const ended = new Promise<void>((done) => silent.on('close', () => done()));
    await new Promise<void>((done) => silent.on('connect', () => done()));
    // A handshake could take ten seconds.
    const first = await Promise.race([server.close().then(() => 'closed'), sleep(5_000, 'still open')]);

    expect(first).toBe('closed');
    await ended;
  });

  it('is one of a hundred at once', async () => {
    const { signer: counted, count } = counting();
    const port = await serve({ signer: counted, maxRequests: 200 });
    const remote = client(port);
    const psbts = Array.from({ length: 100 }, (_, n) => psbtOf(secretKey, n + 1));
    const answers = await Promise.all(psbts.map((one) => remote.sign(one)));
    expect(new Set(answers.map((answer) => toHex(answer.inputs[0]?.previousTxid as Uint8Array))).size).toBe(100);
    expect(count()).toBe(100);
  });
});

describe('arguments', () => {
  it('that are wrong have a code, and show nothing', async () => {
    const tls = tlsOf(clientCertificate);
    const url = 'https://127.0.0.1:1';
    const good = { signer, tls, authorise: () => ({ allowed: true }) as const };
    const calls: readonly (() => unknown)[] = [
      () => createRemoteSigner(undefined as never),
      ...['http://127.0.0.1', 'https://a/b', 'https://u:p@a', 'x', 7].map(
        (bad) => () => createRemoteSigner({ url: bad as string, tls }),
      ),
      () => createRemoteSigner({ url, tls: undefined as never }),
      () => createRemoteSigner({ url, tls: { ...tls, key: CANARY } }),
      () => createRemoteSigner({ url, tls: { ...tls, key: serverCertificate.key } }),
      () => createRemoteSigner({ url, tls: { ...tls, authorities: CANARY } }),
      () => createRemoteSigner({ url, tls, timeoutMs: 0 }),
      () => createRemoteSigner({ url, tls, serverFingerprint: 'x' }),
      () => createRemoteSigner({ url, tls, sighashTypes: [300] }),
      () => createRemoteSigner({ url, tls }).sign(psbt, { signal: 'x' as never }),
      () => createRemoteSigner({ url, tls }).sign('psbt' as never),
      () => createRemoteSignerServer(undefined as never),
      () => createRemoteSignerServer({ ...good, authorise: undefined as never }),
      () => createRemoteSignerServer({ ...good, signer: {} as never }),
      () => createRemoteSignerServer({ ...good, maxBodyBytes: 1 }),
      () => createRemoteSignerServer(good).listen({ port: -1 }),
    ];
    for (const [place, call] of calls.entries()) {
      const error = await failureOf(Promise.resolve().then(call));
      expect(error, String(place)).toMatchObject({ code: 'WALLET_INVALID_ARGUMENT' });
      expect(inspect(error, { depth: 9 })).not.toContain(CANARY);
    }
    const secret = new SecretBytes(new TextEncoder().encode(tls.key as string));
    expect(inspect(createRemoteSigner({ url, tls: { ...tls, key: secret } }), { depth: 9 })).not.toContain('PRIVATE');
  });

  it('of a port that is taken, or of a signer that was closed, say so', async () => {
    const port = await serve();
    const second = createRemoteSignerServer({
      signer,
      tls: tlsOf(serverCertificate),
      authorise: () => ({ allowed: true }),
    });
    await expect(second.listen({ port })).rejects.toMatchObject({
      code: 'WALLET_SIGNER_UNAVAILABLE',
      details: { reason: 'it cannot listen: EADDRINUSE' },
    });
    const remote = client(port);
    await remote.close();
    await expect(remote.sign(psbt)).rejects.toMatchObject({ code: 'WALLET_SIGNER_UNAVAILABLE' });
    await expect(client(1).sign(psbt)).rejects.toMatchObject({ details: { reason: 'ECONNREFUSED' } });
  });
});
