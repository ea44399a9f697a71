import type { ComplianceGate, FeeRate, Logger, NetworkName } from '@bitcoin-enterprise/core';
import type { Watcher } from '@bitcoin-enterprise/chain/watches';
import type { EventStore, Runner } from '@bitcoin-enterprise/events';
import type { PolicyProfile } from '@bitcoin-enterprise/script';
import type { DigestSigner, Signer } from '@bitcoin-enterprise/wallet';
import type { AnyContract } from '../contract/model.ts';
import type { ApprovalRule, ConsentRule, EngineChain, GasLimits, PartyTransport } from './ports.ts';
import type { Shelf } from './shelf.ts';

/** Settings of the engine, checked, and what its flows have in common. */
export interface Engine {
  readonly store: EventStore;
  readonly runner: Runner;
  readonly chain: EngineChain;
  readonly watcher: Watcher;
  readonly network: NetworkName;
  readonly contracts: readonly AnyContract[];
  readonly shelf: Shelf;
  /** Signs alone. */
  readonly keys: DigestSigner | undefined;
  /** Signs with others (MuSig2). */
  readonly musig: Signer | undefined;
  /** Absent: everything is allowed, and on record. */
  readonly gate: ComplianceGate | undefined;
  /** Absent: nobody has to approve anything. */
  readonly approvals: ApprovalRule | undefined;
  readonly consent: ConsentRule;
  readonly transport: PartyTransport | undefined;
  readonly limits: Required<GasLimits>;
  readonly profile: PolicyProfile;
  /** sat/kvB where the chain has no estimate. */
  readonly fallbackFeeRate: FeeRate;
  /** Names of the parties whose duties are done here. */
  readonly dutiesOf: ReadonlySet<string>;
  /** Blocks on top after which nothing changes any more. */
  readonly confirmations: number;
  /** After which somebody else takes over. */
  readonly leaseMs: number;
  readonly logger: Logger;
}
