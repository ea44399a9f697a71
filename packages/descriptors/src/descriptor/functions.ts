import { DescriptorsError, syntaxError, type TextFault } from '../errors.ts';
import { type Expression, textOf } from '../text/expression.ts';

/** Which function a script stands in. */
export type Place = 'top' | 'sh' | 'wsh' | 'tr';

/** Where functions are allowed, in Core's words. */
const ALLOWED: Readonly<Record<string, { readonly places: readonly Place[]; readonly words: string } | undefined>> = {
  combo: { places: ['top'], words: 'Can only have combo() at top level' },
  wpkh: { places: ['top', 'sh'], words: 'Can only have wpkh() at top level or inside sh()' },
  sh: { places: ['top'], words: 'Can only have sh() at top level' },
  wsh: { places: ['top', 'sh'], words: 'Can only have wsh() at top level or inside sh()' },
  multi: { places: ['top', 'sh', 'wsh'], words: 'Can only have multi/sortedmulti at top level, in sh(), or in wsh()' },
  sortedmulti: {
    places: ['top', 'sh', 'wsh'],
    words: 'Can only have multi/sortedmulti at top level, in sh(), or in wsh()',
  },
  multi_a: { places: ['tr'], words: 'Can only have multi_a/sortedmulti_a inside tr()' },
  sortedmulti_a: { places: ['tr'], words: 'Can only have multi_a/sortedmulti_a inside tr()' },
  tr: { places: ['top'], words: 'Can only have tr at top level' },
  rawtr: { places: ['top'], words: 'Can only have rawtr at top level' },
  addr: { places: ['top'], words: 'Can only have addr() at top level' },
  raw: { places: ['top'], words: 'Can only have raw() at top level' },
  unused: { places: ['top'], words: 'Can only have unused at top level' },
  sp: { places: ['top'], words: 'Can only have sp() at top level' },
  pk: { places: ['top', 'sh', 'wsh', 'tr'], words: '' },
  pkh: { places: ['top', 'sh', 'wsh', 'tr'], words: '' },
};

const MINISCRIPT_NAMES: ReadonlySet<string> = new Set(
  'pk_k pk_h older after sha256 hash256 ripemd160 hash160 andor and_v and_b and_n or_b or_c or_d or_i thresh'.split(
    ' ',
  ),
);

/**
 * Refuses what is no function, or one that does not belong where it stands.
 *
 * @throws DescriptorsError `DESCRIPTORS_FUNCTION_INVALID`, `DESCRIPTORS_SYNTAX`.
 */
export function requireFunction(expression: Expression, place: Place): void {
  const { name, args, brackets, position, length, suffix } = expression;
  if ((args === undefined || name === 'musig') && place === 'sh')
    throw functionInvalid(expression, 'A function is needed within P2SH', 'a function');
  // A miniscript may be a word: 0 or 1.
  if ((args === undefined || name === 'musig') && place === 'wsh' && !/(?:^|:)[01]$/.test(name))
    throw functionInvalid(expression, 'A function is needed within P2WSH', 'a function');
  const bare = name.slice(name.indexOf(':') + 1);
  const allowed = Object.hasOwn(ALLOWED, name) ? ALLOWED[name] : undefined;
  const isMiniscript =
    MINISCRIPT_NAMES.has(bare) || (name !== bare && Object.hasOwn(ALLOWED, bare)) || /(?:^|:)[01]$/.test(name);
  const isWord = args === undefined && !(/(?:^|:)[01]$/.test(name) && place !== 'top');
  if (brackets === 'curly' || isWord || (allowed === undefined && !isMiniscript))
    throw functionInvalid(
      expression,
      `'${shownName(expression)}' is not a valid descriptor function`,
      'a descriptor function',
    );
  if (allowed !== undefined && !allowed.places.includes(place))
    throw functionInvalid(expression, allowed.words, allowed.words);
  if (suffix !== '')
    throw syntaxError(
      { position: position + length - suffix.length, length: suffix.length },
      "an end after ')'",
      'more',
    );
}

/** The name of a function, if it can be one: else it may be a secret. */
function shownName(expression: Expression): string {
  const { name } = expression;
  if (/^[a-z0-9_:]{1,24}$/.test(name)) return name;
  return `${textOf(expression).length} characters`;
}

/** A function that does not exist, or not here. */
export function functionInvalid(expression: Expression, text: string, expected: string): DescriptorsError {
  const { position, length } = expression;
  return new DescriptorsError('DESCRIPTORS_FUNCTION_INVALID', text, {
    details: { position, length, name: shownName(expression), expected },
  });
}

/** A text that is not built as expected, in Core's words. */
export function syntaxFault({ position, length }: TextFault, text: string, expected: string): DescriptorsError {
  return new DescriptorsError('DESCRIPTORS_SYNTAX', text, { details: { position, length, expected, got: 'another' } });
}
