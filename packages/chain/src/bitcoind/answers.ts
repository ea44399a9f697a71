/** Reading what bitcoind answers: outside data, checked once, here. */
import { hasCode, parseBitcoin, parseDisplayHash, parseHex, type Satoshis } from '@bitcoin-enterprise/core';
import type { ChainError } from '../errors.ts';
import { answerInvalid } from './rpc.ts';

/** An object of an answer whose fields are read one by one, each with the type it must have. */
export class Answer {
  readonly #method: string;
  readonly #value: Readonly<Record<string, unknown>>;

  constructor(method: string, value: unknown) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw answerInvalid(method, 'an object');
    this.#method = method;
    this.#value = value as Readonly<Record<string, unknown>>;
  }

  has(field: string): boolean {
    return this.#value[field] !== undefined && this.#value[field] !== null;
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

  /** An amount of a call with `decimalsAsText`. */
  amount(field: string): Satoshis {
    const value = this.#value[field];
    try {
      return parseBitcoin(String(value));
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

/** Whether the node refused a call with one of its own codes (Bitcoin Core's rpc/protocol.h). */
export function refusedWith(error: unknown, ...codes: readonly number[]): boolean {
  return hasCode(error, 'CHAIN_NODE_REFUSED') && codes.includes(error.details.rpcCode);
}

/** The answer, or `undefined` when the node refuses with one of the codes that mean "not there". */
export async function orAbsent<Result>(
  answer: Promise<Result>,
  ...codes: readonly number[]
): Promise<Result | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (refusedWith(error, ...codes)) return undefined;
    throw error;
  }
}

/** RPC_INVALID_ADDRESS_OR_KEY: also a block or transaction that the node does not know. */
export const NOT_FOUND = -5;
/** RPC_INVALID_PARAMETER: also a height above the tip. */
export const INVALID_PARAMETER = -8;
/** RPC_DESERIALIZATION_ERROR. */
export const NOT_DECODED = -22;
/** RPC_VERIFY_ERROR, RPC_VERIFY_REJECTED, RPC_VERIFY_ALREADY_IN_UTXO_SET. */
export const REJECTIONS: readonly number[] = [-25, -26, -27];
