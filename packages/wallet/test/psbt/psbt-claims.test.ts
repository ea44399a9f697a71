import { currentCrypto, loadCrypto } from '@bitcoin-enterprise/core';
import { serializeTransaction, transactionId } from '@bitcoin-enterprise/script';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  createKeyRing,
  createPsbt,
  extractTransaction,
  finalizePsbt,
  type KeyRing,
  memorySigner,
  type NewInput,
  type Psbt,
} from '../../src/index.ts';
import { paymentOfPsbt } from '../../src/control/index.ts';

let ring: KeyRing;
let key: Uint8Array;
let other: Uint8Array;

beforeAll(async () => {
  await loadCrypto();
  ring = createKeyRing({ secretKeys: [new Uint8Array(32).fill(7)] });
  key = ring.publicKeys[0] as Uint8Array;
  other = createKeyRing({ secretKeys: [new Uint8Array(32).fill(8)] }).publicKeys[0] as Uint8Array;
});

const hash160 = (bytes: Uint8Array): Uint8Array => currentCrypto().hash160(bytes);
const keyHashScript = (publicKey: Uint8Array): Uint8Array =>
  Uint8Array.of(0x76, 0xa9, 20, ...hash160(publicKey), 0x88, 0xac);
const witnessKeyHash = (publicKey: Uint8Array): Uint8Array => Uint8Array.of(0, 20, ...hash160(publicKey));
const scriptHash = (script: Uint8Array): Uint8Array => Uint8Array.of(0xa9, 20, ...hash160(script), 0x87);
const witnessScriptHash = (script: Uint8Array): Uint8Array => Uint8Array.of(0, 32, ...currentCrypto().sha256(script));
const keyScript = (publicKey: Uint8Array): Uint8Array => Uint8Array.of(33, ...publicKey, 0xac);

const VALUE = 100_000n;

/** A coin of a script, with the transaction that it comes from; it is the second output. */
function coin(scriptPubKey: Uint8Array, more: Partial<NewInput> = {}): NewInput {
  const previous = {
    version: 2,
    inputs: [
      {
        previousTxid: new Uint8Array(32).fill(9),
        previousIndex: 0,
        scriptSig: new Uint8Array(),
        sequence: 1,
        witness: [],
      },
    ],
    outputs: [
      { value: 5n, scriptPubKey: Uint8Array.of(0x51) },
      { value: VALUE, scriptPubKey },
    ],
    lockTime: 0,
  };
  return {
    previousTxid: transactionId(previous),
    previousIndex: 1,
    nonWitnessUtxo: serializeTransaction(previous),
    derivations: [{ publicKey: key, origin: { fingerprint: new Uint8Array(4), path: [] } }],
    ...more,
  };
}

const OUTPUT = { value: 90_000n, scriptPubKey: Uint8Array.of(0x51, 0x20, ...new Uint8Array(32).fill(1)) };
const psbtOf = (input: NewInput): Psbt => createPsbt({ inputs: [input], outputs: [OUTPUT] });

/** How signing ends: the number of signatures, or what was wrong. */
async function signing(input: NewInput): Promise<unknown> {
  try {
    const { inputs } = await memorySigner(ring).sign(psbtOf(input));
    return inputs[0]?.partialSignatures.length;
  } catch (error) {
    const { code, details } = error as { code?: string; details?: { reason?: string; missing?: string } };
    return `${code}: ${details?.reason ?? details?.missing}`;
  }
}

const kinds: Readonly<Record<string, () => NewInput>> = {
  P2PKH: () => coin(keyHashScript(key)),
  P2PK: () => coin(keyScript(key)),
  P2WPKH: () => coin(witnessKeyHash(key)),
  'P2SH-P2WPKH': () => coin(scriptHash(witnessKeyHash(key)), { redeemScript: witnessKeyHash(key) }),
  P2SH: () => coin(scriptHash(keyScript(key)), { redeemScript: keyScript(key) }),
  P2WSH: () => coin(witnessScriptHash(keyScript(key)), { witnessScript: keyScript(key) }),
  'P2SH-P2WSH': () =>
    coin(scriptHash(witnessScriptHash(keyScript(key))), {
      redeemScript: witnessScriptHash(keyScript(key)),
      witnessScript: keyScript(key),
    }),
};

describe('an input', () => {
  it.for(Object.keys(kinds))('of %s is signed, finalised, and right by consensus', async (kind) => {
    const input = (kinds[kind] as () => NewInput)();
    const signed = await memorySigner(ring).sign(psbtOf(input));
    // Taking the transaction out runs the interpreter over it.
    expect(extractTransaction(finalizePsbt(signed)).outputs).toEqual([OUTPUT]);
    const foreign = createKeyRing({ secretKeys: [new Uint8Array(32).fill(8)] });
    expect((await memorySigner(foreign).sign(psbtOf(input))).inputs[0]?.partialSignatures).toEqual([]);
  });

  it.for([
    [
      'P2PKH',
      'WALLET_PSBT_INPUT_INVALID: the transaction it brings has another id',
      () => ({ previousTxid: key.slice(1) }),
    ],
    ['P2PKH', 'WALLET_PSBT_INPUT_INVALID: the transaction it brings has no such output', () => ({ previousIndex: 2 })],
    [
      'P2PKH',
      'WALLET_PSBT_INPUT_INVALID: a redeem script for an output that is no P2SH',
      () => ({ redeemScript: key }),
    ],
    [
      'P2WPKH',
      'WALLET_PSBT_INPUT_INVALID: a redeem script for an output that is no P2SH',
      () => ({ redeemScript: key }),
    ],
    [
      'P2PKH',
      'WALLET_PSBT_INPUT_INVALID: a witness script for an output without witness',
      () => ({ witnessScript: key }),
    ],
    [
      'P2SH',
      'WALLET_PSBT_INPUT_INVALID: a witness script for an output without witness',
      () => ({ witnessScript: key }),
    ],
    ['P2SH', 'WALLET_PSBT_INCOMPLETE: a redeem script', () => ({ redeemScript: undefined })],
    [
      'P2SH',
      'WALLET_PSBT_INPUT_INVALID: its redeem script has another hash',
      () => ({ redeemScript: keyScript(other) }),
    ],
    ['P2WSH', 'WALLET_PSBT_INCOMPLETE: a witness script', () => ({ witnessScript: undefined })],
    [
      'P2WSH',
      'WALLET_PSBT_INPUT_INVALID: its witness script has another hash',
      () => ({ witnessScript: keyScript(other) }),
    ],
    ['P2SH-P2WSH', 'WALLET_PSBT_INCOMPLETE: a witness script', () => ({ witnessScript: undefined })],
    [
      'P2WPKH',
      'WALLET_PSBT_INPUT_INVALID: its witness UTXO is not that of the transaction it brings',
      () => ({ witnessUtxo: { value: VALUE + 1n, scriptPubKey: witnessKeyHash(key) } }),
    ],
    [
      'P2WPKH',
      'WALLET_PSBT_INPUT_INVALID: its witness UTXO is not that of the transaction it brings',
      () => ({ witnessUtxo: { value: VALUE, scriptPubKey: witnessKeyHash(other) } }),
    ],
    [
      'P2PKH',
      'WALLET_PSBT_INPUT_INVALID: a witness UTXO for an output without witness: its amount would not be signed',
      () => ({ nonWitnessUtxo: undefined, witnessUtxo: { value: VALUE, scriptPubKey: keyHashScript(key) } }),
    ],
  ] as const)('of %s is not signed with a claim that is wrong: %s', async ([kind, expected, wrong]) => {
    expect(await signing({ ...(kinds[kind] as () => NewInput)(), ...wrong() } as NewInput)).toBe(expected);
  });

  it('whose two claims agree is signed', async () => {
    const witnessUtxo = { value: VALUE, scriptPubKey: witnessKeyHash(key) };
    expect(await signing(coin(witnessKeyHash(key), { witnessUtxo }))).toBe(1);
  });

  it('of a future witness version, or an anchor, is signed by nobody, whatever it names', async () => {
    for (const script of [Uint8Array.of(0x52, 32, ...key.slice(1)), Uint8Array.of(0x51, 2, 0x4e, 0x73)])
      expect(await signing(coin(script))).toBe(0);
    // A witness version 1 inside of P2SH means nothing.
    const nested = Uint8Array.of(0x51, 32, ...key.slice(1));
    expect(await signing(coin(scriptHash(nested), { redeemScript: nested }))).toBe(0);
  });
});

describe('a payment', () => {
  const isOwn = (): boolean => false;
  const payment = async (psbt: Psbt): Promise<unknown> => {
    try {
      return await paymentOfPsbt(psbt, { network: 'regtest', isOwn });
    } catch (error) {
      const { code, details } = error as { code?: string; details?: { reasons?: readonly string[] } };
      return `${code}: ${details?.reasons?.join()}`;
    }
  };

  it('proves what it spends', async () => {
    const witnessUtxo = { value: VALUE, scriptPubKey: witnessKeyHash(key) };
    const proven = coin(witnessKeyHash(key));
    expect(await payment(psbtOf(proven))).toMatchObject({ chain: 'bitcoin:regtest', fee: 10_000n });
    const { nonWitnessUtxo: _, ...bare } = proven;
    expect(await payment(psbtOf(bare))).toBe('WALLET_NOT_APPROVED: input 0 does not say what it spends');
    expect(await payment(psbtOf({ ...bare, witnessUtxo }))).toBe(
      'WALLET_NOT_APPROVED: input 0 does not prove its amount: it brings no transaction',
    );
    const taproot = { value: VALUE, scriptPubKey: Uint8Array.of(0x51, 32, ...key.slice(1)) };
    expect(await payment(psbtOf({ ...bare, witnessUtxo: taproot }))).toMatchObject({ fee: 10_000n });
  });

  it('leaves nothing open: sighash types', async () => {
    for (const sighashType of [0, 1])
      expect(await payment(psbtOf(coin(witnessKeyHash(key), { sighashType })))).toMatchObject({ fee: 10_000n });
    for (const sighashType of [2, 3, 0x81, 0x82, 0x83])
      expect(await payment(psbtOf(coin(witnessKeyHash(key), { sighashType })))).toBe(
        `WALLET_NOT_APPROVED: input 0 asks for the sighash type ${sighashType}, which leaves something open`,
      );
  });

  it('pays no more than it spends, nor less than nothing; the fee may be nothing', async () => {
    const paying = (...values: readonly bigint[]): Psbt => {
      const psbt = psbtOf(coin(witnessKeyHash(key)));
      return { ...psbt, outputs: values.flatMap((value) => psbt.outputs.map((output) => ({ ...output, value }))) };
    };
    expect(await payment(paying(VALUE))).toMatchObject({ fee: 0n });
    expect(await payment(paying(VALUE + 1n))).toBe('WALLET_NOT_APPROVED: more is paid than is spent');
    expect(await payment(paying(VALUE, -5n))).toBe('WALLET_NOT_APPROVED: output 1 pays less than nothing');
    expect(await payment(paying(0n))).toMatchObject({ fee: VALUE });
  });

  it('to a script without address is to the script', async () => {
    const psbt = createPsbt({
      inputs: [coin(witnessKeyHash(key))],
      outputs: [{ value: 0n, scriptPubKey: Uint8Array.of(0x6a, 1, 0xff) }, OUTPUT],
    });
    expect(await payment(psbt)).toMatchObject({
      transfers: [
        { asset: 'native', to: '6a01ff', amount: 0n },
        { asset: 'native', to: expect.stringMatching(/^bcrt1p/), amount: 90_000n },
      ],
    });
  });
});
