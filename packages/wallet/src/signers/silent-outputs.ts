import { requireFunction, requireObject } from '../checks.ts';
import { SecretBytes } from '../keys/secret-bytes.ts';
import type { Psbt } from '../psbt/model.ts';
import { requirePsbt } from '../psbt/require-psbt.ts';
import { addSilentShares, computeSilentOutputs } from '../silent/psbt.ts';
import type { KeyRing } from './key-ring.ts';
import type { KeyReference } from './ports.ts';

/** Whether a silent payment of a PSBT has no script yet, so that nobody may sign. */
export function hasOpenSilentOutputs({ outputs }: Psbt): boolean {
  return outputs.some(({ silentAddress, scriptPubKey }) => silentAddress !== undefined && scriptPubKey.length === 0);
}

/**
 * Gives the shares of a ring's keys for the silent payments of a PSBT, checks those of others, and computes the scripts
 * when all are there (BIP375, “Signer”).
 *
 * @returns The same PSBT when it pays no silent payment address.
 * @throws WalletError as `addSilentShares` and `computeSilentOutputs`.
 */
export function withSilentOutputs(psbt: Psbt, ring: KeyRing): Psbt {
  requirePsbt(psbt);
  requireFunction('ring.withSecretKey', requireObject<KeyRing>('ring', ring).withSecretKey);
  if (psbt.outputs.every(({ silentAddress }) => silentAddress === undefined)) return psbt;
  const named = psbt.inputs.flatMap(
    ({ derivations, tapDerivations, silentSpendDerivations }): readonly KeyReference[] => [
      ...derivations,
      ...tapDerivations,
      ...silentSpendDerivations,
    ],
  );
  const own = ring.publicKeys.map((publicKey): KeyReference => ({ publicKey }));
  const secrets = [...named, ...own].flatMap((key) => ring.withSecretKey(key, (bytes) => new SecretBytes(bytes)) ?? []);
  try {
    return computeSilentOutputs(addSilentShares(psbt, secrets));
  } finally {
    for (const secret of secrets) secret.wipe();
  }
}
