import { isBytes } from '@bitcoin-enterprise/core';
import { requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import type { Psbt, PsbtInput, PsbtOutput } from './model.ts';

/** Throws unless a value is a PSBT in all of its fields; what they say of each other is for the roles to check. */
export function requirePsbt(value: unknown, argument = 'psbt'): asserts value is Psbt {
  const { version, inputs, outputs, ...psbt } = requireObject<Psbt>(argument, value);
  const isPsbt =
    (version === 0 || version === 2) &&
    has(psbt, GLOBALS) &&
    Array.isArray(inputs) &&
    Array.isArray(outputs) &&
    (inputs as readonly unknown[]).every((input) => has(input, INPUT)) &&
    (outputs as readonly unknown[]).every((output) => has(output, OUTPUT));
  if (!isPsbt) throw invalidArgument(argument, 'a Psbt of parsePsbt or createPsbt', value);
}

type Test = (value: unknown) => boolean;
type Tests<Part> = { readonly [Name in keyof Required<Part>]: Test };

/** Whether a value has all fields of a kind. */
function has(value: unknown, tests: Readonly<Record<string, Test>>): boolean {
  if (typeof value !== 'object' || value === null) return false;
  // Not over its entries: this runs for every input in every role.
  for (const name in tests)
    if (!(tests[name] as Test)((value as Readonly<Record<string, unknown>>)[name])) return false;
  return true;
}

const absent =
  (test: Test): Test =>
  (value) =>
    value === undefined || test(value);
const all =
  (test: Test): Test =>
  (value) =>
    Array.isArray(value) && value.every(test);
const of =
  (tests: Readonly<Record<string, Test>>): Test =>
  (value) =>
    has(value, tests);
const uint32: Test = (value) => typeof value === 'number' && value >>> 0 === value;
const sized =
  (size: number): Test =>
  (value) =>
    isBytes(value) && value.length === size;
const amount: Test = (value) => typeof value === 'bigint' && value >= -(1n << 63n) && value < 1n << 63n;
const text: Test = (value) => typeof value === 'string';

const origin = /* @__PURE__ */ of({ fingerprint: sized(4), path: all(uint32) });
const raw = /* @__PURE__ */ all(of({ key: isBytes, value: isBytes }));
const derivations = /* @__PURE__ */ all(of({ publicKey: isBytes, origin }));
const tapDerivations = /* @__PURE__ */ all(of({ publicKey: sized(32), leafHashes: all(sized(32)), origin }));
const participants = /* @__PURE__ */ all(of({ aggregate: sized(33), participants: all(sized(33)) }));
const shares = /* @__PURE__ */ all(of({ scanKey: sized(33), share: absent(sized(33)), proof: absent(sized(64)) }));
const place = { participant: sized(33), aggregate: sized(33), leafHash: /* @__PURE__ */ absent(sized(32)) };
const maybeBytes = /* @__PURE__ */ absent(isBytes);
const maybe32 = /* @__PURE__ */ absent(sized(32));
const maybeUint32 = /* @__PURE__ */ absent(uint32);

const GLOBALS: Tests<Omit<Psbt, 'version' | 'inputs' | 'outputs'>> = {
  transactionVersion: uint32,
  fallbackLockTime: maybeUint32,
  modifiable: /* @__PURE__ */ absent((value) => uint32(value) && (value as number) <= 255),
  extendedKeys: /* @__PURE__ */ all(of({ key: isBytes, origin })),
  silentShares: shares,
  signedMessage: maybeBytes,
  unknown: raw,
};

const INPUT: Tests<PsbtInput> = {
  previousTxid: /* @__PURE__ */ sized(32),
  previousIndex: uint32,
  sequence: maybeUint32,
  requiredTimeLockTime: maybeUint32,
  requiredHeightLockTime: maybeUint32,
  nonWitnessUtxo: maybeBytes,
  witnessUtxo: /* @__PURE__ */ absent(of({ value: amount, scriptPubKey: isBytes })),
  partialSignatures: /* @__PURE__ */ all(of({ publicKey: isBytes, signature: isBytes })),
  sighashType: maybeUint32,
  redeemScript: maybeBytes,
  witnessScript: maybeBytes,
  derivations,
  finalScriptSig: maybeBytes,
  finalScriptWitness: /* @__PURE__ */ absent(all(isBytes)),
  reservesCommitment: maybeBytes,
  preimages: /* @__PURE__ */ all(of({ hashFunction: text, hash: isBytes, preimage: isBytes })),
  tapKeySignature: maybeBytes,
  tapScriptSignatures: /* @__PURE__ */ all(of({ publicKey: sized(32), leafHash: sized(32), signature: isBytes })),
  tapLeafScripts: /* @__PURE__ */ all(of({ controlBlock: isBytes, script: isBytes, leafVersion: uint32 })),
  tapDerivations,
  tapInternalKey: maybe32,
  tapMerkleRoot: maybe32,
  musigParticipants: participants,
  musigPublicNonces: /* @__PURE__ */ all(of({ ...place, nonce: sized(66) })),
  musigPartialSignatures: /* @__PURE__ */ all(of({ ...place, signature: sized(32) })),
  silentShares: shares,
  silentSpendDerivations: derivations,
  silentTweak: maybe32,
  unknown: raw,
};

const OUTPUT: Tests<PsbtOutput> = {
  value: amount,
  scriptPubKey: isBytes,
  redeemScript: maybeBytes,
  witnessScript: maybeBytes,
  derivations,
  tapInternalKey: maybe32,
  tapTree: /* @__PURE__ */ absent(all(of({ depth: uint32, leafVersion: uint32, script: isBytes }))),
  tapDerivations,
  musigParticipants: participants,
  silentAddress: /* @__PURE__ */ absent(sized(66)),
  silentLabel: maybeUint32,
  dnssecProof: maybeBytes,
  unknown: raw,
};
