import { equalBytes } from '@bitcoin-enterprise/core';
import {
  Sighasher,
  SighashType,
  tapLeafHash,
  type SpentOutput,
  type Transaction,
  type TransactionInput,
  type TransactionOutput,
} from '@bitcoin-enterprise/script';
import { outpointBytes } from './known.ts';
import type { MessagePart } from './model.ts';
import { inputOf, type Scene } from './scene.ts';

/** What a Taproot signature covers. */
export interface Message {
  readonly tx: Transaction;
  readonly spentOutputs: readonly SpentOutput[];
  readonly inputIndex: number;
  readonly hashType: number;
  readonly annex: Uint8Array | undefined;
  readonly leafHash: Uint8Array | undefined;
  /** Script of the leaf. */
  readonly script: Uint8Array | undefined;
  readonly codeSeparatorPosition: number | undefined;
}

/** Another message that a signature could be of. */
export interface OtherMessage {
  readonly differs: readonly MessagePart[];
  /** For people: what it has instead. */
  readonly detail: string;
  readonly message: Message;
}

/** The 32 bytes that are signed; `undefined` for a message that there is not (SINGLE without an output). */
export function digestOf(message: Message): Uint8Array | undefined {
  const { tx, spentOutputs, inputIndex, hashType, annex, leafHash, codeSeparatorPosition } = message;
  if (inputIndex >= tx.inputs.length || spentOutputs.length !== tx.inputs.length) return undefined;
  if ((hashType & 3) === SighashType.SINGLE && inputIndex >= tx.outputs.length) return undefined;
  try {
    return new Sighasher({ tx, spentOutputs }).taproot(inputIndex, {
      hashType,
      ...(annex === undefined ? {} : { annex }),
      ...(leafHash === undefined ? {} : { leafHash }),
      ...(codeSeparatorPosition === undefined ? {} : { codeSeparatorPosition }),
    });
  } catch {
    return undefined;
  }
}

/** All types of BIP341. */
export const HASH_TYPES: readonly number[] = [0, 1, 2, 3, 0x81, 0x82, 0x83];
const COMMON_SEQUENCES: readonly number[] = [0xffff_ffff, 0xffff_fffe, 0xffff_fffd, 0];
/** Up to here every order of outputs is tried. */
const MOST_PERMUTED = 4;
const MOST_CODE_SEPARATORS = 50;
const MOST_INPUTS = 8;

/**
 * The messages that a signature could be of, the likeliest first: those that differ in one part, then the transaction as it
 * was planned, then what differs in more parts of the input.
 */
export function* otherMessages(scene: Scene, message: Message): Generator<OtherMessage, void, undefined> {
  const combined = combinedChoices(scene, message);
  for (const made of combined) if (made.length === 1) yield madeOf(message, made);
  yield* ofPlan(scene, message);
  yield* ofTransaction(scene, message);
  for (const made of combined) if (made.length > 1) yield madeOf(message, made);
  for (const version of leafVersions(message)) yield madeOf(message, [version]);
}

/** One thing that a signature could have been made with instead. */
interface Choice {
  readonly part: MessagePart;
  readonly detail: string;
  readonly change: Partial<Message>;
}

/** Most combinations of choices; what differs in the fewest parts comes first. */
const MOST_COMBINED = 500;

/** What differs in the input alone: annex, hash type, leaf or key path, code separator, and several of them together. */
function combinedChoices(scene: Scene, message: Message): readonly (readonly Choice[])[] {
  const choices = [annexes(message), hashTypes(message), paths(scene, message), separators(scene, message)];
  let combined: readonly (readonly Choice[])[] = [[]];
  for (const list of choices) combined = combined.flatMap((made) => [made, ...list.map((one) => [...made, one])]);
  return combined.toSorted((a, b) => a.length - b.length).slice(1, MOST_COMBINED);
}

function madeOf(message: Message, made: readonly Choice[]): OtherMessage {
  return {
    differs: made.map(({ part }) => part),
    detail: made.map(({ detail }) => detail).join(', '),
    message: Object.assign({}, message, ...made.map(({ change }) => change)) as Message,
  };
}

function annexes({ annex }: Message): readonly Choice[] {
  return annex === undefined
    ? [{ part: 'annex', detail: 'an empty annex', change: { annex: Uint8Array.of(0x50) } }]
    : [{ part: 'annex', detail: 'without the annex', change: { annex: undefined } }];
}

function hashTypes(message: Message): readonly Choice[] {
  return HASH_TYPES.filter((hashType) => hashType !== message.hashType).map((hashType) => ({
    part: 'sighash-type',
    detail: `hash type ${hashType}`,
    change: { hashType },
  }));
}

/** Leaf versions of BIP341: even, and none that would look like an annex. */
const LEAF_VERSIONS: readonly number[] = Array.from({ length: 128 }, (_, half) => 2 * half).filter(
  (version) => version !== 0x50,
);

function paths({ known }: Scene, { leafHash }: Message): readonly Choice[] {
  const isKeyPath = leafHash === undefined;
  const leaves = known.leaves.filter((leaf) => isKeyPath || !equalBytes(leaf.leafHash, leafHash));
  const others = leaves.map((leaf): Choice => {
    const path = known.ways.find((way) => way.leaf === leaf)?.path;
    return {
      part: isKeyPath ? 'key-path' : 'leaf-hash',
      detail: path === undefined ? 'another leaf' : `the path ${path}`,
      change: { leafHash: leaf.leafHash },
    };
  });
  if (isKeyPath) return others;
  const key: Choice = {
    part: 'key-path',
    detail: 'the key path',
    change: { leafHash: undefined, codeSeparatorPosition: undefined },
  };
  return [key, ...others];
}

/** The same script under other leaf versions. */
function leafVersions({ leafHash, script }: Message): readonly Choice[] {
  if (leafHash === undefined || script === undefined) return [];
  return LEAF_VERSIONS.flatMap((leafVersion): readonly Choice[] => {
    const other = tapLeafHash(script, { leafVersion });
    if (equalBytes(other, leafHash)) return [];
    return [{ part: 'leaf-hash', detail: `leaf version ${leafVersion}`, change: { leafHash: other } }];
  });
}

function separators(scene: Scene, { codeSeparatorPosition, leafHash }: Message): readonly Choice[] {
  if (leafHash === undefined) return [];
  return codeSeparators(scene)
    .filter((position) => position !== codeSeparatorPosition)
    .map((position) => ({
      part: 'code-separator',
      detail: 'another OP_CODESEPARATOR',
      change: { codeSeparatorPosition: position },
    }));
}

/** Positions that a signature may commit to: none, and those of the script. */
function codeSeparators({ steps }: Scene): readonly (number | undefined)[] {
  const own = steps.filter(({ name }) => name === 'OP_CODESEPARATOR').map(({ opcodePosition }) => opcodePosition);
  return own.length === 0 ? [] : [undefined, ...own.slice(0, MOST_CODE_SEPARATORS)];
}

function* ofPlan({ known: { plan }, tx, spentOutputs, inputIndex }: Scene, message: Message): Generator<OtherMessage> {
  if (plan === undefined) return;
  // Sponsors may have put inputs before those of the plan.
  const own = tx.inputs[inputIndex];
  const place = plan.tx.inputs.findIndex(
    (one) => own !== undefined && equalBytes(outpointBytes(one), outpointBytes(own)),
  );
  const planned = { ...message, tx: plan.tx, spentOutputs: plan.spentOutputs };
  const differs = differencesOf(message, { ...planned, inputIndex: place === -1 ? inputIndex : place });
  if (differs.length === 0) return;
  const isSame = spentOutputs.length === plan.spentOutputs.length;
  for (const index of place === -1 ? plan.tx.inputs.keys() : [place])
    for (const hashType of new Set([message.hashType, plan.hashType]))
      yield {
        differs: hashType === message.hashType ? differs : [...differs, 'sighash-type'],
        detail: isSame ? 'the transaction as it was planned' : 'the transaction as it was planned, of other inputs',
        message: { ...planned, inputIndex: index, hashType },
      };
}

/** In what two messages differ. */
export function differencesOf(one: Message, other: Message): readonly MessagePart[] {
  const differs = new Set<MessagePart>();
  const { tx, spentOutputs } = one;
  if (tx.version !== other.tx.version) differs.add('version');
  if (tx.lockTime !== other.tx.lockTime) differs.add('lock-time');
  if (one.inputIndex !== other.inputIndex || tx.inputs.length !== other.tx.inputs.length) differs.add('input');
  for (const [place, input] of tx.inputs.entries()) {
    const twin = other.tx.inputs[place];
    if (twin === undefined) continue;
    if (input.sequence !== twin.sequence) differs.add('sequence');
    if (!equalBytes(outpointBytes(input), outpointBytes(twin))) differs.add('outpoint');
    const [held, meant] = [spentOutputs[place], other.spentOutputs[place]];
    if (held !== undefined && meant !== undefined && !isSameOutput(held, meant)) differs.add('spent-output');
  }
  if (tx.outputs.length !== other.tx.outputs.length) differs.add('output');
  for (const [place, output] of tx.outputs.entries()) {
    const twin = other.tx.outputs[place];
    if (twin === undefined) continue;
    if (!equalBytes(output.scriptPubKey, twin.scriptPubKey)) differs.add('output');
    else if (output.value !== twin.value) differs.add('amount');
  }
  return [...differs];
}

function isSameOutput(one: SpentOutput, other: SpentOutput): boolean {
  return one.value === other.value && equalBytes(one.scriptPubKey, other.scriptPubKey);
}

function* ofTransaction(scene: Scene, message: Message): Generator<OtherMessage, void, undefined> {
  const { tx, spentOutputs, inputIndex } = message;
  const { known } = scene;
  // Of a transaction with many inputs only this one and those beside it.
  const near = [...tx.inputs.keys()].filter((place) => Math.abs(place - inputIndex) <= MOST_INPUTS);
  for (const place of near)
    if (place !== inputIndex)
      yield { differs: ['input'], detail: `input ${place}`, message: { ...message, inputIndex: place } };
  const sequences = new Set([...known.locks.older, ...COMMON_SEQUENCES]);
  for (const place of near)
    for (const sequence of sequences)
      if (sequence !== tx.inputs[place]?.sequence)
        yield {
          differs: ['sequence'],
          detail: `sequence ${sequence} of input ${place}`,
          message: { ...message, tx: withInput(tx, place, { sequence }) },
        };
  for (const lockTime of new Set([...known.locks.after, 0, ...(scene.chain === undefined ? [] : [scene.chain.height])]))
    if (lockTime !== tx.lockTime)
      yield {
        differs: ['lock-time'],
        detail: `lock time ${lockTime}`,
        message: { ...message, tx: { ...tx, lockTime } },
      };
  for (const version of [1, 2, 3])
    if (version !== tx.version)
      yield { differs: ['version'], detail: `version ${version}`, message: { ...message, tx: { ...tx, version } } };
  for (const outputs of otherOutputs(tx.outputs))
    yield { differs: ['output'], detail: 'other outputs', message: { ...message, tx: { ...tx, outputs } } };
  const { cell } = known;
  const held = spentOutputs[inputIndex];
  if (cell !== undefined && held !== undefined && cell.value !== held.value)
    yield {
      differs: ['spent-output'],
      detail: `${cell.value} sat in the output that is spent`,
      message: {
        ...message,
        spentOutputs: spentOutputs.map((one, at) => (at === inputIndex ? { ...one, value: cell.value } : one)),
      },
    };
  if (cell === undefined) return;
  const meant = { previousTxid: cell.txid, previousIndex: cell.index };
  if (!equalBytes(outpointBytes({ ...inputOf(scene), ...meant }), outpointBytes(inputOf(scene))))
    yield {
      differs: ['outpoint'],
      detail: 'another output of the same script',
      message: { ...message, tx: withInput(tx, inputIndex, meant) },
    };
}

function withInput(tx: Transaction, place: number, change: Partial<TransactionInput>): Transaction {
  return { ...tx, inputs: tx.inputs.map((input, at) => (at === place ? { ...input, ...change } : input)) };
}

/** The same outputs in other orders, and without one of them. */
function* otherOutputs(outputs: readonly TransactionOutput[]): Generator<readonly TransactionOutput[]> {
  if (outputs.length <= MOST_PERMUTED) {
    for (const [place, one] of permutations(outputs).entries()) if (place > 0) yield one;
  } else for (let at = 1; at < Math.min(outputs.length, 50); at++) yield swapped(outputs, at - 1, at);
  if (outputs.length < 2) return;
  for (const at of outputs.keys()) if (at < 50) yield outputs.filter((_, place) => place !== at);
}

/** All orders, the given one first. */
export function permutations<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  if (items.length < 2) return [items];
  return items.flatMap((item, at) =>
    permutations(items.filter((_, place) => place !== at)).map((others) => [item, ...others]),
  );
}

/** The same with two in each other’s place. */
export function swapped<Item>(items: readonly Item[], one: number, other: number): readonly Item[] {
  return items.map((item, at) => items[at === one ? other : at === other ? one : at] ?? item);
}
