import {
  displayHash,
  type FeeRate,
  feeRate as requireFeeRate,
  hasCode,
  type NetworkName,
  toHex,
} from '@bitcoin-enterprise/core';
import type { ChainSource } from '@bitcoin-enterprise/chain';
import { type Descriptor, parseDescriptor } from '@bitcoin-enterprise/descriptors';
import type { EventStore } from '@bitcoin-enterprise/events';
import { serializeTransaction, transactionId } from '@bitcoin-enterprise/script';
import { requireFunction, requireInteger, requireList, requireObject, requireText } from '../checks.ts';
import { NATIVE_ASSET } from '../control/payment.ts';
import { invalidArgument, WalletError } from '../errors.ts';
import { discoverAddresses, nextUnused } from '../keys/discover.ts';
import { type ScriptUsage, unspentUsage } from '../keys/script-usage.ts';
import { extractTransaction } from '../psbt/extract.ts';
import { finalizePsbt } from '../psbt/finalize.ts';
import type { Psbt } from '../psbt/model.ts';
import type { Signer } from '../signers/ports.ts';
import { verifySilentShares } from '../silent/psbt.ts';
import type { Balance, PaymentStatus, SendRequest, SentPayment } from './account.ts';
import { AccountCoins } from './account-coins.ts';
import { AccountRecord } from './account-record.ts';
import type {
  AccountCoin,
  AccountDraft,
  AccountPayment,
  BitcoinAccount,
  BitcoinAccountOptions,
} from './bitcoin-account-model.ts';
import { Drafts } from './drafts.ts';
import type { AccountEvent, SentTransaction } from './ledger.ts';
import { OwnOutputs } from './own-outputs.ts';
import {
  coinLocked,
  currentOf,
  isSameTransaction,
  madeUnder,
  pays,
  receiverOf,
  requireDrafted,
  spentOf,
} from './payments.ts';
import { Sender } from './sender.ts';

const FALLBACK_FEE_RATE = 1_000n;
const MAXIMUM_FEE_RATE = 5_000_000n;
/** Confirmations after which a transaction is not looked at any more. */
const FINAL = 6;

/**
 * Opens a Bitcoin account. Everything but the descriptor can be lost: a new store finds the coins again.
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`; DescriptorsError for a text that is no descriptor.
 */
export function createBitcoinAccount(options: BitcoinAccountOptions): BitcoinAccount {
  const given = requireObject<BitcoinAccountOptions>('options', options);
  const {
    gapLimit = 20,
    fallbackFeeRate = FALLBACK_FEE_RATE as FeeRate,
    maximumFeeRate = MAXIMUM_FEE_RATE as FeeRate,
    canSign = () => true,
  } = given;
  requireInteger('options.gapLimit', gapLimit, 1, 10_000);
  requireText('options.id', given.id);
  requireFunction('options.canSign', canSign);
  requireFunction('options.chain.tip', requireObject<ChainSource>('options.chain', given.chain).tip);
  requireFunction('options.store.append', requireObject<EventStore>('options.store', given.store).append);
  for (const [i, signer] of requireList('options.signers', given.signers).entries())
    requireFunction(`options.signers[${i}].sign`, requireObject<Signer>(`options.signers[${i}]`, signer).sign);
  requireFeeRate(fallbackFeeRate);
  requireFeeRate(maximumFeeRate);
  const descriptor = parseDescriptor(requireText('options.descriptor', given.descriptor));
  if (!descriptor.isRange || descriptor.multipathCount > 2)
    throw invalidArgument(
      'options.descriptor',
      'a descriptor with a wildcard and at most two branches',
      given.descriptor,
    );
  return new StoredAccount({ ...options, gapLimit, fallbackFeeRate, maximumFeeRate, canSign }, descriptor);
}

type Settled = BitcoinAccountOptions &
  Required<Pick<BitcoinAccountOptions, 'gapLimit' | 'fallbackFeeRate' | 'maximumFeeRate' | 'canSign'>>;

class StoredAccount implements BitcoinAccount {
  readonly id: string;
  readonly chain: string;
  readonly network: NetworkName;
  readonly descriptor: Descriptor;
  readonly #options: Settled;
  readonly #record: AccountRecord;
  readonly #outputs: OwnOutputs;
  readonly #coins: AccountCoins;
  readonly #drafts: Drafts;
  readonly #sender: Sender;

  constructor(options: Settled, descriptor: Descriptor) {
    this.id = options.id;
    this.network = options.network;
    this.chain = `bitcoin:${options.network}`;
    this.descriptor = descriptor;
    this.#options = options;
    const { chain, gapLimit } = options;
    const record = new AccountRecord(options.store, options.id);
    const outputs = new OwnOutputs(descriptor, options.canSign);
    const hasTimeLocks = String(descriptor).includes('older(');
    this.#record = record;
    this.#outputs = outputs;
    this.#coins = new AccountCoins({ outputs, record, chain, gapLimit, hasTimeLocks });
    const own = { record, outputs, coins: this.#coins };
    this.#drafts = new Drafts({ ...options, ...own, issue: async (branch) => this.#issue(branch) });
    this.#sender = new Sender({ chain, record, coins: this.#coins });
  }

  async receiveAddress(): Promise<string> {
    const index = await this.#issue(0);
    const address = this.#outputs.output(0, index).address(this.network);
    if (address === undefined)
      throw invalidArgument('descriptor', 'one whose scripts have addresses', String(this.descriptor));
    return address;
  }

  async restore(usage: ScriptUsage, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { gapLimit } = this.#options;
    const paths = await discoverAddresses(this.descriptor, { ...options, usage, gapLimit });
    for (const [branch, path] of paths.entries()) {
      const index = nextUnused(path) - 1;
      await this.#record.append(({ next }) => {
        const isKnown = index < (next[branch === 1 ? 1 : 0] ?? 0);
        return isKnown ? undefined : { type: 'issued', branch, index, isUsed: true };
      });
    }
  }

  async isOwn(scriptPubKey: Uint8Array): Promise<boolean> {
    return this.#coins.isOwn(scriptPubKey);
  }

  async balances(): Promise<readonly Balance[]> {
    const coins = await this.#coins.all();
    const sum = (list: readonly { readonly value: bigint }[]): bigint =>
      list.reduce((total, { value }) => total + value, 0n);
    const confirmed = coins.filter(({ height, isRipe }) => height !== undefined && isRipe);
    return [{ asset: NATIVE_ASSET, available: sum(confirmed), pending: sum(coins) - sum(confirmed) }];
  }

  async coins(): Promise<readonly AccountCoin[]> {
    return this.#coins.ripe();
  }

  async draft(payment: AccountPayment): Promise<AccountDraft> {
    return this.#drafts.payment(payment);
  }

  async draftReplacement(txid: string, feeRate: FeeRate): Promise<AccountDraft> {
    return this.#drafts.replacement(txid, feeRate);
  }

  async draftChild(txid: string, feeRate: FeeRate): Promise<AccountDraft> {
    return this.#drafts.child(txid, feeRate);
  }

  async sign(psbt: Psbt): Promise<Psbt> {
    let signed = psbt;
    for (const signer of this.#options.signers) {
      const before = signed;
      signed = await signer.sign(before);
      // The next one must not sign what this one has made of it.
      if (!isSameTransaction(before, signed))
        throw new WalletError('WALLET_SIGNER_ANSWER_INVALID', `expected the same transaction of ${signer.name}`, {
          details: { signer: signer.name, reason: 'another transaction' },
        });
    }
    return signed;
  }

  async finish(key: string, draft: AccountDraft, signed: Psbt): Promise<SentPayment & { readonly fee: bigint }> {
    requireInteger('key.length', requireText('key', key).length, 1, 200);
    requireDrafted(requireObject<AccountDraft>('draft', draft).psbt, signed);
    const tx = extractTransaction(finalizePsbt(signed, this.#options.finalize));
    const raw = serializeTransaction(tx);
    const txid = displayHash(transactionId(tx));
    const { fee, changeIndex, replaces } = draft;
    const spends = draft.coins.map((coin) => spentOf(coin));
    const silent = signed.outputs.flatMap(({ silentAddress }, output) =>
      silentAddress === undefined ? [] : [{ output, keys: toHex(silentAddress) }],
    );
    // Whoever has computed the scripts: they must be those of the addresses (BIP375, Extractor).
    if (silent.length > 0) verifySilentShares(signed);
    const event: AccountEvent = {
      type: 'sent',
      key,
      txid,
      raw: toHex(raw),
      fee: String(fee),
      spends,
      ...(changeIndex === undefined ? {} : { changeIndex, ...(await this.#changePlace(tx.outputs[changeIndex])) }),
      ...(silent.length === 0 ? {} : { silent }),
      ...(replaces === undefined ? {} : { replaces }),
    };
    let earlier: SentTransaction | undefined;
    await this.#record.append((ledger) => {
      const same = ledger.sent.get(txid);
      if (same !== undefined && same.outcome !== 'failed') return undefined;
      // Somebody else may have sent it meanwhile, from other coins.
      const known = currentOf(ledger, key);
      earlier = known === undefined || known.txid === replaces || known.outcome === 'failed' ? undefined : known;
      if (earlier !== undefined) return undefined;
      for (const other of ledger.sent.values()) {
        if (other.outcome === 'failed' || other.outcome === 'replaced' || other.txid === replaces) continue;
        const shared = other.spends.find((one) =>
          spends.some((mine) => mine.txid === one.txid && mine.index === one.index),
        );
        if (shared !== undefined) throw coinLocked(`${shared.txid}:${shared.index}`);
      }
      return event;
    });
    if (earlier !== undefined) {
      const known: SentTransaction = earlier;
      const isSame = signed.outputs.every(
        (output, place) => place === changeIndex || pays(known, output.value, output),
      );
      if (!isSame) throw invalidArgument('key', 'a key of this payment, which was not given to another', key);
      await this.#sender.again(earlier);
      return { key, id: earlier.txid, fee: BigInt(earlier.fee) };
    }
    await this.#sender.broadcast(txid, raw);
    return { key, id: txid, fee };
  }

  async send(request: SendRequest): Promise<SentPayment> {
    const { key, to, amount, asset = NATIVE_ASSET } = requireObject<SendRequest>('request', request) as SendRequest;
    requireInteger('request.key.length', requireText('request.key', key).length, 1, 200);
    if (asset !== NATIVE_ASSET) throw invalidArgument('request.asset', NATIVE_ASSET, asset);
    if (typeof amount !== 'bigint' || amount <= 0n)
      throw invalidArgument('request.amount', 'satoshis, as a bigint above 0', amount);
    const receiver = receiverOf(to, this.network);
    const ledger = await this.#record.load();
    const known = currentOf(ledger, key);
    const made = madeUnder(ledger, key);
    if (!made.every((one) => pays(one, amount, receiver)))
      throw invalidArgument('request.key', 'a key of this payment, which was not given to another', key);
    // Whichever of its transactions was mined: one that was replaced, or that a node refused, may be the one.
    for (const one of made) if ((await this.#sender.placeOf(one)) !== undefined) return { key, id: one.txid };
    if (known !== undefined && known.outcome !== 'failed') {
      await this.#sender.again(known);
      return { key, id: known.txid };
    }
    const requiredCoins = await this.#sender.conflicting(made);
    const draft = await this.draft({ payments: [{ value: amount, ...receiver }], requiredCoins });
    return this.finish(key, draft, await this.sign(draft.psbt));
  }

  async status(key: string): Promise<PaymentStatus> {
    const ledger = await this.#record.load();
    const current = currentOf(ledger, key);
    if (current === undefined) return 'unknown';
    if (current.outcome === 'confirmed') return 'confirmed';
    // What was replaced, or refused by one node, may be mined all the same.
    let isThere = false;
    for (const one of madeUnder(ledger, key)) {
      const place = await this.#sender.placeOf(one);
      if ((place?.confirmations ?? 0) > 0) return 'confirmed';
      isThere ||= place !== undefined;
    }
    return current.outcome === 'failed' && !isThere ? 'failed' : 'pending';
  }

  async resume(): Promise<void> {
    for (const one of (await this.#record.load()).sent.values()) {
      if (one.outcome !== undefined) continue;
      const { txid } = one;
      const found = await this.#sender.placeOf(one);
      if (found === undefined)
        try {
          await this.#sender.again(one);
        } catch (error) {
          // On record, and no reason to leave the others behind.
          if (!hasCode(error, 'CHAIN_TX_REJECTED', 'CHAIN_TX_MALFORMED')) throw error;
        }
      else if (found.confirmations >= FINAL)
        await this.#record.append(() => ({ type: 'settled', txid, outcome: 'confirmed' }));
    }
  }

  async sent(): Promise<readonly SentTransaction[]> {
    return [...(await this.#record.load()).sent.values()];
  }

  async #changePlace(
    output: { readonly scriptPubKey: Uint8Array } | undefined,
  ): Promise<Pick<SentTransaction, 'changeAt'>> {
    // Another process may have drafted it: then it is derived here.
    if (output === undefined || !(await this.isOwn(output.scriptPubKey))) return {};
    const place = this.#outputs.placeOf(output.scriptPubKey);
    return place === undefined ? {} : { changeAt: { branch: place.branch, derivationIndex: place.index } };
  }

  /** The next address of a branch, on record before anybody sees it. */
  async #issue(branch: number): Promise<number> {
    // A new store does not know what the seed has done before.
    if ((await this.#record.load()).version === 0) await this.restore(unspentUsage(this.#options.chain));
    let index = 0;
    await this.#record.append((ledger) => {
      index = ledger.next[branch === 1 ? 1 : 0] ?? 0;
      return { type: 'issued', branch, index };
    });
    return index;
  }
}
