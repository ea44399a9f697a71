import type { EsploraServerChain } from '../esplora/server-chain.ts';
import type { BlockSubscription } from '../ports/subscriptions.ts';

/** What a server answers from: the `ports` of the embedded chain, a `BitcoindChain`, a pool. */
export type ElectrumServerChain = EsploraServerChain & BlockSubscription;
