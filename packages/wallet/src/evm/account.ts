import type { JsonRpcApiProvider } from 'ethers';
import type { Balance, ChainAccount, PaymentStatus, SendRequest, SentPayment } from '../accounts/account.ts';
import { requireFunction, requireList, requireObject, requireText } from '../checks.ts';
import { NATIVE_ASSET } from '../control/payment.ts';
import { invalidArgument } from '../errors.ts';
import { askedNumber, asked } from './ask.ts';
import { isPaymentAttempt } from './attempts.ts';
import { requireAddress } from './address.ts';
import { erc20 } from './erc20.ts';
import { createEvmSender, type EvmSenderOptions } from './sender.ts';

/** What an EVM account is made of. */
export interface EvmAccountOptions extends EvmSenderOptions {
  /** Names the account in its wallet. */
  readonly id: string;
  /** Addresses of tokens whose balances are told; none when absent. */
  readonly tokens?: readonly string[];
}

/**
 * An account of an EVM chain as a {@link ChainAccount}: coins and tokens, each payment once for its key.
 *
 * @throws WalletError as {@link createEvmSender}.
 */
export async function createEvmAccount(options: EvmAccountOptions): Promise<ChainAccount> {
  const { id, provider, signer, tokens = [], confirmations = 1 } = requireObject<EvmAccountOptions>('options', options);
  requireText('options.id', id);
  const known = requireList('options.tokens', tokens).map((token, i) => requireAddress(`options.tokens[${i}]`, token));
  const sender = await createEvmSender(options);
  const node = provider as JsonRpcApiProvider;
  requireFunction('options.provider.send', node.send);
  const { address } = signer as EvmAccountOptions['signer'];
  const chain = `eip155:${await askedNumber(node, 'eth_chainId', [])}`;
  const coinsAt = async (block: string): Promise<bigint> => askedNumber(node, 'eth_getBalance', [address, block]);
  return {
    id: id as string,
    chain,
    receiveAddress: async () => address,
    async balances(): Promise<readonly Balance[]> {
      const [available, pending] = await Promise.all([coinsAt('latest'), coinsAt('pending')]);
      const listed = await Promise.all(
        known.map(async (token): Promise<Balance> => {
          const balance = await erc20(node, token).balanceOf(address);
          return { asset: token, available: balance, pending: 0n };
        }),
      );
      return [{ asset: NATIVE_ASSET, available, pending: pending - available }, ...listed];
    },
    async send(request: SendRequest): Promise<SentPayment> {
      const { key, to, amount, asset = NATIVE_ASSET } = requireObject<SendRequest>('request', request) as SendRequest;
      requireAddress('request.to', to);
      if (typeof amount !== 'bigint' || amount <= 0n)
        throw invalidArgument('request.amount', 'the smallest unit, as a bigint above 0', amount);
      const payment = asset === NATIVE_ASSET ? { to, value: amount } : erc20(node, asset).transferPayment(to, amount);
      const { hash } = await sender.send(key, payment);
      return { key, id: hash };
    },
    async status(key: string): Promise<PaymentStatus> {
      const sent = (await sender.sendings()).find((one) => one.key === key);
      if (sent === undefined) return 'unknown';
      if (sent.outcome !== undefined)
        return sent.outcome.status === 'succeeded' && isPaymentAttempt(sent, sent.outcome.hash)
          ? 'confirmed'
          : 'failed';
      for (const { hash } of sent.attempts) {
        const receipt = (await asked(node, 'eth_getTransactionReceipt', [hash])) as {
          readonly status?: string;
          readonly blockNumber?: string;
        } | null;
        if (typeof receipt?.blockNumber !== 'string') continue;
        const height = Number(await askedNumber(node, 'eth_blockNumber', []));
        if (height - Number(receipt.blockNumber) + 1 < confirmations) return 'pending';
        return receipt.status === '0x1' && isPaymentAttempt(sent, hash) ? 'confirmed' : 'failed';
      }
      return 'pending';
    },
    resume: async () => sender.resume(),
  };
}
