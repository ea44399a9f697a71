import { currentCrypto } from '@bitcoin-enterprise/core';
import { BrokenPromise, ensure, type Promised } from '@bitcoin-enterprise/core/testing';

/** A promise that ends the signer it was checked against. */
export function promise<Harness extends { close(): Promise<void> }>(
  name: string,
  check: (harness: Harness) => Promise<void>,
): Promised<Harness> {
  return {
    name,
    async run(make) {
      const harness = await make();
      try {
        await check(harness);
      } finally {
        await harness.close();
      }
    },
  };
}

/** 32 bytes that stand for something to be signed. */
export function digestOf(text: string): Uint8Array {
  return currentCrypto().sha256(new TextEncoder().encode(text));
}

/** A key that no signer under test holds: of a secret that is drawn from its name. */
export function foreignKey(name: string): Uint8Array {
  const publicKey = currentCrypto().publicKey(digestOf(`foreign ${name}`));
  ensure(publicKey !== undefined, 'a foreign key');
  return publicKey;
}

/** Requires a call to fail with a code of the suite, and its error to show no secret. */
export async function ensureCoded(
  call: () => unknown,
  options: { readonly codes: readonly string[]; readonly secrets?: readonly string[] | undefined },
): Promise<void> {
  const { codes, secrets = [] } = options;
  let caught: unknown;
  try {
    await call();
  } catch (error) {
    caught = error;
  }
  if (caught === undefined) throw new BrokenPromise(`expected an error ${codes.join(' or ')}, got an answer`);
  const code = typeof caught === 'object' && caught !== null && 'code' in caught ? String(caught.code) : String(caught);
  if (!codes.includes(code)) throw new BrokenPromise(`expected an error ${codes.join(' or ')}, got ${code}`);
  const shown = `${String(caught)} ${JSON.stringify(caught)}`.toLowerCase();
  for (const secret of secrets) ensure(!shown.includes(secret.toLowerCase()), 'an error shows a secret');
}
