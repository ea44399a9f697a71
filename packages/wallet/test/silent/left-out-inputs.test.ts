import { currentCrypto, loadCrypto } from '@bitcoin-enterprise/core';
import { tapLeafHash, taprootOutput, tapTweakHash, UNSPENDABLE_INTERNAL_KEY } from '@bitcoin-enterprise/script';
import { beforeAll, describe, expect, it } from 'vitest';
import { SecretBytes } from '../../src/keys/index.ts';
import { createPsbt, type NewInput, type Psbt } from '../../src/psbt/index.ts';
import { createKeyRing, memorySigner } from '../../src/signers/index.ts';
import { addSilentShares, decodeSilentAddress, silentAddressOf, verifySilentShares } from '../../src/silent/index.ts';

const key = (n: number): Uint8Array => new Uint8Array(32).fill(n);
const publicKey = (n: number): Uint8Array => currentCrypto().publicKey(key(n)) as Uint8Array;
const leaf = Uint8Array.of(0x51);
const origin = { fingerprint: new Uint8Array(4), path: [] };

/** What stands in an input beside, or in the place of, the truth. */
type Lie = { readonly [Field in keyof NewInput]?: NewInput[Field] | undefined };

/** An input of Taproot with a tree, which key 3 spends by the key path, and one of P2WPKH of key 4. */
function paying(more: Lie): Psbt {
  const internal = publicKey(3).subarray(1);
  const tapMerkleRoot = tapLeafHash(Uint8Array.of(32, ...publicKey(7).subarray(1), 0xac));
  const output = currentCrypto().xOnlyTweakAdd(internal, tapTweakHash(internal, tapMerkleRoot));
  const scriptPubKey = Uint8Array.of(0x51, 32, ...(output?.xOnlyPublicKey ?? []));
  const keys = decodeSilentAddress(
    silentAddressOf({ scanKey: new SecretBytes(key(1)), spendPublicKey: publicKey(2) }, { network: 'regtest' }),
  );
  const silentAddress = Uint8Array.of(...keys.scanPublicKey, ...keys.spendPublicKey);
  const keyHash = currentCrypto().hash160(publicKey(4));
  return createPsbt({
    version: 2,
    inputs: [
      {
        previousTxid: key(9),
        previousIndex: 0,
        witnessUtxo: { value: 10_000n, scriptPubKey },
        tapInternalKey: internal,
        tapMerkleRoot,
        ...more,
      } as NewInput,
      {
        previousTxid: key(9),
        previousIndex: 1,
        witnessUtxo: { value: 10_000n, scriptPubKey: Uint8Array.of(0, 20, ...keyHash) },
        derivations: [{ publicKey: publicKey(4), origin }],
      },
    ],
    outputs: [{ value: 15_000n, scriptPubKey: new Uint8Array(), silentAddress }],
  });
}

beforeAll(async () => {
  await loadCrypto();
});

describe('an input of Taproot that is said to have no internal key (BIP352)', () => {
  const controlBlock = Uint8Array.of(0xc0, ...UNSPENDABLE_INTERNAL_KEY);
  // An output of the spend key 3 with a tweak (BIP376): it is signed without a look at the internal key.
  const received = { silentTweak: key(5), tapInternalKey: UNSPENDABLE_INTERNAL_KEY, tapMerkleRoot: undefined };
  const lies: readonly (readonly [string, Lie])[] = [
    ['by a leaf', { tapLeafScripts: [{ controlBlock, script: leaf, leafVersion: 0xc0 }] }],
    ['by its internal key', { tapInternalKey: UNSPENDABLE_INTERNAL_KEY }],
    ['by a witness', { finalScriptWitness: [leaf, controlBlock] }],
    ['of what was received silently', received],
  ];

  it.for(lies)('is refused when that is a lie %s: the receiver would not find the payment', async ([, lie]) => {
    const psbt = paying(lie);
    const keys = [new SecretBytes(key(3)), new SecretBytes(key(4))];
    const ring = createKeyRing({ secretKeys: [key(3), key(4)] });
    for (const work of [
      async () => addSilentShares(psbt, keys),
      async () => verifySilentShares(psbt),
      async () => memorySigner(ring).sign(psbt),
    ])
      await expect(work()).rejects.toMatchObject({ code: 'WALLET_PSBT_INPUT_INVALID', details: { input: 0 } });
  });

  it('is left out when that is true, whatever says so', () => {
    const { scriptPubKey, leaves } = taprootOutput({ internalKey: UNSPENDABLE_INTERNAL_KEY, tree: { script: leaf } });
    const witnessUtxo = { value: 10_000n, scriptPubKey };
    const block = leaves[0]?.controlBlock ?? controlBlock;
    const tapLeafScripts = [{ controlBlock: block, script: leaf, leafVersion: 0xc0 }];
    const truths: readonly Partial<NewInput>[] = [
      { tapInternalKey: UNSPENDABLE_INTERNAL_KEY, tapMerkleRoot: tapLeafHash(leaf) },
      { tapInternalKey: UNSPENDABLE_INTERNAL_KEY, tapLeafScripts },
      { tapLeafScripts },
      { finalScriptWitness: [leaf, block] },
    ];
    for (const truth of truths) {
      const { tapInternalKey: _, tapMerkleRoot: __, ...rest } = paying({}).inputs[0] as NewInput;
      const base = paying({});
      const inputs = [{ ...rest, witnessUtxo, ...truth }, base.inputs[1]];
      const psbt = { ...base, inputs } as Psbt;
      const shared = addSilentShares(psbt, [new SecretBytes(key(4))]);

      expect(verifySilentShares(shared).map(({ missing }) => missing)).toStrictEqual([[]]);
    }
  });
});
