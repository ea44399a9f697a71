import type { NetworkName } from '@bitcoin-enterprise/core';
import { type Descriptor, type ExtendedKey, parseDescriptor } from '@bitcoin-enterprise/descriptors';
import { requireFunction, requireInteger, requireList, requireObject, requireText } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import { ACCOUNT_SCRIPTS, accountDescriptor, type AccountScript } from './accounts.ts';
import { HARDENED_STEP } from './derivation-path.ts';
import { aborted, type ScriptUsage } from './script-usage.ts';

/** What is known of one path of a descriptor: of its receiving addresses, or of its change. */
export interface DiscoveredPath {
  /** Indexes below this one were asked about. */
  readonly scanned: number;
  /** Those that were paid to, ascending. */
  readonly used: readonly number[];
}

/** What is known of an account. */
export interface DiscoveredAccount {
  readonly script: AccountScript;
  readonly account: number;
  /** Public, with origin and checksum, receiving and change in one. */
  readonly descriptor: string;
  /** Receiving, then change. */
  readonly paths: readonly DiscoveredPath[];
}

/** How far a discovery is: plain JSON, to be kept and handed in again when it was interrupted. */
export interface DiscoveryState {
  readonly accounts: readonly DiscoveredAccount[];
}

/** How a gap ends a search, and how it is told. */
export interface GapOptions {
  /** Says which scripts were paid to. */
  readonly usage: ScriptUsage;
  /** Unused addresses in a row behind which nothing is looked for, 1 to 10,000; 20 when absent (BIP44). */
  readonly gapLimit?: number;
  /** Scripts that are asked about at once, 1 to 1,000; 20 when absent. */
  readonly batchSize?: number;
  readonly signal?: AbortSignal;
}

/** Settings of {@link discoverAccounts}. */
export interface DiscoverOptions extends GapOptions {
  /** Must be the one of the master key. */
  readonly network: NetworkName;
  /** In this order; all four when absent. */
  readonly scripts?: readonly AccountScript[];
  /** Unused accounts in a row behind which no further one is looked for, 1 to 100; 1 when absent (BIP44). */
  readonly accountGap?: number;
  /** Where an interrupted discovery of the same master key had come. */
  readonly resume?: DiscoveryState;
  /** Called with what is known after each batch. */
  readonly onProgress?: (state: DiscoveryState) => void;
}

/** What a search in one descriptor knows of its paths. */
type Paths = readonly DiscoveredPath[];

/**
 * Finds the accounts of a master key that were ever used (BIP44, “Account discovery”, and the same for BIP49, 84, 86).
 * Unlike the text of BIP44 it looks at change addresses too.
 *
 * @param master - A master key with its secret.
 * @returns Accounts with at least one used address, by script in the order asked for.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`, `WALLET_ABORTED`; what the usage throws.
 *
 * @example
 * ```ts
 * import { createEmbeddedChain } from '@bitcoin-enterprise/chain';
 * import { satoshis } from '@bitcoin-enterprise/core';
 * import { parseDescriptor } from '@bitcoin-enterprise/descriptors';
 * import {
 *   accountDescriptor,
 *   discoverAccounts,
 *   masterKey,
 *   nextUnused,
 *   scannedUsage,
 *   SecretBytes,
 * } from '@bitcoin-enterprise/wallet/keys';
 *
 * const master = masterKey(new SecretBytes(new Uint8Array(32).fill(1)), { network: 'test' });
 * const [receive] = parseDescriptor(accountDescriptor(master, { script: 'tr', network: 'regtest' })).paths();
 * const chain = createEmbeddedChain();
 * if (receive !== undefined) chain.fund(receive.derive(3).scriptPubKey, satoshis(10_000n));
 *
 * const found = await discoverAccounts(master, { network: 'regtest', usage: scannedUsage(chain.ports) });
 * found.map(({ script, account, paths }) => [script, account, paths.map(nextUnused)]); // => [['tr', 0, [4, 0]]]
 * ```
 */
export async function discoverAccounts(
  master: ExtendedKey,
  options: DiscoverOptions,
): Promise<readonly DiscoveredAccount[]> {
  const settings = requireObject<DiscoverOptions>('options', options);
  const { network, scripts = ACCOUNT_SCRIPTS, accountGap = 1, resume, onProgress } = settings;
  const gap = requireGap(settings);
  requireInteger('options.accountGap', accountGap, 1, 100);
  if (onProgress !== undefined) requireFunction('options.onProgress', onProgress);
  const accounts = new Map<string, DiscoveredAccount>();
  for (const known of readState(resume)) accounts.set(`${known.script} ${known.account}`, known);
  const tell = (): void => onProgress?.({ accounts: [...accounts.values()] });
  for (const script of requireList('options.scripts', scripts) as readonly AccountScript[]) {
    let unused = 0;
    for (let account = 0; unused < accountGap && account < HARDENED_STEP; account++) {
      const descriptor = accountDescriptor(master, { script, network: network as NetworkName, account });
      const name = `${script} ${account}`;
      const known = accounts.get(name);
      if (known !== undefined && known.descriptor !== descriptor)
        throw invalidArgument('options.resume', 'a discovery of the same master key', resume);
      const paths = await search(parseDescriptor(descriptor), known?.paths, gap, (soFar) => {
        accounts.set(name, { script, account, descriptor, paths: soFar });
        tell();
      });
      unused = isUsed(paths) ? 0 : unused + 1;
    }
  }
  return [...accounts.values()].filter(({ paths }) => isUsed(paths));
}

/**
 * Finds the used addresses of one descriptor.
 *
 * @param descriptor - Its text, or itself; with a wildcard.
 * @returns For each of its paths (BIP389), in their order.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`, `WALLET_ABORTED`; DescriptorsError for a text that is no descriptor;
 * what the usage throws.
 */
export async function discoverAddresses(
  descriptor: Descriptor | string,
  options: GapOptions & {
    /** Where an interrupted search had come. */
    readonly resume?: readonly DiscoveredPath[];
    /** Called with what is known after each batch. */
    readonly onProgress?: (paths: readonly DiscoveredPath[]) => void;
  },
): Promise<readonly DiscoveredPath[]> {
  const parsed = typeof descriptor === 'string' ? parseDescriptor(descriptor) : descriptor;
  requireFunction('descriptor.paths', requireObject<Descriptor>('descriptor', parsed).paths);
  if (!parsed.isRange) throw invalidArgument('descriptor', 'one with a wildcard', descriptor);
  const { onProgress, resume } = requireObject<typeof options>('options', options);
  if (onProgress !== undefined) requireFunction('options.onProgress', onProgress);
  const known = resume === undefined ? undefined : readPaths('options.resume', resume);
  return search(parsed, known, requireGap(options), (paths) => onProgress?.(paths));
}

/**
 * The first index behind all used ones: the next address to hand out.
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 */
export function nextUnused(path: DiscoveredPath): number {
  const used = requireList('path.used', requireObject<DiscoveredPath>('path', path).used) as readonly number[];
  return (used.at(-1) ?? -1) + 1;
}

interface Gap {
  readonly usage: ScriptUsage;
  readonly gapLimit: number;
  readonly batchSize: number;
  readonly signal: AbortSignal | undefined;
}

async function search(
  descriptor: Descriptor,
  known: Paths | undefined,
  gap: Gap,
  tell: (paths: Paths) => void,
): Promise<Paths> {
  const chains = descriptor.paths();
  const paths: DiscoveredPath[] = chains.map((_, place) => known?.[place] ?? { scanned: 0, used: [] });
  for (const [place, chain] of chains.entries())
    for (;;) {
      const path = paths[place] as DiscoveredPath;
      const left = Math.min(nextUnused(path) + gap.gapLimit, HARDENED_STEP) - path.scanned;
      if (left <= 0) break;
      const indexes = Array.from({ length: Math.min(left, gap.batchSize) }, (_, i) => path.scanned + i);
      const used = await ask(
        gap,
        indexes.map((index) => chain.derive(index).scriptPubKey),
      );
      paths[place] = {
        scanned: path.scanned + indexes.length,
        used: [...path.used, ...indexes.filter((_, i) => used[i])],
      };
      tell([...paths]);
    }
  return paths;
}

async function ask({ usage, signal }: Gap, scripts: readonly Uint8Array[]): Promise<readonly boolean[]> {
  requireGoing(signal);
  const used: unknown = await usage.used(scripts, signal === undefined ? {} : { signal });
  requireGoing(signal);
  const isAnswer =
    Array.isArray(used) && used.length === scripts.length && used.every((one) => typeof one === 'boolean');
  if (!isAnswer) throw invalidArgument('options.usage.used()', 'a truth for each script', used);
  return used;
}

function requireGoing(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw aborted('discover', signal);
}

function requireGap(options: Partial<GapOptions>): Gap {
  const { usage, gapLimit = 20, batchSize = 20, signal } = options;
  requireFunction('options.usage.used', requireObject<ScriptUsage>('options.usage', usage).used);
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw invalidArgument('options.signal', 'an AbortSignal', signal);
  return {
    usage: usage as ScriptUsage,
    gapLimit: requireInteger('options.gapLimit', gapLimit, 1, 10_000),
    batchSize: requireInteger('options.batchSize', batchSize, 1, 1_000),
    signal,
  };
}

function isUsed(paths: Paths): boolean {
  return paths.some(({ used }) => used.length > 0);
}

function readState(state: unknown): readonly DiscoveredAccount[] {
  if (state === undefined) return [];
  const { accounts } = requireObject<DiscoveryState>('options.resume', state);
  return requireList('options.resume.accounts', accounts).map((row, place) => {
    const argument = `options.resume.accounts[${place}]`;
    const { script, account, descriptor, paths } = requireObject<DiscoveredAccount>(argument, row);
    return {
      script: requireText(`${argument}.script`, script) as AccountScript,
      account: requireInteger(`${argument}.account`, account, 0, HARDENED_STEP - 1),
      descriptor: requireText(`${argument}.descriptor`, descriptor),
      paths: readPaths(`${argument}.paths`, paths),
    };
  });
}

function readPaths(argument: string, value: unknown): readonly DiscoveredPath[] {
  return requireList(argument, value).map((row, place) => {
    const { scanned, used } = requireObject<DiscoveredPath>(`${argument}[${place}]`, row);
    const end = requireInteger(`${argument}[${place}].scanned`, scanned, 0, HARDENED_STEP);
    const indexes = requireList(`${argument}[${place}].used`, used) as readonly number[];
    const isAscending = indexes.every((index, i) => Number.isInteger(index) && index > (indexes[i - 1] ?? -1));
    if (!isAscending || (indexes.at(-1) ?? -1) >= end)
      throw invalidArgument(`${argument}[${place}].used`, 'ascending indexes below scanned', used);
    return { scanned: end, used: [...indexes] };
  });
}
