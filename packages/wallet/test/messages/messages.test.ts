import { currentCrypto, encodeAddress, encodeWif, loadCrypto, toHex } from '@bitcoin-enterprise/core';
import { parseDescriptor } from '@bitcoin-enterprise/descriptors';
import {
  assemble,
  encodeDerSignature,
  serializeTransaction,
  Sighasher,
  taprootOutput,
  transactionId,
} from '@bitcoin-enterprise/script';
import { beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../../../scripts/testing/random.ts';
import { SecretBytes } from '../../src/keys/secret-bytes.ts';
import {
  checkFunds,
  createMessagePsbt,
  finishMessage,
  messageOfPsbt,
  type MessageRequest,
  messageToSign,
  messageToSpend,
  parseMessageSignature,
  signLegacyMessage,
  signMessage,
  verifyMessage,
} from '../../src/messages/index.ts';
import { describeInput, parsePsbt, serializePsbt } from '../../src/psbt/index.ts';
import { createKeyRing, memorySigner } from '../../src/signers/index.ts';

const seed = Number(process.env['BE_SEED'] ?? 322);
const fuzzes = process.env['BE_LONG'] === '1' ? 1_000_000 : 20_000;
const secrets = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte));
const wif = (place: number): string => encodeWif(secrets[place] as Uint8Array, { network: 'main' });
const signer = () => memorySigner(createKeyRing({ secretKeys: secrets }));

const codeOf = async (action: () => unknown): Promise<unknown> => {
  try {
    await action();
  } catch (error) {
    return (error as { readonly code?: unknown }).code ?? error;
  }
  return 'no error';
};

beforeAll(async () => {
  await loadCrypto();
});

/** What a descriptor tells of the address that signs. */
function requestOf(descriptor: string): {
  readonly scriptPubKey: Uint8Array;
  readonly spend: NonNullable<MessageRequest['spend']>;
} {
  const output = parseDescriptor(descriptor).derive(0);
  return { scriptPubKey: output.scriptPubKey, spend: describeInput(output) };
}

const hexKey = (place: number): string => toHex(currentCrypto().publicKey(secrets[place] as Uint8Array) as Uint8Array);
const H = '50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0';

describe('a message is signed and verified', () => {
  it.for([
    ['pkh', () => `pkh(${wif(0)})`, 'ful'],
    ['wpkh', () => `wpkh(${wif(0)})`, 'smp'],
    ['sh(wpkh)', () => `sh(wpkh(${wif(0)}))`, 'ful'],
    ['wsh(multi)', () => `wsh(multi(2,${wif(0)},${wif(1)},${wif(2)}))`, 'smp'],
    ['sh(wsh(multi))', () => `sh(wsh(sortedmulti(2,${wif(0)},${wif(1)})))`, 'ful'],
    ['sh(multi)', () => `sh(multi(1,${wif(0)},${wif(1)}))`, 'ful'],
    ['bare multi', () => `multi(1,${wif(0)},${wif(1)})`, 'ful'],
    ['pk', () => `pk(${wif(0)})`, 'ful'],
    ['tr key path', () => `tr(${wif(0)})`, 'smp'],
    ['tr with leaves', () => `tr(${wif(0)},pk(${wif(1)}))`, 'smp'],
    ['tr script path', () => `tr(${H},{pk(${wif(1)}),multi_a(2,${wif(0)},${wif(2)})})`, 'smp'],
  ] as const)('by %s', async ([, descriptor, prefix]) => {
    const request = { message: 'Grüße, 世界 😀', ...requestOf(descriptor()) };

    const signature = await signMessage(request, signer());

    expect(signature.slice(0, 3)).toBe(prefix);
    const { message, scriptPubKey } = request;
    expect(verifyMessage({ message, scriptPubKey, signature })).toMatchObject({ state: 'valid', sequence: 0 });
    expect(verifyMessage({ message: `${message}.`, scriptPubKey, signature }).state).toBe('invalid');
  });

  it('by a script with an age and a time, at that age and time', async () => {
    const cases = [
      [`wsh(and_v(v:pk(${wif(0)}),older(144)))`, { version: 2, sequence: 144 }],
      [`wsh(and_v(v:pk(${wif(0)}),after(800000)))`, { lockTime: 800_000 }],
      [`tr(${H},and_v(v:pk(${wif(0)}),older(4194400)))`, { version: 2, sequence: 4_194_400 }],
    ] as const;
    for (const [descriptor, times] of cases) {
      const request = { message: 'later', ...requestOf(descriptor), ...times };

      const signature = await signMessage(request, signer());

      expect(signature.slice(0, 3)).toBe('ful');
      const { message, scriptPubKey } = request;
      expect(verifyMessage({ message, scriptPubKey, signature })).toMatchObject({ state: 'valid', ...times });
      // Without them nothing can be made at all.
      const early = { message: 'later', ...requestOf(descriptor) };
      expect(await codeOf(() => signMessage(early, signer()))).toBe('WALLET_PSBT_INCOMPLETE');
    }
  });

  it('by several signers, who see the message in the PSBT', async () => {
    const request = { message: 'together', ...requestOf(`wsh(multi(2,${hexKey(0)},${hexKey(1)}))`) };
    let psbt = createMessagePsbt(request);

    for (const secret of secrets.slice(0, 2)) {
      const shown = messageOfPsbt(parsePsbt(serializePsbt(psbt)));
      expect(new TextDecoder().decode(shown?.message)).toBe('together');
      expect(await codeOf(() => finishMessage(psbt))).toBe('WALLET_PSBT_INCOMPLETE');
      psbt = await memorySigner(createKeyRing({ secretKeys: [secret] })).sign(psbt);
    }

    const { message, scriptPubKey } = request;
    expect(verifyMessage({ message, scriptPubKey, signature: finishMessage(psbt) }).state).toBe('valid');
    const other = { ...psbt, signedMessage: new Uint8Array(3) };
    expect(messageOfPsbt(other)).toBeUndefined();
    expect(await codeOf(() => finishMessage(other))).toBe('WALLET_INVALID_ARGUMENT');
  });

  it.for([0, 2] as const)('with a proof of funds in a PSBT of version %s', async (psbtVersion) => {
    const request = requestOf(`wpkh(${wif(0)})`);
    const legacy = parseDescriptor(`pkh(${wif(1)})`).derive(0);
    const taproot = parseDescriptor(`tr(${wif(2)})`).derive(0);
    const previous = {
      version: 2,
      lockTime: 0,
      inputs: [
        {
          previousTxid: new Uint8Array(32).fill(1),
          previousIndex: 0,
          scriptSig: Uint8Array.of(),
          sequence: 0,
          witness: [],
        },
      ],
      outputs: [5_000n, 6_000n].map((value) => ({ value, scriptPubKey: legacy.scriptPubKey })),
    };
    const previousTxid = transactionId(previous);
    const coins = [
      ...[0, 1].map((previousIndex) => ({
        previousTxid,
        previousIndex,
        nonWitnessUtxo: serializeTransaction(previous),
        ...describeInput(legacy),
      })),
      {
        previousTxid: new Uint8Array(32).fill(9),
        previousIndex: 4,
        witnessUtxo: { value: 7_000n, scriptPubKey: taproot.scriptPubKey },
        ...describeInput(taproot),
      },
    ];

    const signature = await signMessage({ message: 'funds', ...request, coins, psbtVersion }, signer());

    const { scriptPubKey } = request;
    expect(signature.slice(0, 3)).toBe('pof');
    const verdict = verifyMessage({ message: 'funds', scriptPubKey, signature });
    expect(verdict).toMatchObject({ state: 'valid', format: 'proof-of-funds' });
    if (verdict.state !== 'valid') return;
    expect(verdict.coins.map(({ value }) => value)).toStrictEqual([5_000n, 6_000n, 7_000n]);
    // Without the address, its first input says whose message it is.
    expect(verifyMessage({ message: 'funds', signature }).state).toBe('valid');
    expect(verifyMessage({ message: 'other', signature }).state).toBe('invalid');
    // A transaction that two inputs spend needs to be brought once (BIP322).
    const psbt = parsePsbt(signature.slice(3).trim());
    const once = {
      ...psbt,
      inputs: psbt.inputs.map((input, place) => {
        const { nonWitnessUtxo, ...rest } = input;
        return place === 2 && nonWitnessUtxo !== undefined ? rest : input;
      }),
    };
    expect(
      verifyMessage({ message: 'funds', signature: `pof${btoa(String.fromCharCode(...serializePsbt(once)))}` }).state,
    ).toBe('valid');
    const never = {
      ...psbt,
      inputs: psbt.inputs.map((input, place) => {
        const { nonWitnessUtxo, ...rest } = input;
        return place > 0 && nonWitnessUtxo !== undefined ? rest : input;
      }),
    };
    expect(
      verifyMessage({ message: 'funds', signature: `pof${btoa(String.fromCharCode(...serializePsbt(never)))}` }).state,
    ).toBe('invalid');
    // A larger amount than was signed, without the transaction that would tell.
    const larger = {
      ...psbt,
      inputs: psbt.inputs.map((input, place) =>
        place === 3 ? { ...input, witnessUtxo: { value: 8_000n, scriptPubKey: taproot.scriptPubKey } } : input,
      ),
    };
    expect(
      verifyMessage({ message: 'funds', signature: `pof${btoa(String.fromCharCode(...serializePsbt(larger)))}` }).state,
    ).toBe('invalid');

    const chain = {
      unspentOutput: async ({ txid, index }: { readonly txid: Uint8Array; readonly index: number }) =>
        index === 1
          ? undefined
          : {
              txid,
              index,
              value: (index === 0 ? 5_000n : 7_000n) as never,
              scriptPubKey: index === 0 ? legacy.scriptPubKey : taproot.scriptPubKey,
              coinbase: false,
            },
    };
    const checked = await checkFunds(verdict.coins, chain);
    expect(checked.coins.map(({ isUnspent }) => isUnspent)).toStrictEqual([true, false, true]);
    expect(checked.total).toBe(12_000n);
  });

  it.for([true, false])('in the format of Bitcoin’s first years (compressed: %s), of P2PKH alone', (compressed) => {
    const secretKey = new SecretBytes(secrets[0] as Uint8Array);
    const crypto = currentCrypto();
    const hash = crypto.hash160(crypto.publicKey(secrets[0] as Uint8Array, { compressed }) as Uint8Array);
    const address = encodeAddress(Uint8Array.of(0x76, 0xa9, 20, ...hash, 0x88, 0xac), 'main');

    const signature = signLegacyMessage('old', { secretKey, compressed });

    expect(verifyMessage({ message: 'old', address, signature })).toMatchObject({ state: 'valid', format: 'legacy' });
    expect(verifyMessage({ message: 'older', address, signature }).state).toBe('invalid');
    const segwit = Uint8Array.of(0, 20, ...hash);
    expect(verifyMessage({ message: 'old', scriptPubKey: segwit, signature }).state).toBe('invalid');
  });

  it('as Bitcoin Core has signed it for years', () => {
    // From Bitcoin Core's own test of verifymessage.
    expect(
      verifyMessage({
        message: 'This is just a test message',
        address: 'mpLQjfK79b7CCV4VMJWEWAj5Mpx8Up5zxB',
        signature: 'INbVnW4e6PeRmsv2Qgu8NuopvrVjkcxob+sX8OcZG0SALhWybUjzMLPdAsXI46YZGb0KQTRii+wWIQzRpG/U+S0=',
      }).state,
    ).toBe('valid');
  });
});

/** A `to_sign` of one's own making, as a full signature. */
function fullOf(
  scriptPubKey: Uint8Array,
  parts: {
    readonly version?: number;
    readonly scriptSig?: Uint8Array;
    readonly witness?: readonly Uint8Array[];
    readonly outputs?: readonly { readonly value: bigint; readonly scriptPubKey: Uint8Array }[];
  },
): string {
  const toSign = messageToSign(messageToSpend('m', scriptPubKey), parts);
  const { scriptSig = new Uint8Array(), witness = [] } = parts;
  const tx = {
    ...toSign,
    inputs: toSign.inputs.map((input) => ({ ...input, scriptSig, witness })),
    outputs: parts.outputs ?? toSign.outputs,
  };
  const bytes = serializeTransaction(tx);
  return `ful${Buffer.from(bytes).toString('base64')}`;
}

const stateOf = (scriptPubKey: Uint8Array, parts: Parameters<typeof fullOf>[1]): unknown =>
  verifyMessage({ message: 'm', scriptPubKey, signature: fullOf(scriptPubKey, parts) });

const wshOf = (script: Uint8Array): Uint8Array => Uint8Array.of(0, 32, ...currentCrypto().sha256(script));

const FULL = 990;
const DROPS = Array.from({ length: FULL }, () => 'OP_DROP' as const);

describe('a signature is inconclusive', () => {
  it('when its script uses what may get a meaning one day', () => {
    const nop = assemble(['OP_NOP10', 'OP_1']);

    expect(stateOf(Uint8Array.of(0x52, 32, ...new Uint8Array(32).fill(7)), {})).toMatchObject({
      state: 'inconclusive',
      reason: 'DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM',
    });
    expect(stateOf(wshOf(nop), { witness: [nop] })).toMatchObject({
      state: 'inconclusive',
      reason: 'DISCOURAGE_UPGRADABLE_NOPS',
    });
    expect(stateOf(Uint8Array.of(0x51), { version: 3 })).toMatchObject({ state: 'inconclusive', reason: 'version' });
    expect(stateOf(Uint8Array.of(0x51), { version: 2 })).toMatchObject({ state: 'valid' });
  });

  const tooMuch = { state: 'inconclusive', reason: 'it takes more work to check than it may' };

  it('when it checks very many signatures over a transaction without witness', () => {
    const key = currentCrypto().publicKey(secrets[0] as Uint8Array) as Uint8Array;
    const script = assemble(['OP_1', 'OP_1SUB', key, 'OP_CHECKSIG', 'OP_NOT']);
    const proof = (count: number): unknown => {
      const toSpend = messageToSpend('m', script);
      const toSign = messageToSign(toSpend);
      const more = Array.from({ length: count }, (_, n) => ({
        ...(toSign.inputs[0] as (typeof toSign.inputs)[number]),
        previousTxid: new Uint8Array(32).fill(9),
        previousIndex: n,
      }));
      const tx = { ...toSign, inputs: [...toSign.inputs, ...more] };
      const signature = `ful${Buffer.from(serializeTransaction(tx)).toString('base64')}`;
      const spentOutputs = more.map(() => ({ value: 1n, scriptPubKey: script }));
      return verifyMessage({ message: 'm', scriptPubKey: script, signature, spentOutputs });
    };
    expect(proof(50)).toMatchObject({ state: 'valid' });
    expect(proof(6_000)).toMatchObject(tooMuch);
  });

  it('when a script takes very many steps under a full stack', () => {
    const steps = (count: number): unknown => {
      const script = assemble([...Array.from({ length: count }, () => 'OP_NOP' as const), ...DROPS, 'OP_1']);
      const internalKey = currentCrypto()
        .publicKey(secrets[0] as Uint8Array)
        ?.slice(1) as Uint8Array;
      const { scriptPubKey, leaves } = taprootOutput({ internalKey, tree: { script } });
      const { controlBlock } = leaves[0] as (typeof leaves)[number];
      const witness = [...Array.from({ length: FULL }, () => new Uint8Array(520)), script, controlBlock];
      return stateOf(scriptPubKey, { witness });
    };
    expect(steps(10)).toMatchObject({ state: 'valid' });
    expect(steps(100_000)).toMatchObject(tooMuch);
  });
});

describe('a signature is invalid', () => {
  const sign = (script: Uint8Array, hashType: number): readonly Uint8Array[] => {
    const toSpend = messageToSpend('m', wshOf(script));
    const hasher = new Sighasher({ tx: messageToSign(toSpend), spentOutputs: toSpend.outputs });
    const code = script.at(0) === 0xab ? script.slice(1) : script;
    const digest = hasher.witnessV0(0, { scriptCode: code, value: 0n, hashType });
    const signature = currentCrypto().ecdsaSign(digest, secrets[0] as Uint8Array) as Uint8Array;
    return [Uint8Array.of(...encodeDerSignature(signature), hashType)];
  };

  it('when it does not cover everything', () => {
    const key = currentCrypto().publicKey(secrets[0] as Uint8Array) as Uint8Array;
    const single = assemble([key, 'OP_CHECKSIG']);
    const multi = assemble([1, key, 1, 'OP_CHECKMULTISIG']);

    for (const hashType of [1, 2, 3, 0x81]) {
      const expected = hashType === 1 ? { state: 'valid' } : { state: 'invalid', reason: 'SIGHASH' };
      expect(stateOf(wshOf(single), { witness: [...sign(single, hashType), single] })).toMatchObject(expected);
      expect(stateOf(wshOf(multi), { witness: [new Uint8Array(), ...sign(multi, hashType), multi] })).toMatchObject(
        expected,
      );
    }
  });

  it('when a Taproot signature does not cover everything', () => {
    const key = currentCrypto().publicKey(secrets[0] as Uint8Array) as Uint8Array;
    const secret =
      key[0] === 2
        ? (secrets[0] as Uint8Array)
        : (currentCrypto().secretKeyNegate(secrets[0] as Uint8Array) as Uint8Array);
    const script = Uint8Array.of(0x51, 32, ...key.subarray(1));
    const toSpend = messageToSpend('m', script);
    const hasher = new Sighasher({ tx: messageToSign(toSpend), spentOutputs: toSpend.outputs });
    for (const hashType of [0, 1, 2, 3, 0x81]) {
      const signature = currentCrypto().schnorrSign(hasher.taproot(0, { hashType }), secret) as Uint8Array;
      const witness = [hashType === 0 ? signature : Uint8Array.of(...signature, hashType)];
      expect(stateOf(script, { witness })).toMatchObject(
        hashType < 2 ? { state: 'valid' } : { state: 'invalid', reason: 'SIGHASH' },
      );
    }
  });

  it('when its script has a code separator', () => {
    const key = currentCrypto().publicKey(secrets[0] as Uint8Array) as Uint8Array;
    const script = assemble(['OP_CODESEPARATOR', key, 'OP_CHECKSIG']);

    expect(stateOf(wshOf(script), { witness: [...sign(script, 1), script] })).toMatchObject({
      state: 'invalid',
      reason: 'CODESEPARATOR',
    });
  });

  it('when its transaction pays anybody, or spends something else', () => {
    const anyone = Uint8Array.of(0x51);
    const outputs = [{ value: 0n, scriptPubKey: Uint8Array.of(0x6a) }];

    for (const wrong of [
      [],
      [...outputs, ...outputs],
      [{ value: 1n, scriptPubKey: Uint8Array.of(0x6a) }],
      [{ value: 0n, scriptPubKey: Uint8Array.of(0x6a, 0) }],
    ])
      expect(stateOf(anyone, { outputs: wrong })).toMatchObject({ state: 'invalid' });
    expect(stateOf(anyone, { outputs })).toMatchObject({ state: 'valid' });
    const elsewhere = fullOf(anyone, {});
    expect(verifyMessage({ message: 'n', scriptPubKey: anyone, signature: elsewhere }).state).toBe('invalid');
  });

  it('when it cannot be read', async () => {
    const scriptPubKey = Uint8Array.of(0x51);
    for (const signature of [
      '',
      'smp',
      'ful',
      'pof',
      'smp=',
      'smpAAA',
      'smpAB==',
      'smp AA==',
      'pofcHNidP8=',
      'smp/////////w==',
      `smp${'A'.repeat(7_000_000)}`,
    ])
      expect(verifyMessage({ message: 'm', scriptPubKey, signature })).toMatchObject({ state: 'invalid' });
    for (const options of [
      undefined,
      {},
      { message: 5 },
      { message: 'm', signature: 5, scriptPubKey },
      { message: 'm', signature: 'smpAA==' },
      { message: '\ud800', signature: 'smpAA==', scriptPubKey },
    ])
      expect(await codeOf(() => verifyMessage(options as never))).toBe('WALLET_INVALID_ARGUMENT');
    expect(await codeOf(() => verifyMessage({ message: 'm', signature: 'smpAA==', address: 'nobody' }))).toBe(
      'CORE_ADDRESS_INVALID',
    );
  });
});

describe('whatever stands where a signature should', () => {
  it(`is answered with a verdict (${fuzzes} inputs, seed ${seed})`, async () => {
    const random = new Random(seed);
    const request = requestOf(`wpkh(${wif(0)})`);
    const coin = {
      previousTxid: new Uint8Array(32).fill(9),
      previousIndex: 4,
      witnessUtxo: { value: 7_000n, scriptPubKey: request.scriptPubKey },
      ...describeInput(parseDescriptor(`wpkh(${wif(0)})`).derive(0)),
    };
    const good = [
      await signMessage({ message: 'm', ...request }, signer()),
      await signMessage({ message: 'm', ...request, version: 2 }, signer()),
      await signMessage({ message: 'm', ...request, coins: [coin] }, signer()),
    ];
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=';
    for (let round = 0; round < fuzzes; round++) {
      let signature = random.pick(good);
      for (let changes = 1 + random.below(4); changes > 0; changes--) {
        const at = random.below(signature.length);
        const letters = Array.from({ length: random.below(3) }, () => alphabet[random.below(alphabet.length)]).join('');
        signature = signature.slice(0, at) + letters + signature.slice(at + random.below(3));
        if (random.chance(0.05)) signature = signature.slice(0, random.below(signature.length + 1));
      }
      const prefix = random.chance(0.1) ? random.pick(['smp', 'ful', 'pof', '']) : undefined;
      if (prefix !== undefined) signature = prefix + signature.slice(3);
      const scriptPubKey = request.scriptPubKey;
      const { state } = verifyMessage({
        message: 'm',
        ...(random.chance(0.5) && signature.startsWith('pof') ? {} : { scriptPubKey }),
        signature,
      });
      if (!['valid', 'invalid', 'inconclusive'].includes(state)) throw new Error(signature);
      try {
        parseMessageSignature(signature);
      } catch (error) {
        if ((error as { code?: unknown }).code !== 'WALLET_MESSAGE_SIGNATURE_INVALID') throw error;
      }
    }
  });
});
