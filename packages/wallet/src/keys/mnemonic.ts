import { type Entropy, webEntropy } from '@bitcoin-enterprise/core';
import { pbkdf2Async } from '@noble/hashes/pbkdf2.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { requireBytes, requireList, requireObject, requireText } from '../checks.ts';
import { invalidArgument, WalletError, type WalletErrors } from '../errors.ts';
import { entropyBytes } from './entropy.ts';
import { entropyOfPlaces, placesOfEntropy } from './mnemonic-bits.ts';
import { loadWordList, MNEMONIC_LANGUAGES, type MnemonicLanguage, requireLanguage } from './mnemonic-languages.ts';
import { SecretBytes } from './secret-bytes.ts';
import { requireWellFormed } from './text.ts';

/** How many words a mnemonic has: 4 of 3 bytes of entropy (BIP39). */
export type MnemonicLength = 12 | 15 | 18 | 21 | 24;

const LENGTHS: ReadonlySet<number> = /* @__PURE__ */ new Set([12, 15, 18, 21, 24]);
/** Nothing longer is worth splitting: 24 words of at most 9 characters, generously. */
const MAXIMUM_TEXT = 2_048;
/** BIP39: rounds of PBKDF2 with HMAC-SHA512. */
const SEED_ROUNDS = 2_048;

/**
 * A mnemonic of BIP39: the words that a wallet is restored from. It shows its words only when it is asked for them; a
 * text cannot be wiped, so ask late and keep it short.
 */
export class Mnemonic {
  readonly language: MnemonicLanguage;
  readonly #entropy: SecretBytes;
  readonly #words: readonly string[];

  /**
   * Use {@link generateMnemonic}, {@link readMnemonic} or {@link mnemonicFromEntropy}.
   *
   * @throws WalletError `WALLET_INVALID_ARGUMENT`.
   */
  constructor(parts: {
    readonly language: MnemonicLanguage;
    readonly entropy: SecretBytes;
    /** Its whole list. */
    readonly words: readonly string[];
  }) {
    const { language, entropy, words } = requireObject<typeof parts>('parts', parts);
    this.language = requireLanguage(language);
    if (!(entropy instanceof SecretBytes)) throw invalidArgument('parts.entropy', 'SecretBytes', entropy);
    this.#entropy = entropy;
    this.#words = requireList('parts.words', words) as readonly string[];
    Object.defineProperty(this, Symbol.for('nodejs.util.inspect.custom'), { value: () => this.toString() });
  }

  /** How many words it has. */
  get length(): MnemonicLength {
    return this.#entropy.use((bytes) => ((bytes.length * 3) / 4) as MnemonicLength);
  }

  /**
   * The words, for a person to write down.
   *
   * @throws WalletError `WALLET_SECRET_WIPED`.
   */
  words(): string[] {
    return this.#entropy.use((bytes) => placesOfEntropy(bytes).map((place) => this.#words[place] as string));
  }

  /**
   * What the words stand for, 16 to 32 bytes; the caller wipes it.
   *
   * @throws WalletError `WALLET_SECRET_WIPED`.
   */
  entropy(): SecretBytes {
    return this.#entropy.use((bytes) => new SecretBytes(bytes));
  }

  /**
   * The seed, 64 bytes, from which {@link masterKey} makes keys (BIP39); the caller wipes it.
   *
   * @param options - `passphrase`: any text, normalised to NFKD; another one is another wallet, and none is wrong.
   * @throws WalletError `WALLET_SECRET_WIPED`, `WALLET_INVALID_ARGUMENT` for a passphrase that is not well-formed.
   */
  async seed(
    options: {
      /** Empty when absent. */
      readonly passphrase?: string;
    } = {},
  ): Promise<SecretBytes> {
    const { passphrase = '' } = requireObject<{ readonly passphrase?: string }>('options', options);
    const salt = utf8(`mnemonic${requireWellFormed('options.passphrase', passphrase)}`);
    const password = utf8(this.words().join(' '));
    const bytes = await pbkdf2Async(sha512, password, salt, { c: SEED_ROUNDS, dkLen: 64 });
    try {
      return new SecretBytes(bytes);
    } finally {
      for (const secret of [salt, password, bytes]) secret.fill(0);
    }
  }

  /** Overwrites the entropy with zeros; words can then no longer be shown. */
  wipe(): void {
    this.#entropy.wipe();
  }

  /** `[mnemonic]`. */
  toJSON(): string {
    return '[mnemonic]';
  }

  /** `[mnemonic]`. */
  toString(): string {
    return '[mnemonic]';
  }
}

/** Settings of {@link generateMnemonic}. */
export interface GenerateMnemonicOptions {
  /** 24 when absent: 256 bits. */
  readonly words?: MnemonicLength;
  /** English when absent, which every wallet reads. */
  readonly language?: MnemonicLanguage;
  /** That of the system when absent. */
  readonly entropy?: Entropy;
}

/**
 * Makes a new mnemonic (BIP39).
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`; CoreError `CORE_ENTROPY_UNAVAILABLE`.
 *
 * @example
 * ```ts
 * import { generateMnemonic } from '@bitcoin-enterprise/wallet/keys';
 *
 * const mnemonic = await generateMnemonic({ words: 12 });
 * mnemonic.words().length; // => 12
 * String(mnemonic); // => '[mnemonic]'
 * mnemonic.wipe();
 * ```
 */
export async function generateMnemonic(options: GenerateMnemonicOptions = {}): Promise<Mnemonic> {
  const {
    words = 24,
    language = 'english',
    entropy = webEntropy(),
  } = requireObject<GenerateMnemonicOptions>('options', options);
  if (!LENGTHS.has(words)) throw invalidArgument('options.words', 'one of 12, 15, 18, 21, 24', words);
  const length = (words * 4) / 3;
  const bytes = entropyBytes(entropy, length);
  try {
    return await mnemonicFromEntropy(bytes, { language });
  } finally {
    bytes.fill(0);
  }
}

/**
 * Makes the mnemonic of given entropy (BIP39).
 *
 * @param entropy - 16, 20, 24, 28 or 32 bytes; copied.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { mnemonicFromEntropy } from '@bitcoin-enterprise/wallet/keys';
 *
 * (await mnemonicFromEntropy(new Uint8Array(16))).words().at(-1); // => 'about'
 * ```
 */
export async function mnemonicFromEntropy(
  entropy: Uint8Array,
  options: {
    /** English when absent. */
    readonly language?: MnemonicLanguage;
  } = {},
): Promise<Mnemonic> {
  const bytes = requireBytes('entropy', entropy);
  if (!LENGTHS.has((bytes.length * 3) / 4)) throw invalidArgument('entropy', '16, 20, 24, 28 or 32 bytes', entropy);
  const { language = 'english' } = requireObject<{ readonly language?: MnemonicLanguage }>('options', options);
  const copy = new SecretBytes(bytes);
  const { words } = await loadWordList(requireLanguage(language));
  return new Mnemonic({ language, entropy: copy, words });
}

/**
 * Reads the words that somebody wrote down (BIP39). Case, more than one space and the ideographic space do not matter.
 *
 * @param text - 12, 15, 18, 21 or 24 words.
 * @throws WalletError `WALLET_MNEMONIC_INVALID` with the position of the first word that is in no list, and no word of
 * it; `WALLET_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { readMnemonic } from '@bitcoin-enterprise/wallet/keys';
 *
 * const words = 'legal winner thank year wave sausage worth useful legal winner thank yellow';
 * (await readMnemonic(words)).length; // => 12
 * await readMnemonic(words.replace('sausage', 'sauage')); // => throws WALLET_MNEMONIC_INVALID
 * ```
 */
export async function readMnemonic(
  text: string,
  options: {
    /** English when absent; ask {@link languagesOfMnemonic} when nobody knows. */
    readonly language?: MnemonicLanguage;
  } = {},
): Promise<Mnemonic> {
  const words = wordsOf(text);
  const { language = 'english' } = requireObject<{ readonly language?: MnemonicLanguage }>('options', options);
  const list = await loadWordList(requireLanguage(language));
  if (!LENGTHS.has(words.length)) throw invalid('length', `12, 15, 18, 21 or 24 words, got ${words.length}`, undefined);
  const places = words.map((word, position) => {
    const place = list.places.get(word);
    if (place === undefined)
      throw invalid('word', `words of the ${language} list, got another at position ${position}`, position);
    return place;
  });
  const bytes = entropyOfPlaces(places);
  places.fill(0);
  if (bytes === undefined) throw invalid('checksum', 'words whose checksum fits, got others', undefined);
  const entropy = new SecretBytes(bytes);
  bytes.fill(0);
  return new Mnemonic({ language, entropy, words: list.words });
}

/**
 * The languages in which a text is a mnemonic; several for the few words that lists share. Loads all lists.
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 */
export async function languagesOfMnemonic(text: string): Promise<readonly MnemonicLanguage[]> {
  const words = wordsOf(text);
  if (!LENGTHS.has(words.length)) return [];
  const fitting: MnemonicLanguage[] = [];
  for (const language of MNEMONIC_LANGUAGES) {
    const { places } = await loadWordList(language);
    const found = words.map((word) => places.get(word));
    if (found.includes(undefined)) continue;
    const entropy = entropyOfPlaces(found as number[]);
    entropy?.fill(0);
    if (entropy !== undefined) fitting.push(language);
  }
  return fitting;
}

/** The words of a text as the lists write them: NFKD, lower case. */
function wordsOf(text: unknown): string[] {
  const given = requireText('text', text);
  if (given.length > MAXIMUM_TEXT) throw invalid('length', 'at most 24 words, got a long text', undefined);
  return given
    .normalize('NFKD')
    .toLowerCase()
    .split(/\s+/u)
    .filter((word) => word !== '');
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text.normalize('NFKD'));
}

function invalid(
  reason: WalletErrors['WALLET_MNEMONIC_INVALID']['reason'],
  expectation: string,
  position: number | undefined,
): WalletError<'WALLET_MNEMONIC_INVALID'> {
  return new WalletError('WALLET_MNEMONIC_INVALID', `expected ${expectation}`, {
    details: { reason, ...(position === undefined ? {} : { position }) },
    ...(reason === 'checksum' ? { hint: 'A word is wrong, or two stand in each other’s place.' } : {}),
  });
}
