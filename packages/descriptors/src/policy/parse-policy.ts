import { parseExpression, textOf } from '../text/expression.ts';
import { type Policy, readPolicy } from './policy.ts';

/**
 * Reads a policy with names for keys: `pk(NAME)`, `older(n)`, `after(n)`, `sha256(h)`, `hash256(h)`, `ripemd160(h)`,
 * `hash160(h)`, `and(X,Y,…)`, `or(9@X,Y,…)`, `thresh(k,X,Y,…)`.
 *
 * @throws DescriptorsError with the position of the fault: `DESCRIPTORS_SYNTAX`, `DESCRIPTORS_FUNCTION_INVALID`,
 * `DESCRIPTORS_THRESHOLD_INVALID`, `DESCRIPTORS_TOO_LARGE`; `DESCRIPTORS_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { englishOf, parsePolicy } from '@bitcoin-enterprise/descriptors';
 *
 * englishOf(parsePolicy('and(pk(alice),older(144))'), { keyName: (name) => name });
 * // => 'all of:\n  a signature of alice\n  144 blocks (about 24 hours) after the output was confirmed'
 * ```
 */
export function parsePolicy(text: string): Policy<string> {
  return readPolicy(parseExpression(text, { spaces: true }), { readKey: textOf });
}
