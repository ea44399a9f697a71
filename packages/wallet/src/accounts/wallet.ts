import { requireFunction, requireList, requireObject, requireText } from '../checks.ts';
import { invalidArgument, WalletError } from '../errors.ts';
import type { Balance, ChainAccount, PaymentStatus, SendRequest, SentPayment } from './account.ts';

/** A chain: what opens accounts on it. Further chains are further adapters. */
export interface ChainAdapter<Settings = never> {
  /** `bitcoin:main`, `eip155:1`, or a name of your own, for example `bpi:main`. */
  readonly chain: string;
  /** Opens an account. */
  openAccount(id: string, settings: Settings): Promise<ChainAccount>;
}

/** One wallet over accounts of several chains. */
export interface Wallet {
  /** Chains that accounts can be opened on. */
  readonly chains: readonly string[];
  readonly accounts: readonly ChainAccount[];
  /**
   * Opens an account, by the adapter of its chain.
   *
   * @throws WalletError `WALLET_CHAIN_UNKNOWN`, `WALLET_INVALID_ARGUMENT` when the id is taken.
   */
  open<Settings>(adapter: ChainAdapter<Settings>, id: string, settings: Settings): Promise<ChainAccount>;
  /** Takes an account in that was opened elsewhere. @throws as `open`. */
  add(account: ChainAccount): ChainAccount;
  /** @throws WalletError `WALLET_INVALID_ARGUMENT` for one that there is not. */
  account(id: string): ChainAccount;
  /** What all accounts have, by account. */
  balances(): Promise<ReadonlyMap<string, readonly Balance[]>>;
  /** Pays from an account. @throws as {@link ChainAccount.send}. */
  send(accountId: string, request: SendRequest): Promise<SentPayment>;
  /** What became of a payment. */
  status(accountId: string, key: string): Promise<PaymentStatus>;
  /** Sends everything again that is not confirmed, of all accounts. */
  resume(): Promise<void>;
}

/**
 * Makes a wallet.
 *
 * @param options - `chains`: adapters that `open` may use; any when absent.
 *
 * @example
 * ```ts
 * import { createWallet } from '@bitcoin-enterprise/wallet';
 *
 * createWallet().accounts.length; // => 0
 * ```
 */
export function createWallet(options: { readonly chains?: readonly string[] } = {}): Wallet {
  const { chains } = requireObject<{ chains: readonly string[] }>('options', options);
  if (chains !== undefined) requireList('options.chains', chains);
  const accounts = new Map<string, ChainAccount>();
  const account = (id: string): ChainAccount => {
    const found = accounts.get(id);
    if (found === undefined)
      throw invalidArgument('id', `one of ${[...accounts.keys()].join(', ') || 'no accounts'}`, id);
    return found;
  };
  const requireNew = (id: unknown, chain: string): void => {
    requireText('id', id);
    if (accounts.has(id as string)) throw invalidArgument('id', 'an id that no other account has', id);
    if (chains?.includes(chain) === false)
      throw new WalletError('WALLET_CHAIN_UNKNOWN', `expected one of ${chains.join(', ')}, got ${chain}`, {
        details: { chain },
      });
  };
  const add = (opened: ChainAccount): ChainAccount => {
    requireFunction('account.send', requireObject<ChainAccount>('account', opened).send);
    requireNew(opened.id, opened.chain);
    accounts.set(opened.id, opened);
    return opened;
  };
  return {
    get chains() {
      return chains ?? [...new Set([...accounts.values()].map(({ chain }) => chain))];
    },
    get accounts() {
      return [...accounts.values()];
    },
    async open(adapter, id, settings) {
      requireFunction('adapter.openAccount', requireObject<ChainAdapter>('adapter', adapter).openAccount);
      requireNew(id, adapter.chain);
      return add(await adapter.openAccount(id, settings));
    },
    add,
    account,
    async balances() {
      const all = await Promise.all([...accounts].map(async ([id, one]) => [id, await one.balances()] as const));
      return new Map(all);
    },
    send: async (id, request) => account(id).send(request),
    status: async (id, key) => account(id).status(key),
    async resume() {
      await Promise.all([...accounts.values()].map(async (one) => one.resume()));
    },
  };
}
