import { currentCrypto, toHex } from '@bitcoin-enterprise/core';
import { parseDescriptor, planSpend, type SpendAssets, type SpendPlan } from '@bitcoin-enterprise/descriptors';
import { serializeTransaction } from '@bitcoin-enterprise/script';
import { dice, type Dice } from '../../../../descriptors/test/support/dice.ts';
import { preimageOf } from '../../../../descriptors/test/support/random-miniscript.ts';
import { secretOf } from '../../../../descriptors/test/support/signing.ts';
import { spendableDescriptor } from '../../../../descriptors/test/support/spendable-descriptor.ts';
import { createKeyRing, createPsbt, describeInput, type KeyRing, type Psbt } from '../../../src/index.ts';

/** A PSBT that spends an output of a random descriptor, and who signs it. */
export interface RandomPsbt {
  readonly text: string;
  readonly psbt: Psbt;
  readonly plan: SpendPlan;
  readonly rings: readonly KeyRing[];
}

/** `undefined` when the descriptor cannot be spent with what is at hand. */
export function randomPsbt(seed: number, options: { readonly version?: 0 | 2 } = {}): RandomPsbt | undefined {
  const roll = dice(seed);
  const { text, scriptIndex } = spendableDescriptor(roll);
  // A combo() describes its wrapped form alone, and which is spent is the wallet's to say.
  if (text.startsWith('combo')) return undefined;
  const output = parseDescriptor(text).derive();
  const plan = planSpend(output, randomAssets(roll), { scriptIndex });
  if (!plan.ok) return undefined;
  const scriptPubKey = output.scripts[scriptIndex] as Uint8Array;
  const nothing = new Uint8Array(0);
  const previous = serializeTransaction({
    version: 2,
    inputs: [{ previousTxid: new Uint8Array(32), previousIndex: seed, scriptSig: nothing, sequence: 0, witness: [] }],
    outputs: [{ value: 100_000n, scriptPubKey }],
    lockTime: 0,
  });
  const isSegwit = plan.witnessSize.maximum > 0;
  const preimages = plan.items.flatMap((item) => {
    if (item.kind !== 'preimage') return [];
    const { hashFunction, hash } = item;
    return [{ hashFunction, hash, preimage: preimageOf(hashFunction, hash) as Uint8Array }];
  });
  const psbt = createPsbt({
    version: options.version ?? (roll.oneIn(2) ? 0 : 2),
    lockTime: plan.lockTime,
    inputs: [
      {
        ...describeInput(output, roll.oneIn(2) ? plan : undefined),
        previousTxid: currentCrypto().hash256(previous),
        previousIndex: 0,
        sequence: plan.sequence,
        ...(isSegwit ? { witnessUtxo: { value: 100_000n, scriptPubKey } } : { nonWitnessUtxo: previous }),
        preimages,
      },
    ],
    outputs: [{ value: 90_000n, scriptPubKey: Uint8Array.of(0x51, 0x20, ...new Uint8Array(32).fill(9)) }],
  });
  const rings = plan.signers.map(({ bytes }) => createKeyRing({ secretKeys: [secretOf(bytes)] }));
  return { text, psbt, plan, rings };
}

function randomAssets(roll: Dice): SpendAssets {
  const known = new Map<string, boolean>();
  const decide = (name: string): boolean => {
    const before = known.get(name) ?? !roll.oneIn(4);
    known.set(name, before);
    return before;
  };
  return {
    canSign: (key) => decide(toHex(key.publicKey.subarray(1, 33))),
    hasPreimage: (_name, hash) => decide(toHex(hash)),
    height: roll.below(130),
    confirmations: roll.below(40),
    lowR: true,
  };
}
