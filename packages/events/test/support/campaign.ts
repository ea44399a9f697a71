/** Kills writers at random moments, again and again, and then looks at what they were promised. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkAfterCrashes, type CrashReport, finishWork } from '@bitcoin-enterprise/events/testing';
import { openStore } from './open-store.ts';

/** Settings of {@link runCampaign}. */
export interface CampaignOptions {
  readonly kind: 'sqlite' | 'postgres';
  /** File, or URL with `#schema`. */
  readonly place: string;
  /** How many processes are killed. */
  readonly kills: number;
  readonly seed: number;
  /** What is put before the child's command line, for example a tracer. */
  readonly wrap?: (kill: number) => readonly string[];
  /** Called every so often with the number of kills so far. */
  readonly disturb?: (kill: number) => Promise<void>;
}

const child = join(import.meta.dirname, 'crash-child.ts');

/** Two writers at a time on one database; one of them is killed after a random time and replaced. */
export async function runCampaign(options: CampaignOptions): Promise<Awaited<ReturnType<typeof checkAfterCrashes>>> {
  const { kind, place, kills, seed, wrap, disturb } = options;
  const folder = mkdtempSync(join(tmpdir(), 'be-crash-'));
  const sink = join(folder, 'performed');
  writeFileSync(sink, '');
  // Makes the tables.
  await (await openStore(kind, place)).close();
  const reports: CrashReport[] = [];
  const random = (kill: number, below: number): number => (Math.imul(seed + kill + 1, 0x9e37_79b1) >>> 0) % below;
  let killed = 0;
  const faults: string[] = [];

  const writer = async (name: string): Promise<void> => {
    while (killed < kills && faults.length === 0) {
      killed += 1;
      const kill = killed;
      await disturb?.(kill);
      const before = wrap?.(kill) ?? [];
      const [file, ...args] = [
        ...before,
        process.execPath,
        '--conditions=@bitcoin-enterprise/source',
        '--disable-warning=ExperimentalWarning',
        child,
        kind,
        place,
        name,
        String(seed * 1_000_003 + kill),
        sink,
      ];
      const process_ = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
      let output = '';
      let errors = '';
      let timer: ReturnType<typeof setTimeout> | undefined;
      process_.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        // A writer that runs under a tracer is killed by it; the others a little after they began.
        timer ??= setTimeout(() => process_.kill('SIGKILL'), before.length > 0 ? 10_000 : 1 + random(kill, 40));
      });
      process_.stderr.on('data', (chunk: Buffer) => {
        errors += chunk.toString();
      });
      const signal = await new Promise<string | null>((done) => {
        process_.on('close', (_code, by) => done(by));
      });
      clearTimeout(timer);
      if (signal !== 'SIGKILL' && process_.exitCode !== 137 && !/EVENTS_STORE_UNAVAILABLE/.test(errors))
        faults.push(`writer ${name} ended by itself: ${errors.slice(-1_500)}`);
      // The last line may be cut: what was not told whole was not told.
      for (const line of output.split('\n').slice(0, -1)) reports.push(JSON.parse(line) as CrashReport);
    }
  };
  await Promise.all([writer('a'), writer('b')]);
  if (faults.length > 0) throw new Error(faults.join('\n'));

  const store = await openStore(kind, place);
  try {
    const performed = (): readonly string[] =>
      readFileSync(sink, 'utf8')
        .split('\n')
        .filter((key) => key !== '');
    const late: string[] = [];
    await sleep(60);
    await finishWork(store, {
      name: 'end',
      seed,
      report: (report) => reports.push(report),
      perform: (key) => late.push(key),
    });
    return await checkAfterCrashes(store, reports, [...performed(), ...late]);
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
}
