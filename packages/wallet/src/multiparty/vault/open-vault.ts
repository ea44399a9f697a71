import { type Entropy, toHex, webEntropy } from '@bitcoin-enterprise/core';
import type { EventStore } from '@bitcoin-enterprise/events';
import type { KeyStore } from '@bitcoin-enterprise/receipts';
import { requireFunction, requireInteger, requireList, requireObject, requireText } from '../../checks.ts';
import { invalidArgument } from '../../errors.ts';
import { entropyBytes } from '../../keys/entropy.ts';
import type { NonceVault, NonceVaultOptions } from './nonce-vault.ts';
import { newMemory, opening } from './procedures.ts';
import { StoredVault, type VaultFacts } from './stored-vault.ts';

const STREAM = 'nonce-vault/';

/**
 * Opens a nonce vault.
 *
 * @throws WalletError `WALLET_VAULT_STALE` when the store was rolled back, `WALLET_INVALID_ARGUMENT`; those of the
 * stores.
 *
 * @example
 * ```ts
 * import { createMemoryStore } from '@bitcoin-enterprise/events';
 * import { openNonceVault, SecretBytes } from '@bitcoin-enterprise/wallet/multiparty';
 *
 * const vault = await openNonceVault({ store: createMemoryStore(), name: 'treasury' });
 * const secretNonce = new SecretBytes(new Uint8Array(97).fill(1));
 * const [token = ''] = await vault.make([{ publicNonce: new Uint8Array(66), secretNonce }]);
 * const sign = (secret: Uint8Array) => secret.slice(0, 32);
 * (await vault.sign(token, { session: new Uint8Array(32), sign })).length; // => 32
 * await vault.sign(token, { session: new Uint8Array(32).fill(1), sign }); // => throws WALLET_NONCE_SPENT
 * ```
 */
export async function openNonceVault(options: NonceVaultOptions): Promise<NonceVault> {
  const facts = checkedOptions(options);
  const memory = newMemory({
    incarnation: toHex(entropyBytes(facts.entropy, 16)),
    isSealed: facts.keys !== undefined,
    guards: facts.guards.length,
  });
  const vault = new StoredVault(facts, memory);
  await vault.run(opening(memory, facts.whenStale));
  return vault;
}

interface OpenFacts extends VaultFacts {
  readonly whenStale: 'refuse' | 'burn';
  readonly entropy: Entropy;
}

function checkedOptions(options: NonceVaultOptions): OpenFacts {
  const given = requireObject<NonceVaultOptions>('options', options);
  const { keys, whenStale = 'refuse', entropy = webEntropy() } = given;
  const store = requireStore('options.store', given.store);
  const name = requireText('options.name', given.name);
  requireInteger('options.name.length', name.length, 1, 200);
  const guards = requireList('options.guards', given.guards ?? []).map((guard, index) =>
    requireStore(`options.guards[${index}]`, guard),
  );
  if (guards.includes(store)) throw invalidArgument('options.guards', 'other stores than options.store', guards);
  if (keys !== undefined) {
    for (const method of ['seal', 'open', 'destroy'] as const)
      requireFunction(`options.keys.${method}`, requireObject<KeyStore>('options.keys', keys)[method]);
    if (guards.length === 0) throw invalidArgument('options.guards', 'one store at least for a sealed vault', guards);
  }
  if (whenStale !== 'refuse' && whenStale !== 'burn')
    throw invalidArgument('options.whenStale', `'refuse' or 'burn'`, whenStale);
  requireFunction('options.entropy.bytes', requireObject<Entropy>('options.entropy', entropy).bytes);
  return { store, stream: STREAM + name, keys, guards, whenStale, entropy };
}

function requireStore(argument: string, value: unknown): EventStore {
  const store = requireObject<EventStore>(argument, value);
  requireFunction(`${argument}.append`, store.append);
  return value as EventStore;
}
