import { createEmbeddedChain } from '@bitcoin-enterprise/chain';
import { concatBytes, parseHex, satoshis } from '@bitcoin-enterprise/core';
import { createMemoryStore } from '@bitcoin-enterprise/events';
import { serializeTransaction, sighashTaproot, type Transaction } from '@bitcoin-enterprise/script';
import { expect, it } from 'vitest';
import {
  aggregateFrostSignature,
  aggregateMusigKeys,
  createFrostNonce,
  createFrostSession,
  createMusigParty,
  dealFrostShares,
  deriveMusigKeys,
  type FrostShare,
  openNonceVault,
  SecretBytes,
  signFrost,
  tweakForTaproot,
  tweakFrostShare,
} from '../../src/multiparty/index.ts';

const newVault = (): ReturnType<typeof openNonceVault> => openNonceVault({ store: createMemoryStore(), name: 'v' });

/** Pays to a key of Taproot, and spends that by a signature. */
async function spend(xOnlyPublicKey: Uint8Array, sign: (digest: Uint8Array) => Promise<Uint8Array>): Promise<boolean> {
  const chain = createEmbeddedChain();
  const scriptPubKey = concatBytes(parseHex('5120'), xOnlyPublicKey);
  const coin = chain.fund(scriptPubKey, satoshis(100_000n));
  const unsigned: Transaction = {
    version: 2,
    lockTime: 0,
    inputs: [
      {
        previousTxid: coin.txid,
        previousIndex: coin.index,
        scriptSig: new Uint8Array(),
        sequence: 0xffff_fffd,
        witness: [],
      },
    ],
    outputs: [{ value: 99_000n, scriptPubKey }],
  };
  const digest = sighashTaproot({ tx: unsigned, inputIndex: 0, spentOutputs: [{ value: 100_000n, scriptPubKey }] });
  const signature = await sign(digest);
  const [input] = unsigned.inputs as [Transaction['inputs'][number]];
  chain.broadcast(serializeTransaction({ ...unsigned, inputs: [{ ...input, witness: [signature] }] }));
  chain.mine(1);
  return chain.balance(scriptPubKey) === 99_000n;
}

it('a key of FROST spends on the chain', async () => {
  const shares = dealFrostShares({ threshold: 2, participants: 3 }).shares.map((share) => tweakFrostShare(share));
  const signers = [shares[0], shares[2]] as [FrostShare, FrostShare];
  const { group } = signers[0];

  expect(
    await spend(group.xOnlyPublicKey, async (message) => {
      const vaults = [await newVault(), await newVault()] as const;
      const nonces = await Promise.all(
        vaults.map((vault, at) => createFrostNonce(vault, { share: signers[at] as FrostShare })),
      );
      const session = createFrostSession(group, { nonces, message });
      const parts = await Promise.all(
        vaults.map((vault, at) => signFrost(vault, { session, share: signers[at] as FrostShare })),
      );
      return aggregateFrostSignature(session, parts);
    }),
  ).toBe(true);
});

it('a key below an aggregate of MuSig2 spends on the chain', async () => {
  const parties = await Promise.all(
    [1, 2].map(async (n) =>
      createMusigParty({ secretKey: new SecretBytes(new Uint8Array(32).fill(n)), vault: await newVault() }),
    ),
  );
  const publicKeys = parties.map(({ publicKey }) => publicKey);
  const keys = tweakForTaproot(deriveMusigKeys(aggregateMusigKeys(publicKeys), [1, 7]));

  expect(
    await spend(keys.xOnlyPublicKey, async (message) => {
      const [left, right] = await Promise.all(
        parties.map((party) => party.begin({ publicKeys, message, tweaks: keys.tweaks })),
      );
      if (left === undefined || right === undefined) throw new Error('two runs');
      for (const sent of left.outbox) await right.receive(sent);
      for (const sent of right.outbox) await left.receive(sent);
      return left.signature ?? new Uint8Array(64);
    }),
  ).toBe(true);
});
