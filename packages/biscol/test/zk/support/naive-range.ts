/**
 * The verifier of Bulletproofs+ as the paper has it (eprint 2020/735, figures 3 and 1), on another library's points:
 * generators are folded round by round, nothing is unrolled, nothing is batched. It shares the transcript and the
 * generators with ours, and no algebra.
 */
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { BASE, leftGenerators, rightGenerators, valueGenerator } from '../../../src/zk/generators.ts';
import type { Transcript } from '../../../src/zk/transcript.ts';

const { Point } = secp256k1;
type CurvePoint = InstanceType<typeof Point>;
const n = Point.Fn.ORDER;
const mod = (value: bigint): bigint => ((value % n) + n) % n;
const inverse = (value: bigint): bigint => Point.Fn.inv(mod(value));
const times = (point: CurvePoint, scalar: bigint): CurvePoint =>
  mod(scalar) === 0n ? Point.ZERO : point.multiplyUnsafe(mod(scalar));
const readPoint = (bytes: Uint8Array): CurvePoint => Point.fromBytes(bytes);
const readScalar = (bytes: Uint8Array): bigint => bytes.reduce((value, byte) => value * 256n + BigInt(byte), 0n);
const sumOf = (points: readonly CurvePoint[]): CurvePoint =>
  points.reduce((total, point) => total.add(point), Point.ZERO);

export interface NaiveProof {
  readonly commitments: readonly Uint8Array[];
  readonly proof: Uint8Array;
  readonly bits: number;
  readonly begin: (commitments: readonly Uint8Array[]) => Transcript;
}

export function verifyNaively({ commitments, proof, bits, begin }: NaiveProof): boolean {
  const count = commitments.length;
  let length = 1;
  while (length < bits * count) length *= 2;
  let at = 0;
  const take = (size: number): Uint8Array => proof.slice(at, (at += size));
  const transcript = begin(commitments);

  // Figure 3
  const first = take(33);
  transcript.append('A', first);
  const y = transcript.challenge('y');
  const z = transcript.challenge('z');
  const powerOfY: bigint[] = [1n];
  for (let i = 1; i <= length + 1; i++) powerOfY.push(mod((powerOfY[i - 1] as bigint) * y));
  const d = Array.from({ length }, (_, i) => {
    const [value, bit] = [Math.floor(i / bits), i % bits];
    return value < count ? mod(Point.Fn.pow(z, BigInt(2 * (value + 1))) * (1n << BigInt(bit))) : 0n;
  });
  let g = leftGenerators(length).slice(0, length).map(readPoint);
  let h = rightGenerators(length).slice(0, length).map(readPoint);
  const [valueBase, blindingBase] = [readPoint(valueGenerator()), readPoint(BASE)];
  const lastY = powerOfY[length + 1] as bigint;
  const sumY = powerOfY.slice(1, length + 1).reduce((sum, power) => sum + power, 0n);
  const sumD = d.reduce((sum, weight) => sum + weight, 0n);
  let p = sumOf([
    readPoint(first),
    ...g.map((point) => times(point, -z)),
    ...h.map((point, i) => times(point, z + (d[i] as bigint) * (powerOfY[length - i] as bigint))),
    ...commitments.map((commitment, j) => times(readPoint(commitment), lastY * Point.Fn.pow(z, BigInt(2 * (j + 1))))),
    times(valueBase, sumY * (z - z * z) - lastY * z * mod(sumD)),
  ]);

  // Figure 1
  while (g.length > 1) {
    const half = g.length / 2;
    const [left, right] = [take(33), take(33)];
    transcript.append('L', left);
    transcript.append('R', right);
    const e = transcript.challenge('e');
    const factor = e * inverse(powerOfY[half] as bigint);
    g = g.slice(0, half).map((point, i) => times(point, inverse(e)).add(times(g[half + i] as CurvePoint, factor)));
    h = h.slice(0, half).map((point, i) => times(point, e).add(times(h[half + i] as CurvePoint, inverse(e))));
    p = sumOf([times(readPoint(left), e * e), p, times(readPoint(right), inverse(e * e))]);
  }
  const [a, b] = [take(33), take(33)];
  transcript.append('A1', a);
  transcript.append('B', b);
  const e = transcript.challenge('last');
  const [r, s, delta] = [take(32), take(32), take(32)].map(readScalar) as [bigint, bigint, bigint];
  const left = sumOf([times(p, e * e), times(readPoint(a), e), readPoint(b)]);
  const right = sumOf([
    times(g[0] as CurvePoint, r * e),
    times(h[0] as CurvePoint, s * e),
    times(valueBase, r * y * s),
    times(blindingBase, delta),
  ]);
  return at === proof.length && left.equals(right);
}
