import { createEmbeddedChain } from '@bitcoin-enterprise/chain';
import { loadCrypto, satoshis, toHex } from '@bitcoin-enterprise/core';
import { type Descriptor, type ExtendedKey, parseDescriptor } from '@bitcoin-enterprise/descriptors';
import { serializeTransaction } from '@bitcoin-enterprise/script';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  accountDescriptor,
  type AccountScript,
  discoverAccounts,
  discoverAddresses,
  type DiscoveryState,
  masterKey,
  nextUnused,
  scannedUsage,
  type ScriptUsage,
  SecretBytes,
  unspentUsage,
} from '../../src/keys/index.ts';

let master: ExtendedKey;
beforeAll(async () => {
  await loadCrypto();
  master = masterKey(new SecretBytes(new Uint8Array(32).fill(0x61)), { network: 'test' });
});

const scriptAt = (script: AccountScript, account: number, path: number, index: number): Uint8Array =>
  (
    parseDescriptor(accountDescriptor(master, { script, network: 'regtest', account })).paths()[path] as Descriptor
  ).derive(index).scriptPubKey;

/** A usage of a set of scripts, and what it was asked. */
function usageOf(
  scripts: readonly Uint8Array[],
): ScriptUsage & { readonly batches: number[]; readonly asked: Set<string> } {
  const paid = new Set(scripts.map(toHex));
  const batches: number[] = [];
  const asked = new Set<string>();
  return {
    batches,
    asked,
    async used(wanted) {
      batches.push(wanted.length);
      for (const script of wanted) asked.add(toHex(script));
      return wanted.map((script) => paid.has(toHex(script)));
    },
  };
}

describe('discovering accounts', () => {
  it('finds all that lies within the gap, on both paths, and looks no further', async () => {
    const indexes = fc.uniqueArray(fc.nat({ max: 60 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(
        indexes,
        indexes,
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 50 }),
        async (receive, change, gapLimit, batchSize) => {
          const lists = [receive, change].map((list) => list.toSorted((a, b) => a - b));
          const reachable = lists.map((list) => {
            const found: number[] = [];
            for (const index of list) if (index < (found.at(-1) ?? -1) + 1 + gapLimit) found.push(index);
            return found;
          });
          const scripts = lists.flatMap((list, path) => list.map((index) => scriptAt('wpkh', 0, path, index)));
          const usage = usageOf(scripts);
          const paths = await discoverAddresses(accountDescriptor(master, { script: 'wpkh', network: 'regtest' }), {
            usage,
            gapLimit,
            batchSize,
          });

          expect(paths.map(({ used }) => used)).toEqual(reachable);
          expect(paths.map(({ scanned }) => scanned)).toEqual(
            reachable.map((list) => (list.at(-1) ?? -1) + 1 + gapLimit),
          );
          expect(usage.asked.size).toBe(paths.reduce((sum, { scanned }) => sum + scanned, 0));
          expect(Math.max(...usage.batches)).toBeLessThanOrEqual(batchSize);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('stops at the first account without use, for each script, unless it is told to look further', async () => {
    const usage = () =>
      usageOf([scriptAt('tr', 0, 0, 5), scriptAt('tr', 1, 1, 19), scriptAt('tr', 3, 0, 0), scriptAt('pkh', 0, 0, 2)]);
    const names = async (accountGap: number) =>
      (await discoverAccounts(master, { network: 'regtest', usage: usage(), accountGap })).map(
        ({ script, account, paths }) => [script, account, paths.map(nextUnused)],
      );
    expect(await names(1)).toEqual([
      ['pkh', 0, [3, 0]],
      ['tr', 0, [6, 0]],
      ['tr', 1, [0, 20]],
    ]);
    expect((await names(2)).map(([script, account]) => [script, account])).toContainEqual(['tr', 3]);
    const only = await discoverAccounts(master, { network: 'regtest', usage: usage(), scripts: ['pkh'] });
    expect(only.map(({ descriptor }) => descriptor)).toEqual([
      accountDescriptor(master, { script: 'pkh', network: 'regtest' }),
    ]);
  });

  it('goes on where it was interrupted, asks nothing twice, and finds the same', async () => {
    const paid = [
      scriptAt('wpkh', 0, 0, 17),
      scriptAt('wpkh', 0, 0, 30),
      scriptAt('wpkh', 1, 1, 4),
      scriptAt('tr', 0, 0, 0),
    ];
    const options = { network: 'regtest', batchSize: 7, scripts: ['wpkh', 'tr'] } as const;
    const whole = usageOf(paid);
    const expected = await discoverAccounts(master, { ...options, usage: whole });
    for (let stopAt = 1; stopAt < whole.batches.length; stopAt += 5) {
      const controller = new AbortController();
      let state: DiscoveryState | undefined;
      const usage = usageOf(paid);
      const onProgress = (known: DiscoveryState): void => {
        state = JSON.parse(JSON.stringify(known)) as DiscoveryState;
        if (usage.batches.length === stopAt) controller.abort();
      };
      const call = discoverAccounts(master, { ...options, usage, onProgress, signal: controller.signal });
      await expect(call).rejects.toMatchObject({ code: 'WALLET_ABORTED' });
      const rest = usageOf(paid);
      expect(await discoverAccounts(master, { ...options, usage: rest, ...(state && { resume: state }) })).toEqual(
        expected,
      );
      expect(usage.batches.length + rest.batches.length).toBe(whole.batches.length);
    }
  });

  it('passes on what the source throws, and does not believe an answer that is none', async () => {
    const broken = { used: () => Promise.reject(new Error('offline')) };
    await expect(discoverAccounts(master, { network: 'regtest', usage: broken })).rejects.toThrow('offline');
    for (const answer of [[], [true], undefined, Array.from({ length: 20 }, () => 1)]) {
      const usage = { used: async () => answer as boolean[] };
      await expect(discoverAccounts(master, { network: 'regtest', usage })).rejects.toMatchObject({
        code: 'WALLET_INVALID_ARGUMENT',
      });
    }
    const usage = usageOf([]);
    const descriptor = accountDescriptor(master, { script: 'tr', network: 'regtest' });
    const account = { script: 'tr', account: 0, descriptor, paths: [{ scanned: 1, used: [0] }] };
    for (const call of [
      () => discoverAccounts(master, undefined as never),
      () => discoverAccounts(master, { network: 'regtest', usage: {} as never }),
      () => discoverAccounts(master, { network: 'regtest', usage, gapLimit: 0 }),
      () => discoverAccounts(master, { network: 'regtest', usage, scripts: ['x' as never] }),
      () => discoverAccounts(master, { network: 'main', usage }),
      () => discoverAccounts(master, { network: 'regtest', usage, resume: { accounts: [{}] } as never }),
      () =>
        discoverAccounts(master, {
          network: 'regtest',
          usage,
          resume: { accounts: [{ ...account, descriptor: 'x' }] } as never,
          scripts: ['tr'],
        }),
      () =>
        discoverAccounts(master, {
          network: 'regtest',
          usage,
          resume: { accounts: [{ ...account, paths: [{ scanned: 1, used: [1] }] }] } as never,
        }),
      () => discoverAddresses(7 as never, { usage }),
      () => discoverAddresses('raw(00)', { usage }),
      () => discoverAddresses(descriptor, { usage, resume: 'x' as never }),
    ])
      await expect(Promise.resolve().then<unknown>(call)).rejects.toMatchObject({ code: 'WALLET_INVALID_ARGUMENT' });
  });
});

describe('over the embedded chain', () => {
  it('sees what was spent by scanning, and only what was not by its coins', async () => {
    const chain = createEmbeddedChain();
    const descriptor = accountDescriptor(master, { script: 'wpkh', network: 'regtest' });
    const scripts = [2, 15, 33].map((index) => scriptAt('wpkh', 0, 0, index));
    const coins = scripts.map((script) => chain.fund(script, satoshis(50_000n)));
    // The coin between is spent: without it there is a gap of thirty.
    chain.impersonate(scripts[1] as Uint8Array);
    const { txid, index } = coins[1] as (typeof coins)[number];
    const input = { previousTxid: txid, previousIndex: index, scriptSig: new Uint8Array(), sequence: 0, witness: [] };
    const outputs = [{ value: 40_000n, scriptPubKey: Uint8Array.of(0x51, 0x02, 0x4e, 0x73) }];
    chain.mine(1, { transactions: [serializeTransaction({ version: 2, inputs: [input], outputs, lockTime: 0 })] });

    const scanned = scannedUsage(chain.ports);
    const [receive] = await discoverAddresses(descriptor, { usage: scanned });
    expect(receive).toEqual({ scanned: 54, used: [2, 15, 33] });
    const [blind] = await discoverAddresses(descriptor, { usage: unspentUsage(chain.ports) });
    expect(blind).toEqual({ scanned: 23, used: [2] });
    expect((await discoverAddresses(descriptor, { usage: unspentUsage(chain.ports), gapLimit: 40 }))[0]?.used).toEqual([
      2, 33,
    ]);

    chain.fund(scriptAt('wpkh', 0, 0, 50), satoshis(1_000n));
    chain.reorg(2);
    chain.mine(1);
    expect((await discoverAddresses(descriptor, { usage: scanned }))[0]?.used).toContain(50);
    const born = scannedUsage(chain.ports, { fromHeight: chain.height });
    expect((await discoverAddresses(descriptor, { usage: born }))[0]?.used).not.toContain(2);
    const pruned = { ...chain.ports, block: async () => undefined };
    await expect(discoverAddresses(descriptor, { usage: scannedUsage(pruned) })).rejects.toMatchObject({
      code: 'WALLET_CHAIN_INCOMPLETE',
      details: { height: 0 },
    });
    const late = scannedUsage(chain.ports).used([], { signal: AbortSignal.abort() });
    await expect(late).rejects.toMatchObject({ code: expect.stringMatching(/ABORTED$/) as string });
  });
});
