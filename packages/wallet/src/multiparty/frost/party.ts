import { parseHex, toHex } from '@bitcoin-enterprise/core';
import { requireBytes, requireFunction, requireList, requireObject, requireText } from '../../checks.ts';
import { invalidArgument } from '../../errors.ts';
import type { NonceVault } from '../vault/nonce-vault.ts';
import type { FrostAnswer, FrostOffer, FrostRequest } from './coordination.ts';
import { type FrostShare, requireShare } from './group.ts';
import { createFrostNonce, createFrostSession, type FrostNonce, signFrost } from './signing.ts';

/** Takes part in signatures of a group. */
export interface FrostParty {
  /** Offers to sign: for the coordinator. */
  offer(): Promise<FrostOffer>;
  /**
   * Signs what a coordinator asks for. The message is the participant's own: nobody signs what he was not shown.
   *
   * @param options - `message`: what is signed.
   * @throws WalletError `WALLET_INVALID_ARGUMENT` for a request that is none, `WALLET_CONTRIBUTION_INVALID` for a nonce of
   * another participant that is none, `WALLET_KEY_UNKNOWN` when the participant is not asked, `WALLET_NONCE_SPENT`,
   * `WALLET_VAULT_STALE`; those of the vault's stores.
   */
  answer(request: unknown, options: { readonly message: Uint8Array }): Promise<FrostAnswer>;
}

/**
 * A participant who signs, with his nonces in a vault.
 *
 * @param options - `share`: tweaked already, if its key is. `vault`: of this participant alone.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 *
 * @example Two of three sign, and a coordinator who knows no secret puts it together
 * ```ts
 * import { createMemoryStore } from '@bitcoin-enterprise/events';
 * import * as frost from '@bitcoin-enterprise/wallet/multiparty';
 *
 * const { group, shares } = frost.dealFrostShares({ threshold: 2, participants: 3 });
 * const message = new Uint8Array(32);
 * let state = frost.beginFrostCoordination(group, message);
 * const parties = new Map<number, frost.FrostParty>();
 * for (const share of shares.slice(1)) {
 *   const vault = await frost.openNonceVault({ store: createMemoryStore(), name: 'frost' });
 *   parties.set(share.identifier, frost.createFrostParty({ share, vault }));
 * }
 * const messages: unknown[] = [];
 * for (const party of parties.values()) messages.push(await party.offer());
 * for (const sent of messages) {
 *   const step = frost.stepFrostCoordination(state, sent);
 *   state = step.state;
 *   for (const effect of step.effects)
 *     if (effect.type === 'ask')
 *       for (const signer of effect.signers) messages.push(await parties.get(signer)?.answer(effect.request, { message }));
 * }
 * state.signature?.length; // => 128
 * ```
 */
export function createFrostParty(options: { readonly share: FrostShare; readonly vault: NonceVault }): FrostParty {
  const given = requireObject<{ share: FrostShare; vault: NonceVault }>('options', options);
  const share = requireShare('options.share', given.share);
  requireFunction('options.vault.sign', requireObject<NonceVault>('options.vault', given.vault).sign);
  const vault = given.vault as NonceVault;
  const { identifier, group } = share;
  return {
    offer: async () => {
      const { publicNonce } = await createFrostNonce(vault, { share });
      return { kind: 'offer', signer: identifier, nonce: toHex(publicNonce) };
    },
    answer: async (request, shown) => {
      const { attempt, nonces } = requireRequest(request);
      const { message } = requireObject<{ message: Uint8Array }>('options', shown);
      const session = createFrostSession(group, { nonces, message: requireBytes('options.message', message) });
      const { signature } = await signFrost(vault, { session, share });
      const { publicNonce } = await createFrostNonce(vault, { share });
      return {
        kind: 'answer',
        attempt,
        signer: identifier,
        signature: toHex(signature),
        next: toHex(publicNonce),
      };
    },
  };
}

function requireRequest(value: unknown): { readonly attempt: number; readonly nonces: readonly FrostNonce[] } {
  const { kind, attempt, nonces } = requireObject<FrostRequest>('request', value);
  if (kind !== 'request' || typeof attempt !== 'number') throw invalidArgument('request', 'a request', value);
  return {
    attempt,
    nonces: requireList('request.nonces', nonces).map((one, index) => {
      const { signer, nonce } = requireObject<FrostRequest['nonces'][number]>(`request.nonces[${index}]`, one);
      const text = requireText(`request.nonces[${index}].nonce`, nonce);
      if (!/^[0-9a-f]{132}$/.test(text))
        throw invalidArgument(`request.nonces[${index}].nonce`, '66 bytes in hex', nonce);
      return { identifier: signer as number, publicNonce: parseHex(text) };
    }),
  };
}
