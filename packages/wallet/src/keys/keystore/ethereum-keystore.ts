import { concatBytes, currentCrypto, equalBytes, toHex } from '@bitcoin-enterprise/core';
import { ctr } from '@noble/ciphers/aes.js';
import { pbkdf2Async } from '@noble/hashes/pbkdf2.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { requireObject } from '../../checks.ts';
import { evmAddress } from '../evm.ts';
import { offHeap } from '../off-heap.ts';
import { SecretBytes } from '../secret-bytes.ts';
import { keystoreInvalid, parseKeystoreJson, readFields, readHex, readNumber, readObject } from './json.ts';
import { type KdfCallOptions, keyOfPassword, passwordBytes, scryptFault, watch } from './kdf.ts';
import { keystoreLocked } from './keystore.ts';

/** A key out of a keystore of another wallet. */
export interface OpenedEthereumKey {
  /** 32 bytes; the caller wipes it. */
  readonly secretKey: SecretBytes;
  /** With its checksum (EIP-55). */
  readonly address: string;
}

/** Some wallets keep more beside the key; 64 KiB is generous. */
const MAXIMUM_TEXT = 65_536;
/** Of PBKDF2: geth and ethers write 262,144. */
const MAXIMUM_ROUNDS = 4_194_304;

interface V3 {
  readonly ciphertext: Uint8Array;
  readonly iv: Uint8Array;
  readonly mac: Uint8Array;
  readonly salt: Uint8Array;
  readonly kdf:
    | { readonly name: 'scrypt'; readonly n: number; readonly r: number; readonly p: number }
    | { readonly name: 'pbkdf2'; readonly rounds: number };
  readonly address: string | undefined;
}

/**
 * Opens an Ethereum keystore of version 3 (Web3 Secret Storage), as geth, MetaMask and ethers write it. Only read: its
 * cipher authenticates the key and nothing else; {@link sealKeystore} writes a better one.
 *
 * @param text - scrypt or PBKDF2 with SHA-256, AES-128-CTR.
 * @param options - `password`: tried in NFKC and, where that differs, as typed, for wallets do not agree.
 * @throws WalletError `WALLET_KEYSTORE_INVALID`, `WALLET_KEYSTORE_LOCKED`, `WALLET_ABORTED`, `WALLET_INVALID_ARGUMENT`.
 */
export async function openEthereumKeystore(
  text: string,
  options: KdfCallOptions & { readonly password: string | SecretBytes },
): Promise<OpenedEthereumKey> {
  const file = parse(text);
  const { password, ...call } = requireObject<KdfCallOptions & { readonly password: string | SecretBytes }>(
    'options',
    options,
  );
  const candidates = [passwordBytes('options.password', password)];
  const typed = passwordBytes('options.password', password, 'raw');
  if (!equalBytes(typed, candidates[0] as Uint8Array)) candidates.push(typed);
  try {
    for (const candidate of candidates) {
      const opened = await tryPassword(file, candidate, call);
      if (opened !== undefined) return opened;
    }
    throw keystoreLocked();
  } finally {
    for (const secret of [...candidates, typed]) secret.fill(0);
  }
}

async function tryPassword(
  file: V3,
  password: Uint8Array,
  call: KdfCallOptions,
): Promise<OpenedEthereumKey | undefined> {
  const key = await deriveKey(file, password, call);
  try {
    const mac = keccak_256(concatBytes(key.subarray(16, 32), file.ciphertext));
    if (!equalBytes(mac, file.mac)) return undefined;
    const secret = ctr(key.subarray(0, 16), file.iv).decrypt(file.ciphertext, offHeap(file.ciphertext.length));
    const publicKey = currentCrypto().publicKey(secret);
    if (publicKey === undefined) throw keystoreInvalid('a secret that is no key');
    const address = evmAddress(publicKey);
    if (file.address !== undefined && address.slice(2).toLowerCase() !== file.address)
      throw keystoreInvalid('a key of another address');
    const secretKey = new SecretBytes(secret);
    secret.fill(0);
    return { secretKey, address };
  } finally {
    key.fill(0);
  }
}

function deriveKey(file: V3, password: Uint8Array, call: KdfCallOptions): Promise<Uint8Array> {
  const { kdf, salt } = file;
  const settings = { ...call, call: 'openEthereumKeystore' };
  if (kdf.name === 'scrypt') return keyOfPassword(kdf, { ...settings, password, salt });
  return pbkdf2(password, { salt, rounds: kdf.rounds, signal: call.signal, progress: watch(settings) });
}

/** PBKDF2 has no progress that could end it: it yields, and whoever ends the call does not wait for the rest. */
async function pbkdf2(
  password: Uint8Array,
  options: {
    readonly salt: Uint8Array;
    readonly rounds: number;
    readonly signal: AbortSignal | undefined;
    readonly progress: (done: number) => void;
  },
): Promise<Uint8Array> {
  const { salt, rounds, signal, progress } = options;
  progress(0);
  const ended = new AbortController();
  const aborted = new Promise<never>((_, fail) => {
    const end = (): void => {
      try {
        progress(0);
      } catch (error) {
        fail(error);
      }
    };
    signal?.addEventListener('abort', end, { signal: ended.signal });
  });
  const key = pbkdf2Async(sha256, password, salt, { c: rounds, dkLen: 32, asyncTick: 10 });
  try {
    const made = await Promise.race([key, aborted]);
    progress(1);
    return made;
  } catch (error) {
    void key.then((late) => late.fill(0));
    throw error;
  } finally {
    ended.abort();
  }
}

function parse(text: string): V3 {
  const fields = readObject('the keystore', parseKeystoreJson(text, MAXIMUM_TEXT));
  if (!Object.hasOwn(fields, 'version') || Number(fields['version']) !== 3) throw keystoreInvalid('another version');
  // Old versions of geth wrote it with a capital.
  const name = Object.hasOwn(fields, 'crypto') ? 'crypto' : 'Crypto';
  const crypto = readFields('crypto', Object.hasOwn(fields, name) ? fields[name] : undefined, [
    'cipher',
    'cipherparams',
    'ciphertext',
    'kdf',
    'kdfparams',
    'mac',
  ]);
  if (crypto['cipher'] !== 'aes-128-ctr') throw keystoreInvalid('another cipher');
  return {
    ciphertext: readHex('crypto.ciphertext', crypto['ciphertext'], 32),
    iv: readHex('crypto.cipherparams.iv', readFields('crypto.cipherparams', crypto['cipherparams'], ['iv'])['iv'], 16),
    mac: readHex('crypto.mac', crypto['mac'], 32),
    ...readKdf(crypto['kdf'], crypto['kdfparams']),
    address: Object.hasOwn(fields, 'address') ? readAddress(fields['address']) : undefined,
  };
}

function readKdf(kdf: unknown, parameters: unknown): Pick<V3, 'salt' | 'kdf'> {
  const path = 'crypto.kdfparams';
  if (kdf === 'scrypt') {
    const { n, r, p, salt, dklen } = readFields(path, parameters, ['n', 'r', 'p', 'salt', 'dklen']);
    readNumber(`${path}.dklen`, dklen, 32, 32);
    const fault = scryptFault({ n, r, p, leastN: 2 });
    if (fault !== undefined) throw keystoreInvalid(`${path}.${fault} beyond its bounds`);
    const read = { name: 'scrypt', n: n as number, r: r as number, p: p as number } as const;
    return { salt: readHex(`${path}.salt`, salt, 0, 128), kdf: read };
  }
  if (kdf !== 'pbkdf2') throw keystoreInvalid('another kdf');
  const { c, prf, salt, dklen } = readFields(path, parameters, ['c', 'prf', 'salt', 'dklen']);
  readNumber(`${path}.dklen`, dklen, 32, 32);
  if (prf !== 'hmac-sha256') throw keystoreInvalid('another prf');
  const rounds = readNumber(`${path}.c`, c, 1, MAXIMUM_ROUNDS);
  return { salt: readHex(`${path}.salt`, salt, 0, 128), kdf: { name: 'pbkdf2', rounds } };
}

function readAddress(value: unknown): string {
  return toHex(readHex('address', typeof value === 'string' ? value.replace(/^0x/i, '') : value, 20));
}
