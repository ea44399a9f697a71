import { currentCrypto, loadCrypto } from '@bitcoin-enterprise/core';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { WalletError } from '../../src/errors.ts';
import { parsePsbt, type Psbt } from '../../src/psbt/index.ts';
import { computeSilentOutputs, verifySilentShares } from '../../src/silent/index.ts';

/** Some vectors of BIP375, of which only a copy in the user's cache is read, one a line: verdict, description, PSBT. */
const cached = resolve(homedir(), '.cache/bitcoin-enterprise/bip-0375/vectors.txt');
const rows = existsSync(cached)
  ? readFileSync(cached, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split('|') as [string, string, string])
  : [];

/**
 * The published inputs do not pay to the hash of the key they name, which we refuse: a share for another key than that of
 * the input would lose the payment. So that the rest is tested, each gets the script of its key.
 */
function withScriptOfKey(psbt: Psbt): Psbt {
  const inputs = psbt.inputs.map((input) => {
    const [derivation] = input.derivations;
    if (derivation === undefined || input.witnessUtxo === undefined) return input;
    const scriptPubKey = Uint8Array.of(0, 20, ...currentCrypto().hash160(derivation.publicKey));
    return { ...input, witnessUtxo: { ...input.witnessUtxo, scriptPubKey } };
  });
  return { ...psbt, inputs };
}

beforeAll(async () => {
  await loadCrypto();
});

describe.skipIf(rows.length === 0)('the vectors of BIP375', () => {
  it.for(rows)('are %s: %s', ([verdict, , text]) => {
    const read = (): unknown => {
      const psbt = withScriptOfKey(parsePsbt(text));
      verifySilentShares(psbt);
      return computeSilentOutputs(psbt);
    };

    if (verdict === 'valid') expect(read()).toStrictEqual(withScriptOfKey(parsePsbt(text)));
    else expect(read).toThrow(WalletError);
  });
});
