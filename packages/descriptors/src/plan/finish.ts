import { concatBytes, isBytes } from '@bitcoin-enterprise/core';
import { Opcode } from '@bitcoin-enterprise/script';
import { DescriptorsError, invalidArgument } from '../errors.ts';
import type { DerivedKey } from '../keys/model.ts';
import type { HashFunction } from '../miniscript/fragment.ts';
import type { SpendPlan } from './plan.ts';
import type { WitnessItem } from './satisfy.ts';

/** What was signed and revealed. */
export interface SpendParts {
  /** Signature of a key with its hash type, as it stands in the witness; `undefined` when it is not there. */
  readonly signatureOf: (key: DerivedKey) => Uint8Array | undefined;
  /** Preimage of a hash, 32 bytes. */
  readonly preimageOf?: (hashFunction: HashFunction, hash: Uint8Array) => Uint8Array | undefined;
}

/** What an input carries. */
export interface InputScripts {
  readonly scriptSig: Uint8Array;
  readonly witness: readonly Uint8Array[];
}

/**
 * Puts signatures and preimages where a plan has places for them: the input that is broadcast.
 *
 * @throws DescriptorsError `DESCRIPTORS_PLAN_INCOMPLETE` for a part that is missing; `DESCRIPTORS_INVALID_ARGUMENT`.
 */
export function finishSpend(plan: SpendPlan, parts: SpendParts): InputScripts {
  if (typeof plan !== 'object' || plan === null || !Array.isArray(plan.items))
    throw invalidArgument('plan', 'what planSpend returned', plan);
  if (typeof parts !== 'object' || parts === null || typeof parts.signatureOf !== 'function')
    throw invalidArgument('parts', 'an object with signatureOf', parts);
  const stack = plan.items.map((item, position) => bytesOf(item, position, parts));
  const { output, path } = plan;
  if (path.kind === 'leaf') return { scriptSig: NOTHING, witness: [...stack, path.script, path.controlBlock] };
  if (path.kind === 'key') return { scriptSig: NOTHING, witness: stack };
  const isWitness = plan.witnessSize.maximum > 0;
  const redeemScript = plan.scriptSigSize.maximum > 0 && output.redeemScript !== undefined ? [output.redeemScript] : [];
  const pushes = (isWitness ? [] : stack).map(push);
  // Of combo() only the wrapped form pushes what it wraps.
  const wraps = output.node.name === 'sh' || isWitness ? redeemScript.map(push) : [];
  const witnessScript = output.witnessScript === undefined ? [] : [output.witnessScript];
  return { scriptSig: concatBytes(...pushes, ...wraps), witness: isWitness ? [...stack, ...witnessScript] : [] };
}

const NOTHING = new Uint8Array(0);

function bytesOf(item: WitnessItem<DerivedKey>, position: number, parts: SpendParts): Uint8Array {
  switch (item.kind) {
    case 'bytes':
      return item.bytes;
    case 'key':
      return item.key.bytes;
    case 'signature':
      return required(parts.signatureOf(item.key), 'signature', position);
    case 'preimage':
      return required(parts.preimageOf?.(item.hashFunction, item.hash), 'preimage', position);
  }
}

function required(bytes: Uint8Array | undefined, item: 'signature' | 'preimage', position: number): Uint8Array {
  if (isBytes(bytes)) return bytes;
  throw new DescriptorsError(
    'DESCRIPTORS_PLAN_INCOMPLETE',
    `expected a ${item} for item ${position} of the plan, got none`,
    {
      details: { item, position },
    },
  );
}

/** The shortest push. */
function push(data: Uint8Array): Uint8Array {
  if (data.length === 0) return Uint8Array.of(Opcode.OP_0);
  if (data.length <= 75) return concatBytes(Uint8Array.of(data.length), data);
  if (data.length <= 0xff) return concatBytes(Uint8Array.of(Opcode.OP_PUSHDATA1, data.length), data);
  return concatBytes(Uint8Array.of(Opcode.OP_PUSHDATA2, data.length & 0xff, data.length >> 8), data);
}
