import type { ComplianceVerdict } from '@bitcoin-enterprise/core';
import type { InstanceJson } from '../contract/instance.ts';
import type { Gas } from '../gas/meter.ts';

/** Where something stands on the chain. */
export type Placement = 'expected' | 'seen' | 'confirmed' | 'final';

/** An output of a contract, on record. */
export interface CellRecord {
  readonly state: string;
  /** Data as JSON. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Satoshis. */
  readonly value: string;
  /** Of the transaction that makes it. */
  readonly placed: Placement;
  /** Which of the outputs that begin the contract it is, from 0; absent of others. */
  readonly begins?: number;
  /** Whether the chain had it and has it no more. */
  readonly isGone?: true;
  /** Height of its block; absent while it waits. */
  readonly height?: number;
  /** What spends it on the chain, or in the mempool. */
  readonly spent?: CellSpend;
  /** How often duties were looked at: each look is an effect of its own name. */
  readonly looks?: number;
}

/** A transaction that spends an output of a contract. */
export interface CellSpend {
  readonly txid: string;
  readonly placed: Placement;
  readonly height?: number;
  /** The transition that it is; absent for one that the contract does not know. */
  readonly transition?: string;
}

/** How far an execution has come. */
export type ExecutionStatus =
  /** Planned; the gate wants somebody to look at it, or approvals are missing. */
  | 'waiting'
  /** Made by somebody else, and not agreed to yet. */
  | 'proposed'
  /** Signatures of others are missing. */
  | 'signing'
  /** Signed and kept back. */
  | 'held'
  /** Signed, and on its way to the network. */
  | 'sending'
  /** The network has it. */
  | 'sent'
  | 'confirmed'
  | 'final'
  /** Refused by the gate, by a limit that came later, or by the network for good. */
  | 'refused'
  /** Given up before it was sent. */
  | 'abandoned'
  /** One of the same that pays more was taken in its place. */
  | 'replaced'
  /** Another transaction has spent its outputs. */
  | 'displaced';

/** A verdict on record. */
export interface VerdictRecord extends ComplianceVerdict {
  readonly stage: 'sign' | 'broadcast';
}

/** Metered costs on record: amounts are decimal strings. */
export type GasRecord = Omit<Gas, 'fee'> & { readonly fee: string };

/** A transition that is executed, on record. */
export interface ExecutionRecord {
  readonly transition: string;
  /** `txid:index` of what it spends. */
  readonly cells: readonly string[];
  /** Arguments as JSON, secrets among them: this log is as secret as they are until the transaction is sent. */
  readonly args: Readonly<Record<string, unknown>>;
  /** sat/kvB. */
  readonly feeRate: string;
  /** Who was to sign; everybody when absent. */
  readonly signers?: readonly string[];
  readonly status: ExecutionStatus;
  /** Without signatures, as people read it: it does not change with them. */
  readonly txid: string;
  /** Height of the chain when it began. */
  readonly since: number;
  /** Whether it is to be kept back once it is signed. */
  readonly hold: boolean;
  readonly verdicts: readonly VerdictRecord[];
  /** Who has approved it. */
  readonly approvals: readonly string[];
  /** Signatures so far, 64 bytes in hexadecimal, by input and key. */
  readonly signatures: Readonly<Record<string, string>>;
  /** Nonces and partial signatures of MuSig2 under way: a PSBT in base64. */
  readonly psbt?: string;
  /** How often MuSig2 was begun again because somebody had lost its nonces; that of a higher number counts. */
  readonly attempt: number;
  /** Signed, in hexadecimal. */
  readonly tx?: string;
  readonly gas?: GasRecord;
  /** Outputs that the contract goes on in. */
  readonly next: readonly CellSeed[];
  /** Who proposed it; absent for an own one. */
  readonly proposer?: string;
  /** The execution that this one replaces with a higher fee. */
  readonly replaces?: string;
  /** How often it was handed out or sent: each time is an effect of its own name. */
  readonly rounds: number;
  /** Why it was refused, displaced or abandoned. */
  readonly reason?: string;
}

/** An output that a transaction makes. */
export interface CellSeed {
  readonly outpoint: string;
  readonly state: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly value: string;
}

/** An instance on record: what its events come to. */
export interface InstanceState {
  /** Absent before it was opened. */
  readonly instance?: InstanceJson;
  readonly cells: Readonly<Record<string, CellRecord>>;
  readonly executions: Readonly<Record<string, ExecutionRecord>>;
  /** Signatures of covenants, 64 bytes in hexadecimal, by `outpoint/transition`. */
  readonly presigned: Readonly<Record<string, string>>;
  /** Secrets of hash locks that are known, in hexadecimal. */
  readonly secrets: readonly string[];
}

/** What happens to an instance. */
export type EngineEvent =
  | { readonly type: 'opened'; readonly instance: InstanceJson; readonly height: number }
  /** Outputs that begin the contract are known. */
  | {
      readonly type: 'funded';
      /** Which of the outputs that begin the contract, from 0: each begins it once. */
      readonly begins: number;
      readonly cell: CellSeed;
      readonly placed: Placement;
      readonly height?: number;
    }
  /** Secrets of hash locks came to be known. */
  | { readonly type: 'learned'; readonly secrets: readonly string[] }
  /** Covenants that all have signed. */
  | { readonly type: 'presigned'; readonly signatures: Readonly<Record<string, string>> }
  | { readonly type: 'begun'; readonly id: string; readonly execution: ExecutionRecord }
  | { readonly type: 'judged'; readonly id: string; readonly verdict: VerdictRecord }
  | { readonly type: 'approved'; readonly id: string; readonly by: string; readonly ready: boolean }
  /** Signatures, nonces or partial signatures have come. */
  | {
      readonly type: 'contributed';
      readonly id: string;
      readonly signatures: Readonly<Record<string, string>>;
      readonly psbt?: string;
      readonly attempt: number;
      /** Whether some of it is ours, which the others then wait for. */
      readonly own: boolean;
    }
  | {
      readonly type: 'signed';
      readonly id: string;
      readonly tx: string;
      readonly gas: GasRecord;
      readonly verdict: VerdictRecord;
      /** What was missing until now, for the others, who finish it as well. */
      readonly signatures?: ExecutionRecord['signatures'];
    }
  | { readonly type: 'released'; readonly id: string }
  /** The network has it, at this height of the best block. */
  | { readonly type: 'sent'; readonly id: string; readonly height: number }
  /** Too early: its locks end at this height of the best block, or later. */
  | { readonly type: 'postponed'; readonly id: string; readonly height: number }
  /** It is time to send it again. */
  | { readonly type: 'sendDue'; readonly id: string }
  | { readonly type: 'refused'; readonly id: string; readonly reason: string }
  | { readonly type: 'abandoned'; readonly id: string; readonly reason: string }
  /** Signatures are still missing: the others are told again, for messages may be lost. */
  | { readonly type: 'nudge'; readonly id: string; readonly height: number }
  /** It is late: its fee may be too low. */
  | { readonly type: 'late'; readonly id: string }
  /** The chain says where the transaction that made an output is. */
  | {
      readonly type: 'placed';
      readonly outpoint: string;
      readonly placed: Placement | 'gone';
      readonly height?: number;
    }
  /** The chain says what spends an output, or that nothing does any more. */
  | {
      readonly type: 'spent';
      readonly outpoint: string;
      readonly txid: string;
      readonly placed: Placement | 'gone';
      readonly height?: number;
      readonly transition?: string;
      readonly next: readonly CellSeed[];
      readonly secrets: readonly string[];
    }
  /** A duty of a party came up again. */
  | { readonly type: 'dutyDue'; readonly outpoint: string }
  /** Nothing to do yet: look again at this height. */
  | { readonly type: 'dutyWaits'; readonly outpoint: string; readonly height: number }
  | { readonly type: 'dutyDone'; readonly outpoint: string };

/** What the engine does in the world. */
export type EngineEffect =
  /** Watches an output that may be spent, and the script that is to be funded. */
  | { readonly type: 'watch'; readonly outpoint: string; readonly since: number }
  | { readonly type: 'watchFunding'; readonly since: number }
  | { readonly type: 'propose'; readonly id: string }
  | { readonly type: 'broadcast'; readonly id: string }
  | { readonly type: 'bump'; readonly id: string }
  | { readonly type: 'duty'; readonly outpoint: string };
