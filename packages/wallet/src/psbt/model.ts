import type { KeyOrigin } from '@bitcoin-enterprise/descriptors';

/** A field that this library does not know, or keeps for others: kept as it came. */
export interface RawField {
  /** Type and key data, as serialised behind its length. */
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** A partially signed transaction of version 0 (BIP174) or 2 (BIP370) as plain data. Do not write to its bytes. */
export interface Psbt {
  readonly version: 0 | 2;
  /** Version of the transaction, unsigned 32 bits. */
  readonly transactionVersion: number;
  /** Lock time when no input requires one; in version 0 it is the one of the transaction. 0 when absent. */
  readonly fallbackLockTime?: number;
  /** Of version 2: bit 0 inputs may be changed, bit 1 outputs, bit 2 there is a SIGHASH_SINGLE. */
  readonly modifiable?: number;
  readonly inputs: readonly PsbtInput[];
  readonly outputs: readonly PsbtOutput[];
  readonly extendedKeys: readonly { readonly key: Uint8Array; readonly origin: KeyOrigin }[];
  /** Silent payments (BIP375), shares of all inputs: one for each scan key. */
  readonly silentShares: readonly SilentShare[];
  /** The message of BIP322 that is signed, as bytes. */
  readonly signedMessage?: Uint8Array;
  /** Proprietary and unknown ones. */
  readonly unknown: readonly RawField[];
}

/** A share of an ECDH with a scan key, and its proof (BIP375, BIP374). */
export interface SilentShare {
  /** 33 bytes. */
  readonly scanKey: Uint8Array;
  /** 33 bytes. */
  readonly share?: Uint8Array;
  /** 64 bytes. */
  readonly proof?: Uint8Array;
}

/** A key and its origin (BIP32). */
export interface PsbtDerivation {
  /** 33 or 65 bytes. */
  readonly publicKey: Uint8Array;
  readonly origin: KeyOrigin;
}

/** A key of Taproot, the leaves that it stands in, and its origin (BIP371). */
export interface PsbtTapDerivation {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 32 bytes each; empty for the internal key. */
  readonly leafHashes: readonly Uint8Array[];
  readonly origin: KeyOrigin;
}

/** Keys that are aggregated, in their order (BIP373). */
export interface MusigParticipants {
  /** 33 bytes. */
  readonly aggregate: Uint8Array;
  /** 33 bytes each. */
  readonly participants: readonly Uint8Array[];
}

/** Which signature of an input a participant takes part in (BIP373). */
export interface MusigSlot {
  /** 33 bytes: the participant. */
  readonly participant: Uint8Array;
  /** 33 bytes: the key that signs, as it stands in the script or the output. */
  readonly aggregate: Uint8Array;
  /** 32 bytes; absent for the key path. */
  readonly leafHash?: Uint8Array;
}

/** Which function a preimage belongs to. */
export type PreimageHash = 'ripemd160' | 'sha256' | 'hash160' | 'hash256';

/** One input. */
export interface PsbtInput {
  /** 32 bytes in internal order. */
  readonly previousTxid: Uint8Array;
  readonly previousIndex: number;
  /** 0xffffffff when absent. */
  readonly sequence?: number;
  /** Of version 2: Unix seconds, at least 500,000,000. */
  readonly requiredTimeLockTime?: number;
  /** Of version 2: 1 to 499,999,999. */
  readonly requiredHeightLockTime?: number;
  /** The whole transaction that is spent, as serialised. */
  readonly nonWitnessUtxo?: Uint8Array;
  readonly witnessUtxo?: { readonly value: bigint; readonly scriptPubKey: Uint8Array };
  /** DER signatures with their hash type. */
  readonly partialSignatures: readonly { readonly publicKey: Uint8Array; readonly signature: Uint8Array }[];
  readonly sighashType?: number;
  readonly redeemScript?: Uint8Array;
  readonly witnessScript?: Uint8Array;
  readonly derivations: readonly PsbtDerivation[];
  readonly finalScriptSig?: Uint8Array;
  readonly finalScriptWitness?: readonly Uint8Array[];
  /** UTF-8 of BIP127. */
  readonly reservesCommitment?: Uint8Array;
  readonly preimages: readonly {
    readonly hashFunction: PreimageHash;
    readonly hash: Uint8Array;
    readonly preimage: Uint8Array;
  }[];
  /** 64 bytes, 65 with a hash type. */
  readonly tapKeySignature?: Uint8Array;
  readonly tapScriptSignatures: readonly {
    /** 32 bytes. */
    readonly publicKey: Uint8Array;
    readonly leafHash: Uint8Array;
    readonly signature: Uint8Array;
  }[];
  readonly tapLeafScripts: readonly {
    readonly controlBlock: Uint8Array;
    readonly script: Uint8Array;
    readonly leafVersion: number;
  }[];
  readonly tapDerivations: readonly PsbtTapDerivation[];
  /** 32 bytes. */
  readonly tapInternalKey?: Uint8Array;
  /** 32 bytes. */
  readonly tapMerkleRoot?: Uint8Array;
  readonly musigParticipants: readonly MusigParticipants[];
  readonly musigPublicNonces: readonly (MusigSlot & {
    /** 66 bytes. */
    readonly nonce: Uint8Array;
  })[];
  readonly musigPartialSignatures: readonly (MusigSlot & {
    /** 32 bytes. */
    readonly signature: Uint8Array;
  })[];
  /** Of this input alone (BIP375). */
  readonly silentShares: readonly SilentShare[];
  /** Of the spend key of a silent payment that is spent (BIP376). */
  readonly silentSpendDerivations: readonly PsbtDerivation[];
  /** 32 bytes: what is added to the spend key (BIP376). */
  readonly silentTweak?: Uint8Array;
  /** Proprietary and unknown ones. */
  readonly unknown: readonly RawField[];
}

/** One output. */
export interface PsbtOutput {
  /** Satoshis. */
  readonly value: bigint;
  /** Empty while a silent payment has no script yet (BIP375). */
  readonly scriptPubKey: Uint8Array;
  readonly redeemScript?: Uint8Array;
  readonly witnessScript?: Uint8Array;
  readonly derivations: readonly PsbtDerivation[];
  /** 32 bytes. */
  readonly tapInternalKey?: Uint8Array;
  readonly tapTree?: readonly { readonly depth: number; readonly leafVersion: number; readonly script: Uint8Array }[];
  readonly tapDerivations: readonly PsbtTapDerivation[];
  readonly musigParticipants: readonly MusigParticipants[];
  /** Scan key and spend key, 66 bytes, of the silent payment address that is paid (BIP375). */
  readonly silentAddress?: Uint8Array;
  /** Label of that address, unsigned 32 bits. */
  readonly silentLabel?: number;
  /** DNSSEC proof of the name that was paid (BIP353). */
  readonly dnssecProof?: Uint8Array;
  /** Proprietary and unknown ones. */
  readonly unknown: readonly RawField[];
}
