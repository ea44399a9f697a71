/** Kills a signer at each of its writes, again and again, and looks at what it let out. */
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
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
  /** How often a backup of the store and the keys, without the guard, was put back. */
  readonly restores: number;
  /** How often a signer noticed. */
  readonly stale: number;
  /** How often a signer refused to go on with a store that was not put back. */
  readonly falseAlarms: number;
}

/** A bundle of the same file starts twice as fast, for thousands of runs. */
const child = process.env['BE_VAULT_CHILD'] ?? join(import.meta.dirname, 'vault-child.ts');
/** Has no divisor in common with the number of steps, so that each comes in its turn, far ones among near ones. */
const STRIDE = 37;
const BACKUP_EVERY = 4;
const RESTORE_EVERY = 6;
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
  const backup = join(folder, 'backup');
  mkdirSync(backup);
  let [kills, restores, stale, falseAlarms] = [0, 0, 0, 0];
  let isPutBack = false;
  try {
    for (let run = 0; run < runs; run++) {
      const { lines, isKilled } = await runOne([
        folder,
        mode,
        String(1 + ((run * STRIDE) % steps)),
        String(seed + run),
      ]);
      for (const line of lines) {
        const told = JSON.parse(line) as Release | { readonly isStale: boolean };
        if (!('isStale' in told)) releases.push(told);
        else if (!told.isStale) isPutBack = false;
        else if (isPutBack) stale += 1;
        else falseAlarms += 1;
      }
      if (isKilled) kills += 1;
      // Found: that is all that is asked for.
      if (mode === 'careless' && reusedNonces(releases).length > 0) break;
      if (mode === 'careless') continue;
      if (run % BACKUP_EVERY === 2) copyFiles(folder, backup);
      if (run % RESTORE_EVERY !== RESTORE_EVERY - 1) continue;
      copyFiles(backup, folder);
      restores += 1;
      isPutBack = true;
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  const nonces = new Set(releases.map(({ publicNonce }) => publicNonce)).size;
  return {
    kills,
    releases: releases.length,
    nonces,
    reused: reusedNonces(releases).length,
    restores,
    stale,
    falseAlarms,
  };
}

/** Puts the files of the store and of the keys from one folder into another, in place of what is there. */
function copyFiles(from: string, to: string): void {
  const isCopied = (name: string): boolean => name.startsWith('main.db') || name.startsWith('keys.db');
  for (const name of readdirSync(to)) if (isCopied(name)) rmSync(join(to, name));
  for (const name of readdirSync(from)) if (isCopied(name)) cpSync(join(from, name), join(to, name));
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
