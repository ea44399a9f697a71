/** Whether a value can be an object of options: no array, no bytes, no revoked proxy. */
export function isRecord(value: unknown): value is object {
  try {
    return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && !Array.isArray(value);
  } catch {
    return false;
  }
}
