import { equalBytes, toHex } from '@bitcoin-enterprise/core';
import type { HashFunction } from '@bitcoin-enterprise/descriptors';
import type { ScriptErrorName, SpentOutput } from '@bitcoin-enterprise/script';
import { explainCommitment } from './commitment-cause.ts';
import { explainEcdsa } from './ecdsa-cause.ts';
import { nameOfBytes } from './known.ts';
import { explainLock, numberOf } from './lock-cause.ts';
import type { DebugStep, MissingPreimage } from './model.ts';
import { inputOf, type Scene } from './scene.ts';
import { explainSignature, type Finding } from './signature-cause.ts';
import { explainTemplate } from './template-cause.ts';

const HASH_OPCODES: Readonly<Record<string, HashFunction>> = {
  OP_SHA256: 'sha256',
  OP_HASH256: 'hash256',
  OP_RIPEMD160: 'ripemd160',
  OP_HASH160: 'hash160',
};

/** Why the scripts failed where they failed. */
export function explainFailure(scene: Scene, error: ScriptErrorName): Finding {
  const step = lastRun(scene);
  switch (error) {
    case 'SCHNORR_SIG':
    case 'SCHNORR_SIG_SIZE':
    case 'SCHNORR_SIG_HASHTYPE':
      return explainSchnorr(scene, step);
    case 'WITNESS_PROGRAM_MISMATCH':
    case 'TAPROOT_WRONG_CONTROL_SIZE':
      return scene.kind === 'witness-v0'
        ? { cause: 'wrong-script', text: 'the witness does not hold the script whose hash the output has' }
        : explainCommitment(scene);
    case 'WITNESS_PROGRAM_WITNESS_EMPTY':
      return { cause: 'missing-witness-item', item: 0, text: 'the witness is empty: nothing was signed' };
    case 'UNSATISFIED_LOCKTIME':
    case 'NEGATIVE_LOCKTIME':
      return step === undefined ? plain(error) : explainLock(scene, step);
    case 'TEMPLATE_MISMATCH':
      return step === undefined ? plain(error) : explainTemplate(scene, step);
    case 'CHECKSIGVERIFY':
    case 'CHECKMULTISIGVERIFY':
    case 'NULLFAIL':
    case 'SIG_DER':
    case 'SIG_HIGH_S':
    case 'SIG_HASHTYPE':
    case 'PUBKEYTYPE':
    case 'WITNESS_PUBKEYTYPE':
      return step === undefined ? plain(error) : explainCheck(scene, step, error);
    case 'EQUALVERIFY':
      return (step === undefined ? undefined : explainEqual(scene, step)) ?? unmet(scene, step) ?? plain(error);
    case 'EVAL_FALSE':
    case 'VERIFY':
    case 'NUMEQUALVERIFY':
      return explainFalse(scene, step) ?? plain(error);
    case 'TAPSCRIPT_VALIDATION_WEIGHT':
      return {
        cause: 'validation-weight',
        text: 'the script checks more signatures than its witness pays for: 50 weight units each, of its size and 50 (BIP342)',
      };
    case 'TAPSCRIPT_MINIMALIF':
    case 'MINIMALIF':
      return {
        cause: 'minimal-if',
        text: 'the choice of a branch must be empty or the single byte 01',
      };
    case 'CLEANSTACK':
      return cleanStack(scene, step);
    case 'INVALID_STACK_OPERATION':
      return {
        cause: 'missing-witness-item',
        text: `${step?.name ?? 'an opcode'} finds fewer items than it takes: the witness has too few`,
      };
    default:
      return plain(error);
  }
}

/** The last opcode that ran. */
export function lastRun({ steps, stepCount }: Pick<Scene, 'steps' | 'stepCount'>): DebugStep | undefined {
  return stepCount === steps.length ? steps.findLast(({ executed }) => executed) : undefined;
}

function explainSchnorr(scene: Scene, step: DebugStep | undefined): Finding {
  if (scene.kind === 'key-path') {
    const [signature = new Uint8Array(0)] = inputOf(scene).witness;
    const { scriptPubKey } = scene.spentOutputs[scene.inputIndex] as SpentOutput;
    const key = scriptPubKey.subarray(2);
    return { item: 0, ...explainSignature(scene, { signature, key, codeSeparatorPosition: undefined }) };
  }
  return step === undefined ? plain('SCHNORR_SIG') : explainCheck(scene, step, 'SCHNORR_SIG');
}

/** A check of a signature that did not hold. */
function explainCheck(scene: Scene, step: DebugStep, error: ScriptErrorName): Finding {
  if (step.phase !== 'tapscript') return explainEcdsa(scene, step) ?? plain(error);
  const { stack } = step.before;
  const signature = stack.at(step.name === 'OP_CHECKSIGADD' ? -3 : -2) ?? new Uint8Array(0);
  const key = stack.at(-1) ?? new Uint8Array(0);
  const separator = scene.steps.findLast((one) => one.executed && one.name === 'OP_CODESEPARATOR');
  const found = explainSignature(scene, { signature, key, codeSeparatorPosition: separator?.opcodePosition });
  const item = itemOf(scene, signature);
  return item === undefined || signature.length === 0 ? found : { item, ...found };
}

/** Which element of the witness something is. */
function itemOf(scene: Scene, bytes: Uint8Array): number | undefined {
  const item = inputOf(scene).witness.findIndex((one) => equalBytes(one, bytes));
  return item === -1 ? undefined : item;
}

/** A comparison that does not hold: of a size, a secret, or a key with its hash. */
function explainEqual(scene: Scene, step: DebugStep): Finding | undefined {
  const ran = scene.steps.slice(0, step.index).filter(({ executed, phase }) => executed && phase === step.phase);
  const before = ran.at(-2);
  const [got, wanted] = [step.before.stack.at(-2), step.before.stack.at(-1)];
  if (before === undefined || got === undefined || wanted === undefined) return undefined;
  if (before.name === 'OP_SIZE') {
    const secret = step.before.stack.at(-3) ?? new Uint8Array(0);
    const missing = missingOf(scene, step);
    if (secret.length === 0)
      return {
        cause: 'missing-preimage',
        ...(missing === undefined ? {} : { missing: { keys: [], preimages: [missing] } }),
        text: `the secret${missing === undefined ? '' : ` of ${missing.hashFunction} ${missing.hash}`} is missing`,
      };
    return {
      cause: 'preimage-size',
      ...withItem(scene, secret),
      ...(missing === undefined ? {} : { missing: { keys: [], preimages: [missing] } }),
      text: `expected a secret of ${numberOf(wanted) ?? 32} bytes, got ${secret.length}${isPartOfKnown(scene, secret) ? ': one that is known, with bytes too many or too few' : ''}`,
    };
  }
  const hashFunction = HASH_OPCODES[before.name];
  if (hashFunction === undefined) return undefined;
  const secret = before.before.stack.at(-1) ?? new Uint8Array(0);
  if (hashFunction === 'hash160' && ran.at(-3)?.name === 'OP_DUP') {
    const key = scene.known.keys.find(({ xOnly }) => equalBytes(scene.crypto.hash160(xOnly), wanted))?.name;
    return {
      cause: 'wrong-key',
      ...withItem(scene, secret),
      signer: nameOfBytes(scene.known, secret),
      ...(key === undefined ? {} : { key }),
      text: `the key in the witness is not ${key ?? `that of the hash ${toHex(wanted)}`}`,
    };
  }
  const missing = { hashFunction, hash: toHex(wanted) };
  const other = scene.known.hashes.find(
    (one) => !equalBytes(one.hash, wanted) && equalBytes(scene.crypto[one.hashFunction](secret), one.hash),
  );
  return {
    cause: 'wrong-preimage',
    ...withItem(scene, secret),
    missing: { keys: [], preimages: [missing] },
    text: `the secret is not that of ${hashFunction} ${missing.hash}${other === undefined ? '' : `: it is the one of the path ${other.path}`}`,
  };
}

function withItem(scene: Scene, bytes: Uint8Array): { readonly item?: number } {
  const item = itemOf(scene, bytes);
  return item === undefined ? {} : { item };
}

/** The hash behind a check of a size. */
function missingOf(scene: Scene, step: DebugStep): MissingPreimage | undefined {
  const { map } = scene;
  const fragment = step.fragment === undefined ? undefined : map?.fragments[step.fragment];
  const opcodes = map?.opcodes.filter((one) => one.fragment === fragment?.index) ?? [];
  const push = opcodes.findLast(({ offset, end }) => end - offset > 20);
  const hashFunction = Object.values(HASH_OPCODES).find((name) => name === fragment?.name);
  return push === undefined || map === undefined || hashFunction === undefined
    ? undefined
    : { hashFunction, hash: toHex(map.script.subarray(push.offset + 1, push.end)) };
}

/** Whether something is a secret that is known, with more or fewer bytes. */
function isPartOfKnown({ known }: Scene, secret: Uint8Array): boolean {
  return known.preimages.some((one) => {
    const size = Math.min(one.length, secret.length);
    return (
      equalBytes(one.subarray(0, size), secret.subarray(0, size)) ||
      equalBytes(one.subarray(one.length - size), secret.subarray(secret.length - size))
    );
  });
}

/** A script that ran to its end, or to a VERIFY, and found something false. */
function explainFalse(scene: Scene, step: DebugStep | undefined): Finding | undefined {
  if (step === undefined) return undefined;
  if (step.name === 'OP_EQUAL') {
    const equal = explainEqual(scene, step);
    if (equal !== undefined) return equal;
  }
  return unmet(scene, step);
}

/** Signatures that are not given, where too few are. */
function unmet(scene: Scene, step: DebugStep | undefined): Finding | undefined {
  if (step === undefined) return undefined;
  const checks = scene.steps.filter(
    ({ executed, name, phase }) => executed && phase === step.phase && name.startsWith('OP_CHECKSIG'),
  );
  if (step.phase !== 'tapscript') return explainEcdsa(scene, checks.at(-1) ?? step);
  const isEmpty = ({ name, before }: DebugStep): boolean =>
    before.stack.at(name === 'OP_CHECKSIGADD' ? -3 : -2)?.length === 0;
  const nameOf = ({ before }: DebugStep): string => nameOfBytes(scene.known, before.stack.at(-1) ?? new Uint8Array(0));
  const empty = checks.filter(isEmpty).map(nameOf);
  const threshold = step.name.startsWith('OP_NUMEQUAL')
    ? step
    : step.name === 'OP_EQUAL' || step.name === 'OP_EQUALVERIFY'
      ? step
      : undefined;
  const [got, wanted] = [numberOf(threshold?.before.stack.at(-2)), numberOf(threshold?.before.stack.at(-1))];
  if (got !== undefined && wanted !== undefined && got > wanted)
    return {
      cause: 'extra-witness-item',
      text: `${got} are fulfilled where exactly ${wanted} may be: leave the place of the others empty`,
    };
  if (empty.length === 0) return undefined;
  const few = got !== undefined && wanted !== undefined ? wanted - got : 1;
  const [only] = empty;
  return {
    cause: 'missing-signature',
    ...(empty.length === 1 && only !== undefined ? { key: only } : {}),
    missing: { keys: empty, preimages: [] },
    text:
      empty.length === few || empty.length === 1
        ? `the signature of ${empty.join(' and ')} is missing`
        : `${few} more of the signatures of ${empty.join(', ')} are missing`,
  };
}

function cleanStack(scene: Scene, step: DebugStep | undefined): Finding {
  const left = step?.after?.stack.length ?? 0;
  return left > 1
    ? {
        cause: 'extra-witness-item',
        text: `${left} elements are left where one has to be: the witness has too many items`,
      }
    : {
        cause: scene.kind === 'legacy' ? 'stack' : 'missing-witness-item',
        text: 'the script leaves nothing on the stack',
      };
}

const STACK_ERRORS: ReadonlySet<ScriptErrorName> = new Set<ScriptErrorName>([
  'STACK_SIZE',
  'PUSH_SIZE',
  'SCRIPTNUM',
  'INVALID_ALTSTACK_OPERATION',
  'EVAL_FALSE',
  'CLEANSTACK',
  'VERIFY',
  'EQUALVERIFY',
  'NUMEQUALVERIFY',
]);

/** What an error is by itself. */
function plain(error: ScriptErrorName): Finding {
  if (error === 'WITNESS_UNEXPECTED' || error === 'WITNESS_MALLEATED' || error === 'WITNESS_MALLEATED_P2SH')
    return {
      cause: 'wrong-script',
      text: `the input has a scriptSig or witness that its output has no place for (${error})`,
    };
  if (STACK_ERRORS.has(error))
    return { cause: 'stack', text: `what the witness brings does not satisfy the script (${error})` };
  return { cause: 'script-rule', text: `the script breaks a rule of consensus (${error})` };
}
