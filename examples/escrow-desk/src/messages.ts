/** What the desk and its parties say to each other, over the channel between a process and its parent. */
import type { PartyMessage } from '@bitcoin-enterprise/biscol';

export type PartyName = 'buyer' | 'seller' | 'arbiter';
export const PARTIES: readonly PartyName[] = ['buyer', 'seller', 'arbiter'];

/** What a party is started with. */
export interface Start {
  readonly name: PartyName;
  /** Where its database is. */
  readonly folder: string;
  /** In hexadecimal; an app keeps it in a keystore or a token. */
  readonly secretKey: string;
  readonly node: { readonly url: string; readonly user: string; readonly password: string };
}

/** From the desk to a party. */
export type ToParty =
  | { readonly say: 'start'; readonly start: Start }
  | { readonly say: 'open'; readonly params: object; readonly outpoint: string; readonly nonce: string }
  /** Do this, unless it is done: asked again after a restart. */
  | {
      readonly say: 'do';
      readonly id: string;
      readonly transition: string;
      readonly args: object;
      readonly signers?: readonly string[];
    }
  /** Which transitions this party signs when others propose them. */
  | { readonly say: 'agree'; readonly transitions: readonly string[] }
  | { readonly say: 'look'; readonly id: string; readonly question: number }
  | { readonly say: 'message'; readonly message: PartyMessage };

/** From a party to the desk. */
export type FromParty =
  | { readonly say: 'ready'; readonly key: string }
  | { readonly say: 'opened'; readonly id: string }
  | { readonly say: 'seen'; readonly question: number; readonly end: string | undefined; readonly isOver: boolean }
  | { readonly say: 'message'; readonly message: PartyMessage }
  | { readonly say: 'failed'; readonly code: string; readonly text: string };
