import { equalBytes, hasCode, toHex } from '@bitcoin-enterprise/core';
import { answerInvalid, readHash } from '../adapters/answer.ts';
import {
  type PackageAnswer,
  type PackageTransaction,
  readCallersPackage,
  readPackageAnswer,
  refusedAsWhole,
  settlePackage,
} from '../adapters/package.ts';
import { unsupported } from '../adapters/policy.ts';
import {
  isKnownAlready,
  readCallersTransaction,
  rejectionOf,
  transactionMalformed,
  transactionRejected,
} from '../adapters/rejection.ts';
import { readVerdict } from '../adapters/verdict.ts';
import type { CallOptions } from '../ports/chain-source.ts';
import type { PackageBroadcaster } from '../ports/package-broadcaster.ts';
import type { TestAcceptResult, TxBroadcaster } from '../ports/tx-broadcaster.ts';
import { NO_SUCH_METHOD, NOT_DECODED, REJECTIONS, refusedWith } from './answers.ts';
import type { BitcoindRpc } from './rpc.ts';

/** The node would refuse a high fee rate on its own; what to pay is the caller's decision. */
const ANY_FEE_RATE = 0;

/** A {@link TxBroadcaster} and {@link PackageBroadcaster} that hands transactions to a bitcoind. */
export class BitcoindTxBroadcaster implements TxBroadcaster, PackageBroadcaster {
  readonly #rpc: BitcoindRpc;

  /** @param rpc - The node. */
  constructor(rpc: BitcoindRpc) {
    this.#rpc = rpc;
  }

  async broadcast(bytes: Uint8Array, options: CallOptions = {}): Promise<Uint8Array> {
    const { txid, id } = readCallersTransaction(bytes);
    const method = 'sendrawtransaction';
    const read = (answer: unknown): Uint8Array => {
      if (!equalBytes(readHash(method, answer), txid)) throw answerInvalid(method, 'the id of the transaction sent');
      return txid;
    };
    try {
      return await this.#rpc.ask({ method, params: [toHex(bytes), ANY_FEE_RATE], read }, options);
    } catch (error) {
      if (refusedWith(error, NOT_DECODED)) throw transactionMalformed(bytes, error);
      if (!hasCode(error, 'CHAIN_NODE_REFUSED') || !refusedWith(error, ...REJECTIONS)) throw error;
      const rejection = rejectionOf(id, error.details.rpcMessage);
      // An answer that was lost, asked for again: what was wanted has happened.
      if (isKnownAlready(rejection.reason)) return txid;
      throw transactionRejected(rejection, error);
    }
  }

  async broadcastPackage(
    transactions: readonly Uint8Array[],
    options: CallOptions = {},
  ): Promise<readonly Uint8Array[]> {
    const members = readCallersPackage(transactions);
    const method = 'submitpackage';
    const params = [members.map(({ bytes }) => toHex(bytes)), ANY_FEE_RATE];
    const read = (answer: unknown): PackageAnswer => readPackageAnswer(method, answer, members);
    let answer: PackageAnswer;
    try {
      answer = await this.#rpc.ask({ method, params, read }, options);
    } catch (error) {
      if (!hasCode(error, 'CHAIN_NODE_REFUSED')) throw error;
      if (refusedWith(error, NO_SUCH_METHOD)) throw unsupported('broadcastPackage', 'this bitcoind');
      const { rpcMessage } = error.details;
      if (refusedWith(error, NOT_DECODED)) throw transactionMalformed(undecoded(members, rpcMessage).bytes, error);
      if (!refusedWith(error, ...REJECTIONS)) throw error;
      return settlePackage(members, refusedAsWhole(members, rpcMessage), error);
    }
    return settlePackage(members, answer);
  }

  async testAccept(bytes: Uint8Array, options: CallOptions = {}): Promise<TestAcceptResult> {
    const { txid, id } = readCallersTransaction(bytes);
    const method = 'testmempoolaccept';
    const read = (answers: unknown): TestAcceptResult => readVerdict({ method, answers, txid, id });
    const params = [[toHex(bytes)], ANY_FEE_RATE];
    try {
      return await this.#rpc.ask({ method, params, read, decimalsAsText: true }, options);
    } catch (error) {
      throw refusedWith(error, NOT_DECODED) ? transactionMalformed(bytes, error) : error;
    }
  }
}

/** The one that a node cannot read: it repeats its bytes. */
function undecoded(members: readonly PackageTransaction[], message: string): PackageTransaction {
  const named = members.find(({ bytes }) => message.includes(toHex(bytes)));
  return named ?? (members[0] as PackageTransaction);
}
