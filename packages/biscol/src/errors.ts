import { describeValue, SuiteError } from '@bitcoin-enterprise/core';

/** The errors of this package: code → the facts that come with it. This comment becomes docs/errors.md. */
export interface BiscolErrors {
  /** An argument of the wrong type or shape: a bug of the caller. `got` describes the value without repeating it. */
  readonly BISCOL_INVALID_ARGUMENT: { readonly argument: string; readonly expected: string; readonly got: string };
  /** A call that was ended by its AbortSignal. */
  readonly BISCOL_ABORTED: { readonly call: string };

  // contracts

  /** A definition of a contract that contradicts itself. `path` is where, for example `transitions.take.by`. */
  readonly BISCOL_CONTRACT_INVALID: { readonly path: string; readonly expected: string };
  /** A parameter, argument or piece of data that is not what its kind says. */
  readonly BISCOL_VALUE_INVALID: { readonly path: string; readonly expected: string };
  /** A state that makes no output, for example because a path needs no signature. */
  readonly BISCOL_STATE_INVALID: { readonly path: string; readonly expected: string };
  /** Covenants that lead into each other without an end. */
  readonly BISCOL_COVENANT_ENDLESS: { readonly state: string };
  /** An instance of a contract whose definition was not given. */
  readonly BISCOL_CONTRACT_UNKNOWN: { readonly contract: string; readonly version: number };
  /** A transition that cannot be built: why, and which. */
  readonly BISCOL_TRANSITION_IMPOSSIBLE: { readonly transition: string; readonly reason: string };
  /** Amounts that do not add up: what the outputs and the fee come to, and what the inputs bring, in satoshis. */
  readonly BISCOL_AMOUNTS_MISMATCH: {
    readonly transition: string;
    readonly needed: string;
    readonly available: string;
  };
  /** An output too small to be relayed. `minimum` in satoshis. */
  readonly BISCOL_DUST: { readonly transition: string; readonly output: number; readonly minimum: string };
  /** A signature that is not there. `key` is 32 bytes in hexadecimal. */
  readonly BISCOL_SIGNATURE_MISSING: { readonly input: number; readonly key: string };
  /** A secret that is not there. `hash` is what it opens, in hexadecimal. */
  readonly BISCOL_SECRET_MISSING: { readonly hash: string };
  /** A signature that does not verify, or that covers less than the contract says. */
  readonly BISCOL_SIGNATURE_INVALID: { readonly input: number; readonly key: string };
  /** A PSBT of another transaction than the one that the contract makes of the same arguments. */
  readonly BISCOL_PSBT_MISMATCH: { readonly transition: string };
  /** A signed transaction that breaks consensus or relay rules: Core's name for the reason. */
  readonly BISCOL_SPEND_INVALID: { readonly transition: string; readonly reason: string; readonly input?: number };

  // engine

  /** An instance that was not opened in this store. */
  readonly BISCOL_INSTANCE_UNKNOWN: { readonly instance: string };
  /** An output that is said to begin a contract and pays another script or amount. `value` in satoshis. */
  readonly BISCOL_FUNDING_MISMATCH: { readonly outpoint: string; readonly state: string; readonly value: string };
  /** An execution that is not there, or from which the wanted step does not follow. */
  readonly BISCOL_EXECUTION_STATE: { readonly execution: string; readonly expected: string; readonly got: string };
  /** The compliance gate did not allow it; its verdict is on record. */
  readonly BISCOL_NOT_ALLOWED: { readonly execution: string; readonly reasons: readonly string[] };
  /** A network that does not take a transaction for now: Core's reason. It is tried again. */
  readonly BISCOL_NOT_RELAYED: { readonly execution: string; readonly reason: string };
  /** A chain that told of a transaction and does not have it. */
  readonly BISCOL_CHAIN_INCOMPLETE: { readonly txid: string; readonly instance: string };
  /** A node that does not take the blocks of a counterexample. */
  readonly BISCOL_REPLAY_REFUSED: { readonly block: number; readonly reason: string };
  /** A message of another party that makes no sense. */
  readonly BISCOL_MESSAGE_INVALID: { readonly reason: string };
  /** A transaction beyond a limit that the caller set: `maxWeight`, `maxFee`, `maxFeeRate`. */
  readonly BISCOL_GAS_LIMIT: { readonly limit: string; readonly maximum: string; readonly got: string };

  // dlc

  /** Bytes that are no announcement or attestation of an oracle (dlcspecs, Oracle.md). `offset` is where that shows. */
  readonly BISCOL_DLC_MESSAGE_INVALID: { readonly offset: number; readonly expected: string };
  /** An announcement that must not be trusted: its signature, its nonces or its event is wrong. */
  readonly BISCOL_DLC_ANNOUNCEMENT_INVALID: { readonly eventId: string; readonly reason: string };
  /** An attestation that is not of the announced event: another key, event or form, or a signature that does not hold. */
  readonly BISCOL_DLC_ATTESTATION_INVALID: { readonly eventId: string; readonly reason: string };
  /** An oracle that is asked for what it did not announce. */
  readonly BISCOL_DLC_EVENT_UNKNOWN: { readonly eventId: string };
  /** An oracle that is asked to contradict what it announced or attested: it would give its key away. */
  readonly BISCOL_DLC_CONTRADICTION: { readonly eventId: string; readonly onRecord: 'announcement' | 'attestation' };
  /** Terms of a discreet log contract that contradict themselves. `path` is where, for example `contract.pieces[1]`. */
  readonly BISCOL_DLC_TERMS_INVALID: { readonly path: string; readonly expected: string };
  /** A discreet log contract of more outcomes than `most`. */
  readonly BISCOL_DLC_TOO_LARGE: { readonly what: string; readonly most: number };
  /** An outcome of a discreet log contract that these attestations do not decide. `oracle` is who is missing. */
  readonly BISCOL_DLC_UNDECIDED: { readonly oracle: number };
}

/** What went wrong with a contract. */
export class BiscolError<Code extends keyof BiscolErrors = keyof BiscolErrors> extends SuiteError<
  Code,
  BiscolErrors[Code]
> {
  override readonly name: string = 'BiscolError';
}

/** The error of an argument that is not what its type says. */
export function invalidArgument(argument: string, expected: string, got: unknown, cause?: unknown): BiscolError {
  return new BiscolError('BISCOL_INVALID_ARGUMENT', `expected ${argument} to be ${expected}`, {
    details: { argument, expected, got: describeValue(got) },
    ...(cause === undefined ? {} : { cause }),
  });
}
