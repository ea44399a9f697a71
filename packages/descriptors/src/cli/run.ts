import { parseArgs } from 'node:util';
import { type NetworkName, NETWORKS, SuiteError, toHex } from '@bitcoin-enterprise/core';
import { type Descriptor, parseDescriptor } from '../descriptor/descriptor.ts';
import type { DerivedKey } from '../keys/model.ts';
import { isUnspendableExpression } from '../keys/unspendable.ts';
import { type CompilePolicyOptions, compilePolicy } from '../policy/compile.ts';
import { liftDescriptor } from '../policy/lift.ts';
import { planSpend } from '../plan/plan.ts';
import { englishOf } from '../render/english.ts';
import { mermaidTree } from '../render/mermaid.ts';
import { keyLabel, pathsOfDescriptor, type RenderPath } from '../render/paths.ts';
import { svgTree } from '../render/svg.ts';
import { shownWord } from '../text/expression.ts';
import { costTable, terminalTree, weightText } from '../render/terminal.ts';

/** What a run prints, and how it ends: 0, 1 for an input that is refused, 2 for a call that is not understood. */
export interface CliResult {
  readonly exitCode: 0 | 1 | 2;
  readonly stdout: string;
  readonly stderr: string;
}

const USAGE = `descriptors explain DESCRIPTOR   what it takes to spend, in English, with weights
descriptors compile POLICY       the cheapest descriptor for a policy
descriptors plan DESCRIPTOR      the cheapest spend with what is at hand
descriptors derive DESCRIPTOR    scripts and addresses

  --json                         one JSON object instead of text
explain, compile:
  --svg | --mermaid | --table    a picture, a chart, a table of the ways to spend
compile:
  --wsh                          one P2WSH script instead of a Taproot tree
  --musig none|internal|everywhere   where keys sign as one (internal)
  --if-free                      no IF in any script
  --key NAME=KEY                 the key expression of a name, any number of times
plan, derive:
  --index N                      of the wildcard (0)
  --path N                       which alternative of a multipath descriptor (0)
plan:
  --sign TEXT                    keys whose text or label holds TEXT will sign; without it all do
  --preimage HEX                 hash whose preimage is known, any number of times
  --height N --confirmations N --time T --age-seconds S   as of the best block
derive:
  --count N                      how many, up to 1,000 (1)
  --network main|test|testnet4|signet|regtest   of addresses (main)
`;

const options = {
  json: { type: 'boolean' },
  svg: { type: 'boolean' },
  mermaid: { type: 'boolean' },
  table: { type: 'boolean' },
  wsh: { type: 'boolean' },
  musig: { type: 'string' },
  'if-free': { type: 'boolean' },
  key: { type: 'string', multiple: true },
  index: { type: 'string' },
  path: { type: 'string' },
  sign: { type: 'string', multiple: true },
  preimage: { type: 'string', multiple: true },
  height: { type: 'string' },
  confirmations: { type: 'string' },
  time: { type: 'string' },
  'age-seconds': { type: 'string' },
  count: { type: 'string' },
  network: { type: 'string' },
  help: { type: 'boolean' },
} as const;

type Flags = ReturnType<
  typeof parseArgs<{ readonly options: typeof options; readonly allowPositionals: true }>
>['values'];

/** Runs a command line without its program. Reads and writes nothing itself. */
export function runCli(args: readonly string[]): CliResult {
  let flags: Flags;
  let positionals: readonly string[];
  try {
    ({ values: flags, positionals } = parseArgs({ args: [...args], options, allowPositionals: true }));
  } catch (error) {
    return usage(error instanceof Error ? error.message : 'unknown option');
  }
  const [command, text, ...rest] = positionals;
  if (flags.help === true || command === undefined) return { exitCode: 0, stdout: USAGE, stderr: '' };
  const run = COMMANDS.get(command);
  if (run === undefined) return usage(`no command ${shownWord(command)}`);
  if (text === undefined || rest.length > 0) return usage(`${command} takes one text, in quotes`);
  try {
    return { exitCode: 0, stdout: `${run(text, flags)}\n`, stderr: '' };
  } catch (error) {
    if (error instanceof UsageError) return usage(error.message);
    if (!(error instanceof SuiteError)) throw error;
    if (flags.json === true)
      return { exitCode: 1, stdout: `${JSON.stringify({ error: error.toJSON() })}\n`, stderr: '' };
    return { exitCode: 1, stdout: '', stderr: `${pointed(error, text)}\n` };
  }
}

class UsageError extends Error {}

function usage(problem: string): CliResult {
  return { exitCode: 2, stdout: '', stderr: `${problem}\n\n${USAGE}` };
}

/** An error with a line that points at the character. */
function pointed(error: SuiteError, text: string): string {
  const hint = error.hint === undefined ? [] : [error.hint];
  const { position, length = 1 } = error.details as { readonly position?: number; readonly length?: number };
  if (position === undefined || text.includes('\n')) return [error.message, ...hint].join('\n');
  // A window around the place: descriptors are long.
  const from = Math.max(0, position - 40);
  const shown = masked(text).slice(from, position + 40);
  const marks = '^'.repeat(Math.max(1, Math.min(length, shown.length - (position - from))));
  return [error.message, `  ${shown}`, `  ${' '.repeat(position - from)}${marks}`, ...hint].join('\n');
}

/** A text in which what may be a secret, or one with a mistake in it, is not to be read; as long as before. */
function masked(text: string): string {
  return text.replaceAll(/[\dA-Za-z]{40,}/g, (word) =>
    /^(?:[\da-f]+|[\dA-F]+|[xtyzuvUVYZ]pub.*)$/.test(word) ? word : '·'.repeat(word.length),
  );
}

const COMMANDS: ReadonlyMap<string, (text: string, flags: Flags) => string> = new Map([
  ['explain', explain],
  ['compile', compile],
  ['plan', plan],
  ['derive', derive],
]);

function explain(text: string, flags: Flags): string {
  const descriptor = parseDescriptor(text);
  const paths = pathsOfDescriptor(descriptor);
  const meaning = liftDescriptor(descriptor.node, isUnspendableExpression);
  const english =
    meaning === undefined ? 'its descriptor does not say how it is spent' : englishOf(meaning, { keyName: keyLabel });
  if (flags.json === true)
    return JSON.stringify({
      descriptor: descriptor.toJSON(),
      isRange: descriptor.isRange,
      multipathCount: descriptor.multipathCount,
      english,
      paths,
    });
  const picture = pictureOf(paths, flags);
  if (picture !== undefined) return picture;
  return [descriptor.toJSON(), '', 'To spend it takes', englishOfIndented(english), '', terminalTree(paths)].join('\n');
}

function englishOfIndented(english: string): string {
  return english
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
}

function pictureOf(paths: readonly RenderPath[], { svg, mermaid, table }: Flags): string | undefined {
  if (svg === true) return svgTree(paths);
  if (mermaid === true) return mermaidTree(paths);
  return table === true ? costTable(paths) : undefined;
}

function compile(text: string, flags: Flags): string {
  const { musig = 'internal' } = flags;
  if (musig !== 'none' && musig !== 'internal' && musig !== 'everywhere')
    throw new UsageError('--musig takes none, internal or everywhere');
  const keys = Object.fromEntries(
    (flags.key ?? []).map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw new UsageError('--key takes NAME=KEY');
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
  const asked: CompilePolicyOptions = {
    context: flags.wsh === true ? 'wsh' : 'tr',
    keys,
    musig,
    ifFree: flags['if-free'] === true,
  };
  const { template, descriptor, paths, expectedWeight, lowerBound, gap } = compilePolicy(text, asked);
  if (flags.json === true)
    return JSON.stringify({ template, descriptor: descriptor?.toJSON(), expectedWeight, lowerBound, gap, paths });
  const picture = pictureOf(paths, flags);
  if (picture !== undefined) return picture;
  return [
    descriptor?.toJSON() ?? template,
    '',
    terminalTree(paths),
    '',
    `expected witness: ${weightText(expectedWeight)} WU; no output for this policy has less than ${weightText(lowerBound)} WU` +
      (gap < 1e-9 ? ' (optimal)' : ` (at most ${(gap * 100).toPrecision(2)} % above the optimum)`),
  ].join('\n');
}

function pick(text: string, flags: Flags): { readonly descriptor: Descriptor; readonly index: number } {
  const whole = parseDescriptor(text);
  const paths = whole.paths();
  const path = number(flags.path, '--path', 0);
  const descriptor = paths[path];
  if (descriptor === undefined) throw new UsageError(`--path takes 0 to ${paths.length - 1}`);
  return { descriptor, index: number(flags.index, '--index', 0) };
}

function plan(text: string, flags: Flags): string {
  const { descriptor, index } = pick(text, flags);
  const { sign, preimage = [] } = flags;
  const known = new Set(preimage.map((hash) => hash.toLowerCase()));
  const named = (key: DerivedKey): boolean =>
    sign === undefined ||
    sign.some(
      (part) =>
        key.expression.text('public').includes(part) ||
        keyLabel(key.expression).includes(part) ||
        toHex(key.bytes).includes(part),
    );
  const planned = planSpend(descriptor.derive(index), {
    canSign: named,
    hasPreimage: (_hashFunction, hash) => known.has(toHex(hash)),
    confirmations: number(flags.confirmations, '--confirmations', 0),
    ageSeconds: number(flags['age-seconds'], '--age-seconds', 0),
    ...(flags.height === undefined ? {} : { height: number(flags.height, '--height', 0) }),
    ...(flags.time === undefined ? {} : { medianTime: number(flags.time, '--time', 0) }),
  });
  const labels = (keys: readonly DerivedKey[]): readonly string[] => keys.map((key) => keyLabel(key.expression));
  if (!planned.ok) {
    const { spendableFrom } = planned;
    const facts = {
      ok: false,
      missingKeys: labels(planned.keys),
      missingPreimages: planned.preimages.map(({ hashFunction, hash }) => `${hashFunction}(${toHex(hash)})`),
      spendableFrom,
    };
    if (flags.json === true) return JSON.stringify(facts);
    const when =
      spendableFrom === undefined
        ? 'never with these keys and preimages'
        : `in ${spendableFrom.blocks} blocks${spendableFrom.height === undefined ? '' : `, from block ${spendableFrom.height} on`}${spendableFrom.seconds === 0 ? '' : `, and in ${spendableFrom.seconds} seconds`}`;
    const missing = [
      ...facts.missingKeys.map((key) => `a signature of ${key}`),
      ...facts.missingPreimages.map((hash) => `the preimage of ${hash}`),
    ];
    return [
      `cannot be spent now; it can be ${when}`,
      ...(missing.length === 0 ? [] : ['missing:', ...missing.map((one) => `  ${one}`)]),
    ].join('\n');
  }
  const { path, items, lockTime, sequence, weight, witnessSize, scriptSigSize } = planned;
  const shown = items.map((item) => {
    if (item.kind === 'signature' || item.kind === 'key') return `${item.kind} of ${keyLabel(item.key.expression)}`;
    return item.kind === 'preimage'
      ? `preimage of ${item.hashFunction}(${toHex(item.hash)})`
      : toHex(item.bytes) || 'empty';
  });
  const way = path.kind === 'leaf' ? `leaf ${path.index}` : path.kind === 'key' ? 'key path' : 'script';
  if (flags.json === true)
    return JSON.stringify({
      ok: true,
      way,
      items: shown,
      signers: labels(planned.signers),
      lockTime,
      sequence,
      weight,
      witnessSize,
      scriptSigSize,
    });
  const range = ({ minimum, maximum }: { readonly minimum: number; readonly maximum: number }): string =>
    minimum === maximum ? String(maximum) : `${minimum} to ${maximum}`;
  return [
    `way: ${way}`,
    'stack, bottom first:',
    ...shown.map((one) => `  ${one}`),
    `nLockTime: ${lockTime}`,
    `nSequence: 0x${sequence.toString(16)}`,
    `input weight: ${range(weight)} WU`,
  ].join('\n');
}

function derive(text: string, flags: Flags): string {
  const { descriptor, index } = pick(text, flags);
  const { network = 'main' } = flags;
  if (!Object.hasOwn(NETWORKS, network)) throw new UsageError(`--network takes ${Object.keys(NETWORKS).join(', ')}`);
  const count = number(flags.count, '--count', 1);
  if (count < 1 || count > 1_000) throw new UsageError('--count takes 1 to 1000');
  const outputs = Array.from({ length: descriptor.isRange ? count : 1 }, (_, place) => {
    const output = descriptor.derive(index + place);
    return {
      index: output.index,
      scripts: output.scripts.map((script) => toHex(script)),
      addresses: output.addresses(network as NetworkName),
    };
  });
  if (flags.json === true) return JSON.stringify({ descriptor: descriptor.toJSON(), outputs });
  return outputs
    .flatMap(({ index: at, scripts, addresses }) =>
      scripts.map((script, place) => `${at}  ${addresses[place] ?? '-'}  ${script}`),
    )
    .join('\n');
}

function number(text: string | undefined, flag: string, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^\d{1,10}$/.test(text)) throw new UsageError(`${flag} takes a whole number`);
  return Number(text);
}
