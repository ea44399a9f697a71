import { equalBytes } from '@bitcoin-enterprise/core';
import { TAPSCRIPT_LEAF_VERSION, tapLeafHash } from '@bitcoin-enterprise/script';
import { type KnownKey, nameOfBytes, takeApart } from './known.ts';
import { digestOf, HASH_TYPES, type Message, otherMessages } from './messages.ts';
import type { Diagnosis } from './model.ts';
import { inputOf, type Scene } from './scene.ts';

/** What a diagnosis says beside its place. */
export type Finding = Omit<Diagnosis, 'missing'> & Partial<Pick<Diagnosis, 'missing'>>;

/** More checks of signatures than anybody waits for. */
const MOST_CHECKS = 3_000;
/** Up to here a message is also tried with the keys of others. */
const MOST_CROSSED = 1_000;

/** A signature of Taproot that is there and does not hold. */
export interface FailedSignature {
  /** With its hash type. */
  readonly signature: Uint8Array;
  /** 32 bytes: what it has to verify under. */
  readonly key: Uint8Array;
  readonly codeSeparatorPosition: number | undefined;
}

/** What the signature should be of. */
export function messageOf(scene: Scene, { signature, codeSeparatorPosition }: FailedSignature): Message {
  const { tx, spentOutputs, inputIndex, way, known } = scene;
  const { annex, script, controlBlock, isKeyPath } = takeApart(inputOf(scene).witness);
  const leaf = way?.leaf ?? known.leaves.find((one) => script !== undefined && equalBytes(one.script, script));
  const leafHash =
    isKeyPath || script === undefined
      ? undefined
      : (leaf?.leafHash ?? tapLeafHash(script, { leafVersion: (controlBlock?.[0] ?? TAPSCRIPT_LEAF_VERSION) & 0xfe }));
  return {
    tx,
    spentOutputs,
    inputIndex,
    hashType: signature.length === 65 ? (signature[64] as number) : 0,
    annex,
    leafHash,
    script,
    codeSeparatorPosition,
  };
}

/** Why a signature does not hold: its form, then who made it, then what it is of. */
export function explainSignature(scene: Scene, failed: FailedSignature): Finding {
  const { signature, key } = failed;
  const { known, crypto } = scene;
  const isKeyPath = takeApart(inputOf(scene).witness).isKeyPath;
  const expected = isKeyPath ? internalName(scene) : nameOfBytes(known, key);
  if (signature.length === 0)
    return {
      cause: 'missing-signature',
      text: `the signature of ${expected} is missing`,
      key: expected,
      missing: { keys: [expected], preimages: [] },
    };
  const form = malformed(scene, signature);
  if (form !== undefined) return { ...form, key: expected };
  const own = messageOf(scene, failed);
  const proof = signature.subarray(0, 64);
  let checks = 0;
  const holds = (digest: Uint8Array | undefined, xOnly: Uint8Array): boolean =>
    digest !== undefined &&
    xOnly.length === 32 &&
    ++checks <= MOST_CHECKS &&
    crypto.schnorrVerify(proof, digest, xOnly);
  const digest = digestOf(own);
  const signer = known.keys.find(({ xOnly }) => holds(digest, xOnly));
  if (signer !== undefined) return wrongKey(signer, expected);
  for (const { differs, detail, message } of otherMessages(scene, own)) {
    if (checks > MOST_CHECKS) break;
    const other = digestOf(message);
    const isSameKey = holds(other, key);
    // By somebody else and of something else as well: of another path of the output, which has other keys.
    const isOtherPath = differs.length === 1 && (differs[0] === 'key-path' || differs[0] === 'leaf-hash');
    const by =
      isSameKey || !isOtherPath || checks > MOST_CROSSED
        ? undefined
        : known.keys.find(({ xOnly }) => holds(other, xOnly));
    if (!isSameKey && by === undefined) continue;
    const who = by === undefined ? {} : { signer: by.name };
    if (differs.length === 1 && differs[0] === 'annex')
      return {
        cause: 'annex',
        differs,
        key: expected,
        ...who,
        text:
          own.annex === undefined
            ? `the signature of ${expected} covers an annex that the witness has not`
            : `the signature of ${expected} does not cover the annex of the witness`,
      };
    if (differs.length === 1 && differs[0] === 'sighash-type')
      return {
        cause: 'wrong-sighash-type',
        differs,
        key: expected,
        ...who,
        text: `the signature of ${expected} is made for ${detail}, the witness says hash type ${own.hashType}`,
      };
    return {
      cause: 'signature-of-another-message',
      differs,
      key: expected,
      ...who,
      text: `the signature of ${expected} is of another message: ${detail} (${differs.join(', ')} differs)`,
    };
  }
  return {
    cause: 'wrong-signature',
    key: expected,
    text: `the signature of ${expected} does not hold, neither for this message nor for another, nor under another key, that is known`,
  };
}

/** Name of the key of the key path. */
function internalName({ way }: Scene): string {
  return way?.clause.name === 'pk' ? way.clause.key.name : 'the output key';
}

function wrongKey({ name, form }: KnownKey, expected: string): Finding {
  const how = form === undefined ? '' : `, ${form}`;
  return {
    cause: 'wrong-key',
    signer: name,
    key: expected,
    text:
      name === expected
        ? `the signature of ${expected} is made with the wrong form of the key${form === undefined ? ': without the tweak of the output' : how}`
        : `${name} signed${how} where ${expected} has to`,
  };
}

/** What is wrong with the form of a signature of Taproot. */
function malformed({ tx, inputIndex }: Scene, signature: Uint8Array): Finding | undefined {
  const { length } = signature;
  if (length !== 64 && length !== 65) {
    const isDer = length >= 68 && length <= 73 && signature[0] === 0x30;
    return {
      cause: 'malformed-signature',
      text: `expected a signature of 64 bytes, or 65 with its hash type (BIP341), got ${length}${isDer ? ': it looks like ECDSA' : ''}`,
    };
  }
  const hashType = signature[64];
  if (hashType === undefined) return undefined;
  if (hashType === 0)
    return {
      cause: 'wrong-sighash-type',
      text: 'hash type 0 (DEFAULT) is not written out: the signature has 64 bytes then (BIP341)',
    };
  if (!HASH_TYPES.includes(hashType))
    return { cause: 'wrong-sighash-type', text: `there is no hash type ${hashType} in BIP341` };
  if ((hashType & 3) === 3 && inputIndex >= tx.outputs.length)
    return {
      cause: 'wrong-sighash-type',
      text: `SIGHASH_SINGLE of input ${inputIndex} needs an output ${inputIndex}, there is none`,
    };
  return undefined;
}
