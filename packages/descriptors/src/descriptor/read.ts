import { decodeAddress, hasCode, parseHex, toHex } from '@bitcoin-enterprise/core';
import { DescriptorsError, syntaxError, type TextFault } from '../errors.ts';
import type { ExtendedKey } from '../keys/extended-key.ts';
import type { KeyExpression } from '../keys/model.ts';
import { type KeyContext, readKey, type ReadKeyOptions, readSilentKey } from '../keys/read-key.ts';
import { type Fragment, keysOf, type MiniscriptContext } from '../miniscript/fragment.ts';
import { makeFragment } from '../miniscript/type.ts';
import { readFragment } from '../miniscript/parse.ts';
import { printFragment } from '../miniscript/print.ts';
import { insanityOf, type InsaneReason } from '../miniscript/sanity.ts';
import { hasLetters } from '../miniscript/type.ts';
import type { Expression } from '../text/expression.ts';
import { functionInvalid, type Place, requireFunction, syntaxFault } from './functions.ts';
import { type DescriptorNode, leavesOf, type TapLeafNode, type TapTreeNode } from './model.ts';

/** How keys are read; a wallet policy has placeholders instead (BIP388). */
export type KeyReader = (expression: Expression, options: ReadKeyOptions) => KeyExpression;

const KEY_CONTEXTS = { top: 'legacy', sh: 'legacy', wsh: 'segwit', tr: 'taproot' } as const;
/** BIP16: a script that is an element of a stack. */
const MAXIMUM_P2SH_SCRIPT = 520;
/** Relay: keys of a multisignature that is no P2SH or P2WSH. */
const MAXIMUM_BARE_KEYS = 3;
const MAXIMUM_MULTI_KEYS = 20;
const MAXIMUM_MULTI_A_KEYS = 999;
/** BIP341: branches above a leaf. */
const MAXIMUM_TREE_DEPTH = 128;
/** Errors show no more of a script. */
const MAXIMUM_SHOWN = 1_000;

const INSANE_WORDS: Readonly<Record<InsaneReason, string>> = {
  'no-signature': 'is not sane: witnesses without signature exist',
  malleable: 'is not sane: malleable witnesses exist',
  'mixed-time-locks': 'is not sane: contains mixes of timelocks expressed in blocks and seconds',
  'duplicate-keys': 'is not sane: contains duplicate public keys',
  'too-many-operations': 'is not sane: needs witnesses that may exceed resource limits (operations)',
  'stack-too-deep': 'is not sane: needs witnesses that may exceed resource limits (stack)',
  'script-too-large': 'is not sane: needs witnesses that may exceed resource limits (script size)',
  unsatisfiable: 'is not satisfiable',
};

/**
 * Reads a descriptor from its expression: which functions may stand where, and with what keys (Core's
 * script/descriptor.cpp; BIP381 to BIP392).
 *
 * @throws DescriptorsError with a position for everything that is wrong.
 */
export function readDescriptor(expression: Expression, keyReader: KeyReader = readKey): DescriptorNode {
  return new DescriptorReader(keyReader).descriptor(expression);
}

class DescriptorReader {
  readonly #keyReader: KeyReader;
  readonly #known = new Map<string, ExtendedKey | undefined>();
  readonly #names = new Map<KeyExpression, string>();

  constructor(keyReader: KeyReader) {
    this.#keyReader = keyReader;
  }

  descriptor(expression: Expression): DescriptorNode {
    return this.#script(expression, 'top');
  }

  #script(expression: Expression, place: Place): DescriptorNode {
    requireFunction(expression, place);
    const { name } = expression;
    switch (name) {
      case 'pk':
      case 'pkh':
      case 'combo':
        return { name, key: this.#onlyKey(expression, 'legacy') };
      case 'wpkh':
        return { name, key: this.#onlyKey(expression, 'segwit') };
      case 'rawtr':
        return { name, key: this.#onlyKey(expression, 'taproot') };
      case 'unused':
        return { name, key: this.#unusedKey(expression) };
      case 'multi':
      case 'sortedmulti':
        return this.#multi(expression, name, place);
      case 'sh':
        return { name, inner: this.#script(this.#onlyScript(expression), 'sh') };
      case 'wsh':
        return { name, inner: this.#witnessScript(this.#onlyScript(expression)) };
      case 'tr':
        return this.#taproot(expression);
      case 'addr':
        return address(expression);
      case 'raw':
        return rawScript(expression);
      case 'sp':
        return this.#silent(expression);
      default:
        throw functionInvalid(
          expression,
          'Miniscript expressions can only be used in wsh or tr.',
          'wsh() or tr() around it',
        );
    }
  }

  #onlyKey(expression: Expression, context: KeyContext, label = `${expression.name}(): `): KeyExpression {
    const { args = [], name } = expression;
    const [only, second] = args;
    if (second !== undefined) {
      // The points are Core's.
      const reason = `${name}(): only one key expected${name === 'rawtr' ? '.' : ''}`;
      throw syntaxFault({ position: second.position, length: second.length }, reason, ')');
    }
    if (only === undefined) throw noKey(expression, label);
    return this.#key(only, context, label);
  }

  #unusedKey(expression: Expression): KeyExpression {
    const key = this.#onlyKey(expression, 'legacy');
    if (!key.isRange) return key;
    const reason = 'unused(): key cannot be ranged';
    const { position, length } = expression;
    throw new DescriptorsError('DESCRIPTORS_KEY_INVALID', reason, { details: { position, length, reason } });
  }

  #key(expression: Expression, context: KeyContext, label: string): KeyExpression {
    return this.#keyReader(expression, { context, label, known: this.#known });
  }

  #onlyScript(expression: Expression): Expression {
    const { args = [], name, position, length } = expression;
    const [only, second] = args;
    if (second !== undefined)
      throw syntaxFault(
        { position: second.position, length: second.length },
        `${name}(): only one script expected`,
        ')',
      );
    if (only !== undefined) return only;
    throw syntaxFault(
      { position: position + length - 1, length: 1 },
      `A function is needed within ${name === 'sh' ? 'P2SH' : 'P2WSH'}`,
      'a function',
    );
  }

  #multi(expression: Expression, name: 'multi' | 'sortedmulti', place: Place): DescriptorNode {
    const context = KEY_CONTEXTS[place];
    const { threshold, keys } = this.#multiParts(expression, { context, most: MAXIMUM_MULTI_KEYS, word: 'multisig' });
    const fault: TextFault = expression;
    if (place === 'top' && keys.length > MAXIMUM_BARE_KEYS)
      throw tooManyKeys(
        fault,
        `Cannot have ${keys.length} pubkeys in bare multisig; only at most ${MAXIMUM_BARE_KEYS} pubkeys`,
        { threshold, count: keys.length },
      );
    if (place === 'sh') {
      const size = keys.reduce((sum, key) => sum + 1 + sizeOf(key), 3);
      if (size > MAXIMUM_P2SH_SCRIPT)
        throw tooManyKeys(
          fault,
          `P2SH script is too large, ${size} bytes is larger than ${MAXIMUM_P2SH_SCRIPT} bytes`,
          { threshold, count: keys.length },
        );
    }
    return { name, threshold, keys };
  }

  #multiParts(
    expression: Expression,
    options: { readonly context: KeyContext; readonly most: number; readonly word: string },
  ): { readonly threshold: number; readonly keys: readonly KeyExpression[] } {
    const { context, most, word } = options;
    const { args = [], position, length } = expression;
    const [first, ...rest] = args;
    const place = first ?? { position: position + length - 1, length: 1, name: '', args: undefined };
    const threshold = first?.args === undefined && /^\d{1,10}$/.test(place.name) ? Number(place.name) : Number.NaN;
    if (!(threshold <= 0xffff_ffff)) {
      const shown = place.name.length <= 20 ? `'${place.name}'` : `of ${place.length} characters`;
      throw syntaxFault(place, `Multi threshold ${shown} is not valid`, 'a number');
    }
    const keys = rest.map((arg) => this.#key(arg, context, 'Multi: '));
    const count = keys.length;
    const fault: TextFault = place;
    if (count === 0 || count > most)
      throw tooManyKeys(
        fault,
        `Cannot have ${count} keys in ${word}; must have between 1 and ${most} keys, inclusive`,
        {
          threshold,
          count,
        },
      );
    if (threshold < 1)
      throw tooManyKeys(fault, `Multisig threshold cannot be ${threshold}, must be at least 1`, { threshold, count });
    if (threshold > count)
      throw tooManyKeys(
        fault,
        `Multisig threshold cannot be larger than the number of keys; threshold is ${threshold} but only ${count} keys specified`,
        { threshold, count },
      );
    requireOneMultipath(keys, fault, 'multi(): Multipath derivation paths have mismatched lengths');
    return { threshold, keys };
  }

  #witnessScript(expression: Expression): DescriptorNode {
    requireFunction(expression, 'wsh');
    if (expression.name === 'sortedmulti') return this.#multi(expression, 'sortedmulti', 'wsh');
    return { name: 'miniscript', fragment: this.#miniscript(expression, 'wsh') };
  }

  #taproot(expression: Expression): DescriptorNode {
    const { args = [] } = expression;
    const [first, second, third] = args;
    if (first === undefined) throw noKey(expression, 'tr(): ');
    const internalKey = this.#key(first, 'taproot', 'tr(): ');
    if (second === undefined) return { name: 'tr', internalKey, tree: undefined };
    if (third !== undefined)
      throw syntaxFault(
        { position: third.position - 1, length: 1 },
        "tr(): expected ')' after script expression",
        "')'",
      );
    const tree = this.#tree(second, 0);
    const keys = leavesOf(tree).flatMap((leaf) => [...leafKeys(leaf)]);
    const count = keys.reduce((most, key) => Math.max(most, key.multipathCount), internalKey.multipathCount);
    requireMultipath(keys, { count, fault: second, reason: 'tr(): Multipath subscripts have mismatched lengths' });
    const reason = 'tr(): Multipath internal key mismatches multipath subscripts lengths';
    requireMultipath([internalKey], { count, fault: first, reason });
    return { name: 'tr', internalKey, tree };
  }

  #tree(expression: Expression, depth: number): TapTreeNode {
    const { args = [], brackets, position, length, suffix } = expression;
    if (brackets !== 'curly') return { kind: 'leaf', leaf: this.#leaf(expression) };
    if (depth === MAXIMUM_TREE_DEPTH)
      throw new DescriptorsError(
        'DESCRIPTORS_TOO_LARGE',
        `tr() supports at most ${MAXIMUM_TREE_DEPTH} nesting levels`,
        {
          details: { position, length: 1, what: 'depth', limit: MAXIMUM_TREE_DEPTH },
        },
      );
    const [left, right, more] = args;
    if (left === undefined || right === undefined)
      throw syntaxFault(
        { position: position + length - 1, length: 1 },
        "tr(): expected ',' after script expression",
        "','",
      );
    if (more !== undefined)
      throw syntaxFault(
        { position: more.position - 1, length: 1 },
        "tr(): expected '}' after script expression",
        "'}'",
      );
    if (suffix !== '')
      throw syntaxError(
        { position: position + length - suffix.length, length: suffix.length },
        "an end after '}'",
        'more',
      );
    return { kind: 'branch', left: this.#tree(left, depth + 1), right: this.#tree(right, depth + 1) };
  }

  #leaf(expression: Expression): TapLeafNode {
    requireFunction(expression, 'tr');
    if (expression.name !== 'sortedmulti_a')
      return { name: 'miniscript', fragment: this.#miniscript(expression, 'tr') };
    const options = { context: 'taproot', most: MAXIMUM_MULTI_A_KEYS, word: 'multi_a' } as const;
    return { name: 'sortedmulti_a', ...this.#multiParts(expression, options) };
  }

  #miniscript(expression: Expression, place: 'wsh' | 'tr'): Fragment<KeyExpression> {
    const context: MiniscriptContext = place === 'wsh' ? 'wsh' : 'tapscript';
    const { name } = expression;
    if (name === 'multi' || name === 'multi_a') {
      // A multisignature alone is no miniscript to Core: keys may repeat.
      const isA = name === 'multi_a';
      const parts = this.#multiParts(expression, {
        context: KEY_CONTEXTS[place],
        most: isA ? MAXIMUM_MULTI_A_KEYS : MAXIMUM_MULTI_KEYS,
        word: isA ? 'multi_a' : 'multisig',
      });
      return makeFragment<KeyExpression>({ name, ...parts }, context) as Fragment<KeyExpression>;
    }
    const label = name === 'pk' || name === 'pkh' ? `${name}(): ` : '';
    const places = new Map<Fragment<KeyExpression>, TextFault>();
    const fragment = readFragment<KeyExpression>(expression, {
      context,
      readKey: (key) => this.#key(key, KEY_CONTEXTS[place], label),
      onFragment: (part, fault) => places.set(part, fault),
    });
    this.#requireSane(fragment, { context, places, whole: expression });
    const keys = [...keysOf(fragment)];
    requireOneMultipath(keys, expression, 'Miniscript: Multipath derivation paths have mismatched lengths');
    return fragment;
  }

  #requireSane(
    fragment: Fragment<KeyExpression>,
    options: {
      readonly context: MiniscriptContext;
      readonly places: ReadonlyMap<Fragment<KeyExpression>, TextFault>;
      readonly whole: TextFault;
    },
  ): void {
    const { context, places, whole } = options;
    if (!hasLetters(fragment.type, 'B')) {
      const { position, length } = whole;
      throw new DescriptorsError(
        'DESCRIPTORS_MINISCRIPT_TYPE',
        `${shownFragment(fragment)} is invalid: it leaves no value`,
        {
          details: { position, length, fragment: fragment.name, got: 'no B' },
        },
      );
    }
    const insanity = insanityOf(fragment, { context, keyName: (key) => this.#nameOf(key) });
    if (insanity === undefined) return;
    const { reason, part } = insanity;
    const { position, length } = places.get(part) ?? whole;
    const shown = shownFragment(part);
    throw new DescriptorsError('DESCRIPTORS_MINISCRIPT_INSANE', `${shown} ${INSANE_WORDS[reason]}`, {
      details: { position, length, fragment: shown, reason },
    });
  }

  /** What makes two keys the same: the key at index 0, as in Core; its text where that needs a secret that is not there. */
  #nameOf(key: KeyExpression): string {
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const name = nameOfKey(key);
    this.#names.set(key, name);
    return name;
  }

  #silent(expression: Expression): DescriptorNode {
    const { args = [] } = expression;
    const [first, second, third] = args;
    if (first === undefined) throw noKey(expression, 'sp(): ');
    if (third !== undefined)
      throw syntaxFault({ position: third.position, length: third.length }, 'sp(): at most two keys expected', "')'");
    const keyFault = (at: Expression, reason: string): DescriptorsError =>
      new DescriptorsError('DESCRIPTORS_KEY_INVALID', reason, {
        details: { position: at.position, length: at.length, reason },
      });
    const encoded = readSilentKey(first, 'sp(): ');
    if (second === undefined) {
      if (encoded === undefined) throw keyFault(first, 'sp(): a key alone must be spscan or spspend');
      return { name: 'sp', scanKey: encoded.scanKey(), spendKey: encoded.spendKey(), encoded };
    }
    if (encoded !== undefined || readSilentKey(second, 'sp(): ') !== undefined)
      throw keyFault(encoded === undefined ? second : first, 'sp(): spscan and spspend stand alone');
    const scanKey = this.#key(first, 'segwit', 'sp(): ');
    if (!scanKey.hasPrivateKey) throw keyFault(first, 'sp(): the scan key must be private');
    const spendKey = this.#key(second, 'silent', 'sp(): ');
    for (const [key, at] of [
      [scanKey, first],
      [spendKey, second],
    ] as const)
      if (key.isRange || key.multipathCount > 1) throw keyFault(at, 'sp(): key cannot be ranged');
    return { name: 'sp', scanKey, spendKey, encoded: undefined };
  }
}

function nameOfKey(key: KeyExpression): string {
  try {
    return toHex(key.alternative(0).derive(0).bytes);
  } catch (error) {
    if (hasCode(error, 'DESCRIPTORS_DERIVATION_HARDENED')) return key.text('public');
    throw error;
  }
}

/** Bytes of a key in a script. */
function sizeOf(key: KeyExpression): number {
  return key.kind === 'single' ? key.derive(0).bytes.length : 33;
}

function leafKeys(leaf: TapLeafNode): Iterable<KeyExpression> {
  return leaf.name === 'miniscript' ? keysOf(leaf.fragment) : leaf.keys;
}

/** BIP389: multipath steps of different keys have the same length; those without stay as they are. */
function requireOneMultipath(keys: readonly KeyExpression[], fault: TextFault, reason: string): void {
  const count = keys.reduce((most, key) => Math.max(most, key.multipathCount), 1);
  requireMultipath(keys, { count, fault, reason });
}

function requireMultipath(
  keys: readonly KeyExpression[],
  { count, fault, reason }: { readonly count: number; readonly fault: TextFault; readonly reason: string },
): void {
  const { position, length } = fault;
  if (keys.some((key) => key.multipathCount > 1 && key.multipathCount !== count))
    throw new DescriptorsError('DESCRIPTORS_MULTIPATH_INVALID', reason, { details: { position, length, reason } });
}

function address(expression: Expression): DescriptorNode {
  const text = argumentText(expression);
  try {
    return { name: 'addr', address: text, scriptPubKey: decodeAddress(text).scriptPubKey };
  } catch (cause) {
    if (!hasCode(cause, 'CORE_ADDRESS_INVALID')) throw cause;
    throw syntaxFault({ position: expression.position + 5, length: text.length }, 'Address is not valid', 'an address');
  }
}

function rawScript(expression: Expression): DescriptorNode {
  const text = argumentText(expression);
  if (/^(?:[\da-fA-F]{2})+$/.test(text)) return { name: 'raw', script: parseHex(text) };
  throw syntaxFault({ position: expression.position + 4, length: text.length }, 'Raw script is not hex', 'hexadecimal');
}

/** All that stands between the brackets. */
function argumentText(expression: Expression): string {
  const [first, second] = expression.args ?? [];
  return first === undefined || second !== undefined || first.args !== undefined ? '' : first.name;
}

function shownFragment(fragment: Fragment<KeyExpression>): string {
  const text = printFragment(fragment, (key) => key.text('public'));
  return text.length <= MAXIMUM_SHOWN ? text : `${text.slice(0, MAXIMUM_SHOWN)}…`;
}

function noKey({ position, length }: TextFault, label: string): DescriptorsError {
  const reason = `${label}No key provided`;
  return new DescriptorsError('DESCRIPTORS_KEY_INVALID', reason, {
    details: { position: position + length - 1, length: 1, reason },
  });
}

function tooManyKeys(
  { position, length }: TextFault,
  text: string,
  facts: { readonly threshold: number; readonly count: number },
): DescriptorsError {
  return new DescriptorsError('DESCRIPTORS_THRESHOLD_INVALID', text, { details: { position, length, ...facts } });
}
