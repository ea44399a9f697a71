import { SuiteError, describeValue } from '@bitcoin-enterprise/core';

/** Where in a text something is wrong: `position` counts UTF-16 units from 0, `length` says how many belong to it. */
export interface TextFault {
  readonly position: number;
  readonly length: number;
}

/** The errors of this package: code → the facts that come with it. This comment becomes docs/errors.md. */
export interface DescriptorsErrors {
  /** An argument of the wrong type or shape: a bug of the caller. `got` describes the value without repeating it. */
  readonly DESCRIPTORS_INVALID_ARGUMENT: {
    readonly argument: string;
    readonly expected: string;
    readonly got: string;
  };
  /** A text that is not built as expected at a place: a missing comma, a bracket too much, a number that is none. */
  readonly DESCRIPTORS_SYNTAX: TextFault & { readonly expected: string; readonly got: string };
  /** A text longer or nested deeper than anything that could be spent. */
  readonly DESCRIPTORS_TOO_LARGE: TextFault & {
    readonly what: 'length' | 'depth' | 'leaves' | 'multipath' | 'conditions';
    readonly limit: number;
  };
  /** A function that does not exist, or not at this place. */
  readonly DESCRIPTORS_FUNCTION_INVALID: TextFault & { readonly name: string; readonly expected: string };
  /** A key, its origin or its path that cannot be what it claims to be, or is not allowed here. */
  readonly DESCRIPTORS_KEY_INVALID: TextFault & { readonly reason: string };
  /** A checksum that does not fit the text before it (BIP380). */
  readonly DESCRIPTORS_CHECKSUM_INVALID: TextFault & { readonly expected: string; readonly got: string };
  /** A threshold that is none of its number of keys or parts. */
  readonly DESCRIPTORS_THRESHOLD_INVALID: TextFault & { readonly threshold: number; readonly count: number };
  /** Multipath specifiers of different lengths (BIP389). */
  readonly DESCRIPTORS_MULTIPATH_INVALID: TextFault & { readonly reason: string };
  /** A miniscript fragment whose parts do not fit together (BIP379). */
  readonly DESCRIPTORS_MINISCRIPT_TYPE: TextFault & { readonly fragment: string; readonly got: string };
  /** A miniscript that is well typed and must not be used: what is wrong, and the smallest part that is. */
  readonly DESCRIPTORS_MINISCRIPT_INSANE: TextFault & {
    readonly fragment: string;
    readonly reason:
      | 'no-signature'
      | 'malleable'
      | 'mixed-time-locks'
      | 'duplicate-keys'
      | 'too-many-operations'
      | 'stack-too-deep'
      | 'script-too-large'
      | 'unsatisfiable';
  };
  /** A script that is no miniscript. `offset` is the byte at which that shows. */
  readonly DESCRIPTORS_SCRIPT_UNKNOWN: { readonly offset: number; readonly reason: string };
  /** A hardened step from a public key: its private key is needed. */
  readonly DESCRIPTORS_DERIVATION_HARDENED: { readonly step: number };
  /** An index that the descriptor has none of, or none where it needs one. */
  readonly DESCRIPTORS_INDEX_INVALID: { readonly expected: string; readonly got: string };
  /** An output of which its descriptor does not say how it is spent: `addr()`, `raw()`, `unused()`, `sp()`. */
  readonly DESCRIPTORS_NO_PLAN: { readonly name: string };
  /** A plan that lacks what it needs to be completed: a signature, a preimage. */
  readonly DESCRIPTORS_PLAN_INCOMPLETE: { readonly item: 'signature' | 'preimage'; readonly position: number };
  /** A descriptor of no script where one is needed: `unused()`, `sp()`. */
  readonly DESCRIPTORS_NO_SCRIPT: { readonly name: string };
  /** A descriptor that is no wallet policy, or a wallet policy against the rules of BIP388. */
  readonly DESCRIPTORS_WALLET_POLICY_INVALID: TextFault & { readonly reason: string };
  /** A policy that no script can express, or none that is safe. */
  readonly DESCRIPTORS_POLICY_INVALID: TextFault & { readonly reason: string };
}

/** An input to this package that cannot be what it claims to be. */
export class DescriptorsError<Code extends keyof DescriptorsErrors = keyof DescriptorsErrors> extends SuiteError<
  Code,
  DescriptorsErrors[Code]
> {
  override readonly name: string = 'DescriptorsError';
}

/** Makes the error for an argument of the wrong type; the value is described, never repeated. */
export function invalidArgument(
  argument: string,
  expected: string,
  value: unknown,
): DescriptorsError<'DESCRIPTORS_INVALID_ARGUMENT'> {
  const got = describeValue(value);
  return new DescriptorsError('DESCRIPTORS_INVALID_ARGUMENT', `expected ${argument} to be ${expected}, got ${got}`, {
    details: { argument, expected, got },
  });
}

/** Makes the error for a text that is not built as expected. */
export function syntaxError(fault: TextFault, expected: string, got: string): DescriptorsError<'DESCRIPTORS_SYNTAX'> {
  return new DescriptorsError('DESCRIPTORS_SYNTAX', `expected ${expected} at character ${fault.position}, got ${got}`, {
    details: { position: fault.position, length: fault.length, expected, got },
  });
}

declare module '@bitcoin-enterprise/core' {
  // oxlint-disable-next-line typescript/no-empty-object-type
  interface ErrorDetails extends DescriptorsErrors {}
}
