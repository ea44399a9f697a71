import { currentCrypto } from '@bitcoin-enterprise/core';
import {
  type Cell,
  completeTransition,
  type ContractInstance,
  signatureName,
  type SigningRequest,
  signingRequests,
  type TransitionPlan,
} from '@bitcoin-enterprise/biscol';
import type { Cause, ChainView, Diagnosis } from '@bitcoin-enterprise/biscol/debugger';
import {
  type PolicyProfile,
  serializeTransaction,
  type SpentOutput,
  type Transaction,
  type TransactionInput,
} from '@bitcoin-enterprise/script';
import type { Dice } from '../../../../descriptors/test/support/dice.ts';
import { keyOf, ringOf } from '../../support/people.ts';
import { signPlan } from '../../support/sign-plan.ts';

/** A spend of a contract that is right, about to be spoilt. */
export interface Right {
  readonly instance: ContractInstance;
  readonly plan: TransitionPlan;
  readonly signatures: ReadonlyMap<string, Uint8Array>;
  readonly secretKeys: readonly Uint8Array[];
  readonly tx: Transaction;
  readonly inputIndex: number;
  readonly cell: Cell;
  readonly chain: ChainView;
  readonly dice: Dice;
}

/** A spend that was spoilt, and what has to be said of it. */
export interface Faulty {
  readonly tx: Transaction;
  readonly expected: Cause;
  /** What else has to be in the diagnosis. */
  readonly details?: Partial<Diagnosis>;
  readonly spentOutputs?: readonly SpentOutput[];
  readonly chain?: ChainView;
  readonly profile?: PolicyProfile;
  readonly keys?: readonly { readonly name: string; readonly key: Uint8Array }[];
  /** Whether what was meant cannot be found without the plan. */
  readonly needsPlan?: boolean;
}

/** A kind of fault: `undefined` where a spend has no place for it. */
export interface FaultKind {
  readonly name: string;
  readonly inject: (right: Right) => Promise<Faulty | undefined> | Faulty | undefined;
}

/** The spend with a part of its input in another form. */
export function withInput(
  tx: Transaction,
  inputIndex: number,
  change: Partial<TransactionInput> | ((input: TransactionInput) => Partial<TransactionInput>),
): Transaction {
  return {
    ...tx,
    inputs: tx.inputs.map((input, at) =>
      at === inputIndex ? { ...input, ...(typeof change === 'function' ? change(input) : change) } : input,
    ),
  };
}

/** The witness of the input that is looked at. */
export function witnessOf({ tx, inputIndex }: Right): readonly Uint8Array[] {
  return (tx.inputs[inputIndex] as TransactionInput).witness;
}

/** The spend with another witness. */
export function withWitness({ tx, inputIndex }: Right, witness: readonly Uint8Array[]): Transaction {
  return withInput(tx, inputIndex, { witness });
}

/** A plan of another transaction: what is signed then is that one. */
export function altered(plan: TransitionPlan, change: Partial<Transaction>): TransitionPlan {
  const tx = { ...plan.tx, ...change };
  const bytes = serializeTransaction(tx, { witness: false });
  return { ...plan, tx, bytes, txid: currentCrypto().hash256(bytes) };
}

/** Another transaction, signed by everybody as if it were right; covenants that are presigned say no. */
export async function signedAnew(
  { plan, secretKeys, signatures }: Right,
  change: Partial<Transaction>,
  options: { readonly keep?: string | undefined } = {},
): Promise<Transaction> {
  const other = altered(plan, change);
  const own = new Map(await signPlan(other, { secretKeys }));
  const { keep } = options;
  if (keep !== undefined) own.set(keep, signatures.get(keep) as Uint8Array);
  return completeTransition(other, own);
}

/** The signatures of the input that one person makes alone. */
export function singleRequests({ plan, inputIndex }: Right): readonly SigningRequest[] {
  return signingRequests(plan).filter(({ input, key }) => input === inputIndex && key.participants.length === 0);
}

/** The number of the person whose key something is. */
export function personWith(publicKey: Uint8Array): number | undefined {
  const text = Buffer.from(publicKey).toString('hex').slice(-64);
  for (let n = 1; n < 100; n++) if (keyOf(n).slice(2) === text) return n;
  return undefined;
}

/** A signature of another digest by who has to sign. */
export function signDigest(asked: SigningRequest, digest: Uint8Array): Uint8Array | undefined {
  const n = personWith(asked.key.publicKey);
  return n === undefined ? undefined : ringOf(n).sign({ ...asked.request, digest });
}

/** The spend with another signature in the place of one, hash type included. */
export function withSignature(right: Right, asked: SigningRequest, signature: Uint8Array): Transaction {
  const old = right.signatures.get(signatureName(asked.input, asked.key)) as Uint8Array;
  return withWitness(
    right,
    witnessOf(right).map((item) => (isSignature(item, old) ? signature : item)),
  );
}

/** Whether an item is a signature, with or without its hash type. */
export function isSignature(item: Uint8Array, signature: Uint8Array): boolean {
  return (
    (item.length === 64 || item.length === 65) && Buffer.compare(item.subarray(0, 64), signature.subarray(0, 64)) === 0
  );
}

/** How many elements behind the items are script and control block. */
export function behind({ plan, inputIndex }: Right): number {
  return plan.inputs[inputIndex]?.plan.way.leaf === undefined ? 0 : 2;
}
