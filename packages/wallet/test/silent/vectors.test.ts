import { currentCrypto, loadCrypto, parseDisplayHash, parseHex, toHex } from '@bitcoin-enterprise/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { readJsonVectors, readTextVectors } from '../../../../scripts/testing/vectors.ts';
import { SecretBytes } from '../../src/keys/secret-bytes.ts';
import {
  createDleqProof,
  createSilentOutputs,
  decodeSilentAddress,
  silentAddressOf,
  silentChangeAddressOf,
  type SilentInput,
  silentInputKey,
  silentInputs,
  silentOutputKey,
  SilentScanner,
  verifyDleqProof,
  WalletError,
} from '../../src/silent/index.ts';
import { addSecrets } from '../../src/silent/secret-arithmetic.ts';
import { contributionOf } from '../../src/silent/send.ts';

interface Vin {
  readonly txid: string;
  readonly vout: number;
  readonly scriptSig: string;
  readonly txinwitness: string;
  readonly prevout: { readonly scriptPubKey: { readonly hex: string } };
  readonly private_key?: string;
}

interface Recipient {
  readonly address: string;
  readonly scan_pub_key: string;
  readonly spend_pub_key: string;
  readonly count?: number;
}

interface Scenario {
  readonly comment: string;
  readonly sending: readonly {
    readonly given: { readonly vin: readonly Vin[]; readonly recipients: readonly Recipient[] };
    readonly expected: {
      readonly outputs: readonly (readonly string[])[];
      readonly shared_secrets: readonly (string | null)[];
      readonly input_private_key_sum?: string;
      readonly input_pub_keys: readonly string[];
    };
  }[];
  readonly receiving: readonly {
    readonly given: {
      readonly vin: readonly Vin[];
      readonly outputs: readonly string[];
      readonly key_material: { readonly spend_priv_key: string; readonly scan_priv_key: string };
      readonly labels: readonly number[];
    };
    readonly expected: {
      readonly addresses: readonly string[];
      readonly outputs?: readonly {
        readonly priv_key_tweak: string;
        readonly pub_key: string;
        readonly signature: string;
      }[];
      readonly n_outputs?: number;
      readonly tweak?: string | null;
      readonly shared_secret?: string | null;
      readonly input_pub_key_sum?: string | null;
    };
  }[];
}

const scenarios = readJsonVectors<readonly Scenario[]>('bips/bip-0352/send_and_receive_test_vectors.json');
const rows = (scenarios ?? []).map((scenario, place) => ({ ...scenario, name: `${place}: ${scenario.comment}` }));

/** A witness as serialised: count, then each item with its length. */
function witnessOf(hex: string): readonly Uint8Array[] {
  const bytes = parseHex(hex);
  let at = 0;
  const size = (): number => {
    const first = bytes[at++] as number;
    if (first < 253) return first;
    at += 2;
    return (bytes[at - 2] as number) + 256 * (bytes[at - 1] as number);
  };
  return Array.from({ length: bytes.length === 0 ? 0 : size() }, () => {
    const length = size();
    at += length;
    return bytes.slice(at - length, at);
  });
}

const inputOf = (vin: Vin): SilentInput => ({
  previousTxid: parseDisplayHash(vin.txid),
  previousIndex: vin.vout,
  scriptPubKey: parseHex(vin.prevout.scriptPubKey.hex),
  scriptSig: parseHex(vin.scriptSig),
  witness: witnessOf(vin.txinwitness),
});

const secretOf = (hex: string): SecretBytes => new SecretBytes(parseHex(hex));

beforeAll(async () => {
  await loadCrypto();
});

describe.skipIf(scenarios === undefined)('the vectors of BIP352', () => {
  it('are 28', () => expect(rows).toHaveLength(28));

  it.for(rows)('sends $name', ({ sending }) => {
    for (const { given, expected } of sending) {
      const inputs = given.vin.map((vin) => {
        const input = inputOf(vin);
        const takesPart = silentInputKey(input) !== undefined;
        return { ...input, takesPart, ...(takesPart ? { secretKey: secretOf(vin.private_key ?? '') } : {}) };
      });
      const recipients = given.recipients.flatMap(({ address, count = 1 }) =>
        Array.from({ length: count }, () => address),
      );
      for (const { address, scan_pub_key, spend_pub_key } of given.recipients) {
        const { scanPublicKey, spendPublicKey } = decodeSilentAddress(address, 'main');
        expect([toHex(scanPublicKey), toHex(spendPublicKey)]).toStrictEqual([scan_pub_key, spend_pub_key]);
      }
      const keys = given.vin.flatMap((vin) => silentInputKey(inputOf(vin)) ?? []);
      expect(keys.map(toHex)).toStrictEqual(expected.input_pub_keys);
      const sum = addSecrets(
        inputs.flatMap(({ secretKey, scriptPubKey }) =>
          secretKey === undefined ? [] : [secretKey.use((bytes) => contributionOf(bytes, scriptPubKey))],
        ),
      );
      expect(sum && toHex(sum)).toBe(expected.input_private_key_sum);

      const isPossible = expected.outputs.some((set) => set.length > 0);
      const made = (): readonly string[] =>
        createSilentOutputs({ inputs, recipients }).map(({ outputKey }) => toHex(outputKey));

      if (!isPossible) expect(made).toThrow(WalletError);
      else {
        const sets = expected.outputs.map((set) => set.toSorted().join());
        expect(sets).toContain([...made()].sort().join());
      }
      const { inputHash } = silentInputs(given.vin.map(inputOf)) ?? {};
      expected.shared_secrets.forEach((secret, place) => {
        if (secret === null || sum === undefined || inputHash === undefined) return;
        const factor = currentCrypto().secretKeyTweakMul(sum, inputHash) as Uint8Array;
        const scanKey = parseHex(given.recipients[place]?.scan_pub_key ?? '');
        expect(toHex(currentCrypto().publicKeyTweakMul(scanKey, factor) as Uint8Array)).toBe(secret);
      });
    }
  });

  it.for(rows)('receives $name', ({ receiving }) => {
    const crypto = currentCrypto();
    const message = crypto.sha256(new TextEncoder().encode('message'));
    const random = crypto.sha256(new TextEncoder().encode('random auxiliary data'));
    for (const { given, expected } of receiving) {
      const scanKey = secretOf(given.key_material.scan_priv_key);
      const spendKey = secretOf(given.key_material.spend_priv_key);
      const spendPublicKey = spendKey.use((secret) => crypto.publicKey(secret)) as Uint8Array;
      const keys = { scanKey, spendPublicKey };
      const addresses = [undefined, ...given.labels].map((label) =>
        label === 0
          ? silentChangeAddressOf(keys, 'main')
          : silentAddressOf(keys, { network: 'main', ...(label === undefined ? {} : { label }) }),
      );
      expect(addresses).toStrictEqual(expected.addresses);

      const inputs = silentInputs(given.vin.map(inputOf));
      if (expected.tweak !== undefined) expect(inputs === undefined ? null : toHex(inputs.tweak)).toBe(expected.tweak);
      if (expected.input_pub_key_sum !== undefined)
        expect(inputs === undefined ? null : toHex(inputs.publicKeySum)).toBe(expected.input_pub_key_sum);
      if (inputs !== undefined && typeof expected.shared_secret === 'string')
        expect(toHex(scanKey.use((secret) => crypto.publicKeyTweakMul(inputs.tweak, secret) as Uint8Array))).toBe(
          expected.shared_secret,
        );

      const scanner = new SilentScanner(keys, { labels: given.labels });
      const outputKeys = given.outputs.map(parseHex);
      const found = inputs === undefined ? [] : scanner.scanTweak({ tweak: inputs.tweak, outputKeys });
      expect(found).toHaveLength(expected.n_outputs ?? expected.outputs?.length ?? -1);
      const signed = found.map(({ outputKey, tweak }) => {
        const signature = silentOutputKey(spendKey, tweak).use((key) => crypto.schnorrSign(message, key, random));
        expect(crypto.schnorrVerify(signature as Uint8Array, message, outputKey)).toBe(true);
        return { priv_key_tweak: toHex(tweak), pub_key: toHex(outputKey), signature: toHex(signature as Uint8Array) };
      });
      const byKey = (left: { readonly pub_key: string }, right: { readonly pub_key: string }): number =>
        left.pub_key < right.pub_key ? -1 : 1;
      if (expected.outputs !== undefined) expect(signed.sort(byKey)).toStrictEqual([...expected.outputs].sort(byKey));
    }
  });
});

const csv = (path: string): readonly (readonly string[])[] =>
  (readTextVectors(path) ?? '')
    .trim()
    .split(/\r?\n/)
    .slice(1)
    .map((line) => line.split(','));

describe('the vectors of BIP374', () => {
  const generated = csv('bips/bip-0374/test_vectors_generate_proof.csv');
  const verified = csv('bips/bip-0374/test_vectors_verify_proof.csv');

  it.skipIf(generated.length === 0)('are 26', () => expect(generated.length + verified.length).toBe(26));

  it.for(generated)('makes proof %s', ([, generator, scalar, point, random, message, proof]) => {
    const make = (): string =>
      toHex(
        createDleqProof({
          secretKey: secretOf(scalar ?? ''),
          point: parseHex(point === 'INFINITY' ? '' : (point ?? '')),
          auxiliaryRandom: parseHex(random ?? ''),
          generator: parseHex(generator ?? ''),
          ...(message ? { message: parseHex(message) } : {}),
        }).proof,
      );

    if (proof === 'INVALID') expect(make).toThrow(WalletError);
    else expect(make()).toBe(proof);
  });

  it.for(verified)('checks proof %s', ([, generator, publicKey, point, share, proof, message, result]) => {
    const check = (): boolean => {
      try {
        return verifyDleqProof({
          publicKey: parseHex(publicKey === 'INFINITY' ? '' : (publicKey ?? '')),
          point: parseHex(point === 'INFINITY' ? '' : (point ?? '')),
          share: parseHex(share === 'INFINITY' ? '' : (share ?? '')),
          proof: parseHex(proof ?? ''),
          generator: parseHex(generator ?? ''),
          ...(message ? { message: parseHex(message) } : {}),
        });
      } catch (error) {
        expect(error).toBeInstanceOf(WalletError);
        return false;
      }
    };

    expect(check()).toBe(result === 'TRUE');
  });
});
