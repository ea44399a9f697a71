import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { findPostgres, type Postgres, startPostgres } from '../../../scripts/nodes/postgres.ts';
import { runCampaign } from './support/campaign.ts';

const long = process.env['BE_LONG'] === '1';
const seed = Number(process.env['BE_SEED'] ?? 20_261_127);

function tell(what: string, counts: object): void {
  process.stderr.write(`${what}, seed ${seed}: ${JSON.stringify(counts)}\n`);
}

describe('a writer that is killed', () => {
  it('loses nothing and repeats nothing on SQLite', { timeout: 3_600_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'be-killed-'));
    const kills = long ? 2_000 : 20;
    const counts = await runCampaign({ kind: 'sqlite', place: join(folder, 'events.db'), kills, seed });
    tell(`SQLite, ${kills} kills`, counts);

    expect(counts.acknowledged).toBeGreaterThan(kills);
    rmSync(folder, { recursive: true });
  });
});

const present = orSkip('PostgreSQL', await findPostgres());

describe.skipIf(present === undefined)('on PostgreSQL', () => {
  let server: Postgres;

  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  it('a writer that is killed loses nothing and repeats nothing', { timeout: 3_600_000 }, async () => {
    const kills = long ? 2_000 : 16;
    const counts = await runCampaign({ kind: 'postgres', place: `${server.url}#clients`, kills, seed });
    tell(`PostgreSQL, ${kills} clients killed`, counts);

    expect(counts.acknowledged).toBeGreaterThan(kills);
  });

  it('a server that is killed loses nothing that it acknowledged', { timeout: 3_600_000 }, async () => {
    const kills = long ? 200 : 8;
    const counts = await runCampaign({
      kind: 'postgres',
      place: `${server.url}#servers`,
      kills,
      seed,
      disturb: async (kill) => {
        if (kill % 4 === 0) await server.crash();
      },
    });
    tell(`PostgreSQL, ${kills} clients and ${Math.floor(kills / 4)} servers killed`, counts);

    expect(counts.acknowledged).toBeGreaterThan(kills);
  });
});
