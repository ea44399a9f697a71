/** What the adapters refuse before they ask anybody. */
import { assertBytes } from '@bitcoin-enterprise/core';
import { invalidArgument } from '../errors.ts';
import type { Outpoint } from '../ports/chain-source.ts';

/** What a timer of 32 bits can wait. */
export const MAX_TIMER_MS = 0x7fff_ffff;

/** The options of a call; throws unless they are an object, with a signal that is one. */
export function requireCallOptions<Options extends { readonly signal?: AbortSignal }>(options: Options): Options {
  if (typeof options !== 'object' || options === null) throw invalidArgument('options', 'an object', options);
  const signal: unknown = options.signal;
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw invalidArgument('options.signal', 'an AbortSignal', signal);
  return options;
}

/** Throws unless a value is the name of an output. */
export function requireOutpoint(outpoint: Outpoint): void {
  if (typeof outpoint !== 'object' || outpoint === null) throw invalidArgument('outpoint', 'an object', outpoint);
  assertBytes('outpoint.txid', outpoint.txid, 32);
  if (!Number.isInteger(outpoint.index) || outpoint.index < 0 || outpoint.index > 0xffffffff)
    throw invalidArgument('outpoint.index', 'a whole number, 0 to 4294967295', outpoint.index);
}

/** Throws unless a value is a confirmation target. */
export function requireTarget(targetBlocks: number): void {
  if (!Number.isInteger(targetBlocks) || targetBlocks < 1 || targetBlocks > 1_008)
    throw invalidArgument('targetBlocks', 'a whole number, 1 to 1008', targetBlocks);
}

/** Throws unless a setting is a number of milliseconds that a timer can wait. */
export function requireMs(argument: string, value: unknown): void {
  if (typeof value !== 'number' || !(value >= 0 && value <= MAX_TIMER_MS))
    throw invalidArgument(argument, `a number from 0 to ${MAX_TIMER_MS}`, value);
}

/** The signal, if it is one: what is none is refused at the first step of an iteration. */
export function signalOf(options: { readonly signal?: AbortSignal } | null): AbortSignal | undefined {
  const signal: unknown = options?.signal;
  return signal instanceof AbortSignal ? signal : undefined;
}
