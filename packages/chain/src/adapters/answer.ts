/** Reading what a node answers: outside data, checked once, here. */
import { parseBitcoin, parseDisplayHash, parseHex, type Satoshis } from '@bitcoin-enterprise/core';
import { ChainError } from '../errors.ts';

/** Makes the error for an answer that is not what the interface promises. */
export function answerInvalid(
  method: string,
  expected: string,
  cause?: unknown,
): ChainError<'CHAIN_NODE_ANSWER_INVALID'> {
  return new ChainError('CHAIN_NODE_ANSWER_INVALID', `expected the answer to ${method} to be ${expected}`, {
    details: { method, expected },
    hint: 'Is this really the address of a node, and of the right kind? If so, it is broken or lies: ask another one.',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Makes the error for a node that has fallen behind what is known to be there. */
export function nodeStale(
  method: string,
  { height, knownHeight }: { readonly height: number; readonly knownHeight: number },
): ChainError<'CHAIN_NODE_STALE'> {
  return new ChainError(
    'CHAIN_NODE_STALE',
    `expected the answer to ${method} to be of a branch with as much work as the one known, which ends at ${knownHeight}, got one that ends at ${height}`,
    {
      details: { method, height, knownHeight },
      hint: 'The node is behind, or another one answers behind the same address: wait, or ask another one.',
      retryable: true,
    },
  );
}

/** Reads an answer; whatever stops the reading is the answer's fault, and gets its code. */
export function readAs<Result>(method: string, expected: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof ChainError) throw error;
    throw answerInvalid(method, expected, error);
  }
}

/** An object of an answer whose fields are read one by one, each with the type it must have. */
export class Answer {
  readonly #method: string;
  readonly #value: Readonly<Record<string, unknown>>;

  constructor(method: string, value: unknown) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw answerInvalid(method, 'an object');
    this.#method = method;
    this.#value = value as Readonly<Record<string, unknown>>;
  }

  entries(): readonly (readonly [name: string, value: unknown])[] {
    return Object.entries(this.#value);
  }

  has(field: string): boolean {
    return this.#value[field] !== undefined && this.#value[field] !== null;
  }

  /** A whole number from 0 up. */
  count(field: string): number {
    const value = this.integer(field);
    if (value < 0) throw this.#wrong(field, 'a whole number of at least 0');
    return value;
  }

  /** Place of an output in its transaction: 0 to 4,294,967,295. */
  outputIndex(field: string): number {
    const value = this.count(field);
    if (value > 0xffff_ffff) throw this.#wrong(field, 'a place in a transaction');
    return value;
  }

  integer(field: string): number {
    const value = this.#value[field];
    if (!Number.isSafeInteger(value)) throw this.#wrong(field, 'a whole number');
    return value as number;
  }

  text(field: string): string {
    const value = this.#value[field];
    if (typeof value !== 'string') throw this.#wrong(field, 'a text');
    return value;
  }

  flag(field: string): boolean {
    const value = this.#value[field];
    if (typeof value !== 'boolean') throw this.#wrong(field, 'true or false');
    return value;
  }

  hash(field: string): Uint8Array {
    return readHash(this.#method, this.text(field));
  }

  bytes(field: string): Uint8Array {
    return readHex(this.#method, this.text(field));
  }

  /** An amount in bitcoin: the text of a call with `decimalsAsText`, or a number, of which eight decimals are exact. */
  amount(field: string): Satoshis {
    const value = this.#value[field];
    try {
      return parseBitcoin(typeof value === 'number' ? value.toFixed(8) : String(value));
    } catch {
      throw this.#wrong(field, 'an amount in bitcoin');
    }
  }

  object(field: string): Answer {
    return new Answer(this.#method, this.#value[field]);
  }

  list(field: string): readonly unknown[] {
    const value = this.#value[field];
    if (!Array.isArray(value)) throw this.#wrong(field, 'a list');
    return value;
  }

  #wrong(field: string, expected: string): ChainError {
    return answerInvalid(this.#method, `an object with ${field} as ${expected}`);
  }
}

/** Display hash to internal order. */
export function readHash(method: string, value: unknown): Uint8Array {
  try {
    return parseDisplayHash(value as string);
  } catch {
    throw answerInvalid(method, 'a hash of 64 hexadecimal digits');
  }
}

/** Hexadecimal bytes. */
export function readHex(method: string, value: unknown): Uint8Array {
  try {
    return parseHex(value as string);
  } catch {
    throw answerInvalid(method, 'hexadecimal bytes');
  }
}

/** A list of ids in display form, each with its bytes in internal order. */
export function readIds(method: string, value: unknown): ReadonlyMap<string, Uint8Array> {
  if (!Array.isArray(value)) throw answerInvalid(method, 'a list');
  return new Map(value.map((id: unknown) => [String(id), readHash(method, id)]));
}
