import { hasCode, parseHex, toHex } from '@bitcoin-enterprise/core';
import { requireBytes, requireFunction, requireObject } from '../../checks.ts';
import { invalidArgument, WalletError } from '../../errors.ts';
import type { SecretBytes } from '../../keys/secret-bytes.ts';
import { multiplyBase } from '../math/points.ts';
import type { NonceVault } from '../vault/nonce-vault.ts';
import { requireSecret } from './checks.ts';
import {
  beginMusig,
  type BeginMusigOptions,
  keysOfMusig,
  type MusigBlame,
  type MusigEffect,
  type MusigEvent,
  type MusigMessage,
  type MusigState,
  pendingMusig,
  readMusigState,
  sessionOfMusig,
  stepMusig,
} from './conversation.ts';
import { createVaultNonce, signWithVault } from './vault-signing.ts';

/** Settings of {@link createMusigParty}. */
export interface MusigPartyOptions {
  /** 32 bytes; stays the caller's, who wipes it. */
  readonly secretKey: SecretBytes;
  readonly vault: NonceVault;
}

/** Signs with others (BIP327). */
export interface MusigParty {
  /** 33 bytes. */
  readonly publicKey: Uint8Array;
  /** Begins a session: everybody who signs does so with the same keys, message, tweaks and attempt. */
  begin(options: Omit<BeginMusigOptions, 'publicKey'>): Promise<MusigRun>;
  /**
   * Goes on with a session after a restart; needs a vault that is sealed, or a session that was signed already.
   *
   * @param state - What `run.state` was.
   */
  resume(state: MusigState): Promise<MusigRun>;
}

/** A session, as one of its signers sees it. */
export interface MusigRun {
  /** For everybody else: send them, and send them again to whoever has lost them. */
  readonly outbox: readonly MusigMessage[];
  /** JSON, to be kept if the process may end before the session does. */
  readonly state: MusigState;
  /** 64 bytes, once all have signed. */
  readonly signature: Uint8Array | undefined;
  /** Who is to blame when the session has failed. */
  readonly blamed: readonly MusigBlame[];
  /**
   * Takes a message in; what is none is ignored. What failed before, because a store did not answer for example, is tried
   * again first.
   *
   * @returns What is to be sent now.
   * @throws WalletError `WALLET_CONTRIBUTION_INVALID` when the message ends the session, with who is to blame;
   * `WALLET_NONCE_SPENT`, `WALLET_VAULT_STALE`; those of the vault's stores.
   */
  receive(message: unknown): Promise<readonly MusigMessage[]>;
}

/**
 * A party to sessions over any transport, with its nonces in a vault.
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { currentCrypto } from '@bitcoin-enterprise/core';
 * import { createMemoryStore } from '@bitcoin-enterprise/events';
 * import { createMusigParty, openNonceVault, SecretBytes } from '@bitcoin-enterprise/wallet/multiparty';
 *
 * const party = async (n: number) => createMusigParty({
 *   secretKey: new SecretBytes(new Uint8Array(32).fill(n)),
 *   vault: await openNonceVault({ store: createMemoryStore(), name: 'signer' }),
 * });
 * const [alice, bob] = [await party(1), await party(2)];
 * const facts = { publicKeys: [alice.publicKey, bob.publicKey], message: new Uint8Array(32) };
 * const [hers, his] = [await alice.begin(facts), await bob.begin(facts)];
 * for (const message of his.outbox) await hers.receive(message);
 * for (const message of hers.outbox) await his.receive(message);
 * for (const message of his.outbox) await hers.receive(message);
 * hers.signature?.length; // => 64
 * ```
 */
export function createMusigParty(options: MusigPartyOptions): MusigParty {
  const given = requireObject<MusigPartyOptions>('options', options);
  const secretKey = requireSecret('options.secretKey', given.secretKey);
  const { vault } = given;
  requireFunction('options.vault.sign', requireObject<NonceVault>('options.vault', vault).sign);
  const publicKey = secretKey.use((secret) => multiplyBase(requireBytes('options.secretKey', secret, 32)));
  if (publicKey === undefined) throw invalidArgument('options.secretKey', 'a secret key', secretKey);
  const parts: RunParts = { secretKey, vault: vault as NonceVault };
  return {
    publicKey: new Uint8Array(publicKey),
    begin: async (facts) => {
      const { state, effects } = beginMusig({ ...facts, publicKey });
      return new StoredRun(parts, state).begun(effects);
    },
    resume: async (kept) => {
      const state = readMusigState(kept);
      if (state.publicKeys[state.me] !== toHex(publicKey))
        throw invalidArgument('state', 'a state of this signer', state);
      return new StoredRun(parts, state).begun(pendingMusig(state));
    },
  };
}

interface RunParts {
  readonly secretKey: SecretBytes;
  readonly vault: NonceVault;
}

class StoredRun implements MusigRun {
  readonly #parts: RunParts;
  readonly #outbox: MusigMessage[] = [];
  #state: MusigState;
  #queue: Promise<unknown> = Promise.resolve();
  /** What failed to be done, to be tried again with the next message. */
  #unfinished: readonly MusigEffect[] = [];

  constructor(parts: RunParts, state: MusigState) {
    this.#parts = parts;
    this.#state = state;
  }

  get outbox(): readonly MusigMessage[] {
    return [...this.#outbox];
  }

  get state(): MusigState {
    return this.#state;
  }

  get signature(): Uint8Array | undefined {
    const { signature } = this.#state;
    return signature === null ? undefined : parseHex(signature);
  }

  get blamed(): readonly MusigBlame[] {
    return this.#state.blamed;
  }

  async begun(effects: readonly MusigEffect[]): Promise<this> {
    await this.#perform(effects);
    return this;
  }

  async receive(message: unknown): Promise<readonly MusigMessage[]> {
    const turn = this.#queue.then(async () => {
      const before = this.#outbox.length;
      const unfinished = this.#unfinished;
      this.#unfinished = [];
      await this.#perform(unfinished);
      await this.#step({ type: 'received', message });
      return this.#outbox.slice(before);
    });
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  async #step(event: MusigEvent): Promise<void> {
    const { state, effects } = stepMusig(this.#state, event);
    this.#state = state;
    await this.#perform(effects);
  }

  async #perform(effects: readonly MusigEffect[]): Promise<void> {
    for (const [index, effect] of effects.entries()) {
      try {
        await this.#performOne(effect);
      } catch (error) {
        // What can be tried again is: the vault gives the same answer to the same question.
        if (effect.type === 'make' || effect.type === 'sign') this.#unfinished = effects.slice(index);
        if (hasCode(error, 'WALLET_NONCE_SPENT')) await this.#step({ type: 'refused' }).catch(() => undefined);
        throw error;
      }
    }
  }

  async #performOne(effect: MusigEffect): Promise<void> {
    const { secretKey, vault } = this.#parts;
    if (effect.type === 'send') {
      this.#outbox.push(effect.message);
    } else if (effect.type === 'make') {
      const keys = keysOfMusig(this.#state);
      const message = parseHex(this.#state.message);
      const { token, publicNonce } = await createVaultNonce(vault, { secretKey, keys, message });
      await this.#step({ type: 'made', token, publicNonce: toHex(publicNonce) });
    } else if (effect.type === 'sign') {
      const session = sessionOfMusig(this.#state, effect.aggregateNonce);
      const signature = await signWithVault(vault, effect.token, { secretKey, session });
      await this.#step({ type: 'signed', signature: toHex(signature) });
    } else if (effect.type === 'failed' && effect.blamed.length > 0) {
      throw sessionFailed(effect.blamed);
    }
  }
}

function sessionFailed(blamed: readonly MusigBlame[]): WalletError<'WALLET_CONTRIBUTION_INVALID'> {
  const [first = { kind: 'broadcast' as const }] = blamed;
  const whose = blamed.map(({ signer }) => signer ?? 'unknown').join(', ');
  return new WalletError(
    'WALLET_CONTRIBUTION_INVALID',
    `expected valid contributions, got a wrong ${first.kind} of signer ${whose}`,
    {
      details: first.signer === undefined ? { kind: first.kind } : { signer: first.signer, kind: first.kind },
      hint: 'Begin again without whoever is to blame, or under another attempt.',
    },
  );
}
