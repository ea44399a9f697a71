import { invalidArgument } from '../errors.ts';

/** The languages of BIP39. */
export type MnemonicLanguage =
  | 'english'
  | 'czech'
  | 'french'
  | 'italian'
  | 'japanese'
  | 'korean'
  | 'portuguese'
  | 'simplified-chinese'
  | 'spanish'
  | 'traditional-chinese';

/** A list of words and where each stands in it. */
export interface WordList {
  readonly words: readonly string[];
  readonly places: ReadonlyMap<string, number>;
}

// One import for each language, written out: a bundler then makes a file of each, and a browser loads one.
const imports: Readonly<Record<MnemonicLanguage, () => Promise<{ readonly wordlist: string[] }>>> = {
  english: () => import('@scure/bip39/wordlists/english.js'),
  czech: () => import('@scure/bip39/wordlists/czech.js'),
  french: () => import('@scure/bip39/wordlists/french.js'),
  italian: () => import('@scure/bip39/wordlists/italian.js'),
  japanese: () => import('@scure/bip39/wordlists/japanese.js'),
  korean: () => import('@scure/bip39/wordlists/korean.js'),
  portuguese: () => import('@scure/bip39/wordlists/portuguese.js'),
  'simplified-chinese': () => import('@scure/bip39/wordlists/simplified-chinese.js'),
  spanish: () => import('@scure/bip39/wordlists/spanish.js'),
  'traditional-chinese': () => import('@scure/bip39/wordlists/traditional-chinese.js'),
};

/** The languages of BIP39, English first. */
export const MNEMONIC_LANGUAGES: readonly MnemonicLanguage[] = /* @__PURE__ */ Object.freeze(
  /* @__PURE__ */ Object.keys(imports) as MnemonicLanguage[],
);

const loaded = new Map<MnemonicLanguage, Promise<WordList>>();

/** Throws `WALLET_INVALID_ARGUMENT` unless a value is a language. */
export function requireLanguage(language: unknown): MnemonicLanguage {
  if (typeof language !== 'string' || !Object.hasOwn(imports, language))
    throw invalidArgument('language', `one of ${MNEMONIC_LANGUAGES.join(', ')}`, language);
  return language as MnemonicLanguage;
}

/** Loads a list of words, once. */
export function loadWordList(language: MnemonicLanguage): Promise<WordList> {
  let list = loaded.get(language);
  if (list === undefined) {
    list = imports[language]().then(({ wordlist }) => {
      const words = wordlist.map((word) => word.normalize('NFKD'));
      return { words, places: new Map(words.map((word, place) => [word, place])) };
    });
    loaded.set(language, list);
  }
  return list;
}
