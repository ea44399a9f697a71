/** The code of the error that a call throws; an error without one is told itself. */
export function codeOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return (error as { readonly code?: unknown }).code ?? error;
  }
  return 'no error';
}

/** The code of the error that a promise ends with. */
export async function codeOfPromise(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no error',
    (error: { readonly code?: unknown }) => error.code ?? error,
  );
}
