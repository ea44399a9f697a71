import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { inspect, promisify } from 'node:util';
import { loadCrypto, parseHex, toHex } from '@bitcoin-enterprise/core';
import { createSeededEntropy } from '@bitcoin-enterprise/core/testing';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { encryptKeystoreJson, encryptKeystoreJsonSync, Wallet } from 'ethers';
import fc from 'fast-check';
import { argon2Sync, createDecipheriv, scryptSync } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { keyOfPassword } from '../../src/keys/keystore/kdf.ts';
import {
  ARGON2ID_DEFAULT,
  changeKeystorePassword,
  generateMnemonic,
  type KeystoreSecret,
  openEthereumKeystore,
  openKeystore,
  readKeystore,
  SCRYPT_DEFAULT,
  sealKeystore,
  SecretBytes,
} from '../../src/keys/index.ts';

beforeAll(async () => {
  await loadCrypto();
});

const long = process.env['BE_LONG'] === '1';
const weak = { name: 'scrypt', n: 2 ** 14, r: 1, p: 1 } as const;
const weakArgon = { name: 'argon2id', memory: 8_192, passes: 1, lanes: 1 } as const;
const CANARY = 'canary-canary-canary-canary-0123';
const canary = new TextEncoder().encode(CANARY);
const secretsOf = (): readonly KeystoreSecret[] => [
  { id: 'a', kind: 'seed', secret: new SecretBytes(canary), metadata: { label: 'Treasury', 2: 'b', 1: 'a' } },
  { id: 'b', kind: 'other', secret: new SecretBytes(Uint8Array.of(9)) },
];
const shownOf = (opened: readonly { readonly secret: SecretBytes }[]) => opened.map(({ secret }) => secret.use(toHex));

describe('a keystore', () => {
  it.for([weak, weakArgon, { name: 'scrypt', n: 2 ** 14, r: 8, p: 2 } as const])(
    'opens with its password: %o',
    async (kdf) => {
      const text = await sealKeystore(secretsOf(), { password: 'pass', kdf });
      const opened = await openKeystore(text, { password: 'pass' });

      expect(shownOf(opened)).toEqual([toHex(canary), '09']);
      expect(opened.map(({ id, kind, length, metadata }) => ({ id, kind, length, metadata }))).toEqual(
        readKeystore(text).entries,
      );
      expect(opened[0]?.metadata).toEqual({ label: 'Treasury', 1: 'a', 2: 'b' });
      expect(readKeystore(text).kdf).toEqual(kdf);
      await expect(openKeystore(text, { password: 'Pass' })).rejects.toMatchObject({ code: 'WALLET_KEYSTORE_LOCKED' });
    },
  );

  it('is what its format says, told by other implementations of its functions', async () => {
    for (const kdf of [SCRYPT_DEFAULT, ARGON2ID_DEFAULT]) {
      const text = await sealKeystore(secretsOf().slice(1), { password: 'p\u{1d11e}ﬁ', kdf });
      const file = JSON.parse(text) as { kdf: { salt: string }; cipher: { nonce: string }; sealed: string };
      const salt = parseHex(file.kdf.salt);
      const password = new TextEncoder().encode('p\u{1d11e}fi');
      const key =
        kdf.name === 'scrypt'
          ? scryptSync(password, salt, 32, { N: kdf.n, r: kdf.r, p: kdf.p, maxmem: 2 ** 30 })
          : argon2Sync('argon2id', {
              message: password,
              nonce: salt,
              parallelism: kdf.lanes,
              tagLength: 32,
              memory: kdf.memory,
              passes: kdf.passes,
            });
      const { sealed, ...head } = file;
      const data = new TextEncoder().encode(JSON.stringify(head));
      const opened = xchacha20poly1305(new Uint8Array(key), parseHex(file.cipher.nonce), data).decrypt(
        parseHex(sealed),
      );
      expect(toHex(opened)).toBe('09');
    }
  });

  it('never has the same salt or nonce twice, and takes both from the entropy it is given', async () => {
    const kdf = weak;
    const one = await sealKeystore(secretsOf(), { password: 'x', kdf, entropy: createSeededEntropy('k') });
    const same = await sealKeystore(secretsOf(), { password: 'x', kdf, entropy: createSeededEntropy('k') });
    const other = await sealKeystore(secretsOf(), { password: 'x', kdf });
    const entropy = createSeededEntropy('k');

    expect(one).toBe(same);
    expect(one).toContain(toHex(entropy.bytes(32)));
    expect(one).toContain(toHex(entropy.bytes(24)));
    expect(other.slice(-80)).not.toBe(one.slice(-80));
  });

  it('asks for bytes when its entropy has something else', async () => {
    for (const bytes of [
      (length: number) => 'x'.repeat(length),
      (length: number) => new Array(length).fill(1),
      () => undefined,
      () => 32,
      () => new Uint8Array(1),
    ]) {
      const entropy = { bytes: bytes as never };
      const expected = { code: 'WALLET_INVALID_ARGUMENT', details: { argument: 'options.entropy' } };
      await expect(sealKeystore(secretsOf(), { password: 'x', kdf: weak, entropy })).rejects.toMatchObject(expected);
      await expect(generateMnemonic({ entropy })).rejects.toMatchObject(expected);
    }
  });

  it('takes one password however it is typed, and bytes as they are', async () => {
    const text = await sealKeystore(secretsOf(), { password: 'Ångström', kdf: weak });
    expect(await openKeystore(text, { password: 'A\u030angstro\u0308m' })).toHaveLength(2);
    const machine = await sealKeystore(secretsOf(), { password: new SecretBytes(canary), kdf: weak });
    expect(await openKeystore(machine, { password: CANARY })).toHaveLength(2);
  });

  it('does not open once anything in it is altered, spaces aside', async () => {
    const text = await sealKeystore(secretsOf(), { password: 'x', kdf: weak });
    expect(await openKeystore(JSON.stringify(JSON.parse(text)), { password: 'x' })).toHaveLength(2);
    const file = JSON.parse(text) as { secrets: [{ id: string; metadata: { label: string } }, object]; sealed: string };
    const altered: readonly string[] = [
      text.replace('Treasury', 'treasury'),
      text.replace('"kind": "seed"', '"kind": "other"'),
      text.replace('"id": "a"', '"id": "c"'),
      JSON.stringify({ ...file, secrets: file.secrets.toReversed() }),
      text.replace('"length": 32', '"length": 31').replace('"length": 1,', '"length": 2,'),
      text.replace('"r": 1', '"r": 2'),
      text.replace('"p": 1', '"p": 2'),
    ];
    for (const [place, other] of altered.entries()) {
      expect(other, String(place)).not.toBe(text);
      await expect(openKeystore(other, { password: 'x' }), String(place)).rejects.toMatchObject({
        code: 'WALLET_KEYSTORE_LOCKED',
      });
    }
    // The same digits in capitals, or the same number in other words: the format has one way to write them.
    const other = text.replace(/"sealed": "[0-9a-f]+"/, (line) => line.toUpperCase().replace('SEALED', 'sealed'));
    expect(other).not.toBe(text);
    await expect(openKeystore(other, { password: 'x' })).rejects.toMatchObject({ code: 'WALLET_KEYSTORE_INVALID' });
    // Any bit of what is random or sealed.
    for (const field of ['salt', 'nonce', 'sealed']) {
      const found = new RegExp(`"${field}": "([0-9a-f]+)"`).exec(text)?.[1] ?? '';
      for (const at of [0, found.length - 1]) {
        const digit = (Number.parseInt(found.charAt(at), 16) ^ 1).toString(16);
        const other = text.replace(found, found.slice(0, at) + digit + found.slice(at + 1));
        await expect(openKeystore(other, { password: 'x' })).rejects.toMatchObject({ code: 'WALLET_KEYSTORE_LOCKED' });
      }
    }
  });

  it('gets another password', async () => {
    const text = await sealKeystore(secretsOf(), { password: 'old', kdf: weak });
    const seen: number[] = [];
    const onProgress = (done: number) => void seen.push(done);
    const changed = await changeKeystorePassword(text, {
      password: 'old',
      newPassword: 'new',
      kdf: weakArgon,
      onProgress,
    });

    expect(shownOf(await openKeystore(changed, { password: 'new' }))).toEqual([toHex(canary), '09']);
    await expect(openKeystore(changed, { password: 'old' })).rejects.toMatchObject({ code: 'WALLET_KEYSTORE_LOCKED' });
    await expect(changeKeystorePassword(text, { password: 'no', newPassword: 'new', kdf: weak })).rejects.toMatchObject(
      { code: 'WALLET_KEYSTORE_LOCKED' },
    );
    await expect(changeKeystorePassword(text, { password: 'old', newPassword: '', kdf: weak })).rejects.toMatchObject({
      code: 'WALLET_INVALID_ARGUMENT',
    });
    expect([Math.min(...seen) < 0.1, seen.at(-1)]).toEqual([true, 1]);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  it.for([SCRYPT_DEFAULT, ARGON2ID_DEFAULT])('lets others run while it works, and can be ended: $name', async (kdf) => {
    // A turn every ten milliseconds or so: a derivation that blocked would let none happen.
    let turns = 0;
    const turning = setInterval(() => {
      turns += 1;
    }, 1);
    await sealKeystore(secretsOf(), { password: 'x', kdf });
    clearInterval(turning);
    expect(turns).toBeGreaterThan(8);

    const controller = new AbortController();
    const seen: number[] = [];
    const call = sealKeystore(secretsOf(), {
      password: 'x',
      kdf,
      signal: controller.signal,
      onProgress: (done) => {
        seen.push(done);
        if (done > 0.1) controller.abort();
      },
    });
    await expect(call).rejects.toMatchObject({ code: 'WALLET_ABORTED', details: { call: 'sealKeystore' } });
    expect(seen.at(-1)).toBeLessThan(0.9);
    await expect(
      openKeystore(await sealKeystore(secretsOf(), { password: 'x', kdf: weak }), {
        password: 'x',
        signal: AbortSignal.abort(),
      }),
    ).rejects.toMatchObject({ code: 'WALLET_ABORTED' });
  });

  it('shows nothing secret, whatever goes wrong', async () => {
    const password = 'hunter2-canary';
    const text = await sealKeystore(secretsOf(), { password, kdf: weak });
    const opened = await openKeystore(text, { password });
    const mnemonic = await generateMnemonic();
    const words = mnemonic.words().join(' ');
    const secret = new SecretBytes(canary);
    const calls: readonly (() => unknown)[] = [
      () => openKeystore(text, { password: `${password}!` }),
      () => openKeystore(text.replace('{', `{"${password}":"${CANARY}",`), { password }),
      () => openKeystore(`${password}${CANARY}`, { password }),
      () => sealKeystore([{ id: CANARY, kind: 'seed', secret: canary as never }], { password }),
      () => sealKeystore([{ id: 'x'.repeat(200) + CANARY, kind: 'seed', secret }], { password }),
      () => sealKeystore([{ id: 'x', kind: CANARY as never, secret }], { password }),
      () => sealKeystore(secretsOf(), { password: `${password}\ud800` }),
      () => sealKeystore(secretsOf(), { password, kdf: { name: 'scrypt', n: CANARY as never, r: 1, p: 1 } }),
      () => sealKeystore(secretsOf(), { password, signal: AbortSignal.abort(new Error('ended')) }),
      () => openEthereumKeystore(text, { password }),
      () => openEthereumKeystore(CANARY, { password }),
    ];
    const outputs: string[] = [];
    for (const call of calls) {
      const error: unknown = await Promise.resolve()
        .then(call)
        .then(
          () => expect.unreachable(),
          (caught: unknown) => caught,
        );
      outputs.push(
        inspect(error, { depth: 12, showHidden: true }),
        JSON.stringify(error),
        String((error as Error).stack),
      );
    }
    outputs.push(text, inspect(opened, { depth: 12, showHidden: true }), JSON.stringify(opened), String(opened));
    outputs.push(inspect(mnemonic, { depth: 12, showHidden: true }), JSON.stringify(mnemonic));
    const forms = [password, CANARY, toHex(canary), [...canary].join(), [...canary].join(', '), btoa(CANARY), words];
    for (const output of outputs)
      for (const form of forms) expect(output.toLowerCase()).not.toContain(form.toLowerCase());
  });

  // Of 32 bytes V8 would leave a copy: see off-heap.ts.
  it.skipIf(process.platform !== 'linux').for([32, 64])(
    'leaves no copy of %i bytes in the memory of its process once they are wiped',
    async (size) => {
      const script = resolve(import.meta.dirname, '../support/memory-scan.ts');
      const condition = '--conditions=@bitcoin-enterprise/source';
      const { stdout } = await promisify(execFile)(process.execPath, [condition, script, String(size)]);
      const { alive, opened, ...left } = JSON.parse(stdout) as Record<string, number>;
      // The search finds what is there; twice when what it has read stands near what it reads.
      expect(alive).toBeGreaterThanOrEqual(1);
      expect(opened).toBeGreaterThanOrEqual(1);
      expect(left).toEqual({ sealed: 0, wiped: 0 });
    },
  );

  it('leaves no buffer of its own behind', async () => {
    const given: Uint8Array[] = [];
    const key = await keyOfPassword(weak, { call: 't', password: canary, salt: canary });
    expect(key.some((byte) => byte !== 0)).toBe(true);
    const wiped = secretsOf();
    wiped[0]?.secret.wipe();
    await expect(sealKeystore(wiped, { password: 'x', kdf: weak })).rejects.toMatchObject({
      code: 'WALLET_SECRET_WIPED',
    });
    const opened = await openKeystore(await sealKeystore(secretsOf(), { password: 'x', kdf: weak }), { password: 'x' });
    opened[0]?.secret.use((bytes) => given.push(bytes));
    opened[0]?.secret.wipe();
    expect(given[0]?.every((byte) => byte === 0)).toBe(true);
  });

  it('refuses hostile parameters before it works on them', async () => {
    const text = await sealKeystore(secretsOf(), { password: 'x', kdf: weak });
    const file = JSON.parse(text) as Record<string, unknown>;
    const scrypt = { name: 'scrypt', n: 2 ** 14, r: 1, p: 1, salt: '00'.repeat(32) };
    const argon = { name: 'argon2id', memory: 8_192, passes: 1, lanes: 1, salt: '00'.repeat(32) };
    const bad: readonly unknown[] = [
      { ...file, kdf: { ...scrypt, n: 2 ** 21 } },
      { ...file, kdf: { ...scrypt, n: 2 ** 14 + 1 } },
      { ...file, kdf: { ...scrypt, n: 2 ** 13 } },
      { ...file, kdf: { ...scrypt, n: 2 ** 20, r: 9 } },
      { ...file, kdf: { ...scrypt, r: 1e9 } },
      { ...file, kdf: { ...scrypt, p: 17 } },
      { ...file, kdf: { ...scrypt, n: 2 ** 20, r: 8, p: 3 } },
      { ...file, kdf: { ...scrypt, p: '1' } },
      { ...file, kdf: { ...scrypt, salt: '00' } },
      { ...file, kdf: { ...scrypt, extra: 1 } },
      { ...file, kdf: { ...argon, memory: 2 ** 21 } },
      { ...file, kdf: { ...argon, memory: 8 } },
      { ...file, kdf: { ...argon, memory: 2 ** 20, passes: 5 } },
      { ...file, kdf: { ...argon, lanes: 0 } },
      { ...file, kdf: { ...argon, name: 'argon2i' } },
      { ...file, kdf: null },
      { ...file, cipher: { name: 'none', nonce: '00'.repeat(24) } },
      { ...file, cipher: { name: 'xchacha20-poly1305', nonce: '00'.repeat(12) } },
      { ...file, secrets: [] },
      {
        ...file,
        secrets: Array.from({ length: 257 }, (_, i) => ({ id: `${i}`, kind: 'seed', length: 1, metadata: {} })),
      },
      { ...file, secrets: [{ id: 'a', kind: 'seed', length: 5_000, metadata: {} }] },
      { ...file, secrets: [{ id: 'a', kind: 'seed', length: 1, metadata: { a: 1 } }] },
      { ...file, secrets: [{ id: '\ud800', kind: 'seed', length: 1, metadata: {} }] },
      { ...file, secrets: [(file['secrets'] as unknown[])[0], (file['secrets'] as unknown[])[0]] },
      { ...file, sealed: '00' },
      { ...file, version: 2 },
      { ...file, format: 'x' },
      { ...file, note: 'x' },
      { ...file, ['constructor']: 1 },
      [],
      null,
      'x',
    ];
    for (const value of bad)
      await expect(openKeystore(JSON.stringify(value), { password: 'x' }), JSON.stringify(value)).rejects.toMatchObject(
        {
          code: 'WALLET_KEYSTORE_INVALID',
        },
      );
    for (const value of ['', '{', ' '.repeat(9_000_000), text.replace('"version": 1', '"__proto__": {"version": 1}')])
      await expect(openKeystore(value, { password: 'x' })).rejects.toMatchObject({ code: 'WALLET_KEYSTORE_INVALID' });
    await expect(openKeystore(7 as never, { password: 'x' })).rejects.toMatchObject({
      code: 'WALLET_INVALID_ARGUMENT',
    });
    for (const password of ['', undefined, 7, canary])
      await expect(openKeystore(text, { password: password as never })).rejects.toMatchObject({
        code: 'WALLET_INVALID_ARGUMENT',
      });
  });

  it('answers any text with a code', () => {
    const good = JSON.stringify({
      format: 'bitcoin-enterprise-keystore',
      version: 1,
      kdf: { name: 'scrypt', n: 16_384, r: 1, p: 1, salt: '00'.repeat(32) },
      cipher: { name: 'xchacha20-poly1305', nonce: '00'.repeat(24) },
      secrets: [{ id: 'a', kind: 'seed', length: 1, metadata: {} }],
      sealed: '00'.repeat(17),
    });
    expect(() => readKeystore(good)).not.toThrow();
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      'null',
      '1e999',
      '-1',
      '"kdf"',
      '\\u0000',
      '\ud800',
    );
    const mutated = fc.array(fc.tuple(fc.nat({ max: good.length }), fc.nat({ max: 12 }), pieces), { maxLength: 4 });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.json(), fc.string()), (input) => {
        const text =
          typeof input === 'string'
            ? input
            : input.reduce((t, [at, cut, piece]) => t.slice(0, at) + piece + t.slice(at + cut), good);
        try {
          readKeystore(text);
        } catch (error) {
          expect(error).toMatchObject({ code: 'WALLET_KEYSTORE_INVALID' });
        }
      }),
      { numRuns: long ? 1_000_000 : 5_000 },
    );
  });
});

describe('an Ethereum keystore of version 3', () => {
  // The test vectors of the Web3 Secret Storage Definition; the MAC proves each copy of them.
  const SECRET = '7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d';
  const pbkdf2 =
    '{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"6087dab2f9fdbbfaddc31a909735c1e6"},"ciphertext":"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46","kdf":"pbkdf2","kdfparams":{"c":262144,"dklen":32,"prf":"hmac-sha256","salt":"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},"mac":"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},"id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}';
  const scrypt =
    '{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"83dbcc02d8ccb40e466191a123791e0e"},"ciphertext":"d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c","kdf":"scrypt","kdfparams":{"dklen":32,"n":262144,"r":1,"p":8,"salt":"ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19"},"mac":"2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097"},"id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}';

  it.for([pbkdf2, scrypt])('opens: %s', async (text) => {
    const { secretKey, address } = await openEthereumKeystore(text, { password: 'testpassword' });

    expect(secretKey.use(toHex)).toBe(SECRET);
    expect(address).toBe('0x008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b');
    if (text === scrypt) return; // a second as slow as the first
    await expect(openEthereumKeystore(text, { password: 'wrong' })).rejects.toMatchObject({
      code: 'WALLET_KEYSTORE_LOCKED',
    });
  });

  it('opens what ethers writes, also with a password that is not normalised, or that is not as others normalise it', async () => {
    const wallet = new Wallet(Wallet.createRandom().privateKey);
    for (const password of ['', 'pässwörd', 'pa\u0308ss']) {
      const text = encryptKeystoreJsonSync(wallet, password, { scrypt: { N: 2 ** 12, r: 8, p: 1 } });
      const { secretKey, address } = await openEthereumKeystore(text, { password });
      expect([`0x${secretKey.use(toHex)}`, address]).toEqual([wallet.privateKey, wallet.address]);
    }
    // As geth, which does not normalise.
    const raw = new TextEncoder().encode('pa\u0308ss');
    const text = await encryptKeystoreJson(wallet, raw, { scrypt: { N: 2 ** 12, r: 8, p: 1 } });
    expect((await openEthereumKeystore(text, { password: 'pa\u0308ss' })).address).toBe(wallet.address);
    const moved = text.replace(wallet.address.slice(2).toLowerCase(), '11'.repeat(20));
    await expect(openEthereumKeystore(moved, { password: 'pa\u0308ss' })).rejects.toMatchObject({
      code: 'WALLET_KEYSTORE_INVALID',
    });
  });

  it('can be ended, also while PBKDF2 runs', async () => {
    let before = performance.now();
    await openEthereumKeystore(pbkdf2, { password: 'testpassword' });
    const whole = performance.now() - before;
    // Sixteen times as long.
    const text = pbkdf2.replace('262144', '4194304');
    before = performance.now();
    const call = openEthereumKeystore(text, { password: 'testpassword', signal: AbortSignal.timeout(30) });
    await expect(call).rejects.toMatchObject({ code: 'WALLET_ABORTED' });
    expect(performance.now() - before).toBeLessThan(8 * whole);
  });

  it('is refused when it is none, or costs too much', async () => {
    for (const text of [
      '{}',
      '[]',
      'null',
      scrypt.replace('"version":3', '"version":1'),
      scrypt.replace('aes-128-ctr', 'aes-128-cbc'),
      scrypt.replace('262144', '4294967296'),
      scrypt.replace('"r":1', '"r":1000'),
      scrypt.replace('"p":8', '"p":800'),
      scrypt.replace('"dklen":32', '"dklen":64'),
      scrypt.replace('d172bf74', 'd172bf'),
      pbkdf2.replace('262144', '99999999999'),
      pbkdf2.replace('hmac-sha256', 'hmac-md5'),
      pbkdf2.replace('"kdf":"pbkdf2"', '"kdf":"none"'),
    ])
      await expect(openEthereumKeystore(text, { password: 'x' }), text).rejects.toMatchObject({
        code: 'WALLET_KEYSTORE_INVALID',
      });
  });
});

describe('the functions below', () => {
  it('make the keys of RFC 7914, section 12', async () => {
    const password = new TextEncoder().encode('pleaseletmein');
    const salt = new TextEncoder().encode('SodiumChloride');
    // 64 bytes in the RFC: scrypt ends in PBKDF2, of which 32 bytes are the first block.
    const key = await keyOfPassword({ name: 'scrypt', n: 16_384, r: 8, p: 1 }, { call: 't', password, salt });
    expect(toHex(key)).toBe('7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2');
  });

  it('make the keys that OpenSSL makes with Argon2id (RFC 9106)', async () => {
    const password = new TextEncoder().encode('password');
    const salt = new Uint8Array(32).fill(2);
    for (const lanes of [1, 2, 4]) {
      const key = await keyOfPassword(
        { name: 'argon2id', memory: 8_192, passes: 2, lanes },
        { call: 't', password, salt },
      );
      const parameters = {
        message: password,
        nonce: salt,
        parallelism: lanes,
        tagLength: 32,
        memory: 8_192,
        passes: 2,
      };
      expect(toHex(key)).toBe(argon2Sync('argon2id', parameters).toString('hex'));
    }
  });

  it('encrypt as ChaCha20-Poly1305 of OpenSSL does behind HChaCha20', async () => {
    // draft-irtf-cfrg-xchacha-03, A.3.1.
    const key = parseHex('808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f');
    const nonce = parseHex('404142434445464748494a4b4c4d4e4f5051525354555657');
    const data = parseHex('50515253c0c1c2c3c4c5c6c7');
    const text =
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
    const sealed = xchacha20poly1305(key, nonce, data).encrypt(new TextEncoder().encode(text));
    expect(toHex(sealed.slice(-16))).toBe('c0875924c1c7987947deafd8780acf49');
    // HChaCha20's answer for that key and nonce makes it OpenSSL's cipher.
    const { hchacha } = await import('@noble/ciphers/chacha.js');
    const words = (bytes: Uint8Array) => new Uint32Array(new Uint8Array(bytes).buffer);
    const subkey = new Uint32Array(8);
    hchacha(words(new TextEncoder().encode('expand 32-byte k')), words(key), words(nonce.slice(0, 16)), subkey);
    const iv = new Uint8Array(12);
    iv.set(nonce.subarray(16), 4);
    const openssl = createDecipheriv('chacha20-poly1305', new Uint8Array(subkey.buffer), iv, { authTagLength: 16 });
    openssl.setAAD(data, { plaintextLength: sealed.length - 16 });
    openssl.setAuthTag(sealed.slice(-16));
    expect(Buffer.concat([openssl.update(sealed.slice(0, -16)), openssl.final()]).toString()).toBe(text);
  });
});
