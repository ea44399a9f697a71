const standard = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const PAD = 61;

const values: Int16Array = /* @__PURE__ */ (() => {
  const table = new Int16Array(128).fill(-1);
  for (let i = 0; i < 64; i++) table[standard.charCodeAt(i)] = i;
  return table;
})();

/** Standard Base64 with padding (RFC 4648 §4). */
export function encodeBase64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const left = bytes.length - at;
    const group = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    text += standard.charAt(group >> 18) + standard.charAt((group >> 12) & 63);
    text += left > 1 ? standard.charAt((group >> 6) & 63) : '=';
    text += left > 2 ? standard.charAt(group & 63) : '=';
  }
  return text;
}

/**
 * Reads Base64 of the standard alphabet, or of the URL alphabet where the specification wants both (DSSE).
 *
 * Padding is required and the bits beyond the last byte must be zero, so that no two texts give the same bytes within
 * one alphabet; a text that mixes both is refused.
 *
 * @returns The bytes, or `undefined` for anything else.
 */
export function decodeBase64(text: string, alphabet: 'standard' | 'either' = 'standard'): Uint8Array | undefined {
  const plain = alphabet === 'either' ? toStandard(text) : text;
  if (plain === undefined || plain.length % 4 !== 0) return undefined;
  const padding = plain.endsWith('==') ? 2 : plain.endsWith('=') ? 1 : 0;
  const length = (plain.length / 4) * 3 - padding;
  const bytes = new Uint8Array(length);
  let out = 0;
  for (let at = 0; at < plain.length; at += 4) {
    const isLast = at + 4 === plain.length;
    let group = 0;
    for (let i = 0; i < 4; i++) {
      const code = plain.charCodeAt(at + i);
      const isPadding = isLast && i >= 4 - padding;
      const value = isPadding ? (code === PAD ? 0 : -1) : (values[code] ?? -1);
      if (value < 0) return undefined;
      group = (group << 6) | value;
    }
    if (isLast && (group & ((1 << (8 * padding)) - 1)) !== 0) return undefined;
    for (let shift = 16; shift >= 0 && out < length; shift -= 8) bytes[out++] = (group >> shift) & 0xff;
  }
  return bytes;
}

function toStandard(text: string): string | undefined {
  if (!/[-_]/.test(text)) return text;
  if (/[+/]/.test(text)) return undefined;
  return text.replaceAll('-', '+').replaceAll('_', '/');
}
