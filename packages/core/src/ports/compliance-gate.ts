/** Who takes part in what is judged. */
export interface ComplianceParty {
  /** As the contract names it. */
  readonly name: string;
  /** Script that is paid, in hexadecimal. */
  readonly scriptPubKey?: string;
  /** Public key expression that signs. */
  readonly key?: string;
}

/** A transaction before it is signed, or before it is sent. JSON: amounts are decimal strings. */
export interface ComplianceRequest {
  /** Names the question for good: asked again after a crash, it is the same question. */
  readonly id: string;
  /** `sign`: before the first signature; `broadcast`: signed, before anybody else sees it whole. */
  readonly stage: 'sign' | 'broadcast';
  /** `bitcoin:` and the network, or `eip155:` and the chain id (CAIP-2 style). */
  readonly chain: string;
  /** Id as people read it, 64 hexadecimal digits. */
  readonly txid: string;
  /** Serialised, in hexadecimal; at `sign` without signatures. */
  readonly transaction: string;
  /** What is spent, in the order of the inputs. */
  readonly inputs: readonly { readonly outpoint: string; readonly value: string; readonly scriptPubKey: string }[];
  readonly outputs: readonly { readonly value: string; readonly scriptPubKey: string; readonly party?: string }[];
  /** Satoshis. */
  readonly fee: string;
  readonly parties: readonly ComplianceParty[];
  /** The contract that it belongs to. */
  readonly contract?: {
    readonly name: string;
    readonly version: number;
    readonly instance: string;
    readonly transition: string;
  };
}

/** What a gate answers. It goes on record beside what was judged. */
export interface ComplianceVerdict {
  /** `review`: somebody has to look at it; asked again later, the gate may answer otherwise. */
  readonly decision: 'allow' | 'refuse' | 'review';
  /** Why: a code for programs, a text for people. */
  readonly reasons: readonly { readonly code: string; readonly text: string }[];
  /** Which gate, and which version of its rules. */
  readonly gate: string;
  /** Where the gate keeps its own record. */
  readonly reference?: string;
}

/**
 * Judges transactions before they are signed and before they are sent. Implemented by products of risk and compliance;
 * whoever signs or sends asks it, and goes on only with `allow`.
 */
export interface ComplianceGate {
  /**
   * @param request - What is about to happen. The same `id` may come more than once.
   * @param options - `signal` ends the call.
   * @throws Anything: a gate that cannot answer has not allowed.
   */
  judge(request: ComplianceRequest, options?: { readonly signal?: AbortSignal }): Promise<ComplianceVerdict>;
}
