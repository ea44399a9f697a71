import { describe, expect, it } from 'vitest';
import { type CampaignCounts, runVaultCampaign } from './support/vault-campaign.ts';

const long = process.env['BE_LONG'] === '1';
const seed = Number(process.env['BE_SEED'] ?? 20_261_127);
/** Of a signer that makes four nonces, all steps before and after its writes. */
const STEPS = { memory: 60, sealed: 90 };

describe('a signer that is killed at each of its writes, and whose backups are put back', () => {
  it.for(['memory', 'sealed'] as const)('uses no nonce twice (%s)', { timeout: 7_200_000 }, async (mode) => {
    // Two signers at a time, each with a vault of its own.
    const half = long ? 2_520 : 12;
    const both = [0, 1].map((part) => runVaultCampaign({ mode, runs: half, steps: STEPS[mode], seed: seed + part }));
    const [left, right] = (await Promise.all(both)) as [CampaignCounts, CampaignCounts];
    const runs = 2 * half;
    const counts = {
      kills: left.kills + right.kills,
      releases: left.releases + right.releases,
      reused: left.reused + right.reused,
      restores: left.restores + right.restores,
      stale: left.stale + right.stale,
      falseAlarms: left.falseAlarms + right.falseAlarms,
    };
    process.stderr.write(`${mode}, seed ${seed}: ${JSON.stringify(counts)}\n`);

    expect(counts.reused).toBe(0);
    expect(counts.restores).toBeGreaterThan(0);
    // In memory there is nothing that a backup could bring back, and nothing to notice.
    if (mode === 'sealed') expect(counts.stale).toBeGreaterThan(0);
    expect(counts.falseAlarms).toBe(0);
    expect(counts.kills).toBeGreaterThan(runs / 2);
    expect(counts.releases).toBeGreaterThan(half);
  });

  it('is found out when it signs before it records', { timeout: 600_000 }, async () => {
    const counts = await runVaultCampaign({ mode: 'careless', runs: long ? 200 : 24, steps: 12, seed });
    process.stderr.write(`careless, seed ${seed}: ${JSON.stringify(counts)}\n`);

    expect(counts.reused).toBeGreaterThan(0);
  });
});
