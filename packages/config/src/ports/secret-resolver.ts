/**
 * Fetches a secret from where it is kept.
 *
 * @param reference - What stands behind the scheme: `db/password` of `vault:db/password`.
 * @returns The secret; `undefined` when there is none of this name.
 */
export type SecretResolver = (
  reference: string,
  options: { readonly signal: AbortSignal | undefined },
) => Promise<string | undefined> | string | undefined;
