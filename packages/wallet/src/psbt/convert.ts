import { invalidArgument } from '../errors.ts';
import type { Psbt } from './model.ts';
import { serializePsbt } from './serialize.ts';
import { requirePsbt } from './require-psbt.ts';
import { psbtLockTime } from './transaction.ts';

/**
 * The same PSBT in another version (BIP370, “Backwards Compatibility”). To version 0 its lock time is determined, and it
 * can no longer be changed.
 *
 * @throws WalletError `WALLET_PSBT_MISMATCH` when it has silent payments, which version 0 cannot carry,
 * `WALLET_PSBT_LOCK_TIME_UNDETERMINED`, `WALLET_INVALID_ARGUMENT`.
 */
export function toPsbtVersion(psbt: Psbt, version: 0 | 2): Psbt {
  requirePsbt(psbt);
  if (version !== 0 && version !== 2) throw invalidArgument('version', '0 or 2', version);
  if (psbt.version === version) return psbt;
  if (version === 2) return { ...psbt, version };
  const { modifiable: _flags, ...rest } = psbt;
  const inputs = psbt.inputs.map(({ requiredTimeLockTime: _time, requiredHeightLockTime: _height, ...input }) => ({
    ...input,
    sequence: input.sequence ?? 0xffff_ffff,
  }));
  const converted: Psbt = { ...rest, version, fallbackLockTime: psbtLockTime(psbt), inputs };
  serializePsbt(converted);
  return converted;
}
