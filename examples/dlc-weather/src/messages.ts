/** What the desk and the five processes say to each other; all of it is JSON, bytes are hexadecimal. */
import type { PartyMessage } from '@bitcoin-enterprise/biscol';
import type { Deal } from './terms.ts';

/** What a process is started with. */
export interface Start {
  readonly name: string;
  /** Where its database is. */
  readonly folder: string;
  /** An app keeps it in a keystore or a token. */
  readonly secretKey: string;
  /** Keys of the oracles that a party believes, 32 bytes each. */
  readonly oracles: readonly string[];
  readonly node: { readonly url: string; readonly user: string; readonly password: string };
}

interface Of<Question, Answer> {
  readonly question: Question;
  readonly answer: Answer;
}

/** What an oracle is asked, and what it answers. */
export interface OracleTalk {
  readonly announce: Of<{ readonly eventId: string; readonly maturity: number }, string>;
  readonly attest: Of<{ readonly eventId: string; readonly celsius: number }, string>;
}

/** One entry for each end, of the farmer and of the insurer. */
export type OfBothHex = readonly [farmer: readonly string[], insurer: readonly string[]];

/** How a party sees a contract. */
export interface View {
  /** Whether it has the refund with the signatures of both. */
  readonly hasRefund: boolean;
  /** What has spent the collateral; what the farmer gets, where it is one of the ends. */
  readonly spent?: { readonly txid: string; readonly toFarmer?: string };
  readonly isOver: boolean;
}

/** What a party is asked, and what it answers. */
export interface PartyTalk {
  /** Takes a deal: puts it on record, and works out all its ends. */
  readonly agree: Of<{ readonly deal: Deal }, { readonly id: string; readonly ends: number }>;
  /** First round of MuSig2: nonces, one for each end. */
  readonly nonces: Of<{ readonly id: string }, readonly string[]>;
  /** Second round: its shares of the pre-signatures. */
  readonly presign: Of<{ readonly id: string; readonly nonces: OfBothHex }, readonly string[]>;
  /** Verifies what came of both rounds and puts it on record. */
  readonly join: Of<{ readonly id: string; readonly nonces: OfBothHex; readonly partials: OfBothHex }, number>;
  /** Signs the refund, and proposes it to the other party, who then has both signatures. */
  readonly refund: Of<{ readonly id: string }, true>;
  /** Signs for its own coin, in a PSBT of the funding transaction. */
  readonly pay: Of<{ readonly id: string }, string>;
  /** Keeps the word of an oracle. */
  readonly hear: Of<{ readonly id: string; readonly attestation: string }, true>;
  /** Completes the end that was attested. */
  readonly complete: Of<{ readonly id: string }, { readonly txid: string; readonly toFarmer: string }>;
  readonly look: Of<{ readonly id: string }, View>;
}

export type Talk = OracleTalk & PartyTalk;

/** From the desk. */
export type ToPeer =
  | { readonly say: 'start'; readonly start: Start }
  | { readonly say: 'ask'; readonly number: number; readonly kind: keyof Talk; readonly question: unknown }
  | { readonly say: 'message'; readonly message: PartyMessage };

/** To the desk. */
export type FromPeer =
  | { readonly say: 'ready' }
  | { readonly say: 'answer'; readonly number: number; readonly answer: unknown }
  | { readonly say: 'refusal'; readonly number: number; readonly code: string; readonly text: string }
  | { readonly say: 'message'; readonly message: PartyMessage };

/** Answers of a process, by what it is asked. */
export type Answerer<Kinds> = {
  readonly [Kind in keyof Kinds]: (
    question: Kinds[Kind] extends Of<infer Question, unknown> ? Question : never,
  ) => Promise<Kinds[Kind] extends Of<unknown, infer Answer> ? Answer : never>;
};
