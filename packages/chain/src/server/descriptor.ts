import { concatBytes, type CryptoEngine, decodeAddress, decodeWif, parseHex, toHex } from '@bitcoin-enterprise/core';
import { assemble, taprootOutput } from '@bitcoin-enterprise/script';
import { descriptorChecksum } from './descriptor-checksum.ts';
import { RpcCode, RpcError } from './rpc-error.ts';

/** A descriptor of fixed keys: what it pays to, and the text that names it. */
export interface ParsedDescriptor {
  /** Without checksum and without secrets. */
  readonly text: string;
  /** One script; four for `combo`. */
  readonly scripts: readonly Uint8Array[];
  readonly isSolvable: boolean;
  readonly hasPrivateKeys: boolean;
  readonly checksum: string;
}

/**
 * Reads a descriptor of the kinds that need no derivation: `raw`, `addr`, `pk`, `pkh`, `wpkh`, `sh`, `wsh`, `tr`,
 * `rawtr`, `multi`, `sortedmulti`, `combo`, over keys in hex or WIF.
 *
 * @throws {@link RpcError} in Core's words.
 */
export function parseDescriptor(
  descriptor: string,
  crypto: CryptoEngine,
  options: { readonly requireChecksum?: boolean } = {},
): ParsedDescriptor {
  const [body = '', given, ...more] = descriptor.split('#');
  const checksum = descriptorChecksum(body);
  if (more.length > 0) throw invalid("Multiple '#' symbols");
  if (given === undefined && options.requireChecksum === true) throw invalid('Missing checksum');
  if (checksum === undefined) throw invalid('Invalid characters in payload');
  if (given !== undefined && given.length !== 8)
    throw invalid(`Expected 8 character checksum, not ${given.length} characters`);
  if (given !== undefined && given !== checksum)
    throw invalid(`Provided checksum '${given}' does not match computed checksum '${checksum}'`);
  const reader = new DescriptorReader(crypto);
  const { text, scripts } = reader.read(body, 'top');
  return {
    text,
    scripts,
    checksum,
    isSolvable: !/^(?:raw|addr)\(/.test(body),
    hasPrivateKeys: reader.sawPrivateKey,
  };
}

type Place = 'top' | 'sh' | 'wsh';

interface Expression {
  readonly text: string;
  readonly scripts: readonly Uint8Array[];
}

class DescriptorReader {
  readonly #crypto: CryptoEngine;
  sawPrivateKey = false;

  constructor(crypto: CryptoEngine) {
    this.#crypto = crypto;
  }

  read(expression: string, place: Place): Expression {
    const match = /^(\w+)\((.*)\)$/s.exec(expression);
    const [, name = '', inner = ''] = match ?? [];
    if (match === null) throw invalid(`'${firstPart(expression)}' is not a valid descriptor function`);
    const crypto = this.#crypto;
    const one = (text: string, script: Uint8Array): Expression => ({ text, scripts: [script] });
    switch (name) {
      case 'raw':
        if (!/^(?:[0-9a-fA-F]{2})+$/.test(inner)) throw invalid('Raw script is not hex');
        return one(`raw(${inner})`, parseHex(inner.toLowerCase()));
      case 'addr':
        return one(`addr(${inner})`, addressScript(inner));
      case 'pk': {
        const key = this.#key(inner, place, 'pk(): ');
        return one(`pk(${toHex(key)})`, assemble([key, 'OP_CHECKSIG']));
      }
      case 'pkh': {
        const key = this.#key(inner, place, 'pkh(): ');
        return one(`pkh(${toHex(key)})`, keyHashScript(crypto.hash160(key)));
      }
      case 'wpkh': {
        const key = this.#key(inner, 'wsh', 'wpkh(): ');
        if (place === 'wsh') throw invalid('Can only have wpkh() at top level or inside sh()');
        return one(`wpkh(${toHex(key)})`, assemble(['OP_0', crypto.hash160(key)]));
      }
      case 'sh': {
        if (place !== 'top') throw invalid('Can only have sh() at top level');
        const { text, scripts } = this.read(inner, 'sh');
        return one(`sh(${text})`, assemble(['OP_HASH160', crypto.hash160(scripts[0] as Uint8Array), 'OP_EQUAL']));
      }
      case 'wsh': {
        if (place === 'wsh') throw invalid('Can only have wsh() at top level or inside sh()');
        const { text, scripts } = this.read(inner, 'wsh');
        return one(`wsh(${text})`, assemble(['OP_0', crypto.sha256(scripts[0] as Uint8Array)]));
      }
      case 'multi':
      case 'sortedmulti':
        return this.#multi(name, inner, place);
      case 'combo':
        return this.#combo(inner);
      case 'rawtr':
      case 'tr':
        return this.#taproot(name, inner);
      default:
        throw invalid(`'${name}' is not a valid descriptor function`);
    }
  }

  #multi(name: string, inner: string, place: Place): Expression {
    const [threshold = '', ...texts] = inner.split(',');
    const keys = texts.map((text) => this.#key(text, place, 'Multi: '));
    const required = Number(threshold);
    if (!/^\d+$/.test(threshold)) throw invalid(`Multi threshold '${threshold}' is not valid`);
    if (required < 1 || required > keys.length)
      throw invalid(
        `Multisig threshold cannot be larger than the number of keys; threshold is ${threshold} but only ${keys.length} keys specified`,
      );
    const ordered = name === 'multi' ? keys : keys.toSorted((a, b) => (toHex(a) < toHex(b) ? -1 : 1));
    return {
      text: `${name}(${required},${keys.map(toHex).join(',')})`,
      scripts: [assemble([required, ...ordered, keys.length, 'OP_CHECKMULTISIG'])],
    };
  }

  #combo(inner: string): Expression {
    const key = this.#key(inner, 'top', 'combo(): ');
    const hash = this.#crypto.hash160(key);
    const scripts = [assemble([key, 'OP_CHECKSIG']), keyHashScript(hash)];
    if (key.length === 33) {
      const program = assemble(['OP_0', hash]);
      scripts.push(program, assemble(['OP_HASH160', this.#crypto.hash160(program), 'OP_EQUAL']));
    }
    return { text: `combo(${toHex(key)})`, scripts };
  }

  #taproot(name: string, inner: string): Expression {
    if (inner.includes(',')) throw invalid('script trees are not supported here');
    const hex = /^[0-9a-fA-F]{64}$/.test(inner)
      ? parseHex(inner.toLowerCase())
      : this.#key(inner, 'wsh', `${name}(): `).subarray(1);
    if (!this.#crypto.isXOnlyPublicKey(hex)) throw invalid(`Pubkey '${inner}' is invalid`);
    const script = name === 'rawtr' ? undefined : taprootOutput({ internalKey: hex, crypto: this.#crypto });
    return {
      text: `${name}(${toHex(hex)})`,
      scripts: [script?.scriptPubKey ?? concatBytes(Uint8Array.of(0x51, 0x20), hex)],
    };
  }

  /** A key in hex or WIF, with or without an origin; witness scripts take compressed ones only. */
  #key(text: string, place: Place, label: string): Uint8Array {
    const bare = text.replace(/^\[[^\]]*\]/, '');
    if (bare === '') throw invalid(`${label}No key provided`);
    const key = /^(?:[0-9a-fA-F]{2})+$/.test(bare) ? parseHex(bare.toLowerCase()) : this.#fromWif(bare, label);
    if (!this.#crypto.isPublicKey(key)) throw invalid(`${label}Pubkey '${bare}' is invalid`);
    if (place === 'wsh' && key.length !== 33) throw invalid(`${label}Uncompressed keys are not allowed`);
    return key;
  }

  /** What might be a secret does not come back. */
  #fromWif(text: string, label: string): Uint8Array {
    try {
      const { secretKey, compressed } = decodeWif(text);
      this.sawPrivateKey = true;
      return this.#crypto.publicKey(secretKey, { compressed }) as Uint8Array;
    } catch {
      throw invalid(`${label}key '${text.length > 40 ? 'given' : text}' is not valid`);
    }
  }
}

/** What Core takes for an expression: up to the first comma or closing bracket outside of brackets. */
function firstPart(text: string): string {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (char === '(' || char === '{') depth++;
    else if (depth > 0 && (char === ')' || char === '}')) depth--;
    else if (depth === 0 && (char === ')' || char === '}' || char === ',')) return text.slice(0, i);
  }
  return text;
}

function keyHashScript(hash: Uint8Array): Uint8Array {
  return assemble(['OP_DUP', 'OP_HASH160', hash, 'OP_EQUALVERIFY', 'OP_CHECKSIG']);
}

function addressScript(text: string): Uint8Array {
  try {
    return decodeAddress(text, 'regtest').scriptPubKey;
  } catch {
    throw invalid('Address is not valid');
  }
}

function invalid(message: string): RpcError {
  return new RpcError(RpcCode.NOT_FOUND, message);
}
