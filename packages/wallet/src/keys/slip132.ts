import { decodeBase58Check, encodeBase58Check, hasCode } from '@bitcoin-enterprise/core';
import { decodeExtendedKey, type ExtendedKey, type ExtendedKeyNetwork } from '@bitcoin-enterprise/descriptors';
import { requireText } from '../checks.ts';
import { extendedKeyInvalid } from './master-key.ts';

/** For which scripts a version of SLIP-132 says that a key is: of one signature, or as one of several. */
export type Slip132Script = 'sh-wpkh' | 'wpkh' | 'sh-wsh' | 'wsh';

/** An extended key as it was written. */
export interface ReadExtendedKey {
  readonly key: ExtendedKey;
  /** What its version says; `undefined` for `xpub` and `tpub`, which say nothing (legacy ones, or descriptors). */
  readonly script: Slip132Script | undefined;
  /** The four characters it began with: `zpub`. */
  readonly prefix: string;
}

interface Version {
  readonly prefix: string;
  readonly network: ExtendedKeyNetwork;
  readonly script: Slip132Script | undefined;
  readonly isPrivate: boolean;
}

/** BIP32: what the same key is written with for descriptors. */
const BIP32_VERSIONS: Readonly<Record<ExtendedKeyNetwork, { readonly public: number; readonly private: number }>> = {
  main: { public: 0x0488_b21e, private: 0x0488_ade4 },
  test: { public: 0x0435_87cf, private: 0x0435_8394 },
};

/** SLIP-132, "Registered HD version bytes": Bitcoin and its test networks. */
const ROWS: readonly (readonly [ExtendedKeyNetwork, Slip132Script | undefined, string, number, string, number])[] = [
  ['main', undefined, 'xpub', 0x0488_b21e, 'xprv', 0x0488_ade4],
  ['main', 'sh-wpkh', 'ypub', 0x049d_7cb2, 'yprv', 0x049d_7878],
  ['main', 'wpkh', 'zpub', 0x04b2_4746, 'zprv', 0x04b2_430c],
  ['main', 'sh-wsh', 'Ypub', 0x0295_b43f, 'Yprv', 0x0295_b005],
  ['main', 'wsh', 'Zpub', 0x02aa_7ed3, 'Zprv', 0x02aa_7a99],
  ['test', undefined, 'tpub', 0x0435_87cf, 'tprv', 0x0435_8394],
  ['test', 'sh-wpkh', 'upub', 0x044a_5262, 'uprv', 0x044a_4e28],
  ['test', 'wpkh', 'vpub', 0x045f_1cf6, 'vprv', 0x045f_18bc],
  ['test', 'sh-wsh', 'Upub', 0x0242_89ef, 'Uprv', 0x0242_85b5],
  ['test', 'wsh', 'Vpub', 0x0257_5483, 'Vprv', 0x0257_5048],
];

const VERSIONS: ReadonlyMap<number, Version> = /* @__PURE__ */ new Map(
  /* @__PURE__ */ ROWS.flatMap(([network, script, pub, publicVersion, prv, privateVersion]): [number, Version][] => [
    [publicVersion, { prefix: pub, network, script, isPrivate: false }],
    [privateVersion, { prefix: prv, network, script, isPrivate: true }],
  ]),
);

/**
 * Reads an extended key of BIP32 or SLIP-132. Only read: descriptors say the script, so that `xpub` is what this
 * library writes.
 *
 * @param text - `xpub`, `ypub`, `zpub`, `Ypub`, `Zpub`, `tpub`, `upub`, `vpub`, `Upub`, `Vpub`, or their private forms.
 * @throws WalletError `WALLET_EXTENDED_KEY_INVALID`; the text is never repeated. `WALLET_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { readExtendedKey } from '@bitcoin-enterprise/wallet/keys';
 *
 * const zpub =
 *   'zpub6rFR7y4Q2AijBEqTUquhVz398htDFrtymD9xYYfG1m4wAcvPhXNfE3EfH1r1ADqtfSdVCToUG868RvUUkgDKf31mGDtKsAYz2oz2AGutZYs';
 * readExtendedKey(zpub).script; // => 'wpkh'
 * String(readExtendedKey(zpub).key).slice(0, 4); // => 'xpub'
 * ```
 */
export function readExtendedKey(text: string): ReadExtendedKey {
  const given = requireText('text', text);
  // 78 bytes with their checksum are 111 characters, 112 at the most.
  if (given.length < 100 || given.length > 115) throw extendedKeyInvalid('a text of another length');
  const bytes = payloadOf(given);
  if (bytes?.length !== 78) throw extendedKeyInvalid('a text whose checksum does not fit');
  const view = new DataView(bytes.buffer, bytes.byteOffset, 78);
  const version = VERSIONS.get(view.getUint32(0));
  if (version === undefined) throw extendedKeyInvalid('an unknown version');
  const { network, script, prefix, isPrivate } = version;
  view.setUint32(0, BIP32_VERSIONS[network][isPrivate ? 'private' : 'public']);
  const key = decodeExtendedKey(encodeBase58Check(bytes));
  bytes.fill(0);
  if (key === undefined) throw extendedKeyInvalid(`no key behind ${prefix}`);
  return { key, script, prefix };
}

function payloadOf(text: string): Uint8Array | undefined {
  try {
    return decodeBase58Check(text);
  } catch (error) {
    // The lower error is left out: its position would tell about a secret.
    if (hasCode(error, 'CORE_BASE58_INVALID')) return undefined;
    throw error;
  }
}
