/** What all parties agree on: the descriptor, and the policy that each of them enforces for itself. */
import { type Descriptor, descriptorChecksum } from '@bitcoin-enterprise/descriptors';
import { toHex } from '@bitcoin-enterprise/core';

/** The names of those who sign. */
export const PARTIES = ['ann', 'bob', 'cat'] as const;
export type PartyName = (typeof PARTIES)[number];

/** 90 days in units of 512 seconds, rounded up (BIP68). */
export const RECOVERY_LOCK: number = 0x40_0000 | Math.ceil((90 * 86_400) / 512);
/** Above that two others have to approve. */
export const LIMIT = 20_000_000n;

/** What a party tells the others of itself. */
export interface PartyCard {
  readonly name: PartyName;
  /** `[fingerprint/87h/1h/0h]tpub…`. */
  readonly key: string;
  /** Of its approvals: Ed25519, hexadecimal. */
  readonly approvalKey: string;
}

/**
 * The treasury as a descriptor: Ann and Bob sign together as the internal key, which looks like any other payment; the
 * other pairs have a leaf each; the recovery key has its own, 90 days after a coin came in.
 */
export function treasuryDescriptor(cards: readonly PartyCard[], recoveryKey: string): string {
  const [ann, bob, cat] = cards.map(({ key }) => key);
  const pair = (one = '', other = ''): string => `pk(musig(${one},${other})/<0;1>/*)`;
  const recovery = `and_v(v:pk(${recoveryKey}/<0;1>/*),older(${RECOVERY_LOCK}))`;
  const text = `tr(musig(${ann},${bob})/<0;1>/*,{{${pair(ann, cat)},${pair(bob, cat)}},${recovery}})`;
  return `${text}#${descriptorChecksum(text)}`;
}

/** Small payments pass; larger ones need two who have not asked for them, and nobody pays half of a bitcoin. */
export function treasuryPolicy(cards: readonly PartyCard[]): object {
  return {
    version: 1,
    actors: [
      ...cards.map(({ name, approvalKey }) => ({
        id: name,
        roles: ['treasurer'],
        key: { algorithm: 'ed25519', publicKey: approvalKey },
      })),
      { id: 'desk', roles: ['desk'] },
    ],
    rules: [
      {
        name: 'small payments',
        when: { initiators: { roles: ['desk'] }, amount: { to: String(LIMIT) }, fee: { to: '100000' } },
        limits: [{ per: 'rule', windowSeconds: 86_400, amount: String(2n * LIMIT) }],
        effect: 'allow',
      },
      {
        name: 'large payments',
        when: { initiators: { roles: ['desk'] }, amount: { to: '50000000' }, fee: { to: '100000' } },
        effect: { approvals: [{ roles: ['treasurer'], count: 2 }] },
      },
    ],
  };
}

/** Whether a script is one of the first hundred addresses of the treasury, or of its change. */
export function ownScripts(descriptor: Descriptor): (scriptPubKey: Uint8Array) => boolean {
  const known = new Set<string>();
  for (const branch of descriptor.paths())
    for (let index = 0; index < 100; index++) known.add(toHex(branch.derive(index).scriptPubKey));
  return (scriptPubKey) => known.has(toHex(scriptPubKey));
}
