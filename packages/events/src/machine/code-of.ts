/** Code of an error, else its class name: the text of an error may hold anything. */
export function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return typeof error;
  if ('code' in error && typeof error.code === 'string' && error.code !== '') return error.code.slice(0, 255);
  return error instanceof Error ? error.name : 'object';
}
