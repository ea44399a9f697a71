/** What the desk and a party say to each other; all of it is JSON. */
import type { EnvelopeJson } from '@bitcoin-enterprise/receipts';
import type { PartyCard } from './treasury.ts';

/** What a party is asked. */
export type Question =
  | { readonly ask: 'card' }
  | { readonly ask: 'join'; readonly descriptor: string; readonly policy: object }
  /** Signs what its policy lets through: nonces, partial signatures, or the whole. */
  | { readonly ask: 'sign'; readonly psbt: string }
  | { readonly ask: 'approve'; readonly psbt: string }
  /** Hands the approval of another party over. */
  | { readonly ask: 'approval'; readonly id: string; readonly envelope: EnvelopeJson }
  | { readonly ask: 'receipts' };

/** What a party answers. */
export type Answer =
  | { readonly card: PartyCard }
  | { readonly psbt: string }
  | { readonly id: string; readonly envelope: EnvelopeJson }
  | { readonly decision: string }
  | { readonly receipts: number }
  | { readonly done: true }
  | { readonly error: { readonly code: string; readonly message: string } };
