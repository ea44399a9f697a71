import {
  decodeAddress,
  decodeBase58Check,
  decodeWif,
  equalBytes,
  hasCode,
  parseHex,
  toHex,
} from '@bitcoin-enterprise/core';
import { assemble, outputTypeOf, witnessProgramOf } from '@bitcoin-enterprise/script';
import { invalidParameter, readInt, typeError } from '../arguments.ts';
import { withChecksum } from '../descriptor-checksum.ts';
import { parseDescriptor } from '../descriptor.ts';
import { amountJson } from '../json.ts';
import { recoverSigner, signMessage } from '../message-signature.ts';
import { method, type RpcCategory } from '../method.ts';
import type { RegtestNode } from '../node.ts';
import { RpcCode, RpcError } from '../rpc-error.ts';
import { addressOf } from '../script-json.ts';

/** What a character of Base58 holds. */
const BYTES_PER_BASE58 = Math.log(58) / Math.log(256);

/** The methods under `== Util ==`. */
export const utilityMethods: RpcCategory<RegtestNode> = {
  title: 'Util',
  methods: [
    method('validateaddress', 'address:str', (_, [address]) => validated(address as string)),
    method('createmultisig', 'nrequired:num keys:arr address_type:str?', (node, [required, keys, type]) =>
      createMultisig(node, {
        required: readInt(required),
        keys: keys as readonly unknown[],
        type: (type as string | undefined) ?? 'legacy',
      }),
    ),
    method('getdescriptorinfo', 'descriptor:str', (node, [text]) => {
      const parsed = parseDescriptor(text as string, node.tools.crypto);
      return {
        descriptor: withChecksum(parsed.text),
        checksum: parsed.checksum,
        isrange: false,
        issolvable: parsed.isSolvable,
        hasprivatekeys: parsed.hasPrivateKeys,
      };
    }),
    method('deriveaddresses', 'descriptor:str range:any?', (node, [text, range]) => {
      if (range !== undefined) checkRange(range);
      const { scripts } = parseDescriptor(text as string, node.tools.crypto, { requireChecksum: true });
      if (range !== undefined) throw invalidParameter('Range should not be specified for an un-ranged descriptor');
      return scripts.flatMap((script) => {
        const address = addressOf(script);
        if (address === undefined && scripts.length === 1)
          throw new RpcError(RpcCode.NOT_FOUND, 'Descriptor does not have a corresponding address');
        return address ?? [];
      });
    }),
    method('estimatesmartfee', 'conf_target:num estimate_mode:str?', (node, [target, mode]) => {
      const blocks = readInt(target);
      if (blocks < 1 || blocks > 1_008) throw invalidParameter('Invalid conf_target, must be between 1 and 1008');
      if (mode !== undefined && !/^(?:unset|economical|conservative)$/i.test(String(mode)))
        throw invalidParameter(
          'Invalid estimate_mode parameter, must be one of: "unset", "economical", "conservative"',
        );
      const rate = node.estimate(blocks);
      return rate === undefined
        ? { errors: ['Insufficient data or no feerate found'], blocks: 0 }
        : { feerate: amountJson(rate), blocks };
    }),
    method('signmessagewithprivkey', 'privkey:str message:str', (node, [wif, message]) => {
      const key = readKey(wif as string);
      const signature = signMessage(message as string, key.secretKey, {
        compressed: key.compressed,
        crypto: node.tools.crypto,
      });
      if (signature === undefined) throw new RpcError(RpcCode.NOT_FOUND, 'Sign failed');
      return signature;
    }),
    method('verifymessage', 'address:str signature:str message:str', (node, [address, signature, message]) => {
      const { crypto } = node.tools;
      const { type, scriptPubKey } = addressOrThrow(address as string);
      if (type !== 'p2pkh') throw new RpcError(RpcCode.TYPE, 'Address does not refer to key');
      if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(signature as string))
        throw new RpcError(RpcCode.TYPE, 'Malformed base64 encoding');
      const bytes = new Uint8Array(Buffer.from(signature as string, 'base64'));
      const key = recoverSigner(message as string, bytes, crypto);
      return key !== undefined && equalBytes(crypto.hash160(key), scriptPubKey.subarray(3, 23));
    }),
    method('getindexinfo', 'index_name:str?', (node, [name = '']) =>
      node.hasTxIndex && (name === '' || name === 'txindex')
        ? { txindex: { synced: true, best_block_height: node.tip.height } }
        : {},
    ),
  ],
};

/** Refuses what is no range of a descriptor: its end, or begin and end. */
function checkRange(value: unknown): void {
  const isPair = Array.isArray(value) && value.length === 2 && value.every((item) => typeof item === 'number');
  if (typeof value !== 'number' && !isPair) throw invalidParameter('Range must be specified as end or as [begin,end]');
  const [begin, end] = (isPair ? value : [0, value]).map((item: unknown) => readInt(item, { range: 'long' })) as [
    number,
    number,
  ];
  if (isPair && begin > end) throw invalidParameter('Range specified as [begin,end] must not have begin after end');
  if (begin < 0) throw invalidParameter('Range should be greater or equal than 0');
  if (end < 0 || end > 0x7fff_ffff) throw invalidParameter('End of range is too high');
  if (end >= begin + 1_000_000) throw invalidParameter('Range is too large');
}

function addressOrThrow(address: string): ReturnType<typeof decodeAddress> {
  try {
    return decodeAddress(address, 'regtest');
  } catch {
    throw new RpcError(RpcCode.NOT_FOUND, 'Invalid address');
  }
}

/** A secret key in WIF; the text itself never comes back. */
export function readKey(wif: string): ReturnType<typeof decodeWif> {
  try {
    return decodeWif(wif);
  } catch {
    throw new RpcError(RpcCode.NOT_FOUND, 'Invalid private key');
  }
}

function validated(address: string): object {
  try {
    const { scriptPubKey } = decodeAddress(address, 'regtest');
    const witness = witnessProgramOf(scriptPubKey);
    const type = outputTypeOf(scriptPubKey);
    return {
      isvalid: true,
      address,
      scriptPubKey: toHex(scriptPubKey),
      isscript: /scripthash|taproot|anchor/.test(type),
      iswitness: witness !== undefined,
      ...(witness === undefined || type === 'anchor'
        ? {}
        : { witness_version: witness.version, witness_program: toHex(witness.program) }),
    };
  } catch (error) {
    if (!hasCode(error, 'CORE_ADDRESS_INVALID', 'CORE_ADDRESS_WRONG_NETWORK')) throw error;
    return { isvalid: false, error_locations: [], error: addressProblem(address) };
  }
}

/** What Core says of a text that is no address of regtest. */
function addressProblem(address: string): string {
  if (/^bcrt1/i.test(address)) return 'Invalid or unsupported Segwit (Bech32) or Base58 encoding.';
  // Base58 leaves out what is easily mistaken: 0, O, I and l.
  if (!/^[1-9A-HJ-NP-Za-km-z]*$/.test(address)) return 'Invalid or unsupported Segwit (Bech32) or Base58 encoding.';
  // More than a hundred bytes are not decoded at all; each leading 1 is a byte, other characters are less.
  const [ones = ''] = /^1*/.exec(address) ?? [];
  if (ones.length + Math.ceil((address.length - ones.length) * BYTES_PER_BASE58) > 100)
    return 'Invalid or unsupported Segwit (Bech32) or Base58 encoding.';
  try {
    return decodeBase58Check(address).length === 21
      ? 'Invalid or unsupported Base58-encoded address.'
      : 'Invalid length for Base58 address (P2PKH or P2SH)';
  } catch {
    return 'Invalid checksum or length of Base58 address (P2PKH or P2SH)';
  }
}

function createMultisig(
  node: RegtestNode,
  options: { readonly required: number; readonly keys: readonly unknown[]; readonly type: string },
): object {
  const { required, type } = options;
  const { crypto } = node.tools;
  const keys = options.keys.map((key) => {
    if (typeof key !== 'string') throw typeError(key, 'string');
    if (!/^(?:[0-9a-fA-F]{2})+$/.test(key))
      throw new RpcError(RpcCode.NOT_FOUND, `Pubkey "${key}" must be a hex string`);
    if (key.length !== 66 && key.length !== 130)
      throw new RpcError(RpcCode.NOT_FOUND, `Pubkey "${key}" must have a length of either 33 or 65 bytes`);
    const bytes = parseHex(key.toLowerCase());
    if (!crypto.isPublicKey(bytes))
      throw new RpcError(RpcCode.NOT_FOUND, `Pubkey "${key}" must be cryptographically valid.`);
    return bytes;
  });
  if (!['legacy', 'p2sh-segwit', 'bech32', 'bech32m'].includes(type))
    throw new RpcError(RpcCode.NOT_FOUND, `Unknown address type '${type}'`);
  if (type === 'bech32m')
    throw new RpcError(RpcCode.NOT_FOUND, 'createmultisig cannot create bech32m multisig addresses');
  if (required < 1) throw invalidParameter('a multisignature address must require at least one key to redeem');
  if (keys.length < required)
    throw invalidParameter(
      `not enough keys supplied (got ${keys.length} keys, but need at least ${required} to redeem)`,
    );
  if (keys.length > 20)
    throw invalidParameter('Number of keys involved in the multisignature address creation > 20\nReduce the number');
  const script = assemble([required, ...keys, keys.length, 'OP_CHECKMULTISIG']);
  const compressed = keys.every((key) => key.length === 33);
  if ((type === 'legacy' || !compressed) && script.length > 520)
    throw invalidParameter(`redeemScript exceeds size limit: ${script.length} > 520`);
  const kind = compressed ? type : 'legacy';
  const multi = `multi(${required},${keys.map((key) => toHex(key)).join(',')})`;
  const text = kind === 'legacy' ? `sh(${multi})` : kind === 'bech32' ? `wsh(${multi})` : `sh(wsh(${multi}))`;
  const [scriptPubKey] = parseDescriptor(text, crypto).scripts as readonly [Uint8Array];
  return {
    address: addressOf(scriptPubKey),
    redeemScript: toHex(script),
    descriptor: withChecksum(text),
    ...(kind === type
      ? {}
      : { warnings: ['Unable to make chosen address type, please ensure no uncompressed public keys are present.'] }),
  };
}
