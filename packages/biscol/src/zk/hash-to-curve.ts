import { concatBytes, currentCrypto } from '@bitcoin-enterprise/core';
import { requireBytes } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import { createField, type Field, invertAll } from './field.ts';
import { readNumber, writeNumber } from './scalars.ts';

const FIELD: Field =
  /* @__PURE__ */ createField(0xffff_ffff_ffff_ffff_ffff_ffff_ffff_ffff_ffff_ffff_ffff_ffff_ffff_fffe_ffff_fc2fn);
/** The isogenous curve of RFC 9380 section 8.7, `y² = x³ + A·x + B`, and its Z. */
const A = 0x3f87_31ab_dd66_1adc_a08a_5558_f0f5_d272_e953_d363_cb6f_0e5d_4054_47c0_1a44_4533n;
const B = 1771n;
const Z = -11n;

/** The isogeny of appendix E.1, the lowest power first. */
const X_NUMERATOR = [
  0x8e38_e38e_38e3_8e38_e38e_38e3_8e38_e38e_38e3_8e38_e38e_38e3_8e38_e38d_aaaa_a8c7n,
  0x07d3_d4c8_0bc3_21d5_b9f3_15ce_a7fd_44c5_d595_d2fc_0bf6_3b92_dfff_1044_f17c_6581n,
  0x534c_328d_23f2_34e6_e2a4_13de_ca25_caec_e450_6144_037c_4031_4ecb_d0b5_3d9d_d262n,
  0x8e38_e38e_38e3_8e38_e38e_38e3_8e38_e38e_38e3_8e38_e38e_38e3_8e38_e38d_aaaa_a88cn,
] as const;
const X_DENOMINATOR = [
  0xd357_7119_3d94_918a_9ca3_4ccb_b7b6_40dd_86cd_4095_42f8_487d_9fe6_b745_781e_b49bn,
  0xedad_c6f6_4383_dc1d_f7c4_b2d5_1b54_2254_06d3_6b64_1f5e_41bb_c52a_5661_2a8c_6d14n,
  1n,
] as const;
const Y_NUMERATOR = [
  0x4bda_12f6_84bd_a12f_684b_da12_f684_bda1_2f68_4bda_12f6_84bd_a12f_684b_8e38_e23cn,
  0xc75e_0c32_d5cb_7c0f_a9d0_a54b_12a0_a6d5_647a_b046_d686_da6f_dffc_90fc_201d_71a3n,
  0x29a6_1946_91f9_1a73_7152_09ef_6512_e576_7228_30a2_01be_2018_a765_e85a_9ece_e931n,
  0x2f68_4bda_12f6_84bd_a12f_684b_da12_f684_bda1_2f68_4bda_12f6_84bd_a12f_38e3_8d84n,
] as const;
const Y_DENOMINATOR = [
  0xffff_ffff_ffff_ffff_ffff_ffff_ffff_ffff_ffff_ffff_ffff_ffff_ffff_fffe_ffff_f93bn,
  0x7a06_534b_b8bd_b49f_d5e9_e663_2722_c298_9467_c1bf_c8e8_d978_dfb4_25d2_685c_2573n,
  0x6484_aa71_6545_ca2c_f3a7_0c3f_a8fe_337e_0a3d_2116_2f0d_6299_a7bf_8192_bfd2_a76fn,
  1n,
] as const;

/**
 * A point of which nobody knows the discrete logarithm, from a message: RFC 9380, suite
 * `secp256k1_XMD:SHA-256_SSWU_RO_`. Variable time: for public messages.
 *
 * @param message - Of any length.
 * @param domain - The tag of RFC 9380 section 3.1, 1 to 255 bytes as UTF-8.
 * @returns The point, 65 bytes.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { toHex } from '@bitcoin-enterprise/core';
 * import { hashToCurve } from '@bitcoin-enterprise/biscol/zk';
 *
 * const domain = 'QUUX-V01-CS02-with-secp256k1_XMD:SHA-256_SSWU_RO_';
 * toHex(hashToCurve(new TextEncoder().encode('abc'), domain)).slice(0, 18); // => '043377e01eab42db29'
 * ```
 */
export function hashToCurve(message: Uint8Array, domain: string): Uint8Array {
  requireBytes('message', message);
  if (typeof domain !== 'string') throw invalidArgument('domain', 'a text', domain);
  const tag = new TextEncoder().encode(domain);
  if (tag.length === 0 || tag.length > 255) throw invalidArgument('domain', '1 to 255 bytes of UTF-8', domain);
  const expanded = expandMessage(message, tag);
  const inputs = [0, 48].map((at) => FIELD.reduce(readNumber(expanded.subarray(at, at + 48))));
  const points = mapToCurve(inputs);
  const crypto = currentCrypto();
  const sum = crypto.publicKeyCombine(points);
  // The two cancel, or one is infinity, for one message in 2^255.
  if (sum === undefined) throw invalidArgument('message', 'one that hashes to a point', message);
  return crypto.publicKeyConvert(sum, { compressed: false }) as Uint8Array;
}

/** 96 bytes (RFC 9380 section 5.3.1, `expand_message_xmd` with SHA-256). */
function expandMessage(message: Uint8Array, tag: Uint8Array): Uint8Array {
  const crypto = currentCrypto();
  const suffix = concatBytes(tag, Uint8Array.of(tag.length));
  const first = crypto.sha256(concatBytes(new Uint8Array(64), message, Uint8Array.of(0, 96, 0), suffix));
  const blocks: Uint8Array[] = [];
  let last = new Uint8Array(32);
  for (let i = 1; i <= 3; i++) {
    const mixed = first.map((byte, at) => byte ^ (last[at] as number));
    last = new Uint8Array(crypto.sha256(concatBytes(mixed, Uint8Array.of(i), suffix)));
    blocks.push(last);
  }
  return concatBytes(...blocks);
}

/** Simplified SWU on the isogenous curve, then the isogeny (RFC 9380 sections 6.6.2 and 6.6.3), as 65 bytes each. */
function mapToCurve(inputs: readonly bigint[]): Uint8Array[] {
  const { multiply, reduce, invert } = FIELD;
  const points = inputs.map((u) => {
    const zu2 = reduce(Z * multiply(u, u));
    const denominator = reduce(multiply(zu2, zu2) + zu2);
    // Zero for u = 0 alone, as -1/Z is no square.
    const x1 =
      denominator === 0n
        ? multiply(B, invert(reduce(Z * A)))
        : multiply(multiply(reduce(-B), invert(A)), reduce(1n + invert(denominator)));
    const [gx1, x2] = [curveAt(x1), multiply(zu2, x1)];
    const root = squareRoot(gx1);
    const [x, y] = root === undefined ? [x2, squareRoot(curveAt(x2)) as bigint] : [x1, root];
    return { x, y: (y & 1n) === (u & 1n) ? y : FIELD.order - y };
  });
  const bottoms = points.flatMap(({ x }) => [evaluate(X_DENOMINATOR, x), evaluate(Y_DENOMINATOR, x)]);
  const inverses = invertAll(FIELD, bottoms);
  return points.map(({ x, y }, place) => {
    const px = multiply(evaluate(X_NUMERATOR, x), inverses[2 * place] as bigint);
    const py = multiply(y, multiply(evaluate(Y_NUMERATOR, x), inverses[2 * place + 1] as bigint));
    return concatBytes(Uint8Array.of(4), writeNumber(px), writeNumber(py));
  });
}

/** `x³ + A·x + B`. */
function curveAt(x: bigint): bigint {
  return FIELD.reduce(FIELD.multiply(FIELD.multiply(x, x) + A, x) + B);
}

function squareRoot(value: bigint): bigint | undefined {
  const root = FIELD.power(value, (FIELD.order + 1n) / 4n);
  return FIELD.multiply(root, root) === value ? root : undefined;
}

function evaluate(coefficients: readonly bigint[], x: bigint): bigint {
  return coefficients.reduceRight((sum, coefficient) => FIELD.reduce(sum * x + coefficient), 0n);
}
