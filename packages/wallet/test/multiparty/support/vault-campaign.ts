/** Kills a signer at each of its writes, again and again, and looks at what it let out. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Release, reusedNonces } from './release.ts';

/** What came of a campaign. */
export interface CampaignCounts {
  readonly kills: number;
  readonly releases: number;
  readonly nonces: number;
  /** Public nonces that signed two sessions. */
  readonly reused: number;
}

const child = join(import.meta.dirname, 'vault-child.ts');
/** Has no divisor in common with the number of steps, so that each comes in its turn, far ones among near ones. */
const STRIDE = 37;
const cache = join(tmpdir(), 'be-vault-cache');

/** Runs signers of one vault, one after the other, each killed at another of its steps. */
export async function runVaultCampaign(options: {
  readonly mode: 'memory' | 'sealed' | 'careless';
  readonly runs: number;
  /** Steps of a signer that are looked at: each in its turn. */
  readonly steps: number;
  readonly seed: number;
}): Promise<CampaignCounts> {
  const { mode, runs, steps, seed } = options;
  const folder = mkdtempSync(join(tmpdir(), 'be-vault-'));
  const releases: Release[] = [];
  let kills = 0;
  try {
    for (let run = 0; run < runs; run++) {
      const { lines, isKilled } = await runOne([
        folder,
        mode,
        String(1 + ((run * STRIDE) % steps)),
        String(seed + run),
      ]);
      for (const line of lines) releases.push(JSON.parse(line) as Release);
      if (isKilled) kills += 1;
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  const nonces = new Set(releases.map(({ publicNonce }) => publicNonce)).size;
  return { kills, releases: releases.length, nonces, reused: reusedNonces(releases).length };
}

async function runOne(
  args: readonly string[],
): Promise<{ readonly lines: readonly string[]; readonly isKilled: boolean }> {
  const process_ = spawn(
    process.execPath,
    ['--conditions=@bitcoin-enterprise/source', '--disable-warning=ExperimentalWarning', child, ...args],
    // Thousands of processes read the same sources.
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NODE_COMPILE_CACHE: cache } },
  );
  let output = '';
  let errors = '';
  process_.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  process_.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const signal = await new Promise<string | null>((done) => {
    process_.on('close', (_code, by) => done(by));
  });
  if (signal !== 'SIGKILL' && process_.exitCode !== 0) throw new Error(`a signer ended by itself: ${errors}`);
  // The last line may be cut: what did not leave whole is no signature.
  return { lines: output.split('\n').slice(0, -1), isKilled: signal === 'SIGKILL' };
}
