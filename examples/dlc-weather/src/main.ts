/**
 * `npm start -w examples/dlc-weather`: the story on the embedded chain, then on a real bitcoind. `--json` prints what came of
 * it, `--svg file` draws the payout curve and the nights on it.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadCrypto } from '@bitcoin-enterprise/core';
import { findBitcoind } from '../../../scripts/nodes/bitcoind.ts';
import { payoutSvg } from './plot.ts';
import { bitcoindScene, embeddedScene } from './scene.ts';
import { tellStory, type Told } from './story.ts';

const { values } = parseArgs({
  options: { json: { type: 'boolean' }, 'no-node': { type: 'boolean' }, svg: { type: 'string' } },
});
const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

await loadCrypto();
const told: Told[] = [];
for (const open of [embeddedScene, ...(values['no-node'] === true ? [] : [bitcoindScene])]) {
  if (open === bitcoindScene) {
    const found = await findBitcoind();
    if (!found.ok) {
      say(`\nNo bitcoind is asked: ${found.reason}`);
      continue;
    }
  }
  const folder = mkdtempSync(join(tmpdir(), 'be-weather-'));
  const scene = await open();
  try {
    say(`\n=== On ${scene.name} ===`);
    told.push(await tellStory(scene, folder, say));
  } finally {
    await scene.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
if (values.svg !== undefined) writeFileSync(values.svg, payoutSvg(told[0]?.nights ?? []));
if (values.json === true)
  process.stdout.write(
    `${JSON.stringify(told, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value), 2)}\n`,
  );
