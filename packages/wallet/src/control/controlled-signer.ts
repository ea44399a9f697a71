import { currentCrypto, toHex } from '@bitcoin-enterprise/core';
import { requireFunction, requireObject } from '../checks.ts';
import { WalletError } from '../errors.ts';
import type { PsbtInput } from '../psbt/model.ts';
import { serializePsbt } from '../psbt/serialize.ts';
import type { Signer } from '../signers/ports.ts';
import { hasOpenSilentOutputs } from '../signers/silent-outputs.ts';
import type { Control } from './control.ts';
import { isSamePayment } from './payment.ts';
import { type PaymentContext, paymentOfPsbt, refused } from './psbt-payment.ts';

/** How a signer is put under control. */
export interface ControlledSignerOptions extends PaymentContext {
  readonly control: Control;
  /** Who asks for what is signed and was not asked for; such a transaction is refused when absent. */
  readonly initiator?: string;
}

/**
 * A signer that signs nothing but what its policy lets through: the transaction is read, decided on and noted before the
 * signer sees it, and the signature leaves a receipt.
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`; its `sign` also `WALLET_NOT_APPROVED`.
 */
export function controlledSigner(signer: Signer, options: ControlledSignerOptions): Signer {
  requireFunction('signer.sign', requireObject<Signer>('signer', signer).sign);
  requireFunction('options.isOwn', requireObject<ControlledSignerOptions>('options', options).isOwn);
  const { control, initiator } = options;
  requireFunction('options.control.release', requireObject<Control>('options.control', control).release);
  return {
    name: signer.name,
    async sign(psbt, call = {}) {
      const payment = await paymentOfPsbt(psbt, options);
      if (initiator !== undefined) await control.request({ payment, initiator });
      const released = await control.release(payment.id);
      // The id of a transaction says nothing of the amounts that it spends: an approval is of all that was read.
      if (!isSamePayment(released.payment, payment)) throw refused('another payment of the same id was approved');
      const signed = await signer.sign(psbt, call);
      const after = await paymentOfPsbt(signed, options);
      if (after.id !== payment.id) throw invalid(signer, 'another transaction');
      // Nobody would own what is paid to a script that is empty (BIP375).
      if (hasOpenSilentOutputs(signed) && signed.inputs.some(isSigned))
        throw invalid(signer, 'a signature before silent payments have their scripts');
      const digest = toHex(currentCrypto().sha256(serializePsbt(signed)));
      await control.signed(payment.id, { signer: signer.name, digest });
      return signed;
    },
  };
}

function isSigned({ partialSignatures, tapKeySignature, ...input }: PsbtInput): boolean {
  return (
    tapKeySignature !== undefined ||
    [partialSignatures, input.tapScriptSignatures, input.musigPartialSignatures].some(({ length }) => length > 0)
  );
}

function invalid({ name }: Signer, reason: string): WalletError<'WALLET_SIGNER_ANSWER_INVALID'> {
  return new WalletError('WALLET_SIGNER_ANSWER_INVALID', `expected what was approved, got of ${name}: ${reason}`, {
    details: { signer: name, reason },
  });
}
