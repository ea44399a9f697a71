import { describeValue, SuiteError } from '@bitcoin-enterprise/core';

/** The errors of this package: code → the facts that come with it. This comment becomes docs/errors.md. */
export interface WalletErrors {
  /** An argument of the wrong type or shape: a bug of the caller. `got` describes the value without repeating it. */
  readonly WALLET_INVALID_ARGUMENT: { readonly argument: string; readonly expected: string; readonly got: string };
  /** A call that was ended by its AbortSignal. */
  readonly WALLET_ABORTED: { readonly call: string };

  // keys

  /** Words that are no BIP39 mnemonic: a wrong number, a word outside of the list, a checksum that does not fit. */
  readonly WALLET_MNEMONIC_INVALID: {
    readonly reason: 'length' | 'word' | 'checksum';
    /** Of the first wrong word, from 0; absent when no single word is at fault. */
    readonly position?: number;
  };
  /** A text that is no extended key of BIP32 or SLIP-132. */
  readonly WALLET_EXTENDED_KEY_INVALID: { readonly reason: string };
  /** A derivation path that is none (BIP32). `step` counts from 0. */
  readonly WALLET_PATH_INVALID: { readonly step: number; readonly expected: string };
  /** A keystore that cannot be read: another format, parameters beyond the limits, altered bytes. */
  readonly WALLET_KEYSTORE_INVALID: { readonly reason: string };
  /** A keystore that does not open: the password is wrong, or the file was altered; nobody can tell which. */
  readonly WALLET_KEYSTORE_LOCKED: { readonly reason: 'password' };
  /** A secret that was used after it was wiped. */
  readonly WALLET_SECRET_WIPED: { readonly what: string };

  /** A chain that has not a block that is to be scanned, for example because its node is pruned. */
  readonly WALLET_CHAIN_INCOMPLETE: { readonly height: number };

  // PSBT

  /** Bytes that are no PSBT (BIP174, 370, 371, 373, 375, 376). `offset` is where that shows. */
  readonly WALLET_PSBT_MALFORMED: { readonly offset: number; readonly reason: string };
  /** A PSBT that a role must not go on with: what an input says of itself contradicts what it spends. */
  readonly WALLET_PSBT_INPUT_INVALID: { readonly input: number; readonly reason: string };
  /** A role that needs more than the PSBT has, for example a signature before it is finalised. */
  readonly WALLET_PSBT_INCOMPLETE: { readonly input: number; readonly missing: string };
  /** PSBTs of different transactions, or of values that cannot both be true. */
  readonly WALLET_PSBT_MISMATCH: { readonly reason: string };
  /** A PSBT whose inputs or outputs must not be changed any more (BIP370). */
  readonly WALLET_PSBT_NOT_MODIFIABLE: { readonly what: 'inputs' | 'outputs' };
  /** Inputs that need a lock time by height and one by time at once (BIP370). */
  readonly WALLET_PSBT_LOCK_TIME_UNDETERMINED: { readonly inputs: readonly number[] };

  // signers

  /** A signer that holds none of the keys that it was asked for. */
  readonly WALLET_KEY_UNKNOWN: { readonly key: string };
  /** A signer that cannot be reached, or that answered nothing in time. */
  readonly WALLET_SIGNER_UNAVAILABLE: { readonly signer: string; readonly reason: string };
  /** A signer that refused, for example because of its policy. */
  readonly WALLET_SIGNER_REFUSED: { readonly signer: string; readonly reason: string };
  /** A signer whose answer is wrong: a signature that does not verify, another transaction. */
  readonly WALLET_SIGNER_ANSWER_INVALID: { readonly signer: string; readonly reason: string };
  /** A token that wants another PIN; `isLocked` when it takes no further one. */
  readonly WALLET_TOKEN_PIN_WRONG: { readonly isLocked: boolean };
  /** A token or its module that failed: `code` is the return value of PKCS#11. */
  readonly WALLET_TOKEN_FAILED: { readonly call: string; readonly code: number; readonly name: string };

  // multi-party

  /**
   * A contribution to a multi-party session that is wrong, and whose it is: the index of the key in MuSig2, from 0; the
   * identifier of the participant in FROST, from 1; absent when nobody in particular is to blame.
   */
  readonly WALLET_CONTRIBUTION_INVALID: { readonly signer?: number; readonly kind: string };
  /** A session that is asked for a step out of order. */
  readonly WALLET_SESSION_STATE: { readonly expected: string; readonly got: string };
  /** A nonce that was used, burnt or never made: it will not sign. */
  readonly WALLET_NONCE_SPENT: { readonly token: string };
  /** A nonce vault that was restored from a backup or copied: its nonces may have been used elsewhere. */
  readonly WALLET_VAULT_STALE: { readonly reason: string };

  /** Bytes that are no pre-signature: a point that is none, a number from the group order up. */
  readonly WALLET_PRESIGNATURE_INVALID: { readonly kind: 'schnorr' | 'ecdsa' };
  /** A signature that does not come from this pre-signature and the secret of this adaptor point. */
  readonly WALLET_ADAPTOR_MISMATCH: { readonly kind: 'schnorr' | 'ecdsa' };

  // building

  /** Not enough coins: satoshis that are missing at least, fees of the inputs counted. */
  readonly WALLET_FUNDS_INSUFFICIENT: { readonly available: string; readonly needed: string };
  /** A transaction that cannot be built as asked. */
  readonly WALLET_BUILD_IMPOSSIBLE: { readonly reason: string };
  /** A coin that another payment holds. */
  readonly WALLET_COIN_LOCKED: { readonly outpoint: string };
  /** Labels that are not those of BIP329. */
  readonly WALLET_LABELS_INVALID: { readonly line: number; readonly reason: string };

  // messages and silent payments

  /** A text that is no signature of BIP322. */
  readonly WALLET_MESSAGE_SIGNATURE_INVALID: { readonly reason: string };
  /** A text that is no silent payment address (BIP352). */
  readonly WALLET_SILENT_ADDRESS_INVALID: { readonly reason: string };
  /** Inputs that cannot pay a silent payment, or whose keys add up to nothing (BIP352). */
  readonly WALLET_SILENT_INPUTS_INVALID: { readonly reason: string };
  /** More outputs for one scan key than its owner looks for: at most 2,323 (BIP352). */
  readonly WALLET_SILENT_RECIPIENTS_INVALID: { readonly count: number; readonly most: number };
  /** A share of an ECDH without a proof, or with one that does not hold (BIP375); no input when it is the global one. */
  readonly WALLET_SILENT_PROOF_INVALID: {
    readonly input?: number;
    readonly scanKey: string;
    readonly reason: 'missing-share' | 'missing-proof' | 'invalid';
  };

  // control

  /** An approval policy that is none. `path` leads to the field. */
  readonly WALLET_POLICY_INVALID: { readonly path: string; readonly expected: string };
  /** A payment that its policy does not let through: the rules that refused. */
  readonly WALLET_NOT_APPROVED: { readonly reasons: readonly string[] };
  /** Somebody who may not do that. */
  readonly WALLET_FORBIDDEN: { readonly actor: string; readonly action: string };

  // chains

  /** A chain that nobody registered. */
  readonly WALLET_CHAIN_UNKNOWN: { readonly chain: string };
  /** A node of an EVM chain that failed or answered nonsense. */
  readonly WALLET_EVM_FAILED: { readonly call: string; readonly reason: string };
}

/** An error of this package. */
export class WalletError<Code extends keyof WalletErrors = keyof WalletErrors> extends SuiteError<
  Code,
  WalletErrors[Code]
> {
  override readonly name: string = 'WalletError';
}

declare module '@bitcoin-enterprise/core' {
  /** So that `hasCode` knows the details of these codes. */
  interface ErrorDetails extends WalletErrors {}
}

/** Makes the error for an argument of the wrong type; the value is described, never repeated. */
export function invalidArgument(
  argument: string,
  expected: string,
  value: unknown,
): WalletError<'WALLET_INVALID_ARGUMENT'> {
  const got = describeValue(value);
  return new WalletError('WALLET_INVALID_ARGUMENT', `expected ${argument} to be ${expected}, got ${got}`, {
    details: { argument, expected, got },
  });
}
