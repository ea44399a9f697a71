import {
  currentCrypto,
  encodeAddress,
  equalBytes,
  hasCode,
  isBytes,
  type NetworkName,
  toHex,
} from '@bitcoin-enterprise/core';
import { outputTypeOf, ScriptReader, type TapTree, taprootOutput } from '@bitcoin-enterprise/script';
import { invalidArgument } from '../errors.ts';
import type { KeyExpression, KeyOrigin } from '../keys/model.ts';
import { SingleKey } from '../keys/single-key.ts';
import { decompileFragment, type ScriptKey } from '../miniscript/decompile.ts';
import { type Fragment, mapKeys, type MiniscriptContext } from '../miniscript/fragment.ts';
import { insanityOf } from '../miniscript/sanity.ts';
import { hasLetters } from '../miniscript/type.ts';
import { NO_ANNOTATIONS } from './annotations.ts';
import { Descriptor } from './descriptor.ts';
import type { DescriptorNode, TapTreeNode } from './model.ts';

/** A public key that may be in a script as its hash, and where it comes from. */
export interface KnownKey {
  /** 33 or 65 bytes; 32 for one that is x-only in a script. */
  readonly publicKey: Uint8Array;
  readonly origin?: KeyOrigin;
}

/** What is known about an output. */
export interface InferDescriptorOptions {
  /** Scripts that its hashes may be of: redeem scripts and witness scripts. */
  readonly scripts?: readonly Uint8Array[];
  /** What a Taproot output may be made of. */
  readonly taproot?: { readonly internalKey: Uint8Array; readonly tree?: TapTree };
  /** Keys that may be in it. */
  readonly keys?: readonly KnownKey[];
  /** Of an address, `main` when absent. */
  readonly network?: NetworkName;
}

type Place = 'top' | 'sh' | 'wsh';

/**
 * The descriptor of an output, as far as it can be told (Core's InferDescriptor): what is not known of it becomes
 * `addr()`, and without an address `raw()`.
 *
 * @throws DescriptorsError `DESCRIPTORS_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { inferDescriptor } from '@bitcoin-enterprise/descriptors';
 *
 * String(inferDescriptor(Uint8Array.of(0x51))); // => 'raw(51)#8lvh9jxk'
 * ```
 */
export function inferDescriptor(scriptPubKey: Uint8Array, options: InferDescriptorOptions = {}): Descriptor {
  if (!isBytes(scriptPubKey)) throw invalidArgument('scriptPubKey', 'bytes', scriptPubKey);
  requireOptions(options);
  return new Descriptor(new Inference(options).output(scriptPubKey), NO_ANNOTATIONS);
}

function requireOptions(options: InferDescriptorOptions): void {
  if (typeof options !== 'object' || options === null) throw invalidArgument('options', 'an object', options);
  const { scripts = [], keys = [], taproot } = options;
  if (!Array.isArray(scripts) || !scripts.every(isBytes))
    throw invalidArgument('options.scripts', 'a list of bytes', scripts);
  if (!Array.isArray(keys) || !keys.every((key: KnownKey | undefined) => isBytes(key?.publicKey)))
    throw invalidArgument('options.keys', 'a list of public keys', keys);
  if (taproot !== undefined && !isBytes(taproot?.internalKey))
    throw invalidArgument('options.taproot', 'an internal key and a tree', taproot);
}

class Inference {
  readonly #options: InferDescriptorOptions;
  readonly #byHash = new Map<string, KnownKey>();
  readonly #byX = new Map<string, KnownKey>();

  constructor(options: InferDescriptorOptions) {
    this.#options = options;
    const crypto = currentCrypto();
    for (const key of options.keys ?? []) {
      const { publicKey } = key;
      const x = publicKey.length === 32 ? publicKey : publicKey.subarray(1, 33);
      this.#byHash.set(toHex(crypto.hash160(publicKey)), key);
      // In tapscript the hash is that of the x coordinate.
      this.#byX.set(toHex(x), key);
      if (publicKey.length === 33) this.#byHash.set(toHex(crypto.hash160(x)), key);
    }
  }

  output(script: Uint8Array): DescriptorNode {
    const known = this.#script(script, 'top');
    if (known !== undefined) return known;
    const address = addressOf(script, this.#options.network ?? 'main');
    return address === undefined
      ? { name: 'raw', script: new Uint8Array(script) }
      : { name: 'addr', address, scriptPubKey: new Uint8Array(script) };
  }

  #script(script: Uint8Array, place: Place): DescriptorNode | undefined {
    const isLegacy = place !== 'wsh';
    switch (outputTypeOf(script)) {
      case 'pubkey': {
        const key = isLegacy ? this.#key(script.subarray(1, -1), isLegacy) : undefined;
        return key === undefined ? this.#miniscript(script, place) : { name: 'pk', key };
      }
      case 'pubkeyhash': {
        const key = isLegacy ? this.#keyOfHash(script.subarray(3, 23), isLegacy) : undefined;
        return key === undefined ? this.#miniscript(script, place) : { name: 'pkh', key };
      }
      case 'multisig':
        return isLegacy ? this.#multisig(script) : this.#miniscript(script, place);
      case 'witness_v0_keyhash': {
        const key = place === 'wsh' ? undefined : this.#keyOfHash(script.subarray(2), false);
        return key === undefined ? undefined : { name: 'wpkh', key };
      }
      case 'scripthash':
        return place === 'top' ? this.#nested('sh', script.subarray(2, 22)) : undefined;
      case 'witness_v0_scripthash':
        return place === 'wsh' ? undefined : this.#nested('wsh', script.subarray(2));
      case 'witness_v1_taproot':
        return place === 'top' ? this.#taproot(script) : undefined;
      default:
        return this.#miniscript(script, place);
    }
  }

  #nested(name: 'sh' | 'wsh', hash: Uint8Array): DescriptorNode | undefined {
    const crypto = currentCrypto();
    const hashOf = (script: Uint8Array): Uint8Array => (name === 'sh' ? crypto.hash160(script) : crypto.sha256(script));
    const script = this.#options.scripts?.find((candidate) => equalBytes(hashOf(candidate), hash));
    if (script === undefined) return undefined;
    const inner = this.#script(script, name);
    return inner === undefined ? undefined : { name, inner };
  }

  #multisig(script: Uint8Array): DescriptorNode | undefined {
    const reader = new ScriptReader(script);
    const keys: KeyExpression[] = [];
    let threshold = 0;
    for (let place = 0; reader.next(); place++) {
      if (place === 0) threshold = reader.opcode === 1 ? (reader.data()[0] as number) : reader.opcode - 0x50;
      else if (reader.dataSize === 33 || reader.dataSize === 65) {
        const key = this.#key(new Uint8Array(reader.data()), true);
        if (key === undefined) return undefined;
        keys.push(key);
      }
    }
    return { name: 'multi', threshold, keys };
  }

  #taproot(script: Uint8Array): DescriptorNode | undefined {
    const { taproot } = this.#options;
    const outputKey = script.subarray(2);
    if (taproot !== undefined) {
      const { internalKey, tree } = taproot;
      const isIts = equalBytes(
        taprootOutput(tree === undefined ? { internalKey } : { internalKey, tree }).scriptPubKey,
        script,
      );
      const key = isIts ? this.#xOnly(internalKey) : undefined;
      const node = tree === undefined ? undefined : this.#tree(tree);
      if (key !== undefined && (tree === undefined || node !== undefined))
        return { name: 'tr', internalKey: key, tree: node };
    }
    const key = this.#xOnly(outputKey);
    return key === undefined ? undefined : { name: 'rawtr', key };
  }

  /** `taprootOutput` has refused trees that are too deep. */
  #tree(tree: TapTree): TapTreeNode | undefined {
    if ('script' in tree) {
      if ((tree.leafVersion ?? 0xc0) !== 0xc0) return undefined;
      const fragment = this.#fragment(tree.script, 'tapscript');
      return fragment === undefined ? undefined : { kind: 'leaf', leaf: { name: 'miniscript', fragment } };
    }
    const left = this.#tree(tree[0]);
    const right = left === undefined ? undefined : this.#tree(tree[1]);
    return left === undefined || right === undefined ? undefined : { kind: 'branch', left, right };
  }

  #miniscript(script: Uint8Array, place: Place): DescriptorNode | undefined {
    const fragment = place === 'wsh' ? this.#fragment(script, 'wsh') : undefined;
    return fragment === undefined ? undefined : { name: 'miniscript', fragment };
  }

  #fragment(script: Uint8Array, context: MiniscriptContext): Fragment<KeyExpression> | undefined {
    const found = decompiled(script, context);
    if (found === undefined || !hasLetters(found.type, 'B')) return undefined;
    let isKnown = true;
    const fragment = mapKeys(found, (key): KeyExpression | undefined => {
      const expression = this.#scriptKey(key, context);
      isKnown &&= expression !== undefined;
      return expression;
    }) as Fragment<KeyExpression>;
    if (!isKnown) return undefined;
    // A multisignature alone is no miniscript to Core: keys may repeat.
    if (fragment.name === 'multi' || fragment.name === 'multi_a') return fragment;
    const insanity = insanityOf(fragment, { context, keyName: (key) => toHex(key.derive(0).bytes) });
    return insanity === undefined ? fragment : undefined;
  }

  #scriptKey({ kind, bytes }: ScriptKey, context: MiniscriptContext): KeyExpression | undefined {
    if (kind === 'key') return context === 'tapscript' ? this.#xOnly(bytes) : this.#key(bytes, false);
    const known = this.#byHash.get(toHex(bytes));
    if (known === undefined) return undefined;
    const { publicKey } = known;
    if (context === 'wsh') return publicKey.length === 33 ? this.#key(publicKey, false) : undefined;
    return this.#xOnly(publicKey.length === 32 ? publicKey : publicKey.subarray(1, 33));
  }

  #keyOfHash(hash: Uint8Array, allowsUncompressed: boolean): KeyExpression | undefined {
    const known = this.#byHash.get(toHex(hash));
    if (known === undefined || !equalBytes(currentCrypto().hash160(known.publicKey), hash)) return undefined;
    return this.#key(known.publicKey, allowsUncompressed);
  }

  #key(publicKey: Uint8Array, allowsUncompressed: boolean): KeyExpression | undefined {
    const [first] = publicKey;
    const isCompressed = publicKey.length === 33 && (first === 2 || first === 3);
    const isUncompressed = publicKey.length === 65 && first === 4;
    if (!isCompressed && !(isUncompressed && allowsUncompressed)) return undefined;
    const crypto = currentCrypto();
    if (!crypto.isPublicKey(publicKey)) return undefined;
    const known = this.#byHash.get(toHex(crypto.hash160(publicKey)));
    return singleKey(publicKey, { isXOnly: false, origin: known?.origin });
  }

  #xOnly(x: Uint8Array): KeyExpression | undefined {
    if (!currentCrypto().isXOnlyPublicKey(x)) return undefined;
    const publicKey = new Uint8Array(33);
    publicKey[0] = 2;
    publicKey.set(x, 1);
    return singleKey(publicKey, { isXOnly: true, origin: this.#byX.get(toHex(x))?.origin });
  }
}

function singleKey(
  publicKey: Uint8Array,
  { isXOnly, origin }: { readonly isXOnly: boolean; readonly origin: KeyOrigin | undefined },
): KeyExpression {
  const key = new Uint8Array(publicKey);
  return new SingleKey({ publicKey: key, isXOnly, isWrittenXOnly: isXOnly, origin, marker: 'h', networks: undefined });
}

function decompiled(script: Uint8Array, context: MiniscriptContext): Fragment<ScriptKey> | undefined {
  try {
    return decompileFragment(script, context);
  } catch (error) {
    if (hasCode(error, 'DESCRIPTORS_SCRIPT_UNKNOWN')) return undefined;
    throw error;
  }
}

function addressOf(script: Uint8Array, network: NetworkName): string | undefined {
  try {
    return encodeAddress(script, network);
  } catch (error) {
    if (hasCode(error, 'CORE_ADDRESS_NO_FORM')) return undefined;
    throw error;
  }
}
