import { concatBytes, currentCrypto, equalBytes, isBytes, parseHex, toHex } from '@bitcoin-enterprise/core';
import { type DerivedKey, type Fragment, type HashFunction, parseDescriptor } from '@bitcoin-enterprise/descriptors';
import { ScriptReader, type TaprootLeafSpend, type TaprootOutput, type Transaction } from '@bitcoin-enterprise/script';
import type { StateOutput, Way } from '../contract/state-output.ts';
import type { Cell, TransitionPlan } from '../contract/transition.ts';
import type { ContractInstance } from '../contract/model.ts';
import { type KeyName, namesOf, namesOfInstance } from './names.ts';

/** A key that somebody could have signed with. */
export interface KnownKey {
  readonly name: string;
  /** 32 bytes. */
  readonly xOnly: Uint8Array;
  /** What is special about it, for people: `without the tweak of the output`. */
  readonly form?: string;
}

/** A hash that a path of the output asks for. */
export interface KnownHash {
  readonly hashFunction: HashFunction;
  readonly hash: Uint8Array;
  /** Name of the path. */
  readonly path: string;
}

/** All that is known of the output that is spent, and of those who could spend it. */
export interface Known {
  readonly instance: ContractInstance | undefined;
  readonly cell: Cell | undefined;
  readonly ways: readonly Way[];
  readonly taproot: TaprootOutput | undefined;
  readonly leaves: readonly TaprootLeafSpend[];
  readonly keys: readonly KnownKey[];
  readonly preimages: readonly Uint8Array[];
  readonly hashes: readonly KnownHash[];
  /** The transaction as it was meant. */
  readonly plan: TransitionPlan | undefined;
  /** Values of `older` and `after` of all paths. */
  readonly locks: { readonly older: readonly number[]; readonly after: readonly number[] };
  readonly nameOf: KeyName;
}

/** What {@link gatherKnown} gathers from. */
export interface KnownSources {
  readonly instance: ContractInstance | undefined;
  readonly cell: Cell | undefined;
  readonly output: StateOutput | undefined;
  readonly taproot: TaprootOutput | undefined;
  readonly plan: TransitionPlan | undefined;
  readonly keys: readonly { readonly name: string; readonly key: Uint8Array }[];
  readonly preimages: readonly Uint8Array[];
}

/** Keys of one script; more nobody tries. */
const MOST_KEYS = 20;

/** Gathers keys, leaves, hashes and locks. */
export function gatherKnown(sources: KnownSources): Known {
  const { instance, cell, output, plan } = sources;
  const taproot = output?.taproot ?? sources.taproot;
  const ways = output?.ways ?? [];
  const names = instance === undefined ? new Map<string, string>() : namesOfInstance(instance, cell?.data ?? {});
  const nameOf = namesOf(names);
  const keys = new KeyList();
  for (const { name, key } of sources.keys) keys.add(name, key);
  for (const { fragment } of ways) for (const key of keysIn(fragment)) keys.addDerived(nameOf(key), key, nameOf);
  for (const [expression, name] of names) {
    const key = publicKeyOf(expression);
    if (key !== undefined) keys.add(name, key);
  }
  if (output === undefined)
    for (const { script } of taproot?.leaves ?? []) for (const key of keysOfScript(script)) keys.add(toHex(key), key);
  const older = new Set<number>();
  const after = new Set<number>();
  const hashes: KnownHash[] = [];
  for (const { path, fragment } of ways)
    for (const atom of atomsOf(fragment)) {
      if (atom.name === 'older') older.add(atom.value);
      else if (atom.name === 'after') after.add(atom.value);
      else if ('hash' in atom) hashes.push({ hashFunction: atom.name, hash: atom.hash, path });
    }
  return {
    instance,
    cell,
    ways,
    taproot,
    leaves: taproot?.leaves ?? [],
    keys: [...keys.all(), ...tweakedForms(keys.all(), taproot)],
    preimages: [...sources.preimages, ...(plan?.preimages ?? [])],
    hashes,
    plan,
    locks: { older: [...older], after: [...after] },
    nameOf,
  };
}

class KeyList {
  readonly #keys = new Map<string, KnownKey>();

  add(name: string, key: Uint8Array): void {
    const xOnly = key.length === 33 ? key.subarray(1) : key;
    const text = toHex(xOnly);
    if (xOnly.length === 32 && !this.#keys.has(text)) this.#keys.set(text, { name, xOnly });
  }

  addDerived(name: string, key: DerivedKey, nameOf: KeyName): void {
    this.add(name, key.bytes);
    for (const one of key.participants) this.add(nameOf(one), one.publicKey);
  }

  all(): readonly KnownKey[] {
    return [...this.#keys.values()];
  }
}

/** What keys become under the tweak of the output, and the output key itself. */
function tweakedForms(keys: readonly KnownKey[], taproot: TaprootOutput | undefined): readonly KnownKey[] {
  if (taproot === undefined) return [];
  const crypto = currentCrypto();
  const tweaked = keys.flatMap(({ name, xOnly }): readonly KnownKey[] => {
    const key = crypto.xOnlyTweakAdd(xOnly, taproot.tweak)?.xOnlyPublicKey;
    return key === undefined ? [] : [{ name, xOnly: key, form: 'with the tweak of the output' }];
  });
  const bare = crypto.xOnlyTweakAdd(taproot.internalKey, crypto.taggedHash('TapTweak', taproot.internalKey));
  const internal = keys.find(({ xOnly }) => equalBytes(xOnly, taproot.internalKey))?.name ?? 'internal key';
  return bare === undefined
    ? tweaked
    : [...tweaked, { name: internal, xOnly: bare.xOnlyPublicKey, form: 'tweaked as if there were no scripts' }];
}

type Atom<Key> = Extract<
  Fragment<Key>,
  { readonly key: Key } | { readonly value: number } | { readonly hash: Uint8Array }
>;

/** Keys, locks and hashes of a miniscript; of a `multi_a` none: {@link keysIn} has its keys. */
export function atomsOf<Key>(fragment: Fragment<Key>): readonly Atom<Key>[] {
  const found: Atom<Key>[] = [];
  const waiting: Fragment<Key>[] = [fragment];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop())
    if ('subs' in next) waiting.push(...next.subs);
    else if ('key' in next || 'value' in next || 'hash' in next) found.push(next);
  return found;
}

function keysIn<Key>(fragment: Fragment<Key>): readonly Key[] {
  const found: Key[] = [];
  const waiting: Fragment<Key>[] = [fragment];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop())
    if ('subs' in next) waiting.push(...next.subs);
    else if ('keys' in next) found.push(...next.keys);
    else if ('key' in next) found.push(next.key);
  return found;
}

/** Pushes of 32 bytes that could be keys, of a script that nobody knows more of. */
function keysOfScript(script: Uint8Array): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  const reader = new ScriptReader(script);
  while (reader.next() && found.length < MOST_KEYS)
    if (reader.opcode === 32 && currentCrypto().isXOnlyPublicKey(reader.data())) found.push(reader.data());
  return found;
}

function publicKeyOf(expression: string): Uint8Array | undefined {
  if (/^0[23][\da-f]{64}$/.test(expression)) return parseHex(expression);
  try {
    const { node } = parseDescriptor(`wpkh(${expression})`).derive();
    return node.name === 'wpkh' ? node.key.publicKey : undefined;
  } catch {
    return undefined;
  }
}

/** The name of a key by its 32 or 33 bytes, or itself in hexadecimal. */
export function nameOfBytes({ keys }: Pick<Known, 'keys'>, key: Uint8Array): string {
  const xOnly = key.length === 33 ? key.subarray(1) : key;
  const known = keys.find((one) => one.form === undefined && equalBytes(one.xOnly, xOnly));
  return known?.name ?? toHex(key);
}

/** The way whose script is revealed; the key path of a witness of one element. */
export function wayTaken(known: Known, witness: readonly Uint8Array[]): Way | undefined {
  const { script, isKeyPath } = takeApart(witness);
  if (isKeyPath) return known.ways.find(({ leaf }) => leaf === undefined);
  return known.ways.find(({ leaf }) => leaf !== undefined && script !== undefined && equalBytes(leaf.script, script));
}

/** A witness of Taproot by its parts (BIP341). */
export interface TaprootWitness {
  readonly isKeyPath: boolean;
  readonly items: readonly Uint8Array[];
  readonly script: Uint8Array | undefined;
  readonly controlBlock: Uint8Array | undefined;
  readonly annex: Uint8Array | undefined;
}

/** First byte of an annex (BIP341). */
const ANNEX_TAG = 0x50;

/** Takes a witness of Taproot apart. */
export function takeApart(witness: readonly Uint8Array[]): TaprootWitness {
  const last = witness.at(-1);
  const annex = witness.length >= 2 && last?.[0] === ANNEX_TAG ? last : undefined;
  const rest = annex === undefined ? witness : witness.slice(0, -1);
  if (rest.length < 2)
    return { isKeyPath: rest.length === 1, items: rest, script: undefined, controlBlock: undefined, annex };
  return { isKeyPath: false, items: rest.slice(0, -2), script: rest.at(-2), controlBlock: rest.at(-1), annex };
}

/** Puts it together again. */
export function putTogether({ items, script, controlBlock, annex }: TaprootWitness): readonly Uint8Array[] {
  return [...items, script, controlBlock, annex].filter((one) => one !== undefined);
}

/** The outpoint of an input as one value to compare by. */
export function outpointBytes(input: Transaction['inputs'][number]): Uint8Array {
  const index = new Uint8Array(4);
  new DataView(index.buffer).setUint32(0, input.previousIndex, true);
  return concatBytes(input.previousTxid, index);
}

/** Whether something is a list of byte strings. */
export function areBytes(value: unknown): value is readonly Uint8Array[] {
  return Array.isArray(value) && value.every(isBytes);
}
