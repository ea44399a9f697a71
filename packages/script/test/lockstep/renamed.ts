/**
 * Failures that Bitcoin Core renamed between the version that Debian's node is made from (29) and the one whose vectors
 * we follow (31): an empty stack at OP_IF, an empty key in tapscript, a number that is too long.
 */
const renamed: readonly (readonly [ours: string, node: string])[] = [
  ['Operation not valid with the current stack size', 'Invalid OP_IF construction'],
  ['unknown error', 'Public key is neither compressed or uncompressed'],
];

/** Whether two reasons are the same, or the same under the two names that Core gave it. */
export function isSameReason(ours: string | undefined, node: string | undefined): boolean {
  return ours === node || renamed.some(([now, then]) => ours?.includes(`(${now})`) && node?.includes(`(${then})`));
}
