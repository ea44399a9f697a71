import { concatBytes, currentCrypto, loadCrypto, toHex } from '@bitcoin-enterprise/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../../../scripts/testing/random.ts';
import { SecretBytes } from '../../src/keys/secret-bytes.ts';
import type { Psbt, PsbtInput, PsbtOutput } from '../../src/psbt/model.ts';
import { parsePsbt, serializePsbt } from '../../src/psbt/index.ts';
import {
  addSilentShares,
  addSilentSpend,
  computeSilentOutputs,
  createSilentOutputs,
  decodeSilentAddress,
  silentAddressOf,
  silentChangeAddressOf,
  silentInputs,
  SilentScanner,
  verifySilentShares,
} from '../../src/silent/index.ts';
import { WalletError } from '../../src/errors.ts';
import { cachedBip375 } from './support/bip375.ts';
import { type BothSides, type Kind, makeInput, makeReceiver } from './support/world.ts';
import { codeOf } from '../support/code-of.ts';

const rounds = process.env['BE_LONG'] === '1' ? 1_000 : 25;
const seed = Number(process.env['BE_SEED'] ?? 375);
const KINDS: readonly Kind[] = ['p2sh-p2wpkh', 'p2wpkh', 'p2tr', 'p2tr-tweaked', 'nums', 'p2wsh'];
const origin = { fingerprint: new Uint8Array(4), path: [] };

beforeAll(async () => {
  await loadCrypto();
});

function psbtInput({ kind, secret, seen }: BothSides): PsbtInput {
  const { previousTxid, previousIndex, scriptPubKey, scriptSig, witness } = seen;
  const publicKey = currentCrypto().publicKey(secret) as Uint8Array;
  const control = witness.find((item) => item.length === 33 && item[0] !== 2 && item[0] !== 3);
  const internal = control?.subarray(1);
  const script = kind === 'nums' || kind === 'p2tr-tweaked' ? { tapInternalKey: internal as Uint8Array } : {};
  const isKeyHash = kind === 'p2wpkh' || kind === 'p2sh-p2wpkh';
  return {
    previousTxid,
    previousIndex,
    witnessUtxo: { value: 1_000n, scriptPubKey },
    partialSignatures: [],
    derivations: isKeyHash ? [{ publicKey, origin }] : [],
    preimages: [],
    tapScriptSignatures: [],
    tapLeafScripts:
      internal === undefined
        ? []
        : [{ controlBlock: control as Uint8Array, script: Uint8Array.of(0x51), leafVersion: 0xc0 }],
    tapDerivations: [],
    musigParticipants: [],
    musigPublicNonces: [],
    musigPartialSignatures: [],
    silentShares: [],
    silentSpendDerivations: [],
    unknown: [],
    ...(kind === 'p2sh-p2wpkh' ? { redeemScript: scriptSig.subarray(1) } : {}),
    ...script,
  };
}

function psbtOutput(address: string | Uint8Array): PsbtOutput {
  const base = {
    value: 500n,
    scriptPubKey: new Uint8Array(),
    derivations: [],
    tapDerivations: [],
    musigParticipants: [],
    unknown: [],
  };
  if (typeof address !== 'string') return { ...base, scriptPubKey: address };
  const { scanPublicKey, spendPublicKey } = decodeSilentAddress(address);
  return { ...base, silentAddress: concatBytes(scanPublicKey, spendPublicKey) };
}

function makePsbt(inputs: readonly BothSides[], outputs: readonly (string | Uint8Array)[]): Psbt {
  return {
    version: 2,
    transactionVersion: 2,
    modifiable: 3,
    inputs: inputs.map(psbtInput),
    outputs: outputs.map(psbtOutput),
    extendedKeys: [],
    silentShares: [],
    unknown: [],
  };
}

/** Inputs of which at least one takes part, what is paid, and who may sign. */
function situation(random: Random) {
  const inputs = [
    makeInput('p2wpkh', random),
    ...Array.from({ length: random.below(4) }, () => makeInput(random.pick(KINDS), random)),
  ];
  const receivers = [makeReceiver(random), makeReceiver(random)] as const;
  const addresses = Array.from({ length: 1 + random.below(4) }, () => {
    const keys = random.pick(receivers);
    return random.chance(0.3)
      ? silentChangeAddressOf(keys, 'main')
      : silentAddressOf(keys, { network: 'main', ...(random.chance(0.5) ? { label: 3 } : {}) });
  });
  const psbt = makePsbt(inputs, [Uint8Array.of(0x51), ...addresses]);
  return { inputs, receivers, addresses, psbt, keys: inputs.map(({ secret }) => new SecretBytes(secret)) };
}

describe('a PSBT that pays silently', () => {
  it(`gets the scripts that its receivers find, from one signer or from many (seed ${seed})`, () => {
    const random = new Random(seed);
    for (let round = 0; round < rounds; round++) {
      const { inputs, receivers, psbt, keys } = situation(random);

      const alone = computeSilentOutputs(addSilentShares(psbt, keys));
      const together = computeSilentOutputs(keys.reduce((grown, key) => addSilentShares(grown, [key]), psbt));

      expect(alone.silentShares.length).toBeGreaterThan(0);
      expect(alone.modifiable).toBe(0);
      expect(together.outputs).toStrictEqual(alone.outputs);
      // As bytes and back: the fields of BIP375 are kept.
      const read = parsePsbt(serializePsbt(together));
      expect(verifySilentShares(read).every(({ missing }) => missing.length === 0)).toBe(true);
      const tweak = silentInputs(inputs.map(({ seen }) => seen))?.tweak as Uint8Array;
      const outputKeys = alone.outputs.slice(1).map(({ scriptPubKey }) => scriptPubKey.subarray(2));
      const found = receivers.flatMap((receiver) =>
        new SilentScanner(receiver, { labels: [3] }).scanTweak({ tweak, outputKeys }),
      );
      expect(found).toHaveLength(outputKeys.length);
    }
  });

  it('agrees with the sender that has all keys', () => {
    const random = new Random(seed);
    const inputs = [makeInput('p2wpkh', random), makeInput('p2tr', random)];
    const address = silentAddressOf(makeReceiver(random), { network: 'main' });
    const psbt = makePsbt(inputs, [address, address]);

    const { outputs } = computeSilentOutputs(
      addSilentShares(
        psbt,
        inputs.map(({ secret }) => new SecretBytes(secret)),
      ),
    );

    const sent = createSilentOutputs({
      inputs: inputs.map(({ sent: input }) => input),
      recipients: [address, address],
    });
    expect(outputs.map(({ scriptPubKey }) => toHex(scriptPubKey))).toStrictEqual(
      sent.map(({ scriptPubKey }) => toHex(scriptPubKey)),
    );
  });

  it('has no scripts while a share is missing, and says whose', () => {
    const random = new Random(seed);
    const inputs = [makeInput('p2wpkh', random), makeInput('p2tr', random), makeInput('nums', random)];
    const psbt = makePsbt(inputs, [silentAddressOf(makeReceiver(random), { network: 'main' })]);

    const partly = addSilentShares(psbt, [new SecretBytes((inputs[1] as BothSides).secret)]);

    expect(verifySilentShares(partly)).toMatchObject([{ missing: [0] }]);
    expect(computeSilentOutputs(partly)).toBe(partly);
  });

  it('is refused when a share, a proof or a script was changed', () => {
    const random = new Random(seed);
    const inputs = [makeInput('p2wpkh', random), makeInput('p2tr', random)];
    const psbt = makePsbt(inputs, [silentAddressOf(makeReceiver(random), { network: 'main' })]);
    const keys = inputs.map(({ secret }) => new SecretBytes(secret));
    const done = computeSilentOutputs(keys.reduce((grown, key) => addSilentShares(grown, [key]), psbt));
    const whole = computeSilentOutputs(addSilentShares(psbt, keys));
    const withShare = (change: Partial<(typeof done.silentShares)[number]>): Psbt => ({
      ...done,
      inputs: done.inputs.map((input, place) =>
        place === 1 ? { ...input, silentShares: input.silentShares.map((share) => ({ ...share, ...change })) } : input,
      ),
    });
    const wrongPoint = currentCrypto().publicKey(random.bytes(32)) as Uint8Array;

    expect(codeOf(() => verifySilentShares(done))).toBe('no error');
    const { proof, ...unproven } = whole.silentShares[0] as (typeof done.silentShares)[number];
    expect(proof).toHaveLength(64);
    for (const bad of [
      withShare({ share: wrongPoint }),
      withShare({ proof: new Uint8Array(64).fill(1) }),
      { ...whole, silentShares: [unproven] },
      { ...whole, silentShares: [{ ...unproven, proof: new Uint8Array(64) }] },
      { ...done, inputs: done.inputs.map((input) => ({ ...input, silentShares: [] })) },
    ])
      expect(codeOf(() => verifySilentShares(bad))).toBe('WALLET_SILENT_PROOF_INVALID');
    const elsewhere = {
      ...done,
      outputs: done.outputs.map((output) => ({
        ...output,
        scriptPubKey: Uint8Array.of(0x51, 32, ...wrongPoint.subarray(1)),
      })),
    };
    for (const bad of [
      elsewhere,
      { ...done, modifiable: 1 },
      { ...done, outputs: [...done.outputs, { ...psbtOutput(Uint8Array.of(0x51)), silentLabel: 1 }] },
    ])
      expect(codeOf(() => verifySilentShares(bad))).toBe('WALLET_PSBT_MISMATCH');
  });

  it('is refused with inputs that cannot pay silently', () => {
    const random = new Random(seed);
    const address = silentAddressOf(makeReceiver(random), { network: 'main' });
    const good = makePsbt([makeInput('p2wpkh', random)], [address]);
    const [input] = good.inputs as readonly [PsbtInput];
    const with_ = (change: Partial<PsbtInput>): Psbt => ({ ...good, inputs: [{ ...input, ...change }] });
    const { witnessUtxo: _, ...unknown } = input;
    const later = {
      ...input,
      previousIndex: 9,
      witnessUtxo: { value: 1n, scriptPubKey: Uint8Array.of(0x52, 2, 1, 1) },
    };

    expect(codeOf(() => verifySilentShares(good))).toBe('no error');
    const cases: readonly (readonly [Psbt, string])[] = [
      [{ ...good, version: 0 }, 'WALLET_SILENT_INPUTS_INVALID'],
      // Beside one that can pay.
      [{ ...good, inputs: [input, later] }, 'WALLET_SILENT_INPUTS_INVALID'],
      [makePsbt([makeInput('p2wsh', random)], [address]), 'WALLET_SILENT_INPUTS_INVALID'],
      [with_({ sighashType: 3 }), 'WALLET_PSBT_INPUT_INVALID'],
      [{ ...good, inputs: [unknown] }, 'WALLET_PSBT_INCOMPLETE'],
    ];
    for (const [psbt, code] of cases) expect(codeOf(() => verifySilentShares(psbt))).toBe(code);
    expect(codeOf(() => addSilentShares(good, 5 as never))).toBe('WALLET_INVALID_ARGUMENT');
    expect(codeOf(() => verifySilentShares(undefined as never))).toBe('WALLET_INVALID_ARGUMENT');
  });
});

describe('an input of a PSBT', () => {
  const uncompressed = (secret: Uint8Array): Uint8Array =>
    currentCrypto().publicKey(secret, { compressed: false }) as Uint8Array;

  it('takes no part with an uncompressed key', () => {
    const random = new Random(seed);
    const address = silentAddressOf(makeReceiver(random), { network: 'main' });
    const good = makeInput('p2wpkh', random);
    const psbt = makePsbt([good], [address]);
    const [input] = psbt.inputs as readonly [PsbtInput];
    const publicKey = uncompressed(random.bytes(32));
    const scriptPubKey = Uint8Array.of(0, 20, ...currentCrypto().hash160(publicKey));
    const left = {
      ...input,
      previousIndex: 9,
      witnessUtxo: { value: 1n, scriptPubKey },
      derivations: [{ publicKey, origin }],
    };

    const shared = addSilentShares({ ...psbt, inputs: [input, left] }, [new SecretBytes(good.secret)]);

    expect(verifySilentShares(shared)).toMatchObject([{ missing: [] }]);
    expect(shared.silentShares).toHaveLength(1);
  });

  it('is believed neither another key nor another redeem script', () => {
    const random = new Random(seed);
    const address = silentAddressOf(makeReceiver(random), { network: 'main' });
    const good = makeInput('p2wpkh', random);
    const other = makeInput('p2wpkh', random);
    const psbt = addSilentShares(makePsbt([good], [address]), [new SecretBytes(good.secret)]);
    const [input] = psbt.inputs as readonly [PsbtInput];
    const publicKey = currentCrypto().publicKey(other.secret) as Uint8Array;
    const nested = makePsbt([makeInput('p2sh-p2wpkh', random)], [address]);
    const [wrapped] = nested.inputs as readonly [PsbtInput];

    expect(codeOf(() => verifySilentShares(psbt))).toBe('no error');
    const foreign = { ...psbt, inputs: [{ ...input, derivations: [{ publicKey, origin }] }] };
    expect(codeOf(() => verifySilentShares(foreign))).toBe('WALLET_PSBT_INCOMPLETE');
    const lying = { ...nested, inputs: [{ ...wrapped, redeemScript: Uint8Array.of(0x51) }] };
    expect(codeOf(() => verifySilentShares(lying))).toBe('WALLET_PSBT_INPUT_INVALID');
  });
});

describe('a PSBT that spends a silent payment', () => {
  it('names the spend key and the tweak, and pays on silently', () => {
    const random = new Random(seed);
    const receiver = makeReceiver(random);
    const first = makeInput('p2wpkh', random);
    const [output] = createSilentOutputs({
      inputs: [first.sent],
      recipients: [silentAddressOf(receiver, { network: 'main', label: 9 })],
    });
    const tweak = silentInputs([first.seen])?.tweak as Uint8Array;
    const outputKey = output?.outputKey as Uint8Array;
    const [found] = new SilentScanner(receiver, { labels: [9] }).scanTweak({ tweak, outputKeys: [outputKey] });
    const coin = {
      ...first,
      kind: 'p2tr',
      seen: { ...first.seen, scriptPubKey: output?.scriptPubKey as Uint8Array },
    } as const;
    const psbt = makePsbt([coin], [silentAddressOf(makeReceiver(random), { network: 'main' })]);

    const spend = { tweak: found?.tweak as Uint8Array, spendPublicKey: receiver.spendPublicKey, origin };
    const updated = addSilentSpend(psbt, 0, spend);

    expect(updated.inputs[0]).toMatchObject({ silentTweak: spend.tweak });
    // The spend key alone makes the share of the coin.
    expect(verifySilentShares(addSilentShares(updated, [receiver.spendKey]))).toMatchObject([{ missing: [] }]);
    expect(codeOf(() => addSilentSpend(psbt, 0, { ...spend, tweak: new Uint8Array(32).fill(1) }))).toBe(
      'WALLET_SILENT_INPUTS_INVALID',
    );
    expect(codeOf(() => addSilentSpend(psbt, 4, spend))).toBe('WALLET_INVALID_ARGUMENT');
  });
});

/**
 * The published inputs do not pay to the hash of the key they name, which we refuse: a share for another key than that of
 * the input would lose the payment. So that the rest is tested, each gets the script of its key.
 */
function withScriptOfKey(psbt: Psbt): Psbt {
  const inputs = psbt.inputs.map((input) => {
    const [derivation] = input.derivations;
    if (derivation === undefined || input.witnessUtxo === undefined) return input;
    const scriptPubKey = Uint8Array.of(0, 20, ...currentCrypto().hash160(derivation.publicKey));
    return { ...input, witnessUtxo: { ...input.witnessUtxo, scriptPubKey } };
  });
  return { ...psbt, inputs };
}

const further = cachedBip375();
// No `skipIf`: without a copy they are no part of the run, and count as nothing.
if (further.length > 0)
  describe('the vectors of BIP375', () => {
    it.for(further)('are %s: %s', ([verdict, , text]) => {
      const read = (): unknown => {
        const psbt = withScriptOfKey(parsePsbt(text));
        verifySilentShares(psbt);
        return computeSilentOutputs(psbt);
      };

      if (verdict === 'valid') expect(read()).toStrictEqual(withScriptOfKey(parsePsbt(text)));
      else expect(read).toThrow(WalletError);
    });
  });
