import { currentCrypto, loadCrypto, parseHex, toHex } from '@bitcoin-enterprise/core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  boundsOf,
  compileFragment,
  decompileFragment,
  hasLetters,
  insanityOf,
  keysOf,
  mapKeys,
  type Miniscript,
  type MiniscriptContext,
  parseMiniscript,
  printFragment,
  typeLetters,
} from '../src/index.ts';
import { readJsonVectors } from './support/vectors.ts';

interface FixedRow {
  readonly ms: string;
  readonly mode: readonly string[];
  readonly wsh: string | null;
  readonly tap: string | null;
  readonly ops?: number | null;
  readonly stack?: number | null;
  readonly stack_exec?: number | null;
  readonly max_wit_wsh?: number | null;
  readonly max_wit_tap?: number | null;
}

const CONTEXTS: readonly MiniscriptContext[] = ['wsh', 'tapscript'];
const rows = readJsonVectors<readonly FixedRow[]>('derived/core_miniscript_fixed.json') ?? [];
const types =
  readJsonVectors<readonly (readonly [string, string | null])[]>('derived/miniscript_types_segwitv0.json.gz') ?? [];

beforeAll(async () => {
  await loadCrypto();
});

/** Of type B, or `undefined`. */
function read(text: string, context: MiniscriptContext): Miniscript | undefined {
  try {
    const fragment = parseMiniscript(text, { context });
    return hasLetters(fragment.type, 'B') ? fragment : undefined;
  } catch {
    return undefined;
  }
}

function keyBytes(key: string, context: MiniscriptContext): Uint8Array {
  const bytes = parseHex(key);
  return context === 'wsh' ? bytes : bytes.subarray(1);
}

const isValid = (mode: readonly string[], context: MiniscriptContext): boolean =>
  mode.includes('VALID') && !mode.includes(context === 'wsh' ? 'P2WSH_INVALID' : 'TAPSCRIPT_INVALID');

describe.skipIf(rows.length === 0)('the fixed tests of Bitcoin Core', () => {
  it('are 97', () => expect(rows).toHaveLength(97));

  for (const context of CONTEXTS)
    it.for(rows)(`in ${context}: $ms`, ({ ms, mode, wsh, tap, ops, stack, stack_exec: executed, ...sizes }) => {
      const fragment = read(ms, context);
      expect(fragment !== undefined).toBe(isValid(mode, context));
      if (fragment === undefined) return;
      const script = compileFragment(fragment, { bytesOf: (key) => keyBytes(key, context) });
      const wanted = context === 'wsh' ? wsh : tap;
      if (wanted !== null) expect(toHex(script)).toBe(wanted);
      const bounds = boundsOf(fragment, context);
      expect(bounds.scriptSize).toBe(script.length);
      const witness = context === 'wsh' ? sizes.max_wit_wsh : sizes.max_wit_tap;
      if (witness !== undefined && witness !== null) expect(bounds.witnessSize).toBe(witness);
      if (context === 'wsh' && ops !== undefined && ops !== null) expect(bounds.operations).toBe(ops);
      if (context === 'wsh' && stack !== undefined && stack !== null) expect(bounds.stackElements).toBe(stack);
      if (context === 'tapscript' && executed !== undefined && executed !== null)
        expect(bounds.executionStack).toBe(executed);

      // What is wrong is named as Core names it.
      const reason = insanityOf(fragment, { context, keyName: (key) => key })?.reason;
      if (mode.includes('TIMELOCKMIX')) expect(reason).toBe('mixed-time-locks');
      else if (!mode.includes('NONMAL')) expect(reason).toBe('malleable');
      else if (!mode.includes('NEEDSIG')) expect(reason).toBe('no-signature');

      // And back: the same script, by the hashes of keys where those are all that is left.
      const hashes = new Map(
        [...keysOf(fragment)].map((key) => [toHex(currentCrypto().hash160(keyBytes(key, context))), key]),
      );
      const back = mapKeys(decompileFragment(script, context), ({ kind, bytes }) =>
        kind === 'key' ? bytes : keyBytes(hashes.get(toHex(bytes)) ?? '', context),
      );
      expect(toHex(compileFragment(back, { bytesOf: (key) => key }))).toBe(toHex(script));
      const text = printFragment(fragment, (key) => key);
      expect(printFragment(parseMiniscript(text, { context }), (key) => key)).toBe(text);
    });
});

describe.skipIf(types.length === 0)('the type tests of rust-miniscript', () => {
  it('all 11,880 rows have the type that is written there', () => {
    const sorted = (letters: string): string =>
      [...letters]
        .filter((one) => 'BVKWzondufesm'.includes(one))
        .sort()
        .join('');
    const wrong = types.filter(([text, wanted]) => {
      let got: string | null = null;
      try {
        got = sorted(typeLetters(parseMiniscript(text, { context: 'wsh' }).type));
      } catch {
        // No type.
      }
      return got !== (wanted === null ? null : sorted(wanted));
    });
    expect(types).toHaveLength(11_880);
    expect(wrong).toEqual([]);
  });
});
