import { concatBytes, encodeCompactSize, readCompactSize } from '@bitcoin-enterprise/core';

/** Kinds of things that peers tell one another of (BIP144, BIP152, BIP339). */
export const Inventory = {
  TX: 1,
  BLOCK: 2,
  COMPACT_BLOCK: 4,
  WITNESS_TX: 5,
  TX_WITH_WITNESS: 0x4000_0001,
  BLOCK_WITH_WITNESS: 0x4000_0002,
} as const;

/** One thing that a peer has or wants. */
export interface InventoryItem {
  readonly type: number;
  /** 32 bytes in internal order. */
  readonly hash: Uint8Array;
}

const PROTOCOL_VERSION = 70_016;
/** NODE_NETWORK, NODE_WITNESS, NODE_NETWORK_LIMITED. */
const SERVICES = 0x409n;

/** What a node says of itself first. */
export interface VersionFacts {
  readonly subversion: string;
  readonly height: number;
  readonly nonce: bigint;
  /** Unix seconds. */
  readonly time: number;
}

/** Writes a `version`. */
export function writeVersion({ subversion, height, nonce, time }: VersionFacts): Uint8Array {
  const name = new TextEncoder().encode(subversion);
  const head = new DataView(new ArrayBuffer(20));
  head.setInt32(0, PROTOCOL_VERSION, true);
  head.setBigUint64(4, SERVICES, true);
  head.setBigInt64(12, BigInt(time), true);
  const address = new Uint8Array(26);
  const tail = new DataView(new ArrayBuffer(5));
  tail.setInt32(0, height, true);
  tail.setUint8(4, 1);
  const salt = new DataView(new ArrayBuffer(8));
  salt.setBigUint64(0, nonce, true);
  return concatBytes(
    bytesOf(head),
    address,
    address,
    bytesOf(salt),
    encodeCompactSize(name.length),
    name,
    bytesOf(tail),
  );
}

/** What a peer says of itself. */
export interface PeerVersion {
  readonly version: number;
  readonly services: bigint;
  readonly subversion: string;
  readonly height: number;
  readonly relays: boolean;
}

/** Reads a `version`; `undefined` for one that is cut short. */
export function readVersion(payload: Uint8Array): PeerVersion | undefined {
  if (payload.length < 85) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const { value: length, size } = readCompactSize(payload, 80);
  const end = 80 + size + length;
  if (payload.length < end + 4) return undefined;
  return {
    version: view.getInt32(0, true),
    services: view.getBigUint64(4, true),
    subversion: new TextDecoder().decode(payload.subarray(80 + size, end)),
    height: view.getInt32(end, true),
    relays: payload.length <= end + 4 || payload[end + 4] !== 0,
  };
}

/** Writes `inv`, `getdata` or `notfound`. */
export function writeInventory(items: readonly InventoryItem[]): Uint8Array {
  const parts = items.map(({ type, hash }) => {
    const head = new DataView(new ArrayBuffer(4));
    head.setUint32(0, type, true);
    return concatBytes(bytesOf(head), hash);
  });
  return concatBytes(encodeCompactSize(items.length), ...parts);
}

/** Reads `inv`, `getdata` or `notfound`; as many as are whole. */
export function readInventory(payload: Uint8Array): readonly InventoryItem[] {
  const { value: count, size } = readCompactSize(payload, 0);
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const items: InventoryItem[] = [];
  for (let i = 0, at = size; i < count && at + 36 <= payload.length; i++, at += 36)
    items.push({ type: view.getUint32(at, true), hash: payload.subarray(at + 4, at + 36) });
  return items;
}

/** Writes a `getheaders` from blocks that are known, newest first. */
export function writeGetHeaders(locator: readonly Uint8Array[]): Uint8Array {
  const version = new DataView(new ArrayBuffer(4));
  version.setInt32(0, PROTOCOL_VERSION, true);
  return concatBytes(bytesOf(version), encodeCompactSize(locator.length), ...locator, new Uint8Array(32));
}

/** Reads the blocks that a peer knows, and the one it wants to stop at; `undefined` for a text that is cut short. */
export function readGetHeaders(payload: Uint8Array):
  | {
      readonly locator: readonly Uint8Array[];
      readonly stop: Uint8Array;
    }
  | undefined {
  const { value: count, size } = readCompactSize(payload, 4);
  const start = 4 + size;
  const end = start + count * 32;
  if (payload.length < end) return undefined;
  const locator = Array.from({ length: count }, (_, i) => payload.subarray(start + i * 32, start + i * 32 + 32));
  return { locator, stop: payload.subarray(end, end + 32) };
}

/** Writes `headers`: each with the zero transactions that the format asks for. */
export function writeHeaders(headers: readonly Uint8Array[]): Uint8Array {
  return concatBytes(
    encodeCompactSize(headers.length),
    ...headers.map((header) => concatBytes(header, Uint8Array.of(0))),
  );
}

/** Reads `headers`. */
export function readHeaders(payload: Uint8Array): readonly Uint8Array[] {
  const { value: count, size } = readCompactSize(payload, 0);
  const headers: Uint8Array[] = [];
  for (let i = 0, at = size; i < count && at + 81 <= payload.length; i++, at += 81)
    headers.push(payload.subarray(at, at + 80));
  return headers;
}

function bytesOf({ buffer }: DataView): Uint8Array {
  return new Uint8Array(buffer as ArrayBuffer);
}
