const SEQUENCE = 0x30;
const INTEGER = 0x02;

/** The DER form of an ECDSA signature over a curve of 256 bits, from 64 bytes `r || s`. */
export function encodeDerSignature(raw: Uint8Array): Uint8Array {
  const r = derInteger(raw.subarray(0, 32));
  const s = derInteger(raw.subarray(32, 64));
  return Uint8Array.of(SEQUENCE, r.length + s.length, ...r, ...s);
}

/** The 64 bytes `r || s` of a DER signature; `undefined` when it is not in the one form that DER allows. */
export function decodeDerSignature(der: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  if (der.length < 8 || der.length > 72 || der[0] !== SEQUENCE || der[1] !== der.length - 2) return undefined;
  const raw = new Uint8Array(64);
  let at = 2;
  for (const end of [32, 64]) {
    const length = der[at + 1];
    if (der[at] !== INTEGER || length === undefined || length < 1 || at + 2 + length > der.length) return undefined;
    const digits = der.subarray(at + 2, at + 2 + length);
    const [first = 0, second = 0] = digits;
    // Negative, or with a zero that is not needed to keep it positive.
    if (first >= 0x80 || (first === 0 && length > 1 && second < 0x80)) return undefined;
    const value = first === 0 ? digits.subarray(1) : digits;
    if (value.length > 32) return undefined;
    raw.set(value, end - value.length);
    at += 2 + length;
  }
  return at === der.length ? raw : undefined;
}

function derInteger(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < 31 && bytes[start] === 0) start++;
  const digits = bytes.subarray(start);
  const padded = (digits[0] ?? 0) >= 0x80 ? Uint8Array.of(0, ...digits) : digits;
  return Uint8Array.of(INTEGER, padded.length, ...padded);
}
