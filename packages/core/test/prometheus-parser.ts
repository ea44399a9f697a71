/** A strict reader of the text format of Prometheus, version 0.0.4: what it does not know it refuses. */
export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string | undefined;
  readonly samples: Map<string, number>;
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*';
const VALUE = /^(?:NaN|[+-]Inf|[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)$/;

export function parsePrometheus(text: string): ReadonlyMap<string, Family> {
  if (text !== '' && !text.endsWith('\n')) throw new Error('the last line does not end');
  if (text.includes('\r')) throw new Error('a carriage return');
  const families = new Map<string, Family>();
  let current: Family | undefined;
  let help: readonly [string, string] | undefined;
  for (const line of text.split('\n').slice(0, -1)) {
    const comment = new RegExp(`^# (HELP|TYPE) (${NAME}) ([^\\n]*)$`).exec(line);
    if (comment !== null) {
      const [, kind, name = '', rest = ''] = comment;
      if (families.has(name)) throw new Error(`${name} is described twice: ${line}`);
      if (kind === 'HELP') {
        if (help !== undefined) throw new Error(`help without a type: ${help[0]}`);
        if (/\\(?![\\n])/.test(rest.replaceAll('\\\\', ''))) throw new Error(`a bad escape: ${line}`);
        help = [name, rest];
      } else {
        if (!['counter', 'gauge', 'histogram'].includes(rest)) throw new Error(`an unknown type: ${line}`);
        if (help !== undefined && help[0] !== name) throw new Error(`help of another metric: ${line}`);
        current = { name, type: rest, help: help?.[1], samples: new Map() };
        families.set(name, current);
        help = undefined;
      }
      continue;
    }
    // Any other comment is for people; a misspelt description is none.
    if (/^# (?!HELP|TYPE)/.test(line)) continue;
    if (help !== undefined) throw new Error(`a sample between help and type: ${line}`);
    addSample(line, current);
  }
  for (const family of families.values()) requireSound(family);
  return families;
}

function addSample(line: string, family: Family | undefined): void {
  const sample = new RegExp(`^(${NAME})(\\{(.*)\\})? (\\S+)$`).exec(line);
  const [, name = '', braces, inner = '', value = ''] = sample ?? [];
  if (sample === null || family === undefined) throw new Error(`no sample: ${line}`);
  const suffix = name.slice(family.name.length);
  const suffixes = family.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
  if (!name.startsWith(family.name) || !suffixes.includes(suffix)) throw new Error(`not of ${family.name}: ${line}`);
  if (!VALUE.test(value)) throw new Error(`no number: ${line}`);
  const labels: Array<readonly [string, string]> = [];
  const label = new RegExp(`(${LABEL})="((?:[^"\\\\\\n]|\\\\[\\\\"n])*)"(?:,(?=.)|$)`, 'y');
  if (braces === '{}') throw new Error(`empty braces: ${line}`);
  while (label.lastIndex < inner.length) {
    const found = label.exec(inner);
    if (found === null) throw new Error(`no labels: ${line}`);
    const [, key = '', text = ''] = found;
    if (key.startsWith('__') || labels.some(([other]) => other === key)) throw new Error(`the label ${key}: ${line}`);
    labels.push([key, text.replaceAll(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped))]);
  }
  const key = JSON.stringify([suffix, labels.toSorted(([a], [b]) => (a < b ? -1 : 1))]);
  if (family.samples.has(key)) throw new Error(`a series twice: ${line}`);
  family.samples.set(key, Number(value.replace('Inf', 'Infinity')));
}

function requireSound({ name, type, samples }: Family): void {
  if (samples.size === 0) throw new Error(`${name} has no samples`);
  if (type === 'counter' && !name.endsWith('_total')) throw new Error(`a counter without _total: ${name}`);
  if (type === 'counter' && [...samples.values()].some((value) => !(value >= 0)))
    throw new Error(`${name} is negative`);
  if (type !== 'histogram') return;
  const series = new Map<string, Array<readonly [number, number]>>();
  for (const [key, value] of samples) {
    const [suffix, labels] = JSON.parse(key) as [string, [string, string][]];
    if (suffix !== '_bucket') continue;
    const rest = JSON.stringify(labels.filter(([label]) => label !== 'le'));
    const le = labels.find(([label]) => label === 'le')?.[1];
    if (le === undefined) throw new Error(`${name}: a bucket without le`);
    const bound = le === '+Inf' ? Infinity : Number(le);
    series.set(rest, [...(series.get(rest) ?? []), [bound, value]]);
  }
  for (const [labels, buckets] of series) {
    const total = samples.get(JSON.stringify(['_count', JSON.parse(labels)]));
    buckets.forEach(([bound, count], index) => {
      const [before, less] = buckets[index - 1] ?? [-Infinity, 0];
      if (!(bound > before) || count < less) throw new Error(`${name}: buckets that do not add up`);
    });
    if (buckets.at(-1)?.[0] !== Infinity || buckets.at(-1)?.[1] !== total) throw new Error(`${name}: no +Inf`);
  }
}
