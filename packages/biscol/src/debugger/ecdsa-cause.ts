import { equalBytes } from '@bitcoin-enterprise/core';
import { parseLaxDer, Sighasher, type SpentOutput } from '@bitcoin-enterprise/script';
import { nameOfBytes } from './known.ts';
import type { DebugStep } from './model.ts';
import { inputOf, type Scene } from './scene.ts';
import type { Finding } from './signature-cause.ts';

const HASH_TYPES: readonly number[] = [1, 2, 3, 0x81, 0x82, 0x83];

/** Why a check of an ECDSA signature does not hold; `undefined` where the opcode is none of one signature. */
export function explainEcdsa(scene: Scene, step: DebugStep): Finding | undefined {
  if (step.name !== 'OP_CHECKSIG' && step.name !== 'OP_CHECKSIGVERIFY')
    return step.name.startsWith('OP_CHECKMULTISIG')
      ? { cause: 'wrong-signature', text: 'too few of the signatures hold, or they are not in the order of the keys' }
      : undefined;
  const signature = step.before.stack.at(-2) ?? new Uint8Array(0);
  const key = step.before.stack.at(-1) ?? new Uint8Array(0);
  const expected = nameOfBytes(scene.known, key);
  if (signature.length === 0)
    return {
      cause: 'missing-signature',
      key: expected,
      missing: { keys: [expected], preimages: [] },
      text: `the signature of ${expected} is missing`,
    };
  const { inputIndex, spentOutputs, tx, crypto } = scene;
  const compact = parseLaxDer(signature.subarray(0, -1));
  if (compact === undefined)
    return { cause: 'malformed-signature', key: expected, text: 'the signature is not one of ECDSA in DER' };
  const hasher = new Sighasher({ tx, spentOutputs });
  const scriptCode = scriptCodeOf(scene, step);
  const digest = (at: number, hashType: number): Uint8Array =>
    step.phase === 'witnessScript'
      ? hasher.witnessV0(at, { scriptCode, hashType, value: (spentOutputs[at] as SpentOutput).value })
      : hasher.legacy(at, { scriptCode, hashType });
  const own = signature.at(-1) as number;
  const holds = (hash: Uint8Array, by: Uint8Array): boolean =>
    crypto.isPublicKey(by) && crypto.ecdsaVerify(compact, hash, by);
  for (const { name, xOnly } of scene.known.keys)
    for (const prefix of [2, 3]) {
      const other = Uint8Array.of(prefix, ...xOnly);
      if (!equalBytes(other, key) && holds(digest(inputIndex, own), other))
        return {
          cause: 'wrong-key',
          signer: name,
          key: expected,
          text: `${name} signed where ${expected} has to`,
        };
    }
  if (HASH_TYPES.some((hashType) => hashType !== own && holds(digest(inputIndex, hashType), key)))
    return {
      cause: 'wrong-sighash-type',
      key: expected,
      differs: ['sighash-type'],
      text: `the signature of ${expected} is made for another hash type than the ${own} that it says`,
    };
  const other = tx.inputs.findIndex((_, at) => at !== inputIndex && holds(digest(at, own), key));
  if (other !== -1)
    return {
      cause: 'signature-of-another-message',
      key: expected,
      differs: ['input'],
      text: `the signature of ${expected} is of input ${other}`,
    };
  return {
    cause: 'wrong-signature',
    key: expected,
    text: `the signature of ${expected} does not hold for this message`,
  };
}

/** The script from behind its last OP_CODESEPARATOR that ran. */
function scriptCodeOf(scene: Scene, step: DebugStep): Uint8Array {
  const separator = scene.steps.findLast(
    ({ index, phase, executed, name }) =>
      index < step.index && phase === step.phase && executed && name === 'OP_CODESEPARATOR',
  );
  const script = scene.scripts.get(step.phase) ?? inputOf(scene).scriptSig;
  return separator === undefined ? script : script.subarray(separator.offset + 1);
}
