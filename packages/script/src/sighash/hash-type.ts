const sighashTypes = {
  /** Taproot only: as ALL, and the signature is 64 bytes. */
  DEFAULT: 0x00,
  ALL: 0x01,
  NONE: 0x02,
  SINGLE: 0x03,
  ANYONECANPAY: 0x80,
} as const;

/** Sighash types (BIP143, BIP341): what of a transaction a signature covers. */
export const SighashType: typeof sighashTypes = /* @__PURE__ */ Object.freeze(sighashTypes);

/** Which outputs a type covers. */
export const OUTPUT_MASK = 0x1f;
