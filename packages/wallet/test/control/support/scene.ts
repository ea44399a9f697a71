import { type Clock, loadCrypto, toHex, unixMilliseconds, unixSeconds } from '@bitcoin-enterprise/core';
import { createMemoryStore, type EventStore } from '@bitcoin-enterprise/events';
import {
  createLog,
  createMemoryLogStorage,
  createReceipts,
  ed25519Signer,
  type MerkleLog,
  noteSigner,
  type Receipts,
  type ReceiptSigner,
} from '@bitcoin-enterprise/receipts';
import { createControl, type Control, type Payment } from '../../../src/control/index.ts';

/** A signer for each of a few people. */
export const people: Readonly<Record<'ann' | 'bob' | 'eve' | 'kim', ReceiptSigner>> = {
  ann: ed25519Signer(new Uint8Array(32).fill(11)),
  bob: ed25519Signer(new Uint8Array(32).fill(12)),
  eve: ed25519Signer(new Uint8Array(32).fill(13)),
  kim: ed25519Signer(new Uint8Array(32).fill(14)),
};
const keyOf = (name: keyof typeof people) => ({ algorithm: 'ed25519', publicKey: toHex(people[name].publicKey) });

/** Small payments to a supplier by any treasurer, larger ones by two directors, the rest denied. */
export const policyJson = (more: object = {}): object => ({
  version: 1,
  actors: [
    { id: 'ann', roles: ['treasurer'], key: keyOf('ann') },
    { id: 'bob', roles: ['director'], key: keyOf('bob') },
    { id: 'kim', roles: ['director', 'treasurer'], key: keyOf('kim') },
    { id: 'bot', roles: ['service'] },
  ],
  lists: { suppliers: ['bcrt1supplier'] },
  rules: [
    {
      name: 'small',
      when: { initiators: { roles: ['treasurer'] }, amount: { to: '100000' }, to: { lists: ['suppliers'] } },
      limits: [{ per: 'wallet', windowSeconds: 86_400, amount: '150000' }],
      effect: 'allow',
    },
    {
      name: 'large',
      when: { initiators: { roles: ['treasurer'] }, amount: { to: '10000000' } },
      effect: { approvals: [{ roles: ['director'], count: 1 }] },
    },
  ],
  administration: { approvals: [{ roles: ['director'], count: 2 }] },
  ...more,
});

export const payment = (id: string, amount: bigint, to = 'bcrt1supplier'): Payment => ({
  id,
  chain: 'bitcoin:regtest',
  transfers: [{ asset: 'native', to, amount }],
  fee: 100n,
});

/** A clock that is set. */
export function handClock(start: number): Clock & { set(seconds: number): void } {
  let time = start;
  return {
    now: () => unixSeconds(time),
    nowMs: () => unixMilliseconds(time * 1000),
    monotonicMs: () => time * 1000,
    set(seconds) {
      time = seconds;
    },
  };
}

export { codeOfPromise as codeOf } from '../../support/code-of.ts';

export interface Scene {
  readonly control: Control;
  readonly store: EventStore;
  readonly log: MerkleLog;
  readonly receipts: Receipts;
  readonly clock: ReturnType<typeof handClock>;
  readonly again: (policy?: unknown) => Promise<Control>;
}

/** A wallet under the policy, with a store and a log of its own. */
export async function scene(policy: unknown = policyJson()): Promise<Scene> {
  await loadCrypto();
  const store = createMemoryStore();
  const log = createLog({ storage: createMemoryLogStorage() });
  const signer = ed25519Signer(new Uint8Array(32).fill(21));
  const receipts = createReceipts({
    log,
    origin: 'example.com/wallet',
    signers: [signer],
    logSigners: [noteSigner({ name: 'example.com/wallet', signer: ed25519Signer(new Uint8Array(32).fill(22)) })],
  });
  const clock = handClock(1_700_000_000);
  const again = (given: unknown = policy): Promise<Control> =>
    createControl({ store, wallet: 'treasury', policy: given, receipts, clock });
  return { control: await again(), store, log, receipts, clock, again };
}
