import { hasCode } from '@bitcoin-enterprise/core';
import { AbiCoder, Interface, type JsonRpcApiProvider, toUtf8String } from 'ethers';
import { requireFunction, requireObject } from '../checks.ts';
import { invalidArgument, WalletError } from '../errors.ts';
import { refusalOf } from './answers.ts';
import { requireAddress } from './address.ts';
import { asked, bytesIn } from './ask.ts';
import { evmFailed } from './fees.ts';
import type { EvmPayment, EvmSender } from './sender.ts';

const ABI = /* @__PURE__ */ new Interface([
  'function name() view returns (string)',
  'function symbol() view returns (string)',
  'function decimals() view returns (uint8)',
  'function balanceOf(address owner) view returns (uint256)',
  'function allowance(address owner, address spender) view returns (uint256)',
  'function transfer(address to, uint256 amount)',
  'function transferFrom(address from, address to, uint256 amount)',
  'function approve(address spender, uint256 amount)',
  'function nonces(address owner) view returns (uint256)',
  'event Transfer(address indexed from, address indexed to, uint256 amount)',
]);

/** A token as it says of itself; nothing of it is to be trusted but its address. */
export interface Erc20Facts {
  readonly address: string;
  /** `undefined` for one that does not say, or not in a text. */
  readonly name: string | undefined;
  readonly symbol: string | undefined;
  /** 0 to 255; `undefined` for one that does not say: never take 18 for granted. */
  readonly decimals: number | undefined;
}

/** What a transfer really did: some tokens take a fee, and some do nothing at all. */
export interface Erc20Transferred {
  readonly hash: string;
  /** What the receiver has more, in the smallest unit. */
  readonly received: bigint;
  /** What the sender has less. */
  readonly sent: bigint;
}

/** A token of EIP-20, as they are and not as they should be. */
export interface Erc20 {
  readonly address: string;
  /** What it says of itself. Texts of 32 bytes (as of MKR) are read too. */
  facts(): Promise<Erc20Facts>;
  /** In the smallest unit. */
  balanceOf(owner: string): Promise<bigint>;
  /** What a spender may take. */
  allowance(owner: string, spender: string): Promise<bigint>;
  /**
   * Transfers, and measures what arrived.
   *
   * @throws WalletError `WALLET_BUILD_IMPOSSIBLE` when the token refuses (paused, black-listed, too little) or answers
   * `false`; `WALLET_EVM_FAILED` when the transaction was mined and reverted; those of {@link EvmSender.send}.
   */
  transfer(sender: EvmSender, options: Erc20TransferOptions): Promise<Erc20Transferred>;
  /**
   * Lets a spender take an amount, and not more: a token that wants an allowance of 0 first (USDT) gets it.
   *
   * @throws as `transfer`.
   */
  approve(
    sender: EvmSender,
    options: { readonly key: string; readonly from: string; readonly spender: string; readonly amount: bigint },
  ): Promise<void>;
  /** The call data of a transfer. */
  transferPayment(to: string, amount: bigint): EvmPayment;
}

/** Settings of {@link Erc20.transfer}. */
export interface Erc20TransferOptions {
  /** Names the transfer for good; see {@link EvmSender.send}. */
  readonly key: string;
  /** Of the sender. */
  readonly from: string;
  readonly to: string;
  readonly amount: bigint;
}

/** @throws WalletError `WALLET_INVALID_ARGUMENT` for what is no address. */
export function erc20(provider: JsonRpcApiProvider, address: string): Erc20 {
  requireFunction('provider.send', requireObject<JsonRpcApiProvider>('provider', provider).send);
  requireAddress('address', address);
  const read = async (name: string, args: readonly unknown[], block = 'latest'): Promise<string> => {
    const data = ABI.encodeFunctionData(name, [...args]);
    try {
      return bytesIn('eth_call', await provider.send('eth_call', [{ to: address, data }, block]));
    } catch (error) {
      if (hasCode(error, 'WALLET_EVM_FAILED')) throw error;
      const { refusal, text } = refusalOf(error);
      if (refusal === 'lost') throw evmFailed('eth_call', text, error);
      return '0x';
    }
  };
  const number = async (name: string, args: readonly unknown[], block?: string): Promise<bigint> => {
    const answer = await read(name, args, block);
    if (answer.length < 66) throw evmFailed('eth_call', `${name} of ${address} answers no number: it is no token`);
    return BigInt(answer.slice(0, 66));
  };
  /** What a token answers to a call before it is sent: nothing (USDT, BNB) counts as yes, `false` as no. */
  const rehearse = async (from: string, data: string): Promise<void> => {
    let answer: string;
    try {
      answer = bytesIn('eth_call', await provider.send('eth_call', [{ from, to: address, data }, 'latest']));
    } catch (error) {
      if (hasCode(error, 'WALLET_EVM_FAILED')) throw error;
      const { refusal, text } = refusalOf(error);
      if (refusal === 'lost') throw evmFailed('eth_call', text, error);
      throw impossible(text);
    }
    if (answer !== '0x' && (answer.length < 66 || BigInt(answer.slice(0, 66)) !== 1n))
      throw impossible('the token answers false');
    if (answer === '0x' && (await asked(provider, 'eth_getCode', [address, 'latest'])) === '0x')
      throw impossible('there is no contract at its address');
  };
  const run = async (
    sender: EvmSender,
    key: string,
    data: string,
  ): Promise<{ readonly hash: string; readonly blockNumber: number }> => {
    await sender.send(key, { to: address, data });
    const outcome = await sender.wait(key);
    if (outcome.status === 'reverted')
      throw evmFailed('eth_sendRawTransaction', 'the transaction was mined and reverted');
    return outcome;
  };

  return {
    address,
    async facts() {
      const [name, symbol, decimals] = await Promise.all(
        ['name', 'symbol', 'decimals'].map((field) => read(field, [])),
      );
      const parsed = decimals !== undefined && decimals.length >= 66 ? BigInt(decimals.slice(0, 66)) : 256n;
      return {
        address,
        name: textIn(name ?? '0x'),
        symbol: textIn(symbol ?? '0x'),
        decimals: parsed <= 255n ? Number(parsed) : undefined,
      };
    },
    balanceOf: (owner) => number('balanceOf', [requireAddress('owner', owner)]),
    allowance: (owner, spender) =>
      number('allowance', [requireAddress('owner', owner), requireAddress('spender', spender)]),
    async transfer(sender, { key, from, to, amount }) {
      const data = transferData(to, amount);
      const isNew = (await sender.sendings()).every((sending) => sending.key !== key);
      if (isNew) await rehearse(requireAddress('options.from', from), data);
      const { hash, blockNumber } = await run(sender, key, data);
      const [before, after] = [blockNumber - 1, blockNumber].map((height) => `0x${height.toString(16)}`);
      const change = async (owner: string): Promise<bigint> =>
        (await number('balanceOf', [owner], after)) - (await number('balanceOf', [owner], before));
      return { hash, received: await change(to), sent: -(await change(from)) };
    },
    async approve(sender, { key, from, spender, amount }) {
      requireAmount(amount);
      const before = await number('allowance', [
        requireAddress('options.from', from),
        requireAddress('options.spender', spender),
      ]);
      const data = (value: bigint): string => ABI.encodeFunctionData('approve', [spender, value]);
      // Between two allowances a spender could take both (EIP-20): it goes by way of none.
      if (before !== 0n && amount !== 0n && before !== amount) await run(sender, `${key}/reset`, data(0n));
      const isNew = (await sender.sendings()).every((sending) => sending.key !== key);
      if (isNew) await rehearse(from, data(amount));
      await run(sender, key, data(amount));
    },
    transferPayment: (to, amount) => ({ to: address, data: transferData(to, amount) }),
  };
}

function transferData(to: string, amount: bigint): string {
  requireAmount(amount);
  return ABI.encodeFunctionData('transfer', [requireAddress('to', to), amount]);
}

function requireAmount(amount: unknown): void {
  if (typeof amount !== 'bigint' || amount < 0n || amount >= 1n << 256n)
    throw invalidArgument('amount', 'a bigint of 0 to 2²⁵⁶-1', amount);
}

function impossible(reason: string): WalletError<'WALLET_BUILD_IMPOSSIBLE'> {
  return new WalletError('WALLET_BUILD_IMPOSSIBLE', `expected a token that lets it through, got: ${reason}`, {
    details: { reason },
  });
}

/** A text as the standard has it, or of 32 bytes as the first tokens have it. */
function textIn(answer: string): string | undefined {
  try {
    if (answer.length === 66) {
      const end = answer.slice(2).match(/^(?:(?!00)..)*/)?.[0] ?? '';
      return toUtf8String(`0x${end}`).slice(0, 255);
    }
    const [text] = AbiCoder.defaultAbiCoder().decode(['string'], answer) as unknown as [string];
    return text.slice(0, 255);
  } catch {
    return undefined;
  }
}
