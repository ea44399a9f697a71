import { compactSizeLength, currentCrypto, equalBytes, satoshis, toHex } from '@bitcoin-enterprise/core';
import type { DerivedKey } from '@bitcoin-enterprise/descriptors';
import { serializeTransaction, SighashType, type Transaction } from '@bitcoin-enterprise/script';
import type { ContractInstance } from '../contract/model.ts';
import { planPath } from '../contract/plan-path.ts';
import type { Cell, TransitionPlan } from '../contract/transition.ts';
import { keysOf } from './signer.ts';

/**
 * Plans that take an output of the contract for an adversary: each path that its keys and secrets satisfy without anybody
 * else, and that no covenant holds, can pay whomever it likes.
 */
export function stealingPlans(
  instance: ContractInstance,
  of: {
    readonly cell: Cell;
    readonly hasKey: (xOnly: string) => boolean;
    /** 32 bytes each. */
    readonly secrets: readonly Uint8Array[];
    /** Where the loot goes. */
    readonly scriptPubKey: Uint8Array;
    readonly feeRate: bigint;
  },
): readonly TransitionPlan[] {
  const { cell, hasKey, secrets, scriptPubKey, feeRate } = of;
  const crypto = currentCrypto();
  const output = instance.output(cell.state, cell.data, cell.value);
  const paths = [...new Set(output.ways.filter(({ template }) => template === undefined).map(({ path }) => path))];
  return paths.flatMap((path): TransitionPlan[] => {
    const plan = planPath(output, path, {
      canSign: (key: DerivedKey) => keysOf(key).every((one) => hasKey(one)),
      hasPreimage: (name, hash) => secrets.some((secret) => equalBytes(crypto[name](secret), hash)),
      signatureSize: 64,
    });
    if (plan === undefined) return [];
    const outputSize = 8 + compactSizeLength(scriptPubKey.length) + scriptPubKey.length;
    const weight = 4 * (4 + 4 + 1 + 1 + outputSize) + 2 + plan.weight;
    const fee = (feeRate * BigInt(Math.ceil(weight / 4)) + 999n) / 1_000n;
    const value = cell.value - fee;
    if (value < 330n) return [];
    const tx: Transaction = {
      version: 2,
      inputs: [
        {
          previousTxid: cell.txid,
          previousIndex: cell.index,
          scriptSig: new Uint8Array(0),
          sequence: plan.sequence,
          witness: [],
        },
      ],
      outputs: [{ value, scriptPubKey }],
      lockTime: plan.lockTime,
    };
    const bytes = serializeTransaction(tx);
    return [
      {
        transition: `theft by ${path}`,
        tx,
        txid: crypto.hash256(bytes),
        bytes,
        spentOutputs: [{ value: cell.value, scriptPubKey: output.scriptPubKey }],
        inputs: [{ cell, output, plan }],
        hashType: SighashType.DEFAULT,
        preimages: secrets,
        next: [],
        payouts: [],
        anchor: undefined,
        restAt: 0,
        weight,
        fee: satoshis(fee),
      },
    ];
  });
}

/** Secrets that a signed transaction shows: all elements of 32 bytes that open a hash lock of what it spends. */
export function shownSecrets(plan: TransitionPlan, tx: Transaction): readonly string[] {
  const crypto = currentCrypto();
  return plan.inputs.flatMap(({ plan: { items } }, place) =>
    items.flatMap((item) => {
      if (item.kind !== 'preimage') return [];
      const found = tx.inputs[place]?.witness.find(
        (one) => one.length === 32 && equalBytes(crypto[item.hashFunction](one), item.hash),
      );
      return found === undefined ? [] : [toHex(found)];
    }),
  );
}
