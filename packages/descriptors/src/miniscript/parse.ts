import { parseHex } from '@bitcoin-enterprise/core';
import { DescriptorsError, syntaxError, type TextFault } from '../errors.ts';
import { type Expression, shownWord, textOf } from '../text/expression.ts';
import { type Fragment, type FragmentShape, type MiniscriptContext, type Wrapper } from './fragment.ts';
import { makeFragment } from './type.ts';
import { typeLetters } from './type.ts';

/** How a miniscript is read. */
export interface ReadFragmentOptions<Key> {
  readonly context: MiniscriptContext;
  /** Reads a key from its text; the place is for its errors. */
  readonly readKey: (expression: Expression) => Key;
  /** Is told where each part stands, for errors that come later. */
  readonly onFragment?: (fragment: Fragment<Key>, place: TextFault) => void;
}

/** Wrappers and brackets together; less than half of what walks over the nodes can bear. */
const MAXIMUM_DEPTH = 1_000;
/** BIP379: numbers of locks are below 2³¹. */
const MAXIMUM_LOCK = 0x7fff_ffff;
/** Each part takes an element of the stack, of which there are 1,000; what takes none is of no use. */
const MAXIMUM_THRESH_PARTS = 1_000;
const MAXIMUM_MULTI_KEYS = 20;
const MAXIMUM_MULTI_A_KEYS = 999;

/**
 * Reads a miniscript and checks its types (BIP379).
 *
 * @throws DescriptorsError `DESCRIPTORS_SYNTAX`, `DESCRIPTORS_FUNCTION_INVALID`, `DESCRIPTORS_THRESHOLD_INVALID`,
 * `DESCRIPTORS_MINISCRIPT_TYPE`, `DESCRIPTORS_TOO_LARGE`, and what `readKey` throws.
 */
export function readFragment<Key>(expression: Expression, options: ReadFragmentOptions<Key>): Fragment<Key> {
  return new Reader(options).read(expression, 0);
}

class Reader<Key> {
  readonly #context: MiniscriptContext;
  readonly #readKey: (expression: Expression) => Key;
  readonly #onFragment: (fragment: Fragment<Key>, place: TextFault) => void;

  constructor({ context, readKey, onFragment = () => {} }: ReadFragmentOptions<Key>) {
    this.#context = context;
    this.#readKey = readKey;
    this.#onFragment = onFragment;
  }

  read(expression: Expression, depth: number): Fragment<Key> {
    const { name, position } = expression;
    const colon = name.indexOf(':');
    const wrappers = colon < 0 ? '' : name.slice(0, colon);
    if (colon === 0) throw syntaxError({ position, length: 1 }, "a wrapper before ':'", "':'");
    if (depth + wrappers.length > MAXIMUM_DEPTH)
      throw new DescriptorsError('DESCRIPTORS_TOO_LARGE', `expected at most ${MAXIMUM_DEPTH} levels, got more`, {
        details: { position, length: 1, what: 'depth', limit: MAXIMUM_DEPTH },
      });
    const bare: Expression =
      colon < 0
        ? expression
        : {
            ...expression,
            name: name.slice(colon + 1),
            position: position + colon + 1,
            length: expression.length - colon - 1,
          };
    let fragment = this.#bare(bare, depth + wrappers.length + 1);
    for (let i = wrappers.length - 1; i >= 0; i--) {
      const place: TextFault = { position: position + i, length: expression.length - i };
      fragment = this.#wrap(wrappers.charAt(i), fragment, place);
    }
    return fragment;
  }

  #wrap(letter: string, sub: Fragment<Key>, place: TextFault): Fragment<Key> {
    switch (letter) {
      case 'a':
      case 's':
      case 'c':
      case 'd':
      case 'v':
      case 'j':
      case 'n':
        return this.#make({ name: letter satisfies Wrapper, subs: [sub] }, `${letter}:`, place);
      case 't':
        return this.#make({ name: 'and_v', subs: [sub, this.#constant('1')] }, 't:', place);
      case 'l':
        return this.#make({ name: 'or_i', subs: [this.#constant('0'), sub] }, 'l:', place);
      case 'u':
        return this.#make({ name: 'or_i', subs: [sub, this.#constant('0')] }, 'u:', place);
      default:
        throw syntaxError(
          { position: place.position, length: 1 },
          'one of the wrappers a s c t d v j n l u',
          `'${letter}'`,
        );
    }
  }

  #constant(name: '0' | '1'): Fragment<Key> {
    return makeFragment<Key>({ name }, this.#context) as Fragment<Key>;
  }

  #bare(expression: Expression, depth: number): Fragment<Key> {
    const { name, position, length, args, brackets, suffix } = expression;
    const place = { position, length };
    if (suffix !== '')
      throw syntaxError(
        { position: position + length - suffix.length, length: suffix.length },
        "',' or ')'",
        shownWord(suffix),
      );
    if (brackets === 'curly') throw syntaxError({ position, length: 1 }, 'a miniscript', "'{'");
    if (args === undefined) {
      if (name === '0' || name === '1') return this.#constant(name);
      throw this.#unknown(expression);
    }
    switch (name) {
      case 'pk_k':
      case 'pk_h':
        return this.#make({ name, key: this.#readKey(this.#only(expression)) }, name, place);
      case 'pk':
      case 'pkh': {
        const key = this.#readKey(this.#only(expression));
        const inner = this.#make({ name: name === 'pk' ? 'pk_k' : 'pk_h', key }, name, place);
        return this.#make({ name: 'c', subs: [inner] }, name, place);
      }
      case 'older':
      case 'after':
        return this.#make({ name, value: readNumber(this.#only(expression), 1, MAXIMUM_LOCK) }, name, place);
      case 'sha256':
      case 'hash256':
        return this.#make({ name, hash: readHash(this.#only(expression), 32) }, name, place);
      case 'ripemd160':
      case 'hash160':
        return this.#make({ name, hash: readHash(this.#only(expression), 20) }, name, place);
      case 'andor': {
        const [x, y, z] = this.#subs(expression, 3, depth) as [Fragment<Key>, Fragment<Key>, Fragment<Key>];
        return this.#make({ name, subs: [x, y, z] }, name, place);
      }
      case 'and_n': {
        const [x, y] = this.#subs(expression, 2, depth) as [Fragment<Key>, Fragment<Key>];
        return this.#make({ name: 'andor', subs: [x, y, this.#constant('0')] }, name, place);
      }
      case 'and_v':
      case 'and_b':
      case 'or_b':
      case 'or_c':
      case 'or_d':
      case 'or_i': {
        const [x, y] = this.#subs(expression, 2, depth) as [Fragment<Key>, Fragment<Key>];
        return this.#make({ name, subs: [x, y] }, name, place);
      }
      case 'thresh': {
        const { threshold, rest } = readThreshold(expression, MAXIMUM_THRESH_PARTS);
        return this.#make({ name, threshold, subs: rest.map((sub) => this.read(sub, depth)) }, name, place);
      }
      case 'multi':
      case 'multi_a': {
        const isHere = (name === 'multi_a') === (this.#context === 'tapscript');
        if (!isHere)
          throw new DescriptorsError(
            'DESCRIPTORS_FUNCTION_INVALID',
            `expected ${name === 'multi' ? 'multi_a in tapscript' : 'multi outside of tapscript'}, got ${name}`,
            { details: { position, length: name.length, name, expected: name === 'multi' ? 'multi_a' : 'multi' } },
          );
        const { threshold, rest } = readThreshold(
          expression,
          name === 'multi' ? MAXIMUM_MULTI_KEYS : MAXIMUM_MULTI_A_KEYS,
        );
        return this.#make({ name, threshold, keys: rest.map(this.#readKey) }, name, place);
      }
      default:
        throw this.#unknown(expression);
    }
  }

  #make(shape: FragmentShape<Key>, written: string, place: TextFault): Fragment<Key> {
    const fragment = makeFragment(shape, this.#context);
    if (fragment !== undefined) {
      this.#onFragment(fragment, place);
      return fragment;
    }
    const got = 'subs' in shape ? shape.subs.map(({ type }) => typeLetters(type)).join(', ') : '';
    throw new DescriptorsError(
      'DESCRIPTORS_MINISCRIPT_TYPE',
      `expected parts that fit into ${written}, got types ${got}`,
      {
        details: { ...place, fragment: written, got },
        hint: 'See the table of types in BIP379.',
      },
    );
  }

  #only(expression: Expression): Expression {
    const { args = [], position, length, name } = expression;
    const [only, second] = args;
    if (only === undefined)
      throw syntaxError({ position: position + length - 1, length: 1 }, `an argument of ${name}`, "')'");
    if (second !== undefined)
      throw syntaxError({ position: second.position - 1, length: 1 }, `')': ${name} has one argument`, "','");
    return only;
  }

  #subs(expression: Expression, count: number, depth: number): readonly Fragment<Key>[] {
    const { args = [], position, length, name } = expression;
    const extra = args[count];
    if (extra !== undefined)
      throw syntaxError({ position: extra.position - 1, length: 1 }, `')': ${name} has ${count} arguments`, "','");
    if (args.length < count)
      throw syntaxError({ position: position + length - 1, length: 1 }, `',': ${name} has ${count} arguments`, "')'");
    return args.map((sub) => this.read(sub, depth));
  }

  #unknown({ name, position }: Expression): DescriptorsError {
    const shown = shownWord(name);
    return new DescriptorsError('DESCRIPTORS_FUNCTION_INVALID', `expected a miniscript fragment, got ${shown}`, {
      details: { position, length: name.length, name: shown, expected: 'a miniscript fragment' },
    });
  }
}

/**
 * Reads a decimal number.
 *
 * @throws DescriptorsError `DESCRIPTORS_SYNTAX`.
 */
export function readNumber(expression: Expression, minimum: number, maximum: number): number {
  const { name, args, position, length } = expression;
  const value = args === undefined && /^\d{1,15}$/.test(name) ? Number(name) : Number.NaN;
  if (!(value >= minimum && value <= maximum)) {
    throw syntaxError({ position, length }, `a number of ${minimum} to ${maximum}`, shownWord(name));
  }
  return value;
}

/**
 * Reads the threshold of a call, and what stands behind it.
 *
 * @throws DescriptorsError `DESCRIPTORS_SYNTAX`, `DESCRIPTORS_THRESHOLD_INVALID`.
 */
export function readThreshold(
  expression: Expression,
  most: number,
): { readonly threshold: number; readonly rest: readonly Expression[] } {
  const { args = [], position, length, name } = expression;
  const [first, ...rest] = args;
  if (first === undefined)
    throw syntaxError({ position: position + length - 1, length: 1 }, `the threshold of ${name}`, "')'");
  const threshold = readNumber(first, 0, Number.MAX_SAFE_INTEGER);
  if (rest.length > most || threshold < 1 || threshold > rest.length)
    throw new DescriptorsError(
      'DESCRIPTORS_THRESHOLD_INVALID',
      rest.length > most
        ? `expected at most ${most} ${name === 'thresh' ? 'parts' : 'keys'} in ${name}, got ${rest.length}`
        : `expected a threshold of 1 to ${rest.length} in ${name}, got ${threshold}`,
      { details: { position: first.position, length: first.length, threshold, count: rest.length } },
    );
  return { threshold, rest };
}

export function readHash(expression: Expression, bytes: number): Uint8Array {
  const { args, position, length } = expression;
  const text = textOf(expression);
  if (args !== undefined || !/^(?:[\da-fA-F]{2})*$/.test(text) || text.length !== 2 * bytes)
    throw syntaxError({ position, length }, `${2 * bytes} hexadecimal digits`, `${length} characters`);
  return parseHex(text);
}
