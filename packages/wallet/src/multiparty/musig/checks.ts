import { toHex } from '@bitcoin-enterprise/core';
import { requireBytes, requireList } from '../../checks.ts';
import { invalidArgument, WalletError } from '../../errors.ts';
import { SecretBytes } from '../../keys/secret-bytes.ts';

/** What somebody contributes to a session: which of it is wrong. */
export type ContributionKind =
  | 'public key'
  | 'public nonce'
  | 'aggregate nonce'
  | 'partial signature'
  | 'commitment'
  | 'proof of possession'
  | 'share'
  | 'signature share'
  | 'broadcast';

/** The error that names who is to blame; nobody in particular without an index. */
export function contributionInvalid(
  kind: ContributionKind,
  signer?: number,
): WalletError<'WALLET_CONTRIBUTION_INVALID'> {
  const whose = signer === undefined ? '' : ` of signer ${signer}`;
  return new WalletError('WALLET_CONTRIBUTION_INVALID', `expected a valid ${kind}${whose}, got another`, {
    details: signer === undefined ? { kind } : { signer, kind },
  });
}

/** The error of a signer who is no participant. */
export function keyUnknown(publicKey: Uint8Array): WalletError<'WALLET_KEY_UNKNOWN'> {
  const key = toHex(publicKey);
  return new WalletError('WALLET_KEY_UNKNOWN', `expected a key of the participants, got ${key}`, { details: { key } });
}

/** Throws unless a value is a list of bytes, of one length each and not empty. */
export function requireBytesList(argument: string, value: unknown, length: number): readonly Uint8Array[] {
  const list = requireList(argument, value);
  if (list.length === 0) throw invalidArgument(argument, 'a list that is not empty', value);
  return list.map((item, index) => requireBytes(`${argument}[${index}]`, item, length));
}

/** Throws unless a value is a secret; its length is for whoever opens it. */
export function requireSecret(argument: string, value: unknown): SecretBytes {
  if (!(value instanceof SecretBytes)) throw invalidArgument(argument, 'SecretBytes', value);
  return value;
}
