import { Interface, Transaction, type TransactionRequest } from 'ethers';
import { requireFunction, requireObject } from '../checks.ts';
import type { Control } from '../control/control.ts';
import { isSamePayment, NATIVE_ASSET, type Payment, type Transfer } from '../control/payment.ts';
import { refused } from '../control/psbt-payment.ts';
import { invalidArgument, WalletError } from '../errors.ts';
import { checksumAddress } from '../keys/evm.ts';
import { requireAddress } from './address.ts';
import type { EvmAccountSigner } from './sender.ts';

const ABI = /* @__PURE__ */ new Interface([
  'function transfer(address to, uint256 amount)',
  'function transferFrom(address from, address to, uint256 amount)',
  'function approve(address spender, uint256 amount)',
]);

/** What is known of contracts that are called. */
export interface EvmPaymentContext {
  /**
   * Reads call data that is no transfer or approval of a token: what leaves the wallet by it, beside the value of the
   * transaction, which always counts. `undefined` for what is not known, and so is not let through; nothing is when absent.
   */
  readonly readCall?: (call: {
    readonly to: string;
    readonly data: string;
    readonly value: bigint;
  }) => readonly Transfer[] | undefined;
}

/**
 * A transaction of an EVM chain as a payment. Token transfers and approvals are read, the whole of an approval counts as
 * paid; any other call is let through only if `readCall` can read it.
 *
 * @param request - With nonce, gas limit, fees and chain id: all that a signature covers; and `from`, the account that
 * signs: two accounts may send the very same transaction.
 * @throws WalletError `WALLET_NOT_APPROVED` for a transaction that leaves something open, or a call that nobody can read;
 * `WALLET_INVALID_ARGUMENT` for what is no transaction.
 */
export function paymentOfEvm(request: TransactionRequest, context: EvmPaymentContext = {}): Payment {
  const { from, ...rest } = requireObject<TransactionRequest>('request', request);
  const account = requireAddress('request.from', from);
  const tx = readTransaction(rest);
  const { chainId, gasLimit, maxFeePerGas, type } = tx;
  if (type !== 2 || maxFeePerGas === null) throw refused('a transaction that is not of EIP-1559');
  if (chainId === 0n) throw refused('a transaction of any chain (EIP-155)');
  if (tx.to === null) throw refused('a transaction that makes a contract');
  const transfers = transfersOf(tx.to, tx.data, tx.value, context);
  return {
    id: idOf(tx, account),
    chain: `eip155:${chainId}`,
    transfers,
    fee: gasLimit * maxFeePerGas,
  };
}

function readTransaction(request: TransactionRequest): Transaction {
  try {
    const tx = Transaction.from(request as object);
    // What cannot be serialised shows when it is hashed.
    void tx.unsignedHash;
    return tx;
  } catch {
    throw invalidArgument('request', 'a transaction as it is signed: addresses and no names, amounts, data', request);
  }
}

/** What is signed, and by which account. */
function idOf({ unsignedHash }: Transaction, account: string): string {
  return `${unsignedHash.slice(2)}${account.slice(2).toLowerCase()}`;
}

function transfersOf(to: string, data: string, value: bigint, { readCall }: EvmPaymentContext): readonly Transfer[] {
  if (data === '0x') return [{ asset: NATIVE_ASSET, to, amount: value }];
  const native: readonly Transfer[] = value === 0n ? [] : [{ asset: NATIVE_ASSET, to, amount: value }];
  const parsed = parsedCall(data);
  if (parsed !== undefined) return [...native, { asset: checksumAddress(to), ...parsed }];
  const known = readCall?.({ to, data, value });
  if (known === undefined) throw refused(`a call of ${to} that nobody can read`);
  return [...native, ...known];
}

function parsedCall(data: string): Pick<Transfer, 'to' | 'amount'> | undefined {
  try {
    const call = ABI.parseTransaction({ data });
    if (call === null) return undefined;
    const args = [...call.args] as readonly unknown[];
    // Canonical alone: bytes behind the arguments could mean something to another contract.
    if (ABI.encodeFunctionData(call.name, args) !== data.toLowerCase()) return undefined;
    const [to, amount] = args.slice(-2) as [string, bigint];
    return { to, amount };
  } catch {
    return undefined;
  }
}

/**
 * A signer of an EVM account that signs nothing but what its policy lets through.
 *
 * @param options - `initiator`: who asks for what is signed; what was not asked for is refused when absent.
 */
export function controlledEvmSigner(
  signer: EvmAccountSigner,
  options: EvmPaymentContext & { readonly control: Control; readonly initiator?: string },
): EvmAccountSigner {
  requireFunction('signer.signTransaction', requireObject<EvmAccountSigner>('signer', signer).signTransaction);
  const { control, initiator } = requireObject<{ control: Control; initiator: string }>('options', options);
  requireFunction('options.control.release', requireObject<Control>('options.control', control).release);
  return {
    address: signer.address,
    async signTransaction(request) {
      const { from = signer.address } = requireObject<TransactionRequest>('request', request);
      if (typeof from !== 'string' || from.toLowerCase() !== signer.address.toLowerCase())
        throw new WalletError('WALLET_FORBIDDEN', `expected a transaction from ${signer.address}, got another`, {
          details: { actor: signer.address, action: 'sign for another address' },
        });
      const payment = paymentOfEvm({ ...request, from: signer.address }, options);
      if (initiator !== undefined) await options.control.request({ payment, initiator });
      const released = await options.control.release(payment.id);
      if (!isSamePayment(released.payment, payment)) throw refused('another payment of the same id was approved');
      const raw = await signer.signTransaction(request);
      const tx = Transaction.from(raw);
      if (idOf(tx, tx.from ?? '') !== payment.id) throw refused('another transaction than the one that was approved');
      await options.control.signed(payment.id, { signer: signer.address, digest: tx.hash?.slice(2) ?? '' });
      return raw;
    },
  };
}
