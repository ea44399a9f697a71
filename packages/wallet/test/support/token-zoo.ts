/** Tokens as there are: written in EVM instructions, since no compiler may be a dependency. */

/** How a token differs from the standard. */
export interface TokenHabits {
  /** Taken from each transfer, in hundredths of a percent. */
  readonly feeBps?: number;
  /** What `transfer` and `approve` answer. */
  readonly answers?: 'true' | 'false' | 'nothing';
  /** Whether every transfer reverts. */
  readonly isPaused?: boolean;
  /** Nobody may send to this address. */
  readonly blocked?: string;
  /** `approve` reverts unless the old or the new allowance is 0 (USDT). */
  readonly wantsZeroFirst?: boolean;
  /** The name is 32 bytes and no string (MKR). */
  readonly hasOldTexts?: boolean;
  /** Answers to `decimals`; absent: it has none and reverts. */
  readonly decimals?: number;
}

const OPCODES: Readonly<Record<string, number>> = {
  stop: 0x00,
  add: 0x01,
  mul: 0x02,
  sub: 0x03,
  div: 0x04,
  lt: 0x10,
  gt: 0x11,
  eq: 0x14,
  iszero: 0x15,
  and: 0x16,
  or: 0x17,
  shr: 0x1c,
  keccak256: 0x20,
  caller: 0x33,
  calldataload: 0x35,
  pop: 0x50,
  mload: 0x51,
  mstore: 0x52,
  sload: 0x54,
  sstore: 0x55,
  jump: 0x56,
  jumpi: 0x57,
  jumpdest: 0x5b,
  dup1: 0x80,
  dup2: 0x81,
  dup3: 0x82,
  swap1: 0x90,
  swap2: 0x91,
  return: 0xf3,
  revert: 0xfd,
};

/** Assembles: names of instructions, `0x…` to push, `@label` to push a place, `:label` to name one. */
function assemble(source: string): string {
  const words = source.split(/\s+/).filter((word) => word !== '');
  const places = new Map<string, number>();
  const sizes = words.map((word) => (word.startsWith('0x') ? 1 + (word.length - 2) / 2 : word.startsWith('@') ? 3 : 1));
  let at = 0;
  for (const [i, word] of words.entries()) {
    if (word.startsWith(':')) places.set(word.slice(1), at);
    at += sizes[i] as number;
  }
  const byte = (value: number): string => value.toString(16).padStart(2, '0');
  return words
    .map((word) => {
      if (word.startsWith('0x')) return byte(0x5f + (word.length - 2) / 2) + word.slice(2);
      if (word.startsWith('@')) return `61${(places.get(word.slice(1)) as number).toString(16).padStart(4, '0')}`;
      return byte(word.startsWith(':') ? 0x5b : (OPCODES[word] as number));
    })
    .join('');
}

const hex = (value: number): string => {
  const digits = value.toString(16);
  return `0x${digits.length % 2 === 0 ? digits : `0${digits}`}`;
};
const textWord = (text: string): string => `0x${Buffer.from(text).toString('hex').padEnd(64, '0')}`;

/** Code of a token: the balance of an owner lies at the slot of its address. */
export function tokenCode(habits: TokenHabits = {}): string {
  const {
    feeBps = 0,
    answers = 'true',
    isPaused = false,
    blocked,
    wantsZeroFirst = false,
    hasOldTexts = false,
    decimals,
  } = habits;
  const answer =
    answers === 'nothing' ? '0x00 0x00 return' : `${answers === 'true' ? '0x01' : '0x00'} 0x00 mstore 0x20 0x00 return`;
  const word = '0x00 mstore 0x20 0x00 return';
  const text = (value: string): string =>
    hasOldTexts
      ? `${textWord(value)} ${word}`
      : `0x20 0x00 mstore ${hex(value.length)} 0x20 mstore ${textWord(value)} 0x40 mstore 0x60 0x00 return`;
  // The slot of an allowance: the hash of owner and spender.
  const allowanceSlot = (owner: string, spender: string): string =>
    `${owner} 0x00 mstore ${spender} 0x20 mstore 0x40 0x00 keccak256`;
  const selector = (name: string, target: string): string => `dup1 ${name} eq @${target} jumpi`;
  return `0x${assemble(`
    0x00 calldataload 0xe0 shr
    ${selector('0x70a08231', 'balanceOf')}
    ${selector('0xa9059cbb', 'transfer')}
    ${selector('0x095ea7b3', 'approve')}
    ${selector('0xdd62ed3e', 'allowance')}
    ${selector('0x06fdde03', 'name')}
    ${selector('0x95d89b41', 'symbol')}
    ${selector('0x313ce567', 'decimals')}
    :fail 0x00 0x00 revert
    :balanceOf 0x04 calldataload sload ${word}
    :allowance ${allowanceSlot('0x04 calldataload', '0x24 calldataload')} sload ${word}
    :name ${text('Zoo')}
    :symbol ${text('ZOO')}
    :decimals ${decimals === undefined ? '@fail jump' : `${hex(decimals)} ${word}`}
    :transfer
      ${isPaused ? '@fail jump' : ''}
      ${blocked === undefined ? '' : `0x04 calldataload ${blocked.toLowerCase()} eq @fail jumpi`}
      0x24 calldataload caller sload lt @fail jumpi
      0x24 calldataload caller sload sub caller sstore
      0x2710 ${hex(feeBps)} 0x24 calldataload mul div
      0x24 calldataload sub
      0x04 calldataload sload add 0x04 calldataload sstore
      ${answer}
    :approve
      ${wantsZeroFirst ? `0x24 calldataload iszero @allowed jumpi ${allowanceSlot('caller', '0x04 calldataload')} sload iszero @allowed jumpi @fail jump :allowed` : ''}
      0x24 calldataload ${allowanceSlot('caller', '0x04 calldataload')} sstore
      ${answer}
  `)}`;
}
