/** What a party must not lose: written down before it counts on it. */
import type { EventStore } from '@bitcoin-enterprise/events';
import type { Deal } from './terms.ts';

/** What happens to a contract, as a party writes it down. */
export type Fact =
  | { readonly type: 'agreed'; readonly data: { readonly deal: Deal } }
  | { readonly type: 'nonces'; readonly data: { readonly tokens: readonly string[]; readonly own: readonly string[] } }
  | { readonly type: 'presigned'; readonly data: { readonly presignatures: readonly string[] } }
  | { readonly type: 'heard'; readonly data: { readonly attestation: string } }
  /** Nobody can guess the name under which the engine will complete it. */
  | { readonly type: 'completing'; readonly data: { readonly execution: string } };

/** All of it, in hexadecimal. */
export interface Known {
  readonly deal?: Deal;
  readonly nonces?: { readonly tokens: readonly string[]; readonly own: readonly string[] };
  readonly presignatures?: readonly string[];
  readonly attestations: readonly string[];
  readonly execution?: string;
}

const streamOf = (id: string): string => `weather/${id}`;

export async function write(store: EventStore, id: string, fact: Fact): Promise<void> {
  await store.append({ stream: streamOf(id), events: [fact] });
}

export async function read(store: EventStore, id: string): Promise<Known> {
  const events = await store.readStream(streamOf(id));
  return (events as unknown as readonly Fact[]).reduce<Known>(take, { attestations: [] });
}

function take(known: Known, fact: Fact): Known {
  if (fact.type === 'agreed') return { ...known, deal: fact.data.deal };
  if (fact.type === 'nonces') return { ...known, nonces: fact.data };
  if (fact.type === 'presigned') return { ...known, presignatures: fact.data.presignatures };
  if (fact.type === 'completing') return { ...known, execution: fact.data.execution };
  const { attestation } = fact.data;
  return known.attestations.includes(attestation)
    ? known
    : { ...known, attestations: [...known.attestations, attestation] };
}
