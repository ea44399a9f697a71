/** Types of the global map (BIP174, 370, 375, 322). */
export const GlobalType = {
  unsignedTransaction: 0x00,
  extendedKey: 0x01,
  transactionVersion: 0x02,
  fallbackLockTime: 0x03,
  inputCount: 0x04,
  outputCount: 0x05,
  modifiable: 0x06,
  silentShare: 0x07,
  silentProof: 0x08,
  signedMessage: 0x09,
  version: 0xfb,
} as const;

/** Types of an input's map (BIP174, 370, 371, 373, 375, 376). */
export const InputType = {
  nonWitnessUtxo: 0x00,
  witnessUtxo: 0x01,
  partialSignature: 0x02,
  sighashType: 0x03,
  redeemScript: 0x04,
  witnessScript: 0x05,
  derivation: 0x06,
  finalScriptSig: 0x07,
  finalScriptWitness: 0x08,
  reservesCommitment: 0x09,
  ripemd160: 0x0a,
  sha256: 0x0b,
  hash160: 0x0c,
  hash256: 0x0d,
  previousTxid: 0x0e,
  previousIndex: 0x0f,
  sequence: 0x10,
  requiredTimeLockTime: 0x11,
  requiredHeightLockTime: 0x12,
  tapKeySignature: 0x13,
  tapScriptSignature: 0x14,
  tapLeafScript: 0x15,
  tapDerivation: 0x16,
  tapInternalKey: 0x17,
  tapMerkleRoot: 0x18,
  musigParticipants: 0x1a,
  musigPublicNonce: 0x1b,
  musigPartialSignature: 0x1c,
  silentShare: 0x1d,
  silentProof: 0x1e,
  silentSpendDerivation: 0x1f,
  silentTweak: 0x20,
} as const;

/** Types of an output's map (BIP174, 370, 371, 373, 375, 353). */
export const OutputType = {
  redeemScript: 0x00,
  witnessScript: 0x01,
  derivation: 0x02,
  amount: 0x03,
  script: 0x04,
  tapInternalKey: 0x05,
  tapTree: 0x06,
  tapDerivation: 0x07,
  musigParticipants: 0x08,
  silentAddress: 0x09,
  silentLabel: 0x0a,
  dnssecProof: 0x35,
} as const;

/** `psbt` and 0xff. */
export const MAGIC: Uint8Array = Uint8Array.of(0x70, 0x73, 0x62, 0x74, 0xff);

/** From here on a lock time is a time (BIP65). */
export const LOCK_TIME_THRESHOLD = 500_000_000;
