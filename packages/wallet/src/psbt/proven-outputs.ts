import { WalletError } from '../errors.ts';
import { verifySilentShares } from '../silent/psbt.ts';
import type { Psbt } from './model.ts';

/**
 * BIP375, “Signer”: nothing is signed before all outputs have their scripts, and the script of a silent payment must be
 * that of its address, whoever has computed it.
 *
 * @throws WalletError `WALLET_PSBT_INCOMPLETE` for an output without script; those of `verifySilentShares`.
 */
export function requireProvenOutputs(psbt: Psbt): void {
  const { outputs } = psbt;
  if (outputs.every(({ silentAddress }) => silentAddress === undefined)) return;
  const open = outputs.findIndex(
    ({ silentAddress, scriptPubKey }) => silentAddress !== undefined && scriptPubKey.length === 0,
  );
  if (open !== -1)
    throw new WalletError(
      'WALLET_PSBT_INCOMPLETE',
      `expected output ${open} to have a script, got a silent payment without`,
      {
        details: { input: open, missing: 'the script of a silent payment output' },
        hint: 'add the shares of all inputs and compute the outputs first',
      },
    );
  verifySilentShares(psbt);
}
