import { requireContext, requireFragment, requireFunction, requireObject } from '../arguments.ts';
import type { DescriptorsErrors } from '../errors.ts';
import { boundsOf, scriptSizeOf } from './bounds.ts';
import { type Fragment, keysOf, type MiniscriptContext, subsOf } from './fragment.ts';
import { hasLetters } from './type.ts';

/** Why a miniscript must not be used. */
export type InsaneReason = DescriptorsErrors['DESCRIPTORS_MINISCRIPT_INSANE']['reason'];

/** What is wrong, and the smallest part that is. */
export interface Insanity<Key> {
  readonly reason: InsaneReason;
  readonly part: Fragment<Key>;
}

/** BIP141: opcodes beyond pushes in one P2WSH script. */
const MAXIMUM_OPERATIONS = 201;
/** Relay: witness elements of P2WSH before the script. */
const MAXIMUM_P2WSH_ELEMENTS = 100;
/** Relay: bytes of a P2WSH script. */
const MAXIMUM_P2WSH_SCRIPT = 3_600;
/** Consensus: elements on both stacks. */
const MAXIMUM_STACK = 1_000;
/**
 * What is left for a tapscript in a standard transaction of 400,000 weight with one input and one output: the whole
 * transaction without it has 94 + 4 bytes of body and 2 of the witness flag, the rest is for its length.
 */
const MAXIMUM_TAPSCRIPT = 399_000;

/**
 * What is wrong with a miniscript, if anything: nothing is when it can be satisfied without malleability, needs a
 * signature in every way, mixes no time locks, repeats no key and stays within the limits of its context (BIP379).
 *
 * @param options - The context, and what makes two keys the same.
 */
export function insanityOf<Key>(
  fragment: Fragment<Key>,
  options: { readonly context: MiniscriptContext; readonly keyName: (key: Key) => string },
): Insanity<Key> | undefined {
  requireFragment(fragment);
  const { context, keyName } = requireObject<typeof options>(options, 'options');
  requireContext(context, 'options.context');
  requireFunction(keyName, 'options.keyName');
  if (fragment.name === '0') return { reason: 'unsatisfiable', part: fragment };
  const own = faultOf(fragment, options);
  if (own !== undefined) return { reason: own, part: smallest(fragment, options) };
  return hasLetters(fragment.type, 's') ? undefined : { reason: 'no-signature', part: fragment };
}

interface SanityOptions<Key> {
  readonly context: MiniscriptContext;
  readonly keyName: (key: Key) => string;
}

/** The deepest part that is wrong by itself. */
function smallest<Key>(fragment: Fragment<Key>, options: SanityOptions<Key>): Fragment<Key> {
  for (const sub of subsOf(fragment)) if (faultOf(sub, options) !== undefined) return smallest(sub, options);
  return fragment;
}

function faultOf<Key>(fragment: Fragment<Key>, { context, keyName }: SanityOptions<Key>): InsaneReason | undefined {
  const { type } = fragment;
  // First, for it alone is cheap: what follows may be of a hostile length.
  if (scriptSizeOf(fragment, context) > (context === 'wsh' ? MAXIMUM_P2WSH_SCRIPT : MAXIMUM_TAPSCRIPT))
    return 'script-too-large';
  const bounds = boundsOf(fragment, context);
  if (bounds.operations === undefined || bounds.stackElements === undefined) {
    // What can only be dissatisfied, as 0, has its place in a whole that can be satisfied.
    return fragment.name === '0' ? undefined : 'unsatisfiable';
  }
  if (context === 'wsh' && bounds.operations > MAXIMUM_OPERATIONS) return 'too-many-operations';
  if (context === 'wsh' && bounds.stackElements > MAXIMUM_P2WSH_ELEMENTS) return 'stack-too-deep';
  if (context === 'tapscript' && (bounds.executionStack as number) > MAXIMUM_STACK) return 'stack-too-deep';
  if (!hasLetters(type, 'm')) return 'malleable';
  if (!hasLetters(type, 'k')) return 'mixed-time-locks';
  const names = [...keysOf(fragment)].map(keyName);
  return new Set(names).size < names.length ? 'duplicate-keys' : undefined;
}
