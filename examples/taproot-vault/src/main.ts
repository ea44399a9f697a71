/** `npm start`: the vault on the embedded chain, then the same blocks on a real bitcoind, then a report to look at. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { BitcoindRpc } from '@bitcoin-enterprise/chain/bitcoind';
import { loadCrypto } from '@bitcoin-enterprise/core';
import { disassemble, opcodeName } from '@bitcoin-enterprise/script';
import { findBitcoind, startBitcoind } from '../../../scripts/nodes/bitcoind.ts';
import { type Replay, replayStory } from './replay.ts';
import { renderReport } from './report.ts';
import { type Story, tellStory } from './story.ts';

const { values } = parseArgs({
  options: { json: { type: 'boolean' }, 'no-node': { type: 'boolean' }, out: { type: 'string' } },
});
const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
const folder = resolve(values.out ?? resolve(import.meta.dirname, '../../../out'));

const { engine, notice } = await loadCrypto();
say(`Crypto engine: ${engine.name}${notice === undefined ? '' : ` (${notice})`}`);

say('\nThe embedded chain');
const story = tellStory(engine, (line) => say(`  ${line}`));
sayTrace(story);

const replay = values['no-node'] === true ? undefined : await replayOnNode(story);
mkdirSync(folder, { recursive: true });
const file = join(folder, 'taproot-vault.html');
writeFileSync(file, renderReport(story, replay, engine.name));
say(`\nReport: ${file}`);
if (values.json === true) process.stdout.write(`${JSON.stringify(summary(story, replay), undefined, 2)}\n`);
if (replay !== undefined && !(replay.sameTip && replay.sameVerdicts)) {
  say('The real node came to other verdicts than the embedded chain.');
  process.exitCode = 1;
}

async function replayOnNode(told: Story): Promise<Replay | undefined> {
  say('\nA real bitcoind');
  const found = await findBitcoind();
  if (!found.ok) {
    say(`  not asked: ${found.reason}`);
    return undefined;
  }
  const node = await startBitcoind();
  try {
    say(`  ${node.version}, process ${node.pid}`);
    const rpc = new BitcoindRpc({ url: node.rpcUrl, auth: { user: node.user, password: node.password } });
    return await replayStory(told, rpc, (line) => say(`  ${line}`));
  } finally {
    await node.stop();
  }
}

/** Shows the line of the trace at which a script refused a spend. */
function sayTrace({ attempts }: Story): void {
  const refused = attempts.find((attempt) => attempt.scriptError === 'UNSATISFIED_LOCKTIME');
  const step = refused?.trace.steps.at(-1);
  if (refused === undefined || step === undefined) return;
  say(`\nWhy "${refused.title}" was refused (${refused.scriptError ?? ''})`);
  say(`  script  ${disassemble(step.script, { maximumDataSize: 4 })}`);
  say(`  stopped at byte ${step.offset}, ${opcodeName(step.opcode)}`);
  say(
    `  stack   ${step.stack.map((item) => Buffer.from(item).toString('hex') || '∅').join(' ')}  (the delay that the script asks for)`,
  );
  say('  offered a sequence of 1: one block');
}

function summary(told: Story, replayed: Replay | undefined): unknown {
  return {
    engine: engine.name,
    height: told.chain.height,
    attempts: told.attempts.map(
      ({ title, path, txid, accepted, reason, scriptError, height, weight, inputWeight }) => ({
        title,
        path,
        txid,
        accepted,
        ...(reason === undefined ? {} : { reason }),
        ...(scriptError === undefined ? {} : { scriptError }),
        block: height + 1,
        weight,
        inputWeight,
      }),
    ),
    node: replayed ?? null,
    report: file,
  };
}
