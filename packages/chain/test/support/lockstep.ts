import { createEmbeddedChain, type EmbeddedChain } from '@bitcoin-enterprise/chain';
import { hasCode, parseHex, satoshis, toHex } from '@bitcoin-enterprise/core';
import { serializeTransaction, transactionId } from '@bitcoin-enterprise/script';
import type { Bitcoind } from '../../../../scripts/nodes/bitcoind.ts';
import { ContractMaker } from '../../../script/test/lockstep/contracts.ts';
import { Random } from '../../../../scripts/testing/random.ts';
import { type Coin, type SpendCase, makeSpend } from '../../../script/test/lockstep/spends.ts';

/** What one implementation says about a block with a spend in it: nothing, or Core's reject reason. */
export type Verdict = string | undefined;

/** One spend and what both chains said. */
export interface LockstepRow extends SpendCase {
  readonly ours: Verdict;
  readonly node: Verdict;
}

const COINS_PER_ROUND = 250;
const SPENDS_PER_ROUND = 1_000;
const COIN_VALUE = 100_000n;
const ANYONE = Uint8Array.of(0x51);
const EMPTY = new Uint8Array();

/**
 * Makes random contracts, puts them on the embedded chain and by the same blocks on a real node, and asks both about
 * random spends of them, each in a block of its own.
 *
 * @param node - A fresh regtest node.
 */
export async function runLockstep(
  node: Bitcoind,
  options: { readonly seed: number; readonly count: number },
): Promise<readonly LockstepRow[]> {
  const { seed, count } = options;
  const random = new Random(seed);
  const chain = createEmbeddedChain();
  const replayed = { height: 0 };
  const rows: LockstepRow[] = [];
  while (rows.length < count) {
    const coins = fundContracts(chain, random);
    await replay(chain, node, replayed);
    const spends = Array.from({ length: Math.min(SPENDS_PER_ROUND, count - rows.length) }, () =>
      makeSpend(random, coins),
    );
    const theirs = await askNode(node, spends);
    spends.forEach((spend, index) => {
      const { verdict, block } = theirs[index] as NodeAnswer;
      const ours = askOurs(chain, spend.tx);
      rows.push({ ...spend, ours: ours ?? refusalOf(chain, block), node: verdict });
    });
  }
  return rows;
}

/** Pays many new contracts by one transaction and buries them under a few blocks, so that short locks are over. */
function fundContracts(chain: EmbeddedChain, random: Random): readonly Coin[] {
  const maker = new ContractMaker(random);
  const contracts = Array.from({ length: COINS_PER_ROUND }, () => maker.make());
  const purse = chain.fund(ANYONE, satoshis(COIN_VALUE * BigInt(COINS_PER_ROUND)));
  const tx = {
    version: 2,
    inputs: [
      { previousTxid: purse.txid, previousIndex: purse.index, scriptSig: EMPTY, sequence: 0xffffffff, witness: [] },
    ],
    outputs: contracts.map(({ scriptPubKey }) => ({ value: COIN_VALUE, scriptPubKey })),
    lockTime: 0,
  };
  chain.mine(1, { transactions: [serializeTransaction(tx)] });
  chain.mine(3);
  const txid = transactionId(tx);
  return contracts.map((contract, index) => ({ contract, txid, index, value: COIN_VALUE }));
}

async function replay(chain: EmbeddedChain, node: Bitcoind, replayed: { height: number }): Promise<void> {
  const blocks = [...chain.blocks()];
  for (const block of blocks.slice(replayed.height)) {
    const answer = await node.rpc('submitblock', [toHex(block)]);
    if (answer !== null) throw new Error(`the node refuses our block ${replayed.height + 1}: ${String(answer)}`);
    replayed.height++;
  }
  // The node's own blocks shall lie in our time, not in that of this machine.
  await node.rpc('setmocktime', [chain.tip.time + 600]);
}

interface NodeAnswer {
  readonly verdict: Verdict;
  /** The block that the node made of a spend it accepts. */
  readonly block: Uint8Array | undefined;
}

/** Asks the node to build, check and throw away one block for each spend; calls go out in JSON batches. */
async function askNode(node: Bitcoind, spends: readonly SpendCase[]): Promise<readonly NodeAnswer[]> {
  const answers: NodeAnswer[] = [];
  for (let start = 0; start < spends.length; start += 100) {
    const batch = spends.slice(start, start + 100).map(({ tx }, id) => ({
      jsonrpc: '1.0',
      id,
      method: 'generateblock',
      params: ['raw(51)', [toHex(tx)], false],
    }));
    const response = await fetch(node.rpcUrl, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${node.user}:${node.password}`)}` },
      body: JSON.stringify(batch),
    });
    const results = (await response.json()) as readonly {
      readonly result: { readonly hex: string } | null;
      readonly error: { readonly code: number; readonly message: string } | null;
    }[];
    for (const { result, error } of results) {
      if (error !== null && error.code !== -25) throw new Error(`generateblock: ${error.message} (${error.code})`);
      answers.push({
        verdict: error === null ? undefined : withoutPlace(error.message.replace('TestBlockValidity failed: ', '')),
        block: result === null ? undefined : parseHex(result.hex),
      });
    }
  }
  return answers;
}

/** The reason alone, without what the node says behind it of the place. */
function withoutPlace(reason: string): string {
  return reason.replace(
    /, (?:input \d+ of|contains a non-BIP68-final transaction|non-final transaction|CheckTxInputs:).*$/s,
    '',
  );
}

/** Core calls a lock that is not over by one name in a block and by two in the mempool, which our miner asks first. */
function nameInBlock(reason: string): string {
  return reason === 'non-final' || reason === 'non-BIP68-final' ? 'bad-txns-nonfinal' : reason;
}

function askOurs(chain: EmbeddedChain, tx: Uint8Array): Verdict {
  const before = chain.snapshot();
  try {
    chain.mine(1, { transactions: [tx] });
    return undefined;
  } catch (error) {
    if (hasCode(error, 'CHAIN_TX_REJECTED', 'CHAIN_BLOCK_REJECTED')) return nameInBlock(error.details.reason);
    throw error;
  } finally {
    chain.revert(before);
  }
}

/** What we say about the block that the node made: the whole block, with its commitments, goes through our rules. */
function refusalOf(chain: EmbeddedChain, block: Uint8Array | undefined): Verdict {
  if (block === undefined) return undefined;
  const before = chain.snapshot();
  try {
    chain.submitBlock(block);
    return undefined;
  } catch (error) {
    if (hasCode(error, 'CHAIN_BLOCK_REJECTED')) return `block: ${error.details.reason}`;
    throw error;
  } finally {
    chain.revert(before);
  }
}
