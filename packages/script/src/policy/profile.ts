import { standardFlags } from '../interpreter/flags.ts';
import type { ScriptFlag } from '../model.ts';

/** What a node relays, as data: consensus is the same everywhere, relay is each implementation's own taste. */
export interface PolicyProfile {
  /** Implementation and major version. */
  readonly name: string;
  /** Script rules of the mempool. */
  readonly flags: readonly ScriptFlag[];
  /** Transaction versions that are relayed. */
  readonly versions: { readonly minimum: number; readonly maximum: number };
  /** Weight units of a transaction. */
  readonly maximumWeight: number;
  /** Bytes without witness: shorter transactions can be mistaken for inner Merkle nodes. */
  readonly minimumBaseSize: number;
  /** Bytes of a scriptSig. */
  readonly maximumScriptSigSize: number;
  /** Bytes of all OP_RETURN scripts of a transaction together. */
  readonly maximumDataCarrierSize: number;
  /** What a node says of more than that: since Core 30 the data has a reason of its own. */
  readonly dataCarrierFault: 'datacarrier' | 'scriptpubkey';
  /** How many OP_RETURN outputs a transaction may have. */
  readonly maximumDataCarriers: number;
  /** Whether bare multisig of up to three keys is relayed. */
  readonly bareMultisig: boolean;
  /** Outputs below their own cost at the dust rate that a transaction may have (one: ephemeral dust). */
  readonly maximumDustOutputs: number;
  /** Satoshis per 1,000 virtual bytes below which spending an output is not worth it. */
  readonly dustRelayFee: bigint;
  /** Satoshis per 1,000 virtual bytes that relay costs. */
  readonly minimumRelayFee: bigint;
  /** Satoshis per 1,000 virtual bytes that a replacement adds. */
  readonly incrementalRelayFee: bigint;
  /** Cost of signature checks (BIP141). */
  readonly maximumSigopsCost: number;
  /** Signature checks of one P2SH input. */
  readonly maximumP2shSigops: number;
  /** Legacy signature checks that a transaction may execute (BIP54); `undefined` where nothing is counted. */
  readonly maximumLegacySigops: number | undefined;
  /** Limits of P2WSH inputs: bytes of the script, items, bytes of an item. */
  readonly witnessV0: {
    readonly maximumScriptSize: number;
    readonly maximumItems: number;
    readonly maximumItemSize: number;
  };
  /** Limits of tapscript inputs. */
  readonly tapscript: {
    readonly maximumItemSize: number;
    /** Whether OP_IF and OP_NOTIF may run. */
    readonly conditionals: boolean;
    /** Bytes of a push, where the profile is stricter than consensus. */
    readonly maximumPushSize: number;
    /** Bytes of a control block, where the profile is stricter than consensus. */
    readonly maximumControlBlockSize: number;
  };
  /** Related unconfirmed transactions: how many, and their virtual size in bytes. */
  readonly cluster: { readonly maximumCount: number; readonly maximumVirtualSize: number };
  /** Version 3 transactions (BIP431), virtual bytes; `undefined` where they are relayed without its rules. */
  readonly truc: { readonly maximumVirtualSize: number; readonly maximumChildVirtualSize: number } | undefined;
}

/** Bitcoin Core 31. */
const core31: PolicyProfile = {
  name: 'core-31',
  flags: standardFlags,
  versions: { minimum: 1, maximum: 3 },
  maximumWeight: 400_000,
  minimumBaseSize: 65,
  maximumScriptSigSize: 1_650,
  maximumDataCarrierSize: 100_000,
  dataCarrierFault: 'datacarrier',
  maximumDataCarriers: Number.MAX_SAFE_INTEGER,
  bareMultisig: true,
  maximumDustOutputs: 1,
  dustRelayFee: 3_000n,
  minimumRelayFee: 100n,
  incrementalRelayFee: 100n,
  maximumSigopsCost: 16_000,
  maximumP2shSigops: 15,
  maximumLegacySigops: 2_500,
  witnessV0: { maximumScriptSize: 3_600, maximumItems: 100, maximumItemSize: 80 },
  tapscript: {
    maximumItemSize: 80,
    conditionals: true,
    maximumPushSize: 520,
    maximumControlBlockSize: 4_129,
  },
  cluster: { maximumCount: 64, maximumVirtualSize: 101_000 },
  truc: { maximumVirtualSize: 10_000, maximumChildVirtualSize: 1_000 },
};

/** Bitcoin Core 30: policy of form is that of 31. */
const core30: PolicyProfile = {
  ...core31,
  name: 'core-30',
  cluster: { maximumCount: 25, maximumVirtualSize: 101_000 },
};

/** Bitcoin Core 29: short OP_RETURN, one a transaction, and the fees of the years before. */
const core29: PolicyProfile = {
  ...core30,
  name: 'core-29',
  maximumDataCarrierSize: 83,
  dataCarrierFault: 'scriptpubkey',
  maximumDataCarriers: 1,
  minimumRelayFee: 1_000n,
  incrementalRelayFee: 1_000n,
  maximumLegacySigops: undefined,
};

/** Bitcoin Knots 29.4, with the script limits of BIP110 that its mempool always applies. */
const knots29: PolicyProfile = {
  ...core31,
  name: 'knots-29',
  maximumDataCarrierSize: 83,
  maximumDataCarriers: 1,
  bareMultisig: false,
  maximumDustOutputs: 0,
  minimumRelayFee: 1_000n,
  incrementalRelayFee: 1_000n,
  maximumLegacySigops: undefined,
  tapscript: { maximumItemSize: 80, conditionals: false, maximumPushSize: 256, maximumControlBlockSize: 257 },
  cluster: { maximumCount: 25, maximumVirtualSize: 101_000 },
  truc: undefined,
};

/** Bitcoin Knots 29.4 under `-corepolicy=1`: the form of Core 29 at the fees of Core 30. */
const knots29CorePolicy: PolicyProfile = {
  ...core29,
  name: 'knots-29-corepolicy',
  minimumRelayFee: 100n,
  incrementalRelayFee: 100n,
  maximumLegacySigops: 2_500,
};

/** The names of the profiles. */
export type PolicyProfileName = 'core-29' | 'core-30' | 'core-31' | 'knots-29' | 'knots-29-corepolicy';

/** The profiles by name. */
export const policyProfiles: Readonly<Record<PolicyProfileName, PolicyProfile>> = /* @__PURE__ */ freeze({
  'core-29': core29,
  'core-30': core30,
  'core-31': core31,
  'knots-29': knots29,
  'knots-29-corepolicy': knots29CorePolicy,
});

/** Freezes data all the way down: a profile that one user changes would change for all. */
function freeze<Data extends object>(data: Data): Data {
  for (const value of Object.values(data)) if (typeof value === 'object' && value !== null) freeze(value as object);
  return Object.freeze(data);
}
