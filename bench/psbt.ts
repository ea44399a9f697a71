/**
 * A Taproot spend of two inputs and two outputs, from nothing to the signed transaction, against bitcoinjs-lib with
 * tiny-secp256k1 and @scure/btc-signer; by the key path and by a leaf. And reading a PSBT of 300 inputs.
 */
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { currentCrypto, loadCrypto } from '@bitcoin-enterprise/core';
import {
  parseScript,
  serializeTransaction,
  taprootOutput,
  type TaprootOutput,
  tapTweakHash,
} from '@bitcoin-enterprise/script';
import {
  createKeyRing,
  createPsbt,
  extractTransaction,
  finalizePsbt,
  type KeyRing,
  type NewInput,
  parsePsbt,
  serializePsbt,
  signPsbt,
  toPsbtVersion,
} from '@bitcoin-enterprise/wallet';
import { measured, runCase } from './harness.ts';
import type { BenchResult, BenchSettings } from './harness.ts';

interface Bitcoinjs {
  initEccLib(ecc: unknown): void;
  readonly Psbt: {
    new (): BitcoinjsPsbt;
    fromBuffer(bytes: Uint8Array): BitcoinjsPsbt;
  };
}
interface BitcoinjsPsbt {
  addInput(input: object): BitcoinjsPsbt;
  addOutput(output: object): BitcoinjsPsbt;
  signInput(index: number, signer: object): BitcoinjsPsbt;
  finalizeAllInputs(): BitcoinjsPsbt;
  extractTransaction(): { toBuffer(): Uint8Array };
}
interface Ecc {
  signSchnorr(hash: Uint8Array, secretKey: Uint8Array, extra?: Uint8Array): Uint8Array;
  privateAdd(secretKey: Uint8Array, tweak: Uint8Array): Uint8Array;
  privateNegate(secretKey: Uint8Array): Uint8Array;
}
interface Scure {
  readonly Transaction: {
    new (options?: object): ScureTransaction;
    fromPSBT(bytes: Uint8Array): unknown;
  };
}
interface ScureTransaction {
  addInput(input: object): void;
  addOutput(output: object): void;
  sign(secretKey: Uint8Array): void;
  finalize(): void;
  extract(): Uint8Array;
}

const VALUE = 100_000n;

interface Coin {
  readonly output: TaprootOutput;
  readonly secretKey: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** Runs all cases. */
export async function runBench(settings: BenchSettings): Promise<readonly BenchResult[]> {
  await loadCrypto();
  const require = createRequire(import.meta.url);
  const { bitcoinjs, ecc, scure } = require(resolve(import.meta.dirname, 'thirdparty/rivals-psbt.cjs')) as {
    readonly bitcoinjs: Bitcoinjs;
    readonly ecc: Ecc;
    readonly scure: Scure;
  };
  bitcoinjs.initEccLib(ecc);
  const crypto = currentCrypto();
  const keys = [1, 2].map((n) => {
    const secretKey = crypto.sha256(Uint8Array.of(n));
    return { secretKey, publicKey: crypto.publicKey(secretKey) as Uint8Array };
  });
  const keyPath = keys.map((key): Coin => ({
    ...key,
    output: taprootOutput({ internalKey: key.publicKey.subarray(1) }),
  }));
  const nobody = crypto.publicKey(crypto.sha256(Uint8Array.of(9))) as Uint8Array;
  const leafPath = keys.map((key): Coin => {
    const script = parseScript(`${Buffer.from(key.publicKey.subarray(1)).toString('hex')} OP_CHECKSIG`);
    return { ...key, output: taprootOutput({ internalKey: nobody.subarray(1), tree: { script } }) };
  });
  const ring = createKeyRing({ secretKeys: keys.map(({ secretKey }) => secretKey) });
  const rivals = { bitcoinjs, ecc, scure };
  return [
    ...spending('key path', keyPath, { rivals, ring, settings }),
    ...spending('leaf', leafPath, { rivals, ring, settings }),
    ...reading({ rivals, settings }),
  ];
}

interface Facts {
  readonly rivals: { readonly bitcoinjs: Bitcoinjs; readonly ecc: Ecc; readonly scure: Scure };
  readonly ring: KeyRing;
  readonly settings: BenchSettings;
}

const TXID = new Uint8Array(32).fill(7);

function spending(name: string, coins: readonly Coin[], { rivals, ring, settings }: Facts): readonly BenchResult[] {
  const { bitcoinjs, ecc, scure } = rivals;
  const isLeaf = coins[0]?.output.merkleRoot !== undefined;
  const ours = (): Uint8Array => {
    const inputs = coins.map(({ output, publicKey }, previousIndex): NewInput => {
      const witnessUtxo = { value: VALUE, scriptPubKey: output.scriptPubKey };
      const common = { previousTxid: TXID, previousIndex, witnessUtxo };
      if (!isLeaf) return { ...common, tapInternalKey: publicKey.subarray(1) };
      const tapLeafScripts = output.leaves.map(({ controlBlock, script, leafVersion }) => ({
        controlBlock,
        script,
        leafVersion,
      }));
      return { ...common, tapInternalKey: output.internalKey, tapLeafScripts };
    });
    const outputs = coins.map(({ output }) => ({ value: 90_000n, scriptPubKey: output.scriptPubKey }));
    const psbt = signPsbt(createPsbt({ inputs, outputs }), ring);
    return serializeTransaction(extractTransaction(finalizePsbt(psbt), { check: 'none' }));
  };
  const ecpair = ({ secretKey, publicKey, output }: Coin): object => {
    const own = publicKey[0] === 3 ? ecc.privateNegate(secretKey) : secretKey;
    const tweak = tapTweakHash(output.internalKey, undefined);
    const signing = isLeaf ? secretKey : ecc.privateAdd(own, tweak);
    const point = isLeaf ? publicKey : Uint8Array.of(2, ...output.outputKey);
    return {
      publicKey: point,
      signSchnorr: (hash: Uint8Array) =>
        ecc.signSchnorr(hash, signing, globalThis.crypto.getRandomValues(new Uint8Array(32))),
    };
  };
  const theirs = (): Uint8Array => {
    const psbt = new bitcoinjs.Psbt();
    for (const [index, { output, publicKey }] of coins.entries())
      psbt.addInput({
        hash: TXID,
        index,
        witnessUtxo: { value: VALUE, script: output.scriptPubKey },
        ...(isLeaf
          ? {
              tapLeafScript: output.leaves.map(({ controlBlock, script, leafVersion }) => ({
                controlBlock,
                script,
                leafVersion,
              })),
            }
          : { tapInternalKey: publicKey.subarray(1) }),
      });
    for (const { output } of coins) psbt.addOutput({ value: 90_000n, script: output.scriptPubKey });
    for (const [index, coin] of coins.entries()) psbt.signInput(index, ecpair(coin));
    return psbt.finalizeAllInputs().extractTransaction().toBuffer();
  };
  const scures = (): Uint8Array => {
    const tx = new scure.Transaction({ allowUnknownInputs: true, allowUnknownOutputs: true });
    for (const [index, { output, publicKey }] of coins.entries())
      tx.addInput({
        txid: TXID,
        index,
        witnessUtxo: { amount: VALUE, script: output.scriptPubKey },
        tapInternalKey: isLeaf ? output.internalKey : publicKey.subarray(1),
        ...(isLeaf ? { tapMerkleRoot: output.merkleRoot, tapLeafScript: output.leaves.map(scureLeaf) } : {}),
      });
    for (const { output } of coins) tx.addOutput({ script: output.scriptPubKey, amount: 90_000n });
    for (const { secretKey } of coins) tx.sign(secretKey);
    tx.finalize();
    return tx.extract();
  };
  for (const made of [theirs(), scures()])
    if (made.length !== ours().length) throw new Error(`${name}: not transactions of one size`);
  return runCase(
    {
      name: `build, sign and finalise 2-in-2-out, ${name}`,
      ours: measured(ours, { operations: 1 }),
      rivals: {
        'bitcoinjs-lib 7.0.5 + tiny-secp256k1': { measure: measured(theirs, { operations: 1 }), promised: 1 },
        '@scure/btc-signer': { measure: measured(scures, { operations: 1 }), promised: 1 },
      },
    },
    settings,
  );
}

function scureLeaf({ controlBlock, script, leafVersion }: TaprootOutput['leaves'][number]): readonly unknown[] {
  const block = { version: controlBlock[0], internalKey: controlBlock.subarray(1, 33), merklePath: [] };
  return [block, Uint8Array.of(...script, leafVersion)];
}

/** A PSBT of 300 inputs, each with the key that signs it. */
function reading({ rivals, settings }: Pick<Facts, 'rivals' | 'settings'>): readonly BenchResult[] {
  const { bitcoinjs, scure } = rivals;
  const crypto = currentCrypto();
  const inputs = Array.from({ length: 300 }, (_, previousIndex): NewInput => {
    const publicKey = crypto.publicKey(
      crypto.sha256(Uint8Array.of(previousIndex & 0xff, previousIndex >> 8)),
    ) as Uint8Array;
    return {
      previousTxid: TXID,
      previousIndex,
      witnessUtxo: { value: VALUE, scriptPubKey: Uint8Array.of(0, 20, ...crypto.hash160(publicKey)) },
      derivations: [{ publicKey, origin: { fingerprint: new Uint8Array(4), path: [0x8000_0054, 0, previousIndex] } }],
    };
  });
  const bytes = serializePsbt(
    toPsbtVersion(createPsbt({ inputs, outputs: [{ value: VALUE, scriptPubKey: Uint8Array.of(0x51) }] }), 0),
  );
  return runCase(
    {
      name: 'read a PSBT of 300 inputs, keys checked',
      ours: measured(() => void parsePsbt(bytes), { operations: 1 }),
      rivals: {
        // It does not look whether keys are points of the curve.
        'bitcoinjs-lib 7.0.5, keys unchecked': {
          measure: measured(() => void bitcoinjs.Psbt.fromBuffer(bytes), { operations: 1 }),
        },
        '@scure/btc-signer': {
          measure: measured(() => void scure.Transaction.fromPSBT(bytes), { operations: 1 }),
          promised: 1,
        },
      },
    },
    settings,
  );
}
