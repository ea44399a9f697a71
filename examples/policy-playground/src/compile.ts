import { hasCode, SuiteError, toHex } from '@bitcoin-enterprise/core';
import {
  type CompiledPolicy,
  compilePolicy,
  type DerivedOutput,
  type Descriptor,
  type HashFunction,
  parseDescriptor,
  parsePolicy,
  type Policy,
  type TextFault,
} from '@bitcoin-enterprise/descriptors';
import { compactText } from './compact.ts';
import type { PlaygroundState } from './state.ts';
import type { PlayWallet } from './wallet.ts';

/** A policy that became an output. */
export interface PlaygroundOutput {
  readonly ok: true;
  readonly policy: Policy<string>;
  readonly compiled: CompiledText['compiled'];
  readonly descriptor: Descriptor;
  readonly output: DerivedOutput;
  /** Names in the order of the policy; the page has their secrets. */
  readonly names: readonly string[];
  /** Keys that were written as keys, whose secrets the page does not have. */
  readonly foreignKeys: readonly string[];
  readonly hashes: readonly { readonly hashFunction: HashFunction; readonly hash: Uint8Array }[];
  /** Whether some way waits for a time, and not for blocks alone. */
  readonly hasTimeLock: boolean;
}

/** What a compiler tells of a policy, as plain data: it can come from a worker. */
export interface CompiledText {
  readonly ok: true;
  readonly compiled: Omit<CompiledPolicy, 'descriptor'>;
  /** Text of the descriptor, with its checksum. */
  readonly descriptor: string;
}

/** What is wrong with a policy, and where in what was written. */
export interface PlaygroundFault {
  readonly ok: false;
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
  /** UTF-16 units from 0. */
  readonly position: number;
  readonly length: number;
}

/** Compiles what was written; that can take long. Errors that no person can cause are thrown. */
export function compileWritten(state: PlaygroundState, wallet: PlayWallet): CompiledText | PlaygroundFault {
  const { text, positionOf } = compactText(state.policy);
  try {
    return compileText(text, state, wallet);
  } catch (error) {
    if (!(error instanceof SuiteError)) throw error;
    const { position = 0, length = text.length } = error.details as Partial<TextFault>;
    const begin = positionOf(position);
    const last = length === 0 ? begin : positionOf(position + length - 1) + 1;
    return {
      ok: false,
      code: error.code,
      // Of the two places, the one in what was written is told beside the message.
      message: error.message.replace(`${error.code}: `, '').replace(/ at character \d+/, ''),
      hint: hintOf(error),
      position: begin,
      length: Math.max(0, last - begin),
    };
  }
}

/** What to do about a fault: where a word is unknown, the known ones. */
function hintOf(error: SuiteError): string | undefined {
  const { hint } = error;
  return hasCode(error, 'DESCRIPTORS_FUNCTION_INVALID') ? `There are ${error.details.expected}.` : hint;
}

function compileText(text: string, state: PlaygroundState, wallet: PlayWallet): CompiledText {
  const { context, musig, ifFree } = state;
  const { names, foreignKeys } = factsOf(parsePolicy(text));
  for (const key of foreignKeys) requireKey(key, text, context);
  // A name may be that of a method of all objects.
  const keys = Object.assign(Object.create(null) as Record<string, string>, {
    ...Object.fromEntries(names.map((name) => [name, wallet.publicKeyOf(name)])),
    ...Object.fromEntries(foreignKeys.map((key) => [key, key])),
  });
  const { descriptor, ...compiled } = compilePolicy(text, {
    context,
    keys,
    ifFree,
    ...(context === 'tr' ? { musig } : {}),
  });
  if (descriptor === undefined) throw new Error('a name without a key');
  return { ok: true, compiled, descriptor: String(descriptor) };
}

/** The output of a policy that was compiled from a state. */
export function outputOf(
  { compiled, descriptor: text }: CompiledText,
  state: PlaygroundState,
  wallet: PlayWallet,
): PlaygroundOutput {
  const policy = parsePolicy(compactText(state.policy).text);
  const facts = factsOf(policy);
  for (const name of facts.names) wallet.publicKeyOf(name);
  const descriptor = parseDescriptor(text);
  const [first = descriptor] = descriptor.paths();
  return { ok: true, policy, compiled, descriptor, output: first.derive(0), ...facts };
}

type PolicyFacts = Pick<PlaygroundOutput, 'names' | 'foreignKeys' | 'hashes' | 'hasTimeLock'>;

function factsOf(policy: Policy<string>): PolicyFacts {
  const facts: Facts = { keys: new Set(), hashes: [], hasTimeLock: false };
  collect(policy, facts);
  const keys = [...facts.keys];
  return {
    names: keys.filter((key) => !isKey(key)),
    foreignKeys: keys.filter(isKey),
    hashes: facts.hashes,
    hasTimeLock: facts.hasTimeLock,
  };
}

interface Facts {
  readonly keys: Set<string>;
  readonly hashes: { readonly hashFunction: HashFunction; readonly hash: Uint8Array }[];
  hasTimeLock: boolean;
}

const TIME_FLAG = 1 << 22;
const LOCK_TIME_THRESHOLD = 500_000_000;

function collect(policy: Policy<string>, facts: Facts): void {
  switch (policy.name) {
    case 'pk':
      for (const key of keysIn(policy.key)) facts.keys.add(key);
      break;
    case 'older':
      if ((policy.value & TIME_FLAG) !== 0) facts.hasTimeLock = true;
      break;
    case 'after':
      if (policy.value >= LOCK_TIME_THRESHOLD) facts.hasTimeLock = true;
      break;
    case 'and':
    case 'or':
    case 'thresh':
      for (const sub of policy.subs) collect(sub, facts);
      break;
    default: {
      const { name, hash } = policy;
      if (!facts.hashes.some((one) => one.hashFunction === name && toHex(one.hash) === toHex(hash)))
        facts.hashes.push({ hashFunction: name, hash });
    }
  }
}

/** A key, or those of `musig(A,B)`. */
function keysIn(text: string): readonly string[] {
  const [, inner] = /^musig\((.*)\)$/.exec(text) ?? [];
  return inner === undefined ? [text] : inner.split(',');
}

/** Whether a word is a key expression and no name: hexadecimal, an extended key, WIF. */
function isKey(word: string): boolean {
  return /^(?:(?:0[23])?[\da-f]{64}|04[\da-f]{128}|\[.*|[xt]p(?:ub|rv)[\w/'<>;*]{20,}|[5KLc9][1-9A-HJ-NP-Za-km-z]{50,51})$/i.test(
    word,
  );
}

/** A fault of a key is told at its place in the policy, not in the descriptor that is made of it. */
function requireKey(key: string, text: string, context: 'tr' | 'wsh'): void {
  try {
    parseDescriptor(context === 'tr' ? `tr(${key})` : `wsh(pk(${key}))`);
  } catch (error) {
    if (!hasCode(error, 'DESCRIPTORS_KEY_INVALID', 'DESCRIPTORS_SYNTAX', 'DESCRIPTORS_MULTIPATH_INVALID')) throw error;
    const details = { ...error.details, position: text.indexOf(key), length: key.length };
    throw new SuiteError(error.code, error.message.replace(`${error.code}: `, ''), { details });
  }
}
