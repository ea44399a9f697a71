import { feeRate } from '@bitcoin-enterprise/core';
import { type MempoolPolicy, rulesOf } from '../model/mempool-policy.ts';
import { mempoolProfile, type MempoolProfileName } from '../model/mempool-profiles.ts';
import { readAmount } from './arguments.ts';

/** What bitcoind was told, by name: every value in its order. The command line comes before the file. */
export type BitcoindOptions = ReadonlyMap<string, readonly string[]>;

/** Reads a command line of bitcoind: `-name=value`, `--name`, `-noname`. */
export function readCommandLine(args: readonly string[]): BitcoindOptions {
  const options = new Map<string, string[]>();
  for (const arg of args) {
    const match = /^--?([^=]+)(?:=(.*))?$/s.exec(arg);
    if (match !== null) addOption(options, match[1] ?? '', match[2] ?? '1');
  }
  return options;
}

/** Reads a `bitcoin.conf`: what stands before the first section, and what stands in `[regtest]`. */
export function readConfigFile(text: string): BitcoindOptions {
  const options = new Map<string, string[]>();
  let section = '';
  for (const line of text.split('\n')) {
    const bare = line.replace(/(?:^|\s)#.*$/, '').trim();
    const heading = /^\[(\w+)\]$/.exec(bare);
    if (heading !== null) section = heading[1] ?? '';
    else if (bare !== '' && (section === '' || section === 'regtest')) {
      const at = bare.indexOf('=');
      addOption(options, at < 0 ? bare : bare.slice(0, at).trim(), at < 0 ? '1' : bare.slice(at + 1).trim());
    }
  }
  return options;
}

function addOption(options: Map<string, string[]>, given: string, value: string): void {
  const isOff = given.startsWith('no') && given !== 'node';
  const name = isOff ? given.slice(2) : given.replace(/^regtest\./, '');
  const text = isOff ? (value === '0' ? '1' : '0') : value;
  options.set(name, [...(options.get(name) ?? []), text]);
}

/** Command line and file together. */
export function mergeOptions(first: BitcoindOptions, second: BitcoindOptions): BitcoindOptions {
  return new Map([...second, ...first]);
}

/** The value that counts: of the command line the last one. */
export function optionText(options: BitcoindOptions, name: string): string | undefined {
  return options.get(name)?.at(-1);
}

/** Whether a switch is on. */
export function isOn(options: BitcoindOptions, name: string, absent: boolean): boolean {
  const value = optionText(options, name);
  return value === undefined ? absent : value === '' || Number(value) !== 0;
}

/** A whole number. */
export function optionNumber(options: BitcoindOptions, name: string): number | undefined {
  const value = optionText(options, name);
  if (value === undefined) return undefined;
  const number = Number.parseInt(value, 10);
  return Number.isNaN(number) ? 0 : number;
}

/** The mempool policy that the options ask for, on top of a named profile. */
export function policyOf(options: BitcoindOptions): MempoolPolicy {
  const base = mempoolProfile((optionText(options, 'profile') as MempoolProfileName | undefined) ?? 'core-31');
  const rate = (name: string): MempoolPolicy['minRelayFeeRate'] | undefined => {
    const text = optionText(options, name);
    return text === undefined ? undefined : feeRate(readAmount(text));
  };
  const kilo = (name: string): number | undefined => {
    const value = optionNumber(options, name);
    return value === undefined ? undefined : value * 1_000;
  };
  const given: Partial<Record<keyof MempoolPolicy, unknown>> = {
    incrementalRelayFeeRate: rate('incrementalrelayfee'),
    minRelayFeeRate: rate('minrelaytxfee') ?? raisedTo(base.minRelayFeeRate, rate('incrementalrelayfee')),
    maxAncestors: optionNumber(options, 'limitancestorcount'),
    maxAncestorSizeVb: kilo('limitancestorsize'),
    maxDescendants: optionNumber(options, 'limitdescendantcount'),
    maxDescendantSizeVb: kilo('limitdescendantsize'),
    bytesPerSigop: optionNumber(options, 'bytespersigop'),
    maxPoolUsageBytes: (optionNumber(options, 'maxmempool') ?? 300) * 1_000_000,
  };
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...base, ...set, maxPoolSizeVb: Infinity, rules: rulesFrom(options, base) };
}

/** Core raises the relay fee to the incremental one where only that was given. */
function raisedTo(
  relay: MempoolPolicy['minRelayFeeRate'],
  incremental: MempoolPolicy['minRelayFeeRate'] | undefined,
): MempoolPolicy['minRelayFeeRate'] | undefined {
  return incremental !== undefined && incremental > relay ? incremental : undefined;
}

function rulesFrom(options: BitcoindOptions, base: MempoolPolicy): NonNullable<MempoolPolicy['rules']> {
  const rules = rulesOf(base);
  const { form } = rules;
  const cluster = {
    maxCount: optionNumber(options, 'limitclustercount') ?? rules.cluster.maxCount,
    maxSizeVb: (optionNumber(options, 'limitclustersize') ?? rules.cluster.maxSizeVb / 1_000) * 1_000,
  };
  if (form === undefined || isOn(options, 'acceptnonstdtxn', false)) return { ...rules, cluster, form: undefined };
  const dust = optionText(options, 'dustrelayfee');
  const carrier = isOn(options, 'datacarrier', true) ? optionNumber(options, 'datacarriersize') : 0;
  return {
    ...rules,
    cluster,
    form: {
      ...form,
      bareMultisig: isOn(options, 'permitbaremultisig', form.bareMultisig),
      maximumDataCarrierSize: carrier ?? form.maximumDataCarrierSize,
      dustRelayFee: dust === undefined ? form.dustRelayFee : readAmount(dust),
    },
  };
}
