import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AnyContract, type CovenantsInput, instantiate } from '@bitcoin-enterprise/biscol';
import {
  type CheckedSide,
  checkContract,
  type Counterexample,
  counterexampleScript,
  replayCounterexample,
} from '@bitcoin-enterprise/biscol/checker';
import { vault, vaultGuarantees } from '@bitcoin-enterprise/biscol/contracts';
import { loadCrypto } from '@bitcoin-enterprise/core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Bitcoind } from '../../../../scripts/nodes/bitcoind.ts';
import { findCore, startCore } from '../../../chain/test/support/core-node.ts';
import { keyOf, personOf, secretOf } from '../support/people.ts';

beforeAll(async () => {
  await loadCrypto();
});

const backends: readonly CovenantsInput[] = [
  { kind: 'presigned', keys: [keyOf(9)], feeRate: 2_000n },
  { kind: 'ctv', feeRate: 2_000n },
];

function checked(contract: AnyContract, covenants: CovenantsInput, delay = 4): CheckedSide {
  const instance = instantiate(contract as typeof vault, {
    network: 'regtest',
    params: {
      owner: keyOf(1),
      hot: personOf(2),
      watchtower: keyOf(3),
      cold: personOf(4),
      sum: 100_000_000n,
      delay,
    },
    covenants,
  });
  const [side] = checkContract({
    instance,
    guarantees: { ...vaultGuarantees, contract: contract as typeof vault },
    secretKeys: [1, 2, 3, 4, 9].map(secretOf),
    bounds: { blocks: 12 },
  });
  return side as CheckedSide;
}

/** A vault whose way back must be at least as long as the one that leads out. */
const clumsy: AnyContract = {
  ...vault,
  transitions: { ...vault.transitions, clawBack: { ...vault.transitions.clawBack, version: 2 } },
};
/** A vault that nobody watches. */
const unwatched: AnyContract = { ...vault, duties: [] };

describe('the model checker', () => {
  it.for(backends)('finds nothing in the vault ($kind)', (covenants) => {
    const { complete, counterexample, situations } = checked(vault, covenants);

    expect(counterexample).toBeUndefined();
    expect(complete).toBe(true);
    expect(situations).toBeGreaterThan(500);
  });

  it.for(backends)('finds out that nobody watches ($kind)', (covenants) => {
    const { counterexample } = checked(unwatched, covenants);

    expect(counterexample?.wrong).toContain('savers got 0 sat, and had to get 100000000 less fees of');
    expect(counterexample?.actions).toContain('a block with unvault of an adversary');
  });

  it('finds out that a transaction can be pinned when it is not of version 3', () => {
    const { counterexample } = checked(clumsy, backends[0] as CovenantsInput);

    expect(counterexample?.actions).toContain('an adversary hangs a large child to the anchor');
  });
});

describe('a counterexample', () => {
  const found = (): Counterexample =>
    checked(unwatched, backends[0] as CovenantsInput).counterexample as Counterexample;

  it('is the same on a real node, and as a program of its own', async ({ skip }) => {
    const file = findCore('core-31');
    if (file === undefined) return skip('no Bitcoin Core 31 here');
    const counterexample = found();
    await withNode(file, async (node) => {
      const rpc = { call: async (method: string, params: readonly unknown[]) => node.rpc(method, [...params]) };

      expect(await replayCounterexample(counterexample, rpc)).toEqual({ isBroken: true, paid: 0n });
    });
    await withNode(file, async (node) => {
      const { status, text } = await runScript(counterexampleScript(counterexample), node);

      expect(text).toContain('broken: savers got 0 sat');
      expect(status).toBe(1);
    });
  });

  it('that is none is told apart', async ({ skip }) => {
    const file = findCore('core-31');
    if (file === undefined) return skip('no Bitcoin Core 31 here');
    const { blocks, ...rest } = found();
    // Without its last block the coins are still on their way.
    const shorter = { ...rest, blocks: blocks.slice(0, -1) };
    await withNode(file, async (node) => {
      const rpc = { call: async (method: string, params: readonly unknown[]) => node.rpc(method, [...params]) };

      await expect(replayCounterexample(shorter, rpc)).rejects.toMatchObject({ code: 'BISCOL_REPLAY_REFUSED' });
    });
  });
});

async function withNode(file: string, use: (node: Bitcoind) => Promise<void>): Promise<void> {
  const node = await startCore(file);
  try {
    await use(node);
  } finally {
    await node.stop();
  }
}

/** Beside this process, which has to go on: the node's output has to be read meanwhile. */
async function runScript(script: string, node: Bitcoind): Promise<{ readonly status: number; readonly text: string }> {
  const folder = mkdtempSync(join(import.meta.dirname, '.replay-'));
  const path = join(folder, 'counterexample.mjs');
  writeFileSync(path, script);
  const url = new URL(node.rpcUrl);
  url.username = node.user;
  url.password = node.password;
  try {
    return await new Promise((resolve) => {
      execFile(process.execPath, ['--conditions=@bitcoin-enterprise/source', path, url.href], (error, stdout) => {
        resolve({ status: error === null ? 0 : Number(error.code), text: stdout });
      });
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
