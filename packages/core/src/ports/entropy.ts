/** Where random bytes come from. */
export interface Entropy {
  /**
   * Fresh random bytes.
   *
   * @param length - How many, 0 to 65,536.
   * @throws CoreError `CORE_UNIT_OUT_OF_RANGE` for another length, `CORE_ENTROPY_UNAVAILABLE` without a source.
   */
  bytes(length: number): Uint8Array;
}
