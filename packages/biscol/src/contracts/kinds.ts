import type { BlockHeight, Satoshis } from '@bitcoin-enterprise/core';
import type { NamedKey, Party, PartyInput, ValueKind } from '../contract/values.ts';

/** A party as a parameter. */
export type PartyKind = ValueKind<Party, PartyInput>;
/** Parties as a parameter. */
export type PartiesKind = ValueKind<readonly Party[], readonly (Party | PartyInput)[]>;
/** A public key as a parameter. */
export type KeyKind = ValueKind<NamedKey, string>;
/** Public keys as a parameter. */
export type KeysKind = ValueKind<readonly NamedKey[], readonly (NamedKey | string)[]>;
/** An amount as a parameter. */
export type AmountKind = ValueKind<Satoshis, string | bigint>;
/** Amounts as a parameter. */
export type AmountsKind = ValueKind<readonly Satoshis[], readonly (Satoshis | string | bigint)[]>;
/** A whole number, of blocks or of anything, as a parameter. */
export type NumberKind = ValueKind<number, number>;
/** A height as a parameter. */
export type HeightKind = ValueKind<BlockHeight, number>;
/** A hash or a secret as a parameter. */
export type BytesKind = ValueKind<Uint8Array, string>;
/** Hashes as a parameter. */
export type HashesKind = ValueKind<readonly Uint8Array[], readonly (Uint8Array | string)[]>;
/** A script that is paid as a parameter. */
export type ScriptKind = ValueKind<Uint8Array, string | Uint8Array>;
/** Of a contract whose outputs carry nothing along. */
// oxlint-disable-next-line typescript/no-generated-empty-object-type -- no names at all is what is meant
export type NoData = Readonly<Record<never, never>>;
/** Of a transition without arguments. */
export type NoArgs = unknown;
