/** Code of the error that a call throws: what tests assert. */
export function codeOf(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return (error as { readonly code?: unknown }).code ?? `uncoded: ${String(error)}`;
  }
  return 'no error';
}
