export { type AddressType, decodeAddress, type DecodedAddress, encodeAddress } from './addresses/address.ts';
export { type Network, type NetworkName, NETWORKS } from './addresses/networks.ts';
export { decodeWif, encodeWif, type WalletKey } from './addresses/wif.ts';
export { decodeBase58, decodeBase58Check, encodeBase58, encodeBase58Check } from './codecs/base58.ts';
export {
  type Bech32,
  type Bech32Options,
  type Bech32Variant,
  decodeBech32,
  encodeBech32,
  fromWords,
  toWords,
} from './codecs/bech32.ts';
export { compareBytes, concatBytes, equalBytes, reverseBytes } from './codecs/bytes.ts';
export {
  type CompactSize,
  compactSizeLength,
  encodeCompactSize,
  MAX_COMPACT_SIZE,
  readCompactSize,
  writeCompactSize,
} from './codecs/compact-size.ts';
export { displayHash, parseDisplayHash, parseHex, toHex } from './codecs/hex.ts';
export { isBytes } from './codecs/is-bytes.ts';
export { jsCrypto } from './crypto/js.ts';
export { currentCrypto, installCrypto, loadCrypto, type LoadCryptoOptions, type LoadedCrypto } from './crypto/load.ts';
export { wasmCrypto, type WasmCryptoOptions } from './crypto/wasm.ts';
export * from './errors.ts';
export type { Clock } from './ports/clock.ts';
export type * from './ports/compliance-gate.ts';
export type * from './ports/crypto.ts';
export type { Entropy } from './ports/entropy.ts';
export type { LogFields, Logger, LogLevel } from './ports/logger.ts';
export { systemClock } from './system/clock.ts';
export { webEntropy } from './system/entropy.ts';
export { silentLogger } from './system/logger.ts';
export {
  floorToSatoshis,
  formatBitcoin,
  formatSatoshis,
  MAX_SATOSHIS,
  milliSatoshis,
  type MilliSatoshis,
  parseBitcoin,
  parseSatoshis,
  type Satoshis,
  satoshis,
  SATOSHIS_PER_BITCOIN,
  subtractSatoshis,
  sumSatoshis,
  toMilliSatoshis,
} from './units/amounts.ts';
export type { unit } from './units/brand.ts';
export {
  feeFor,
  feeRate,
  type FeeRate,
  rateOf,
  virtualBytes,
  type VirtualBytes,
  virtualSize,
  weightUnits,
  type WeightUnits,
} from './units/fees.ts';
export {
  blockHeight,
  type BlockHeight,
  unixMilliseconds,
  type UnixMilliseconds,
  unixSeconds,
  type UnixSeconds,
} from './units/times.ts';
