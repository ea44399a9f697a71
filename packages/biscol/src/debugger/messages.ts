import { equalBytes } from '@bitcoin-enterprise/core';
import {
  Sighasher,
  SighashType,
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

/** The messages that a signature could be of, the likeliest first; each differs from this one in few parts. */
export function* otherMessages(scene: Scene, message: Message): Generator<OtherMessage, void, undefined> {
  yield* ofInput(scene, message);
  yield* ofPlan(scene, message);
  yield* ofTransaction(scene, message);
}

function* ofInput(scene: Scene, message: Message): Generator<OtherMessage, void, undefined> {
  const { known } = scene;
  if (message.annex !== undefined)
    yield { differs: ['annex'], detail: 'without the annex', message: { ...message, annex: undefined } };
  for (const hashType of HASH_TYPES)
    if (hashType !== message.hashType)
      yield {
        differs: ['sighash-type'],
        detail: `hash type ${hashType}`,
        message: { ...message, hashType },
      };
  if (message.leafHash !== undefined)
    yield {
      differs: ['key-path'],
      detail: 'the key path',
      message: { ...message, leafHash: undefined, codeSeparatorPosition: undefined },
    };
  for (const leaf of known.leaves) {
    if (message.leafHash !== undefined && equalBytes(leaf.leafHash, message.leafHash)) continue;
    const path = known.ways.find((way) => way.leaf === leaf)?.path;
    yield {
      differs: [message.leafHash === undefined ? 'key-path' : 'leaf-hash'],
      detail: path === undefined ? 'another leaf' : `the path ${path}`,
      message: { ...message, leafHash: leaf.leafHash },
    };
  }
  for (const position of codeSeparators(scene))
    if (position !== message.codeSeparatorPosition)
      yield {
        differs: ['code-separator'],
        detail: 'another OP_CODESEPARATOR',
        message: { ...message, codeSeparatorPosition: position },
      };
  if (message.annex === undefined)
    yield {
      differs: ['annex'],
      detail: 'an empty annex',
      message: { ...message, annex: Uint8Array.of(0x50) },
    };
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
  for (const place of tx.inputs.keys())
    if (place !== inputIndex)
      yield { differs: ['input'], detail: `input ${place}`, message: { ...message, inputIndex: place } };
  const sequences = new Set([...known.locks.older, ...COMMON_SEQUENCES]);
  for (const [place, input] of tx.inputs.entries())
    for (const sequence of sequences)
      if (sequence !== input.sequence)
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
