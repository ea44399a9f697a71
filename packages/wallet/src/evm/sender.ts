import { hasCode } from '@bitcoin-enterprise/core';
import type { EventStore } from '@bitcoin-enterprise/events';
import { type JsonRpcApiProvider, Transaction, type TransactionRequest } from 'ethers';
import { requireFunction, requireInteger, requireObject, requireText } from '../checks.ts';
import { invalidArgument, WalletError } from '../errors.ts';
import { refusalOf } from './answers.ts';
import { asked, askedNumber } from './ask.ts';
import { type EvmPayment, isOfPayment, requireEvmPayment } from './attempts.ts';
import { type EvmFees, evmFailed, raiseEvmFees, suggestEvmFees } from './fees.ts';
import {
  EMPTY_LEDGER,
  type EvmAttempt,
  type EvmEvent,
  type EvmLedger,
  type EvmOutcome,
  type EvmSending,
  foldEvm,
} from './ledger.ts';

export type { EvmPayment } from './attempts.ts';

/** Who signs for an EVM account: an {@link EvmSigner}, one under control, or any signer of ethers. */
export interface EvmAccountSigner {
  readonly address: string;
  /** Signs a transaction as it is. Answers it serialised, hexadecimal. */
  signTransaction(request: TransactionRequest): Promise<string>;
}

/** What a sender is made of. */
export interface EvmSenderOptions {
  readonly provider: JsonRpcApiProvider;
  readonly signer: EvmAccountSigner;
  /** The chain that the node must be of (EIP-155); whichever it says when absent. */
  readonly chainId?: bigint;
  /** Where nonces are on record before they are used; shared by all processes that send from the account. */
  readonly store: EventStore;
  /** Blocks on top, its own included, until a transaction is final: 1 to 1,000, 1 when absent. */
  readonly confirmations?: number;
  /** What to pay; {@link suggestEvmFees} when absent. */
  readonly fees?: () => Promise<EvmFees>;
  /** How often it is looked for a receipt, in milliseconds: 10 to 60,000, 1,000 when absent. */
  readonly pollMs?: number;
}

/** Sends transactions of one account: each once, in the order of its nonces, whatever gets lost on the way. */
export interface EvmSender {
  /**
   * Signs, puts on record and sends. The same key again sends nothing new: what is on record is sent again, unless it is
   * known to the network.
   *
   * @param key - Names the payment for good; 1 to 200 characters.
   * @throws WalletError `WALLET_EVM_FAILED` (`retryable`: the same call goes on), `WALLET_FUNDS_INSUFFICIENT`,
   * `WALLET_BUILD_IMPOSSIBLE` when it would revert; those of the signer, for example `WALLET_NOT_APPROVED`.
   */
  send(key: string, payment: EvmPayment): Promise<EvmAttempt>;
  /**
   * Waits until a transaction is final.
   *
   * @throws WalletError `WALLET_EVM_FAILED` when the time is over first, or another transaction has taken its nonce: the
   * same `send` then takes a new one. `WALLET_ABORTED`.
   */
  wait(key: string, options?: { readonly timeoutMs?: number; readonly signal?: AbortSignal }): Promise<EvmOutcome>;
  /** Sends a transaction that does not get mined again with more to pay. @throws as `send`. */
  speedUp(key: string): Promise<EvmAttempt>;
  /** Replaces a transaction that was not mined by one that does nothing. @throws as `send`. */
  cancel(key: string): Promise<EvmAttempt>;
  /** Sends everything again that is not final: after a restart. */
  resume(): Promise<void>;
  /** All that was sent, oldest first. */
  sendings(): Promise<readonly EvmSending[]>;
}

const TRIES = 4;
const CONFLICTS = 50;
const PAUSE_MS = 50;
/** Payments that wait for a signature, the oldest of which are forgotten. */
const MOST_PREPARED = 1_000;

/**
 * Makes a sender.
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`; `WALLET_EVM_FAILED` when the node does not say which chain it is.
 */
export async function createEvmSender(options: EvmSenderOptions): Promise<EvmSender> {
  const {
    provider,
    signer,
    store,
    confirmations = 1,
    pollMs = 1_000,
  } = requireObject<EvmSenderOptions>('options', options);
  requireFunction('options.provider.send', requireObject<JsonRpcApiProvider>('options.provider', provider).send);
  requireFunction('options.store.append', requireObject<EventStore>('options.store', store).append);
  requireFunction(
    'options.signer.signTransaction',
    requireObject<EvmAccountSigner>('options.signer', signer).signTransaction,
  );
  requireText('options.signer.address', options.signer.address);
  requireInteger('options.confirmations', confirmations, 1, 1_000);
  requireInteger('options.pollMs', pollMs, 10, 60_000);
  const chainId = await askedNumber(options.provider, 'eth_chainId', []);
  if (options.chainId !== undefined && options.chainId !== chainId)
    throw new WalletError('WALLET_CHAIN_UNKNOWN', `expected a node of eip155:${options.chainId}, got another`, {
      details: { chain: `eip155:${chainId}` },
    });
  return new RecordedSender(
    { fees: async () => suggestEvmFees(options.provider), ...options, confirmations, pollMs },
    chainId,
  );
}

type Settled = Required<Omit<EvmSenderOptions, 'chainId'>>;

class RecordedSender implements EvmSender {
  readonly #options: Settled;
  readonly #chainId: bigint;
  readonly #stream: string;
  #ledger: EvmLedger = EMPTY_LEDGER;
  #queue: Promise<unknown> = Promise.resolve();
  readonly #prepared: Map<string, Prepared> = new Map();

  constructor(options: Settled, chainId: bigint) {
    this.#options = options;
    this.#chainId = chainId;
    this.#stream = `wallet/evm/${chainId}/${options.signer.address.toLowerCase()}`;
  }

  async send(key: string, payment: EvmPayment): Promise<EvmAttempt> {
    requireKey(key);
    requireEvmPayment(payment);
    for (let tries = 1; ; tries++) {
      const attempt = await this.#exclusively(() => this.#assign(key, payment));
      if (attempt.isFinal || (await this.#broadcast(attempt)) === 'sent') {
        const { nonce, raw, hash } = attempt;
        return { nonce, raw, hash };
      }
      // Somebody else has used the nonce, for good: what was signed for it can never be mined.
      if (tries >= TRIES) throw evmFailed('eth_sendRawTransaction', 'nonces that others keep taking');
      await this.#append({ type: 'overtaken', key });
    }
  }

  async wait(
    key: string,
    options: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<EvmOutcome> {
    requireKey(key);
    const { timeoutMs = 600_000, signal } = requireObject<{ timeoutMs: number; signal: AbortSignal }>(
      'options',
      options,
    );
    const { confirmations, pollMs } = this.#options;
    const end = performance.now() + requireInteger('options.timeoutMs', timeoutMs, 0, 2 ** 31 - 1);
    for (;;) {
      if (signal?.aborted === true)
        throw new WalletError('WALLET_ABORTED', 'expected a call that goes on, got one that was aborted', {
          details: { call: 'wait' },
        });
      const sending = await this.#known(key);
      if (sending.outcome !== undefined) return sending.outcome;
      const outcome = await this.#minedAt(sending, confirmations);
      if (outcome !== undefined) {
        await this.#append({ type: 'settled', key, ...outcome });
        return outcome;
      }
      const [first] = sending.attempts;
      if (first !== undefined && (await this.#isOvertaken(sending, first.nonce)))
        throw evmFailed('eth_getTransactionReceipt', 'another transaction has taken its nonce');
      if (performance.now() >= end) throw evmFailed('eth_getTransactionReceipt', `no receipt in ${timeoutMs} ms`);
      await pause(pollMs, signal);
    }
  }

  async speedUp(key: string): Promise<EvmAttempt> {
    return this.#replace(key, false);
  }

  async cancel(key: string): Promise<EvmAttempt> {
    return this.#replace(key, true);
  }

  async resume(): Promise<void> {
    const { sendings } = await this.#load();
    const open = [...sendings.values()].filter(({ outcome, attempts }) => outcome === undefined && attempts.length > 0);
    const last = open.map(({ attempts }) => attempts.at(-1) as EvmAttempt).sort((a, b) => a.nonce - b.nonce);
    for (const attempt of last) await this.#broadcast(attempt);
  }

  async sendings(): Promise<readonly EvmSending[]> {
    return [...(await this.#load()).sendings.values()];
  }

  /** The attempt on record, or a new one that is on record before anybody sees it. */
  async #assign(key: string, payment: EvmPayment): Promise<EvmAttempt & { readonly isFinal: boolean }> {
    for (let tries = 1; ; tries++) {
      const ledger = await this.#load();
      const known = ledger.sendings.get(key);
      const before = known?.attempts.at(-1);
      const [first] = known?.attempts ?? [];
      if (first !== undefined && !isOfPayment(first.raw, payment))
        throw invalidArgument('key', 'a key of this payment, which was not given to another', key);
      if (before !== undefined) return { ...before, isFinal: known?.outcome !== undefined };
      const { signer, provider, fees } = this.#options;
      const pending = Number(await askedNumber(provider, 'eth_getTransactionCount', [signer.address, 'pending']));
      // What was assigned and is not pending was lost: it must go before what is assigned now.
      if (ledger.nextNonce > pending) await this.resume();
      const nonce = Math.max(pending, ledger.nextNonce);
      const prepared = this.#prepared.get(key);
      const isPrepared = prepared?.nonce === nonce && isSame(prepared.payment, payment);
      const { gasLimit, paying } = isPrepared
        ? prepared
        : { gasLimit: payment.gasLimit ?? (await this.#estimate(payment)), paying: await fees() };
      await this.#requireFunds((payment.value ?? 0n) + gasLimit * paying.maxFeePerGas);
      // Who has to wait for approvals comes back, and they are of this nonce and these fees.
      this.#prepare(key, { payment, nonce, gasLimit, paying });
      const attempt = await this.#sign({ ...requestOf(payment), nonce, gasLimit, ...paying });
      this.#prepared.delete(key);
      if (await this.#tryAppend(ledger.version, { type: 'assigned', key, ...attempt }))
        return { ...attempt, isFinal: false };
      if (tries >= CONFLICTS) throw evmFailed('eth_sendRawTransaction', 'other processes that keep sending');
    }
  }

  #prepare(key: string, prepared: Prepared): void {
    const [oldest] = this.#prepared.keys();
    if (this.#prepared.size >= MOST_PREPARED && oldest !== undefined) this.#prepared.delete(oldest);
    this.#prepared.set(key, prepared);
  }

  async #replace(key: string, isCancelled: boolean): Promise<EvmAttempt> {
    requireKey(key);
    const { signer, fees } = this.#options;
    const attempt = await this.#exclusively(async () => {
      const ledger = await this.#load();
      const sending = await this.#known(key);
      const before = sending.attempts.at(-1);
      if (before === undefined || sending.outcome !== undefined)
        throw new WalletError(
          'WALLET_BUILD_IMPOSSIBLE',
          'expected a transaction that waits, got one that is mined or lost',
          {
            details: { reason: 'there is nothing to replace' },
          },
        );
      const old = Transaction.from(before.raw);
      const least = raiseEvmFees({
        maxFeePerGas: old.maxFeePerGas ?? 0n,
        maxPriorityFeePerGas: old.maxPriorityFeePerGas ?? 0n,
      });
      const asking = await fees();
      const { nonce } = before;
      const what = isCancelled
        ? { to: signer.address, value: 0n, gasLimit: 21_000n }
        : { to: old.to, value: old.value, data: old.data, gasLimit: old.gasLimit };
      const made = await this.#sign({
        ...what,
        nonce,
        maxFeePerGas: larger(least.maxFeePerGas, asking.maxFeePerGas),
        maxPriorityFeePerGas: larger(least.maxPriorityFeePerGas, asking.maxPriorityFeePerGas),
      });
      const isOnRecord = await this.#tryAppend(ledger.version, { type: 'replaced', key, isCancelled, ...made });
      if (!isOnRecord) throw evmFailed('eth_sendRawTransaction', 'another process that sends at this moment');
      return made;
    });
    await this.#broadcast(attempt);
    return attempt;
  }

  async #sign(request: TransactionRequest): Promise<EvmAttempt> {
    const { signer } = this.#options;
    const raw = await signer.signTransaction({ ...request, type: 2, chainId: this.#chainId });
    const tx = Transaction.from(raw);
    if (tx.hash === null || tx.from?.toLowerCase() !== signer.address.toLowerCase() || tx.nonce !== request.nonce)
      throw new WalletError('WALLET_SIGNER_ANSWER_INVALID', 'expected the transaction with a signature, got another', {
        details: { signer: signer.address, reason: 'another transaction' },
      });
    return { nonce: tx.nonce, raw, hash: tx.hash };
  }

  async #estimate(payment: EvmPayment): Promise<bigint> {
    const { provider, signer } = this.#options;
    const { to, value = 0n, data } = payment;
    const call = {
      from: signer.address,
      to,
      value: `0x${value.toString(16)}`,
      ...(data === undefined ? {} : { data }),
    };
    try {
      return (BigInt((await provider.send('eth_estimateGas', [call])) as string) * 6n) / 5n;
    } catch (error) {
      const { refusal, text } = refusalOf(error);
      if (refusal === 'lost') throw evmFailed('eth_estimateGas', text, error);
      if (refusal === 'funds') await this.#requireFunds(value);
      throw new WalletError('WALLET_BUILD_IMPOSSIBLE', `expected a transaction that succeeds, got: ${text}`, {
        details: { reason: text },
        cause: error,
      });
    }
  }

  /** A nonce that was assigned to what cannot be paid would hold up all that come after it. */
  async #requireFunds(needed: bigint): Promise<void> {
    const { provider, signer } = this.#options;
    const available = await askedNumber(provider, 'eth_getBalance', [signer.address, 'pending']);
    if (available < needed) throw poor(available, needed);
  }

  /** Sends what is on record. `overtaken`: its nonce was used by somebody else, for good. */
  async #broadcast(attempt: EvmAttempt): Promise<'sent' | 'overtaken'> {
    const { provider } = this.#options;
    for (let tries = 1; ; tries++) {
      try {
        await provider.send('eth_sendRawTransaction', [attempt.raw]);
        return 'sent';
      } catch (error) {
        const { refusal, text } = refusalOf(error);
        if (refusal === 'known' || (await this.#isKnown(attempt.hash))) return 'sent';
        if (refusal === 'nonce-too-low') {
          const sending = [...(await this.#load()).sendings.values()].find(({ attempts }) =>
            attempts.some(({ hash }) => hash === attempt.hash),
          );
          // A replacement of ours may be what was mined.
          if (sending !== undefined && (await this.#minedAt(sending, 1)) !== undefined) return 'sent';
          if (sending !== undefined && (await this.#isOvertaken(sending, attempt.nonce))) return 'overtaken';
          throw evmFailed('eth_sendRawTransaction', 'a nonce that another transaction is about to take', error);
        }
        if (refusal === 'funds') await this.#requireFunds(costOf(attempt));
        if (refusal !== 'lost' || tries >= TRIES) throw evmFailed('eth_sendRawTransaction', text, error);
        await pause(PAUSE_MS * 2 ** tries);
      }
    }
  }

  /** Whether the node knows a transaction, mined or not; a reply may have been lost. */
  async #isKnown(hash: string): Promise<boolean> {
    try {
      return (await this.#options.provider.send('eth_getTransactionByHash', [hash])) !== null;
    } catch {
      return false;
    }
  }

  async #minedAt({ attempts }: EvmSending, confirmations: number): Promise<EvmOutcome | undefined> {
    const { provider } = this.#options;
    for (const { hash } of attempts) {
      let receipt: { readonly status?: unknown; readonly blockNumber?: unknown } | null;
      try {
        receipt = (await provider.send('eth_getTransactionReceipt', [hash])) as typeof receipt;
      } catch (error) {
        throw evmFailed('eth_getTransactionReceipt', refusalOf(error).text, error);
      }
      if (typeof receipt?.blockNumber !== 'string') continue;
      const blockNumber = Number(receipt.blockNumber);
      const height = Number(await askedNumber(provider, 'eth_blockNumber', []));
      if (height - blockNumber + 1 < confirmations) return undefined;
      return { hash, status: receipt.status === '0x1' ? 'succeeded' : 'reverted', blockNumber };
    }
    return undefined;
  }

  /**
   * Whether the nonce was used in a block that is final, by a transaction that is shown and is none of the attempts. That
   * there is no receipt proves nothing: behind one address there are often several nodes, and some are late.
   */
  async #isOvertaken(sending: EvmSending, nonce: number): Promise<boolean> {
    const { provider, confirmations } = this.#options;
    const height = Number(await askedNumber(provider, 'eth_blockNumber', []));
    const final = height - confirmations + 1;
    if (final < 0 || !(await this.#isUsedAt(final, nonce))) return false;
    if ((await this.#minedAt(sending, 1)) !== undefined) return false;
    const hash = await this.#hashOfNonce(await this.#blockOfNonce(final, nonce), nonce);
    return sending.attempts.every((attempt) => attempt.hash !== hash);
  }

  async #isUsedAt(height: number, nonce: number): Promise<boolean> {
    const { provider, signer } = this.#options;
    const params = [signer.address, `0x${height.toString(16)}`];
    return (await askedNumber(provider, 'eth_getTransactionCount', params)) > BigInt(nonce);
  }

  /** The block that has used a nonce, not above one after which it is used; few steps back for what is recent. */
  async #blockOfNonce(final: number, nonce: number): Promise<number> {
    let used = final;
    let unused = final - 1;
    for (let step = 1; unused >= 0 && (await this.#isUsedAt(unused, nonce)); step *= 2) {
      used = unused;
      unused = Math.max(-1, unused - step);
    }
    while (used - unused > 1) {
      const middle = (used + unused) >> 1;
      if (await this.#isUsedAt(middle, nonce)) used = middle;
      else unused = middle;
    }
    return used;
  }

  /** Of the transaction of this account in a block that has used a nonce. */
  async #hashOfNonce(height: number, nonce: number): Promise<string> {
    const { provider, signer } = this.#options;
    const call = 'eth_getBlockByNumber';
    const block = await asked(provider, call, [`0x${height.toString(16)}`, true]);
    const { transactions } = (block ?? {}) as { readonly transactions?: unknown };
    const found = (Array.isArray(transactions) ? (transactions as readonly Partial<ListedTransaction>[]) : []).find(
      ({ from, nonce: of }) => from?.toLowerCase() === signer.address.toLowerCase() && Number(of) === nonce,
    );
    if (typeof found?.hash !== 'string') throw evmFailed(call, 'a block without the transaction that has used a nonce');
    return found.hash;
  }

  async #known(key: string): Promise<EvmSending> {
    const sending = (await this.#load()).sendings.get(key);
    if (sending === undefined) throw invalidArgument('key', 'the key of something that was sent', key);
    return sending;
  }

  async #load(): Promise<EvmLedger> {
    for (;;) {
      const before = this.#ledger;
      const events = await this.#options.store.readStream(this.#stream, { after: before.version });
      // Another call has gone on meanwhile: what was read would be folded twice.
      if (this.#ledger !== before) continue;
      if (events.length === 0) return before;
      this.#ledger = foldEvm(before, events);
    }
  }

  async #append(event: EvmEvent): Promise<void> {
    for (let tries = 1; tries <= CONFLICTS; tries++)
      if (await this.#tryAppend((await this.#load()).version, event)) return;
    throw evmFailed('eth_sendRawTransaction', 'other processes that keep writing');
  }

  async #tryAppend(expectedVersion: number, { type, ...data }: EvmEvent): Promise<boolean> {
    try {
      await this.#options.store.append({ stream: this.#stream, expectedVersion, events: [{ type, data }] });
      return true;
    } catch (error) {
      if (hasCode(error, 'EVENTS_VERSION_CONFLICT')) return false;
      throw error;
    }
  }

  /** One after the other: nonces are given in the order of the calls. */
  #exclusively<Result>(action: () => Promise<Result>): Promise<Result> {
    const result = this.#queue.then(action, action);
    this.#queue = result.catch(() => undefined);
    return result;
  }
}

/** What was shown to the signer and not signed yet. */
interface Prepared {
  readonly payment: EvmPayment;
  readonly nonce: number;
  readonly gasLimit: bigint;
  readonly paying: EvmFees;
}

function isSame(one: EvmPayment, other: EvmPayment): boolean {
  return (['to', 'value', 'data', 'gasLimit'] as const).every((name) => one[name] === other[name]);
}

/** As a block lists it. */
interface ListedTransaction {
  readonly hash: string;
  readonly from: string;
  readonly nonce: string;
}

function poor(available: bigint, needed: bigint): WalletError<'WALLET_FUNDS_INSUFFICIENT'> {
  return new WalletError('WALLET_FUNDS_INSUFFICIENT', `expected ${needed} wei, got ${available}`, {
    details: { available: String(available), needed: String(needed) },
  });
}

/** The most that a transaction can take from its account. */
function costOf({ raw }: EvmAttempt): bigint {
  const { value, gasLimit, maxFeePerGas } = Transaction.from(raw);
  return value + gasLimit * (maxFeePerGas ?? 0n);
}

function requireKey(key: unknown): void {
  const text = requireText('key', key);
  requireInteger('key.length', text.length, 1, 200);
}

function requestOf({ to, value = 0n, data }: EvmPayment): TransactionRequest {
  return { value, ...(to === undefined ? {} : { to }), ...(data === undefined ? {} : { data }) };
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}
