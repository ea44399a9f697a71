import { type CryptoEngine, equalBytes, toHex } from '@bitcoin-enterprise/core';
import type { HashFunction } from '@bitcoin-enterprise/descriptors';
import type { InputTrace, Opcode, ScriptErrorName, TraceStep } from '@bitcoin-enterprise/script';
import { type KnownHash, nameOfBytes, putTogether, takeApart, type TaprootWitness } from './known.ts';
import { permutations, swapped } from './messages.ts';
import type { Missing, MissingPreimage } from './model.ts';
import { inputOf, retrace, type Scene, works } from './scene.ts';
import type { Finding } from './signature-cause.ts';

/** Up to here every order of the items is tried: 120. */
const MOST_PERMUTED = 5;
/** Items of a longer witness are not moved about. */
const MOST_ITEMS = 40;

/** Fills what stands for a signature that nobody has made yet, and for a secret that nobody knows, but for the first byte. */
const ANY_SIGNATURE = 0xa5;
const ANY_PREIMAGE = 0x5a;

/** The one change of a witness of Taproot that makes everything valid, if there is one. */
export function repairOf(scene: Scene): Finding | undefined {
  if (scene.kind !== 'script-path' && scene.kind !== 'key-path') return undefined;
  const witness = takeApart(inputOf(scene).witness);
  const isShort = witness.items.length <= MOST_ITEMS;
  const simple = isShort ? (byOrder(scene, witness) ?? byRemoval(scene)) : undefined;
  const found = simple ?? byLeaf(scene, witness);
  if (found !== undefined || !isShort || isOfTheBlock(scene, witness)) return found;
  return byInsertion(scene, witness);
}

/** Whether the output has the script, but does not commit to it with this control block. */
function isOfTheBlock({ verdict, known }: Scene, { script }: TaprootWitness): boolean {
  const isUncommitted =
    !verdict.ok && (verdict.error === 'WITNESS_PROGRAM_MISMATCH' || verdict.error === 'TAPROOT_WRONG_CONTROL_SIZE');
  return isUncommitted && script !== undefined && known.leaves.some((leaf) => equalBytes(leaf.script, script));
}

function byOrder(scene: Scene, witness: TaprootWitness): Finding | undefined {
  const { items, script, controlBlock } = witness;
  const isRight = (changed: Partial<TaprootWitness>): boolean =>
    works(scene, { witness: putTogether({ ...witness, ...changed }) });
  const orders = items.length <= MOST_PERMUTED ? permutations(items).slice(1) : swaps(items);
  const order = orders.find((one) => !isSame(one, items) && isRight({ items: one }));
  if (order !== undefined) {
    const item = items.findIndex((one, at) => one !== order[at]);
    return {
      cause: 'wrong-order',
      item,
      text: `the items of the witness are there, in the wrong order: ${orderText(items, order)}`,
    };
  }
  if (script !== undefined && controlBlock !== undefined && isRight({ script: controlBlock, controlBlock: script }))
    return { cause: 'wrong-order', text: 'script and control block are in each other’s place' };
  // Behind the script, where they cannot be told from it.
  const all = inputOf(scene).witness;
  if (all.length > MOST_PERMUTED + 2) return undefined;
  const whole = swaps(all).find((one) => !isSame(one, all) && works(scene, { witness: one }));
  return whole === undefined
    ? undefined
    : {
        cause: 'wrong-order',
        item: all.findIndex((one, at) => one !== whole[at]),
        text: `the elements of the witness are there, in the wrong order: ${orderText(all, whole)}`,
      };
}

/** Which item belongs where, bottom first. */
function orderText(items: readonly Uint8Array[], order: readonly Uint8Array[]): string {
  return `right would be ${order.map((one) => items.indexOf(one)).join(', ')} from the bottom`;
}

function swaps(items: readonly Uint8Array[]): readonly (readonly Uint8Array[])[] {
  const pairs = items.flatMap((_, one) =>
    items.flatMap((_, other) => (other > one ? [swapped(items, one, other)] : [])),
  );
  const [first, ...rest] = items;
  const last = items.at(-1);
  if (first === undefined || last === undefined) return pairs;
  return [...pairs, items.toReversed(), [...rest, first], [last, ...items.slice(0, -1)]];
}

function isSame(one: readonly Uint8Array[], other: readonly Uint8Array[]): boolean {
  return one.length === other.length && one.every((item, at) => equalBytes(item, other[at] as Uint8Array));
}

function byRemoval(scene: Scene): Finding | undefined {
  const { witness } = inputOf(scene);
  if (witness.length < 2) return undefined;
  // An annex is no item: signatures cover it. Of equal items the last: what was put on top is the likelier one.
  const behind = takeApart(witness).annex === undefined ? 1 : 2;
  for (let item = witness.length - behind; item >= 0; item--)
    if (works(scene, { witness: witness.filter((_, at) => at !== item) }))
      return {
        cause: 'extra-witness-item',
        item,
        text: `element ${item} of the witness, from the bottom, is one too many`,
      };
  return undefined;
}

/** An engine for which the stand-ins are what they stand for. */
function withStandIns(crypto: CryptoEngine, hashes: readonly KnownHash[]): CryptoEngine {
  const hash =
    (name: HashFunction) =>
    (data: Uint8Array): Uint8Array => {
      const known = data.length === 32 && data[31] === ANY_PREIMAGE ? hashes[standInPlace(data)] : undefined;
      return known?.hashFunction === name ? new Uint8Array(known.hash) : crypto[name](data);
    };
  return {
    ...crypto,
    schnorrVerify: (signature, message, key) =>
      isStandIn(signature, ANY_SIGNATURE, 64) || crypto.schnorrVerify(signature, message, key),
    sha256: hash('sha256'),
    hash256: hash('hash256'),
    ripemd160: hash('ripemd160'),
    hash160: hash('hash160'),
  };
}

/** Bytes that stand for something, told apart by a number of 0 to 255. */
function standIn(place: number, fill: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length).fill(fill);
  bytes[0] = place;
  return bytes;
}

function isStandIn(data: Uint8Array, fill: number, length: number): boolean {
  return data.length === length && data.subarray(1).every((byte) => byte === fill);
}

function standInPlace(data: Uint8Array): number {
  return isStandIn(data, ANY_PREIMAGE, 32) ? (data[0] as number) : -1;
}

/**
 * All signatures and secrets whose places in the witness are empty, as far as the script comes to them: each is stood in
 * for, so that the next one shows.
 */
export function missingIn(scene: Scene): Missing {
  const { known, crypto } = scene;
  const { witness } = inputOf(scene);
  const hashes = known.hashes.slice(0, 255);
  const tolerant = withStandIns(crypto, hashes);
  const keys: string[] = [];
  const preimages: MissingPreimage[] = [];
  let filled = witness;
  let reached = retrace(scene, { witness: filled, crypto: tolerant });
  while (!reached.verdict.ok && filled.length <= MOST_ITEMS) {
    const next = nextFilled(scene, { filled, reached: reached.stepCount, hashes, tolerant });
    if (next === undefined) break;
    ({ filled, run: reached } = next);
    const { added } = next;
    const hash = hashes[standInPlace(added)];
    const key = keyOfSignature(reached.steps, added);
    if (hash !== undefined) preimages.push({ hashFunction: hash.hashFunction, hash: toHex(hash.hash) });
    else if (key !== undefined) keys.push(nameOfBytes(known, key));
  }
  return { keys, preimages };
}

/** The witness with one empty place filled, so that the script comes further. */
function nextFilled(
  scene: Scene,
  of: {
    readonly filled: readonly Uint8Array[];
    readonly reached: number;
    readonly hashes: readonly KnownHash[];
    readonly tolerant: CryptoEngine;
  },
): { readonly filled: readonly Uint8Array[]; readonly run: InputTrace; readonly added: Uint8Array } | undefined {
  const { filled, reached, hashes, tolerant } = of;
  const secrets = hashes.map((_, place) => standIn(place, ANY_PREIMAGE, 32));
  let best:
    | { readonly filled: readonly Uint8Array[]; readonly run: InputTrace; readonly added: Uint8Array }
    | undefined;
  for (const [at, item] of filled.entries()) {
    if (item.length > 0) continue;
    for (const added of [standIn(at, ANY_SIGNATURE, 64), ...secrets]) {
      const next = filled.map((one, place) => (place === at ? added : one));
      const run = retrace(scene, { witness: next, crypto: tolerant });
      if (run.verdict.ok) return { filled: next, run, added };
      // Any secret passes the check of its size: the right one comes furthest.
      if (run.stepCount > (best?.run.stepCount ?? reached)) best = { filled: next, run, added };
    }
  }
  return best;
}

function byInsertion(scene: Scene, witness: TaprootWitness): Finding | undefined {
  const { known, crypto } = scene;
  const { items, isKeyPath } = witness;
  const behind = withoutEnd(scene, witness);
  if (behind !== undefined || isKeyPath) return behind;
  const hashes = known.hashes.slice(0, 255);
  const tolerant = withStandIns(crypto, hashes);
  const plain = [new Uint8Array(0), Uint8Array.of(1), ...known.preimages];
  const unknown = [standIn(0, ANY_SIGNATURE, 64), ...hashes.map((_, place) => standIn(place, ANY_PREIMAGE, 32))];
  for (const [list, engine] of [
    [plain, crypto],
    [unknown, tolerant],
  ] as const)
    for (const added of list)
      for (let at = items.length; at >= 0; at--) {
        const changed = [...items.slice(0, at), added, ...items.slice(at)];
        const run = { witness: putTogether({ ...witness, items: changed }), crypto: engine };
        if (!works(scene, run)) continue;
        return { cause: 'missing-witness-item', item: at, ...insertedText(scene, { added, hashes, run }) };
      }
  return undefined;
}

function insertedText(
  scene: Scene,
  of: {
    readonly added: Uint8Array;
    readonly hashes: readonly KnownHash[];
    readonly run: Parameters<typeof retrace>[1];
  },
): Pick<Finding, 'text' | 'missing' | 'key'> {
  const { known } = scene;
  const { added, hashes, run } = of;
  if (added.length === 0) return { text: 'an empty item is missing: the place of a signature that is not given' };
  if (added.length === 1) return { text: 'an item is missing: the choice of a branch' };
  if (isStandIn(added, ANY_SIGNATURE, 64)) {
    const key = keyOfSignature(retrace(scene, run).steps, added);
    const name = key === undefined ? 'a key' : nameOfBytes(known, key);
    return {
      text: `the signature of ${name} is missing, and its place too`,
      key: name,
      missing: { keys: [name], preimages: [] },
    };
  }
  const place = standInPlace(added);
  const hash =
    hashes[place] ??
    hashes.find(({ hashFunction, hash: digest }) => equalBytes(scene.crypto[hashFunction](added), digest));
  if (hash === undefined) return { text: 'an item is missing' };
  const missing = { hashFunction: hash.hashFunction, hash: toHex(hash.hash) };
  return {
    text: `the secret of ${missing.hashFunction} ${missing.hash} is missing, and its place too`,
    missing: { keys: [], preimages: [missing] },
  };
}

/** The key that a signature was checked with. */
export function keyOfSignature(
  steps: readonly Pick<TraceStep, 'name' | 'stack' | 'executed'>[],
  signature: Uint8Array,
): Uint8Array | undefined {
  for (const { name, stack, executed } of steps) {
    if (!executed || !CHECKS.has(name)) continue;
    const own = stack.at(name === 'OP_CHECKSIGADD' ? -3 : -2);
    if (own !== undefined && equalBytes(own, signature)) return stack.at(-1);
  }
  return undefined;
}

const CHECKS: ReadonlySet<string> = new Set<keyof typeof Opcode>([
  'OP_CHECKSIG',
  'OP_CHECKSIGVERIFY',
  'OP_CHECKSIGADD',
]);

/** A script or a control block that is not there; what then stands last may look like an annex. */
function withoutEnd(scene: Scene, witness: TaprootWitness): Finding | undefined {
  const { items, script, controlBlock, annex } = witness;
  const all = [...items, script, controlBlock].filter((one) => one !== undefined);
  if (annex === undefined) return withEnd(scene, { all, tail: [], isKeyPath: witness.isKeyPath });
  return (
    withEnd(scene, { all, tail: [annex], isKeyPath: witness.isKeyPath }) ??
    withEnd(scene, { all: [...all, annex], tail: [], isKeyPath: true })
  );
}

function withEnd(
  scene: Scene,
  of: {
    readonly all: readonly Uint8Array[];
    readonly tail: readonly Uint8Array[];
    readonly isKeyPath: boolean;
  },
): Finding | undefined {
  const { all, tail, isKeyPath } = of;
  if (areUngiven(scene, all)) return undefined;
  const last = all.at(-1);
  for (const leaf of scene.known.leaves) {
    const isScript = last !== undefined && equalBytes(last, leaf.script);
    const isBlock = last !== undefined && equalBytes(last, leaf.controlBlock);
    if (isScript && works(scene, { witness: [...all, leaf.controlBlock, ...tail] }))
      return { cause: 'missing-witness-item', item: all.length, text: 'the control block is missing' };
    if (isBlock && works(scene, { witness: [...all.slice(0, -1), leaf.script, leaf.controlBlock, ...tail] }))
      return { cause: 'missing-witness-item', item: all.length - 1, text: 'the script is missing' };
    if ((isKeyPath || !isBlock) && works(scene, { witness: [...all, leaf.script, leaf.controlBlock, ...tail] }))
      return { cause: 'missing-witness-item', item: all.length, text: 'script and control block are missing' };
  }
  return undefined;
}

/** What a script says that misses a signature. */
const UNMET: ReadonlySet<ScriptErrorName> = new Set<ScriptErrorName>([
  'EVAL_FALSE',
  'VERIFY',
  'EQUALVERIFY',
  'NUMEQUALVERIFY',
  'CHECKSIGVERIFY',
  'SCHNORR_SIG_SIZE',
]);

/** Whether items are places of signatures that nobody has given: they say nothing of what they are for. */
function areUngiven({ verdict }: Scene, items: readonly Uint8Array[]): boolean {
  return !verdict.ok && UNMET.has(verdict.error) && items.length > 0 && items.every(({ length }) => length === 0);
}

function byLeaf(scene: Scene, witness: TaprootWitness): Finding | undefined {
  const { items, script, controlBlock } = witness;
  if (script === undefined || areUngiven(scene, items) || isOfTheBlock(scene, witness)) return undefined;
  for (const leaf of scene.known.leaves) {
    const isBlock = controlBlock !== undefined && equalBytes(leaf.controlBlock, controlBlock);
    if (equalBytes(leaf.script, script) && isBlock) continue;
    const changed = putTogether({ ...witness, script: leaf.script, controlBlock: leaf.controlBlock });
    if (!works(scene, { witness: changed })) continue;
    const path = scene.known.ways.find((way) => way.leaf === leaf)?.path;
    return {
      cause: 'wrong-leaf',
      text: `the items are for ${path === undefined ? 'another leaf' : `the path ${path}`}, the witness reveals another script`,
    };
  }
  return undefined;
}
