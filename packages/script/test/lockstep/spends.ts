import { concatBytes } from '@bitcoin-enterprise/core';
import {
  type SpentOutput,
  type Transaction,
  type TransactionInput,
  serializeTransaction,
} from '@bitcoin-enterprise/script';
import type { Contract } from './contracts.ts';
import type { Random } from '../../../../scripts/testing/random.ts';

/** A contract that lies on the chain. */
export interface Coin {
  readonly contract: Contract;
  readonly txid: Uint8Array;
  readonly index: number;
  readonly value: bigint;
}

/** A spend whose verdict two implementations are asked for. */
export interface SpendCase {
  readonly tx: Uint8Array;
  readonly spentOutputs: readonly SpentOutput[];
  /** Kinds of the contracts spent, and what was done to the spend. */
  readonly note: string;
}

const EMPTY = new Uint8Array();

/** Makes a spend of one to three coins, right in every respect, and in about half of the cases breaks something. */
export function makeSpend(random: Random, coins: readonly Coin[]): SpendCase {
  const chosen = new Set<Coin>();
  const count = random.chance(0.7) ? 1 : 1 + random.below(3);
  while (chosen.size < count) chosen.add(random.pick(coins));
  const spent = [...chosen];
  const spentOutputs = spent.map(({ contract, value }) => ({ value, scriptPubKey: contract.scriptPubKey }));
  const tx = unsignedSpend(random, spent);
  const satisfied = tx.inputs.map((input, inputIndex) => {
    const coin = spent[inputIndex] as Coin;
    return { ...input, ...coin.contract.satisfy({ tx, inputIndex, spentOutputs, random }) };
  });
  let signed: Transaction = { ...tx, inputs: satisfied };
  const notes = spent.map(({ contract }) => contract.kind);
  for (let rounds = random.chance(0.5) ? 0 : 1 + random.below(2); rounds > 0; rounds--) {
    const [name, mutate] = random.pick(mutations);
    const mutated = mutate(random, signed);
    if (mutated === undefined) continue;
    signed = mutated;
    notes.push(name);
  }
  return { tx: serializeTransaction(signed), spentOutputs, note: notes.join(' + ') };
}

function unsignedSpend(random: Random, spent: readonly Coin[]): Transaction {
  const total = spent.reduce((sum, { value }) => sum + value, 0n);
  const outputCount = 1 + random.below(3);
  return {
    version: random.chance(0.9) ? 2 : random.pick([1, 3, 0xffffffff]),
    inputs: spent.map(({ txid, index, contract }) => ({
      previousTxid: txid,
      previousIndex: index,
      scriptSig: EMPTY,
      sequence: contract.locks.sequence,
      witness: [],
    })),
    outputs: Array.from({ length: outputCount }, () => ({
      value: (total - 1_000n) / BigInt(outputCount),
      scriptPubKey: concatBytes(Uint8Array.of(0x51, 32), random.bytes(32)),
    })),
    lockTime: Math.max(...spent.map(({ contract }) => contract.locks.lockTime)),
  };
}

type Mutation = (random: Random, tx: Transaction) => Transaction | undefined;

/** Changes one input chosen at random. */
const inInput =
  (change: (random: Random, input: TransactionInput) => Partial<TransactionInput> | undefined): Mutation =>
  (random, tx) => {
    const chosen = random.below(tx.inputs.length);
    const changed = change(random, tx.inputs[chosen] as TransactionInput);
    if (changed === undefined) return undefined;
    return { ...tx, inputs: tx.inputs.map((input, index) => (index === chosen ? { ...input, ...changed } : input)) };
  };

/** Changes one witness item chosen at random. */
const inItem = (change: (random: Random, item: Uint8Array) => Uint8Array): Mutation =>
  inInput((random, { witness }) => {
    if (witness.length === 0) return undefined;
    const chosen = random.below(witness.length);
    return { witness: witness.map((item, index) => (index === chosen ? change(random, item) : item)) };
  });

function flipBit(random: Random, bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) return Uint8Array.of(1 << random.below(8));
  const copy = bytes.slice();
  const at = random.below(copy.length);
  copy[at] = (copy[at] as number) ^ (1 << random.below(8));
  return copy;
}

const mutations: readonly (readonly [string, Mutation])[] = [
  ['flip a witness bit', inItem(flipBit)],
  ['truncate a witness item', inItem((random, item) => item.subarray(0, random.below(item.length + 1)))],
  ['lengthen a witness item', inItem((random, item) => concatBytes(item, random.bytes(1 + random.below(3))))],
  ['empty a witness item', inItem(() => EMPTY)],
  ['replace a witness item', inItem((random) => random.bytes(random.pick([1, 32, 33, 64, 65, 71, 520, 521])))],
  [
    'drop a witness item',
    inInput((random, { witness }) =>
      witness.length === 0 ? undefined : { witness: witness.toSpliced(random.below(witness.length), 1) },
    ),
  ],
  [
    'add a witness item',
    inInput((random, { witness }) => ({
      witness: witness.toSpliced(random.below(witness.length + 1), 0, random.bytes(random.below(34))),
    })),
  ],
  [
    'swap witness items',
    inInput((random, { witness }) =>
      witness.length < 2 ? undefined : { witness: witness.toSorted(() => random.below(3) - 1) },
    ),
  ],
  ['flip a scriptSig bit', inInput((random, { scriptSig }) => ({ scriptSig: flipBit(random, scriptSig) }))],
  [
    'truncate the scriptSig',
    inInput((random, { scriptSig }) => ({ scriptSig: scriptSig.subarray(0, random.below(scriptSig.length + 1)) })),
  ],
  [
    'prepend to the scriptSig',
    inInput((random, { scriptSig }) => ({ scriptSig: concatBytes(random.bytes(1 + random.below(2)), scriptSig) })),
  ],
  ['change a sequence', inInput((random) => ({ sequence: random.pick([0, 1, 0xfffffffe, 0xffffffff, 0x80000000]) }))],
  ['change the lock time', (random, tx) => ({ ...tx, lockTime: random.below(110) })],
  ['change the version', (random, tx) => ({ ...tx, version: random.pick([0, 1, 2, 3]) })],
  [
    'change an output',
    (random, tx) => ({
      ...tx,
      outputs: tx.outputs.map((output, index) =>
        index === 0 ? { ...output, scriptPubKey: flipBit(random, output.scriptPubKey) } : output,
      ),
    }),
  ],
  [
    'drop the last output',
    (_, tx) => (tx.outputs.length > 1 ? { ...tx, outputs: tx.outputs.slice(0, -1) } : undefined),
  ],
];
