import { currentCrypto, encodeBech32, encodeWif, loadCrypto, toHex, toWords } from '@bitcoin-enterprise/core';
import { parseDescriptor, silentPaymentAddress } from '@bitcoin-enterprise/descriptors';
import { beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../../../scripts/testing/random.ts';
import { masterKey } from '../../src/keys/master-key.ts';
import { SecretBytes } from '../../src/keys/secret-bytes.ts';
import {
  createSilentOutputs,
  decodeSilentAddress,
  deriveSilentKeys,
  encodeSilentAddress,
  MAXIMUM_SILENT_OUTPUTS,
  silentAddressOf,
  silentChangeAddressOf,
  silentInputKey,
  silentInputs,
  type SilentKeys,
  silentKeysOfDescriptor,
  silentOutputKey,
  SilentScanner,
  silentTweakOf,
} from '../../src/silent/index.ts';
import { KINDS, makeInput, makeReceiver, takesPart } from './support/world.ts';
import { codeOf } from '../support/code-of.ts';

const rounds = process.env['BE_LONG'] === '1' ? 5_000 : 60;
const seed = Number(process.env['BE_SEED'] ?? 352);

beforeAll(async () => {
  await loadCrypto();
});

describe('a silent payment', () => {
  it(`reaches its receivers and nobody else, whatever the inputs are (seed ${seed})`, () => {
    const random = new Random(seed);
    for (let round = 0; round < rounds; round++) {
      const inputs = Array.from({ length: 1 + random.below(5) }, () => makeInput(random.pick(KINDS), random));
      const receivers = Array.from({ length: 1 + random.below(3) }, () => makeReceiver(random));
      const labels = [1, 2, 77, 0xffff_ffff];
      const paid = Array.from({ length: 1 + random.below(5) }, () => {
        const receiver = random.below(receivers.length);
        const label = random.pick([undefined, 0, ...labels]);
        const keys = receivers[receiver] as SilentKeys;
        const address =
          label === 0
            ? silentChangeAddressOf(keys, 'regtest')
            : silentAddressOf(keys, { network: 'regtest', ...(label === undefined ? {} : { label }) });
        return { receiver, label, address };
      });
      const make = (): ReturnType<typeof createSilentOutputs> =>
        createSilentOutputs({ inputs: inputs.map(({ sent }) => sent), recipients: paid.map(({ address }) => address) });
      if (!inputs.some(({ kind }) => takesPart(kind))) {
        expect(codeOf(make)).toBe('WALLET_SILENT_INPUTS_INVALID');
        expect(silentInputs(inputs.map(({ seen }) => seen))).toBeUndefined();
        continue;
      }

      const outputs = make();
      const tx = {
        version: 2,
        lockTime: 0,
        inputs: inputs.map(({ seen }) => ({ ...seen, sequence: 0 })),
        outputs: [
          { value: 1n, scriptPubKey: Uint8Array.of(0x51) },
          ...outputs.map(({ scriptPubKey }) => ({ value: 1n, scriptPubKey })),
          { value: 1n, scriptPubKey: Uint8Array.of(0x51, 32, ...random.bytes(32)) },
        ],
      };
      const spent = inputs.map(({ seen: { scriptPubKey } }) => ({ value: 1n, scriptPubKey }));

      // Few labels are added and compared, more are looked up, many are taken away: all find the same.
      for (const count of [0, 5, 30])
        receivers.forEach((keys, place) => {
          const others = Array.from({ length: count }, (_, label) => 1_000 + label);
          const found = new SilentScanner(keys, { labels: [...labels, ...others] }).scanTransaction(tx, spent);
          const expected = paid.flatMap(({ receiver, label }, output) =>
            receiver === place ? [{ output: output + 1, label }] : [],
          );
          expect(
            found.map(({ output, label }) => ({ output, label })).sort((a, b) => a.output - b.output),
          ).toStrictEqual(expected);
          for (const { tweak, outputKey } of found) {
            const publicKey = silentOutputKey(keys.spendKey, tweak).use((key) => currentCrypto().publicKey(key));
            expect(toHex((publicKey as Uint8Array).subarray(1))).toBe(toHex(outputKey));
          }
        });
      expect(silentTweakOf(tx, spent)).toStrictEqual(silentInputs(inputs.map(({ seen }) => seen))?.tweak);
    }
  });

  it('is found by the scripts that a light client looks for', () => {
    const random = new Random(seed);
    const { sent, seen } = makeInput('p2tr', random);
    const keys = makeReceiver(random);
    const address = silentAddressOf(keys, { network: 'main', label: 5 });
    const [output] = createSilentOutputs({ inputs: [sent], recipients: [address] });

    const scripts = new SilentScanner(keys, { labels: [5] }).scriptsOfTweak(silentInputs([seen])?.tweak as Uint8Array);

    expect(scripts.map(toHex)).toContain(toHex(output?.scriptPubKey as Uint8Array));
    expect(scripts).toHaveLength(3);
  });

  it('is refused when an input has no key, the key of another input, or a later witness version', () => {
    const random = new Random(seed);
    const { sent } = makeInput('p2wpkh', random);
    const recipients = [silentAddressOf(makeReceiver(random), { network: 'main' })];
    const { secretKey: _, ...without } = sent;
    const other = makeInput('p2tr', random);
    const attempts = [
      { ...without },
      { ...without, secretKey: other.sent.secretKey },
      { ...sent, scriptPubKey: Uint8Array.of(0x52, 32, ...random.bytes(32)) },
    ];

    expect(codeOf(() => createSilentOutputs({ inputs: [sent], recipients }))).toBe('no error');
    // Beside one that can pay: the receiver would look for another sum.
    const good = makeInput('p2wpkh', random).sent;
    for (const input of [...attempts, { ...attempts[2], takesPart: false }])
      expect(codeOf(() => createSilentOutputs({ inputs: [good, input as typeof sent], recipients }))).toBe(
        'WALLET_SILENT_INPUTS_INVALID',
      );
    expect(codeOf(() => createSilentOutputs({ inputs: [good, { ...without, takesPart: false }], recipients }))).toBe(
      'no error',
    );
  });

  it('is refused when the keys of its inputs add up to nothing', () => {
    const random = new Random(seed);
    const first = makeInput('p2wpkh', random);
    const negated = currentCrypto().secretKeyNegate(first.secret) as Uint8Array;
    const second = makeInput('p2wpkh', { ...random, bytes: () => negated, below: () => 0 } as unknown as Random);
    const recipients = [silentAddressOf(makeReceiver(random), { network: 'main' })];

    expect(codeOf(() => createSilentOutputs({ inputs: [first.sent, second.sent], recipients }))).toBe(
      'WALLET_SILENT_INPUTS_INVALID',
    );
    expect(silentInputs([first.seen, second.seen])).toBeUndefined();
  });

  it(`is made of ${MAXIMUM_SILENT_OUTPUTS} outputs of one scan key at the most`, () => {
    const random = new Random(seed);
    const address = silentAddressOf(makeReceiver(random), { network: 'main' });
    const recipients = Array.from({ length: MAXIMUM_SILENT_OUTPUTS + 1 }, () => address);
    const { sent } = makeInput('p2tr', random);

    expect(createSilentOutputs({ inputs: [sent], recipients: recipients.slice(1) })).toHaveLength(
      MAXIMUM_SILENT_OUTPUTS,
    );
    expect(codeOf(() => createSilentOutputs({ inputs: [makeInput('p2tr', random).sent], recipients }))).toBe(
      'WALLET_SILENT_RECIPIENTS_INVALID',
    );
  });
});

describe('an input', () => {
  it('takes part only in a form that a block can hold', () => {
    const random = new Random(seed);
    const { seen: nested, secret } = makeInput('p2sh-p2wpkh', random);
    const { seen: taproot } = makeInput('p2tr', random);

    expect(silentInputKey(nested)).toEqual(currentCrypto().publicKey(secret));
    const otherPush = Uint8Array.of(21, ...nested.scriptSig.subarray(1));
    expect(silentInputKey({ ...nested, scriptSig: otherPush })).toBeUndefined();
    expect(silentInputKey({ ...nested, witness: [] })).toBeUndefined();
    expect(silentInputKey(taproot)).toEqual(Uint8Array.of(2, ...taproot.scriptPubKey.subarray(2)));
    expect(silentInputKey({ ...taproot, witness: [] })).toBeUndefined();
  });

  it('of a later witness version hides its transaction from receivers', () => {
    const random = new Random(seed);
    const { seen } = makeInput('p2tr', random);
    const later = { ...seen, previousIndex: 9, scriptPubKey: Uint8Array.of(0x52, 32, ...random.bytes(32)) };

    expect(silentInputs([seen])?.tweak).toHaveLength(33);
    expect(silentInputs([seen, later])).toBeUndefined();
  });
});

describe('a silent payment address', () => {
  it('is that of the descriptor with the same keys', () => {
    const random = new Random(seed);
    const keys = makeReceiver(random);
    const scan = keys.scanKey.use((secret) => encodeWif(secret, { network: 'main' }));
    const descriptor = parseDescriptor(`sp(${scan},${toHex(keys.spendPublicKey)})`);

    expect(silentPaymentAddress(descriptor, 'main').address).toBe(silentAddressOf(keys, { network: 'main' }));
    expect(silentAddressOf(silentKeysOfDescriptor(descriptor), { network: 'main' })).toBe(
      silentAddressOf(keys, { network: 'main' }),
    );
  });

  it('comes from a master key along the path of BIP352', () => {
    const master = masterKey(new SecretBytes(new Uint8Array(64).fill(5)), { network: 'main' });
    const keys = deriveSilentKeys(master, { network: 'main', account: 2 });
    const at = [352, 0, 2].reduce((key, step) => key.child(0x8000_0000 + step), master);

    expect(keys.spendPublicKey).toStrictEqual(at.child(0x8000_0000).child(0).publicKey);
    expect(keys.scanKey.use((secret) => toHex(secret))).toBe(
      toHex(at.child(0x8000_0001).child(0).secretKey() as Uint8Array),
    );
  });

  it('is read as it was written, of every network', () => {
    const random = new Random(seed);
    for (const network of ['main', 'test', 'testnet4', 'signet', 'regtest'] as const) {
      const scanPublicKey = currentCrypto().publicKey(random.bytes(32)) as Uint8Array;
      const spendPublicKey = currentCrypto().publicKey(random.bytes(32)) as Uint8Array;

      const read = decodeSilentAddress(encodeSilentAddress({ scanPublicKey, spendPublicKey }, network), network);

      expect(read).toMatchObject({ version: 0, scanPublicKey, spendPublicKey });
      expect(read.networks).toContain(network);
    }
  });

  it('is refused with a code, whatever is wrong with it', () => {
    const good = silentAddressOf(makeReceiver(new Random(seed)), { network: 'main' });
    const bad = [
      '',
      good.slice(0, -1),
      `${good}q`,
      good.toUpperCase().replace('SP', 'sp'),
      'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4',
      'sp1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq',
      'a'.repeat(5_000),
    ];

    for (const text of bad) expect(codeOf(() => decodeSilentAddress(text))).toBe('WALLET_SILENT_ADDRESS_INVALID');
    expect(codeOf(() => decodeSilentAddress(good, 'regtest'))).toBe('WALLET_SILENT_ADDRESS_INVALID');
    for (const wrong of [undefined, null, 5, {}])
      expect(codeOf(() => decodeSilentAddress(wrong as unknown as string))).toBe('WALLET_INVALID_ARGUMENT');
  });

  it('of a later version is read as far as it is known, but for the last', () => {
    const keys = makeReceiver(new Random(seed));
    const { scanPublicKey, spendPublicKey } = decodeSilentAddress(silentAddressOf(keys, { network: 'main' }));
    const addressOf = (version: number, more: number): string => {
      const words = [version, ...toWords(Uint8Array.of(...scanPublicKey, ...spendPublicKey, ...new Uint8Array(more)))];
      return encodeBech32(
        { prefix: 'sp', words: Uint8Array.from(words), variant: 'bech32m' },
        { maxCharacters: 1_023 },
      );
    };

    for (const [version, more] of [
      [0, 0],
      [1, 0],
      [1, 33],
      [30, 400],
    ] as const)
      expect(decodeSilentAddress(addressOf(version, more))).toMatchObject({ version, scanPublicKey, spendPublicKey });
    for (const [version, more] of [
      [31, 0],
      [31, 33],
      [0, 1],
      [0, 33],
    ] as const)
      expect(codeOf(() => decodeSilentAddress(addressOf(version, more)))).toBe('WALLET_SILENT_ADDRESS_INVALID');
  });

  it('is never made with the label of change', () => {
    const keys = makeReceiver(new Random(seed));

    expect(codeOf(() => silentAddressOf(keys, { network: 'main', label: 0 }))).toBe('WALLET_INVALID_ARGUMENT');
  });
});

describe('a scanner', () => {
  const tweaks = (count: number): readonly { tweak: Uint8Array; outputKeys: Uint8Array[] }[] => {
    const random = new Random(7);
    return Array.from({ length: count }, () => ({
      tweak: currentCrypto().publicKey(random.bytes(32)) as Uint8Array,
      outputKeys: [random.bytes(32)],
    }));
  };

  it('tells how far it is, and ends when it is told to', async () => {
    const scanner = new SilentScanner(makeReceiver(new Random(1)));
    const controller = new AbortController();
    const seen: number[] = [];

    const scan = scanner.scanTweaks(tweaks(100), {
      pauseEvery: 10,
      onProgress: (scanned) => {
        seen.push(scanned);
        if (scanned === 30) controller.abort();
      },
      signal: controller.signal,
    });

    await expect(scan).rejects.toMatchObject({ code: 'WALLET_ABORTED' });
    expect(seen).toStrictEqual([10, 20, 30]);
  });

  it('finds what is there among many tweaks', async () => {
    const random = new Random(2);
    const keys = makeReceiver(random);
    const { sent, seen } = makeInput('p2wpkh', random);
    const [output] = createSilentOutputs({ inputs: [sent], recipients: [silentAddressOf(keys, { network: 'main' })] });
    const items = [...tweaks(20)];
    items[13] = {
      tweak: silentInputs([seen])?.tweak as Uint8Array,
      outputKeys: [random.bytes(32), output?.outputKey as Uint8Array],
    };

    const found = await new SilentScanner(keys).scanTweaks(items);

    expect(found).toMatchObject([{ item: 13, output: 1 }]);
  });

  it('does nothing after it was wiped, and shows no key', () => {
    const scanner = new SilentScanner(makeReceiver(new Random(3)));
    const [item] = tweaks(1);

    scanner.wipe();

    expect(codeOf(() => scanner.scanTweak(item as never))).toBe('WALLET_SECRET_WIPED');
    expect(JSON.stringify({ scanner })).toBe('{"scanner":"[silent payment scanner]"}');
  });

  it('answers nonsense with a code', () => {
    const scanner = new SilentScanner(makeReceiver(new Random(3)));
    const nonsense = [
      undefined,
      {},
      { tweak: new Uint8Array(33), outputKeys: [] },
      { tweak: new Uint8Array(5), outputKeys: [] },
      { tweak: tweaks(1)[0]?.tweak, outputKeys: [new Uint8Array(3)] },
    ];

    for (const item of nonsense) expect(codeOf(() => scanner.scanTweak(item as never))).toBe('WALLET_INVALID_ARGUMENT');
    expect(codeOf(() => new SilentScanner({} as never))).toBe('WALLET_INVALID_ARGUMENT');
    expect(codeOf(() => scanner.scanTransaction(new Uint8Array(9), []))).toMatch(/^SCRIPT_/);
    const spent = { value: 1n, scriptPubKey: Uint8Array.of(0x51) };
    expect(codeOf(() => scanner.scanTransaction(new Uint8Array(10), [spent]))).toBe('WALLET_INVALID_ARGUMENT');
  });
});
