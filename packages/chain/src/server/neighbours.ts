import type { Peer } from './p2p/peer.ts';

/** The nodes that a node is connected with, as its calls see them. */
export interface Neighbours {
  /** The connections, oldest first. */
  readonly peers: readonly Peer[];
  /** Begins a connection. */
  connect(host: string, port: number): void;
  /** Ends those that are meant; answers whether there was one. */
  disconnect(which: (peer: Peer) => boolean): boolean;
  /** Ends all, and listens no longer. */
  close(): void;
}
