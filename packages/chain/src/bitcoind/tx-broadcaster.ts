import { assertBytes, displayHash, hasCode, toHex, virtualBytes } from '@bitcoin-enterprise/core';
import { parseTransaction, scriptErrorOfText, transactionId } from '@bitcoin-enterprise/script';
import { ChainError, type TransactionRejection } from '../errors.ts';
import type { CallOptions } from '../ports/chain-source.ts';
import type { TestAcceptResult, TxBroadcaster } from '../ports/tx-broadcaster.ts';
import { Answer, NOT_DECODED, REJECTIONS, readHash, refusedWith } from './answers.ts';
import { answerInvalid, type BitcoindRpc } from './rpc.ts';

/** The node would refuse a high fee rate on its own; what to pay is the caller's decision. */
const ANY_FEE_RATE = 0;

/** A {@link TxBroadcaster} that hands transactions to a bitcoind. */
export class BitcoindTxBroadcaster implements TxBroadcaster {
  readonly #rpc: BitcoindRpc;

  /** @param rpc - The node. */
  constructor(rpc: BitcoindRpc) {
    this.#rpc = rpc;
  }

  async broadcast(bytes: Uint8Array, options: CallOptions = {}): Promise<Uint8Array> {
    const txid = idOf(bytes);
    try {
      const answer = await this.#rpc.call('sendrawtransaction', [toHex(bytes), ANY_FEE_RATE], options);
      return readHash('sendrawtransaction', answer);
    } catch (error) {
      if (refusedWith(error, NOT_DECODED)) throw malformed(bytes, error);
      if (!hasCode(error, 'CHAIN_NODE_REFUSED') || !refusedWith(error, ...REJECTIONS)) throw error;
      const rejection = rejectionOf(displayHash(txid), error.details.rpcMessage);
      throw new ChainError(
        'CHAIN_TX_REJECTED',
        `expected the node to accept the transaction, got: ${rejection.reason}`,
        {
          details: rejection,
          cause: error,
        },
      );
    }
  }

  async testAccept(bytes: Uint8Array, options: CallOptions = {}): Promise<TestAcceptResult> {
    const txid = idOf(bytes);
    const method = 'testmempoolaccept';
    const params = [[toHex(bytes)], ANY_FEE_RATE];
    const asked = this.#rpc.call(method, params, { ...options, decimalsAsText: true });
    const answers = await asked.catch((error: unknown) => {
      throw refusedWith(error, NOT_DECODED) ? malformed(bytes, error) : error;
    });
    if (!Array.isArray(answers) || answers.length !== 1) throw answerInvalid(method, 'a list of one');
    const answer = new Answer(method, answers[0]);
    if (!answer.has('allowed')) throw answerInvalid(method, 'a verdict');
    if (answer.flag('allowed'))
      return {
        accepted: true,
        txid,
        fee: answer.object('fees').amount('base'),
        size: virtualBytes(answer.integer('vsize')),
      };
    const details = answer.has('reject-details') ? answer.text('reject-details') : answer.text('reject-reason');
    const rejection = rejectionOf(displayHash(txid), answer.text('reject-reason'));
    return { accepted: false, rejection: { ...rejectionOf(displayHash(txid), details), reason: rejection.reason } };
  }
}

function idOf(bytes: Uint8Array): Uint8Array {
  assertBytes('bytes', bytes);
  try {
    return transactionId(parseTransaction(bytes));
  } catch (error) {
    throw malformed(bytes, error);
  }
}

function malformed(bytes: Uint8Array, cause: unknown): ChainError<'CHAIN_TX_MALFORMED'> {
  return new ChainError('CHAIN_TX_MALFORMED', `expected a transaction, got ${bytes.length} bytes that are none`, {
    details: { length: bytes.length },
    cause,
  });
}
