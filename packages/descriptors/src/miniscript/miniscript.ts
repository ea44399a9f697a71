import { invalidArgument } from '../errors.ts';
import { parseExpression, textOf } from '../text/expression.ts';
import type { Fragment, MiniscriptContext } from './fragment.ts';
import { readFragment } from './parse.ts';

/** A miniscript whose keys are names. */
export type Miniscript = Fragment<string>;

/** Where a miniscript will live. */
export interface ParseMiniscriptOptions {
  /** `wsh` for P2WSH, `tapscript` for a leaf of Taproot. */
  readonly context: MiniscriptContext;
}

/**
 * Reads a miniscript with names for keys, and checks its types; use {@link parseDescriptor} for one with real keys.
 *
 * @throws DescriptorsError with the position of the fault: `DESCRIPTORS_SYNTAX`, `DESCRIPTORS_FUNCTION_INVALID`,
 * `DESCRIPTORS_THRESHOLD_INVALID`, `DESCRIPTORS_MINISCRIPT_TYPE`, `DESCRIPTORS_TOO_LARGE`; `DESCRIPTORS_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { boundsOf, parseMiniscript, typeLetters } from '@bitcoin-enterprise/descriptors';
 *
 * const script = parseMiniscript('and_v(v:pk(alice),older(144))', { context: 'tapscript' });
 * typeLetters(script.type); // => 'Bonfsmxhk'
 * boundsOf(script, 'tapscript').scriptSize; // => 38
 * ```
 */
export function parseMiniscript(text: string, options: ParseMiniscriptOptions): Miniscript {
  if (typeof options !== 'object' || options === null) throw invalidArgument('options', 'an object', options);
  const { context } = options;
  if (context !== 'wsh' && context !== 'tapscript')
    throw invalidArgument('options.context', "'wsh' or 'tapscript'", context);
  return readFragment(parseExpression(text), { context, readKey: textOf });
}
