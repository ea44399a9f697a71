import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { findRustMiniscript } from '../../../scripts/nodes/rust-miniscript.ts';
import { compilePolicy, parseMiniscript, parsePolicy } from '../src/index.ts';
import { normalise } from '../src/policy/normal.ts';
import { dice } from './support/dice.ts';
import { expectedWeightOf, type NamedOutput, outputOf, waysOf } from './support/expected-weight.ts';
import { randomPolicy } from './support/random-policy.ts';

const COUNT = process.env['BE_LONG'] === '1' ? 2_000 : 120;
const SEED = Number(process.env['BE_SEED'] ?? 78);
const rust = orSkip('rust-miniscript', await findRustMiniscript());

/** What a compiler of rust-miniscript answered; `undefined` for an error. */
function answered(line: string): NamedOutput | undefined {
  if (line.startsWith('error')) return undefined;
  const [key = '', ...leaves] = line.split('\t');
  return {
    internalKeys: key === 'NUMS' ? undefined : [key],
    leaves: leaves.map((leaf) => {
      const at = leaf.indexOf(' ');
      return {
        depth: Number(leaf.slice(0, at)),
        fragment: parseMiniscript(leaf.slice(at + 1), { context: 'tapscript' }),
      };
    }),
  };
}

it.skipIf(rust === undefined)(
  `is never heavier than rust-miniscript's compile_tr: ${COUNT} random policies`,
  () => {
    const policies: string[] = [];
    for (let seed = SEED; policies.length < COUNT; seed++) {
      const text = randomPolicy(dice(seed), 1 + dice(seed).below(4));
      if (waysOf(normalise(parsePolicy(text))).length <= 300) policies.push(text);
    }
    const { stdout } = spawnSync(rust?.command.file ?? '', [], {
      input: `${policies.join('\n')}\n`,
      encoding: 'utf8',
      maxBuffer: 2 ** 30,
    });
    const lines = stdout.trim().split('\n');
    expect(lines).toHaveLength(COUNT);
    let [lighter, equal, ours, theirs] = [0, 0, 0, 0];
    for (const [place, text] of policies.entries()) {
      const policy = normalise(parsePolicy(text));
      const rival = answered((lines[place] as string).split('|')[0] as string);
      if (rival === undefined) expect.fail(`rust-miniscript refuses ${text}: ${lines[place]}`);
      // Keys that sign as one are not for the rival: the same rules for both.
      const own = expectedWeightOf(outputOf(compilePolicy(text, { context: 'tr', musig: 'none' }).template), policy);
      const other = expectedWeightOf(rival, policy);
      if (own > other + 1e-6) expect.fail(`${text}: ${own}, rust-miniscript ${other}`);
      ours += own;
      theirs += other;
      if (own < other - 1e-6) lighter += 1;
      else equal += 1;
    }
    process.stdout.write(
      `rust-miniscript 13.1: of ${COUNT} policies ${lighter} lighter, ${equal} equal, 0 heavier; ${((100 * ours) / theirs).toFixed(1)} % of its weight\n`,
    );
    expect(lighter).toBeGreaterThan(COUNT / 8);
  },
  1_200_000,
);
