import { requireObject } from '../checks.ts';
import { invalidArgument, WalletError } from '../errors.ts';

/** Steps from here on are hardened (BIP32). */
export const HARDENED_STEP = 0x8000_0000;

/** BIP32: the depth is one byte. */
const MAXIMUM_STEPS = 255;
/** 255 steps of ten digits, a mark and a slash. */
const MAXIMUM_TEXT = 1 + MAXIMUM_STEPS * 12;

/**
 * Reads a derivation path (BIP32): `m/84'/0h/0H/0/5`; `m/` may be left out. Steps as numbers are checked and copied.
 *
 * @returns Steps of 0 to 2³²-1, hardened from {@link HARDENED_STEP} on; at most 255.
 * @throws WalletError `WALLET_PATH_INVALID` with the step at fault, from 0; `WALLET_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { readDerivationPath } from '@bitcoin-enterprise/wallet/keys';
 *
 * readDerivationPath("m/1'/2"); // => [0x80000001, 2]
 * readDerivationPath('m'); // => []
 * ```
 */
export function readDerivationPath(path: string | readonly number[]): number[] {
  if (Array.isArray(path)) {
    if (path.length > MAXIMUM_STEPS) throw pathInvalid(MAXIMUM_STEPS, `at most ${MAXIMUM_STEPS} steps`);
    return path.map((step: unknown, place) => {
      if (typeof step !== 'number' || step >>> 0 !== step) throw pathInvalid(place, 'a step of 0 to 4294967295');
      return step;
    });
  }
  if (typeof path !== 'string') throw invalidArgument('path', 'a text or a list of steps', path);
  if (path.length > MAXIMUM_TEXT) throw pathInvalid(MAXIMUM_STEPS, `at most ${MAXIMUM_STEPS} steps`);
  const words = path.split('/');
  if (words[0] === 'm' || words[0] === '') words.shift();
  else if (words[0] === 'M') throw pathInvalid(0, "'m'");
  if (words.length > MAXIMUM_STEPS) throw pathInvalid(MAXIMUM_STEPS, `at most ${MAXIMUM_STEPS} steps`);
  return words.map(readStep);
}

/**
 * Writes a derivation path.
 *
 * @param options - `marker` of hardened steps: `h` when absent, as descriptors have it; `'` for others.
 * @throws WalletError `WALLET_PATH_INVALID`, `WALLET_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { derivationPathText } from '@bitcoin-enterprise/wallet/keys';
 *
 * derivationPathText([0x8000_0054, 1]); // => 'm/84h/1'
 * ```
 */
export function derivationPathText(path: readonly number[], options: { readonly marker?: 'h' | "'" } = {}): string {
  const { marker = 'h' } = requireObject<{ readonly marker: unknown }>('options', options);
  if (marker !== 'h' && marker !== "'") throw invalidArgument('options.marker', "'h' or an apostrophe", marker);
  const steps = readDerivationPath(path);
  return ['m', ...steps.map((step) => (step < HARDENED_STEP ? `${step}` : `${step - HARDENED_STEP}${marker}`))].join(
    '/',
  );
}

function readStep(word: string, place: number): number {
  const [, digits, marker] = /^(\d{1,10})(['hH]?)$/.exec(word) ?? [];
  const step = Number(digits);
  if (digits === undefined || step >= HARDENED_STEP || (digits.length > 1 && digits.startsWith('0')))
    throw pathInvalid(place, "a step of 0 to 2147483647, with h or ' when it is hardened");
  return marker === '' ? step : step + HARDENED_STEP;
}

function pathInvalid(step: number, expected: string): WalletError<'WALLET_PATH_INVALID'> {
  return new WalletError('WALLET_PATH_INVALID', `expected ${expected}, got another at step ${step}`, {
    details: { step, expected },
  });
}
