import { decodeBase58Check, encodeBase58Check } from '../codecs/base58.ts';
import { decodeBech32, encodeBech32, fromWords, toWords } from '../codecs/bech32.ts';
import { concatBytes } from '../codecs/bytes.ts';
import { assertBytes, CoreError, type CoreErrors, hasCode, invalidArgument } from '../errors.ts';
import { networkNamed, type NetworkName, NETWORKS, networksWhere } from './networks.ts';

/** What an address pays to; `witness-unknown` is a witness version or length that has no rules yet. */
export type AddressType = 'p2pkh' | 'p2sh' | 'p2wpkh' | 'p2wsh' | 'p2tr' | 'p2a' | 'witness-unknown';

/** An address taken apart. */
export interface DecodedAddress {
  readonly type: AddressType;
  readonly scriptPubKey: Uint8Array;
  /** The networks that write this address so. */
  readonly networks: readonly NetworkName[];
}

const OP_DUP_HASH160_PUSH20 = Uint8Array.of(0x76, 0xa9, 0x14);
const OP_EQUALVERIFY_CHECKSIG = Uint8Array.of(0x88, 0xac);
const OP_HASH160_PUSH20 = Uint8Array.of(0xa9, 0x14);
const OP_EQUAL = Uint8Array.of(0x87);

/**
 * Writes a scriptPubKey as an address.
 *
 * @param scriptPubKey - Pay to key hash, script hash, or any witness program.
 * @param network - Where the address is for.
 * @throws {@link CoreError} `CORE_ADDRESS_NO_FORM` for a script of any other shape.
 *
 * @example Pay to anchor
 * ```ts
 * import { encodeAddress, parseHex } from '@bitcoin-enterprise/core';
 *
 * encodeAddress(parseHex('51024e73'), 'regtest'); // => 'bcrt1pfeesnyr2tx'
 * ```
 */
export function encodeAddress(scriptPubKey: Uint8Array, network: NetworkName): string {
  assertBytes('scriptPubKey', scriptPubKey);
  const { publicKeyHashPrefix, scriptHashPrefix, bech32Prefix } = networkNamed(network);
  if (opens(scriptPubKey, 25, OP_DUP_HASH160_PUSH20) && ends(scriptPubKey, OP_EQUALVERIFY_CHECKSIG))
    return encodeBase58Check(concatBytes(Uint8Array.of(publicKeyHashPrefix), scriptPubKey.subarray(3, 23)));
  if (opens(scriptPubKey, 23, OP_HASH160_PUSH20) && ends(scriptPubKey, OP_EQUAL))
    return encodeBase58Check(concatBytes(Uint8Array.of(scriptHashPrefix), scriptPubKey.subarray(2, 22)));

  const version = witnessVersion(scriptPubKey);
  if (version === undefined || typeOf(version, scriptPubKey.subarray(2)) === undefined)
    throw new CoreError(
      'CORE_ADDRESS_NO_FORM',
      `expected a key hash, script hash or witness program, got another script of ${scriptPubKey.length} bytes`,
      { details: { scriptLength: scriptPubKey.length } },
    );
  return encodeBech32({
    prefix: bech32Prefix,
    words: concatBytes(Uint8Array.of(version), toWords(scriptPubKey.subarray(2))),
    variant: version === 0 ? 'bech32' : 'bech32m',
  });
}

/**
 * Reads an address.
 *
 * @param text - Base58 (P2PKH, P2SH), Bech32 (witness version 0) or Bech32m (later versions).
 * @param network - Where it has to belong; any network when absent.
 * @throws {@link CoreError} `CORE_ADDRESS_INVALID` for a text that is no address, `CORE_ADDRESS_WRONG_NETWORK`.
 *
 * @example
 * ```ts
 * import { decodeAddress } from '@bitcoin-enterprise/core';
 *
 * decodeAddress('bcrt1pfeesnyr2tx', 'regtest').type; // => 'p2a'
 * ```
 */
export function decodeAddress(text: string, network?: NetworkName): DecodedAddress {
  if (typeof text !== 'string') throw invalidArgument('text', 'a string', text);
  const expected = network === undefined ? undefined : networkNamed(network);
  if (text.length === 0) throw invalid('empty');
  // The longest address has 90 characters; nothing longer is worth converting.
  if (text.length > 90) throw invalid('length');
  const decoded = looksLikeBech32(text) ? decodeSegwit(text) : decodeBase58Address(text);
  if (expected !== undefined && !decoded.networks.includes(expected.name))
    throw new CoreError(
      'CORE_ADDRESS_WRONG_NETWORK',
      `expected an address of ${expected.name}, got one of ${decoded.networks.join(', ')}`,
      { details: { expected: expected.name, possible: decoded.networks } },
    );
  return decoded;
}

/** A text is taken for a segwit address by its prefix, as Core does, so that the error is about the right format. */
function looksLikeBech32(text: string): boolean {
  const prefix = text.slice(0, text.lastIndexOf('1')).toLowerCase();
  return Object.values(NETWORKS).some((network) => network.bech32Prefix === prefix);
}

function decodeSegwit(text: string): DecodedAddress {
  const { prefix, words, variant } = attempt(() => decodeBech32(text));
  const version = words[0];
  if (version === undefined || version > 16) throw invalid('witness-version');
  const program = attempt(() => fromWords(words.subarray(1)));
  // BIP350: version 0 keeps Bech32, every later one takes Bech32m.
  if ((version === 0) !== (variant === 'bech32')) throw invalid('checksum-variant');
  const type = typeOf(version, program);
  if (type === undefined) throw invalid('witness-program');
  const opcode = version === 0 ? 0 : 0x50 + version;
  return {
    type,
    scriptPubKey: concatBytes(Uint8Array.of(opcode, program.length), program),
    networks: networksWhere((candidate) => candidate.bech32Prefix === prefix),
  };
}

function decodeBase58Address(text: string): DecodedAddress {
  const payload = attempt(() => decodeBase58Check(text));
  if (payload.length !== 21) throw invalid('length');
  const hash = payload.subarray(1);
  const keyNetworks = networksWhere((candidate) => candidate.publicKeyHashPrefix === payload[0]);
  if (keyNetworks.length > 0)
    return {
      type: 'p2pkh',
      scriptPubKey: concatBytes(OP_DUP_HASH160_PUSH20, hash, OP_EQUALVERIFY_CHECKSIG),
      networks: keyNetworks,
    };
  const scriptNetworks = networksWhere((candidate) => candidate.scriptHashPrefix === payload[0]);
  if (scriptNetworks.length === 0) throw invalid('network');
  return { type: 'p2sh', scriptPubKey: concatBytes(OP_HASH160_PUSH20, hash, OP_EQUAL), networks: scriptNetworks };
}

function typeOf(version: number, program: Uint8Array): AddressType | undefined {
  if (program.length < 2 || program.length > 40) return undefined;
  if (version === 0) return program.length === 20 ? 'p2wpkh' : program.length === 32 ? 'p2wsh' : undefined;
  if (version === 1 && program.length === 32) return 'p2tr';
  if (version === 1 && program.length === 2 && program[0] === 0x4e && program[1] === 0x73) return 'p2a';
  return 'witness-unknown';
}

function witnessVersion(script: Uint8Array): number | undefined {
  const opcode = script[0];
  if (opcode === undefined || script[1] !== script.length - 2) return undefined;
  if (opcode === 0) return 0;
  return opcode >= 0x51 && opcode <= 0x60 ? opcode - 0x50 : undefined;
}

function opens(script: Uint8Array, length: number, start: Uint8Array): boolean {
  return script.length === length && start.every((byte, i) => script[i] === byte);
}

function ends(script: Uint8Array, end: Uint8Array): boolean {
  return end.every((byte, i) => script[script.length - end.length + i] === byte);
}

function attempt<Result>(decode: () => Result): Result {
  try {
    return decode();
  } catch (cause) {
    if (hasCode(cause, 'CORE_BASE58_INVALID', 'CORE_BECH32_INVALID')) throw invalid('format', cause);
    throw cause;
  }
}

function invalid(
  reason: CoreErrors['CORE_ADDRESS_INVALID']['reason'],
  cause?: unknown,
): CoreError<'CORE_ADDRESS_INVALID'> {
  return new CoreError('CORE_ADDRESS_INVALID', `expected a Bitcoin address, got a problem of ${reason}`, {
    details: { reason },
    cause,
  });
}
