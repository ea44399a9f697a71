import { type EmbeddedChain, createEmbeddedChain } from '@bitcoin-enterprise/chain';
import { type CryptoEngine, displayHash, formatSatoshis, hasCode, satoshis } from '@bitcoin-enterprise/core';
import {
  type InputTrace,
  type Transaction,
  assemble,
  consensusFlags,
  serializeTransaction,
  traceInput,
  transactionId,
  transactionVirtualSize,
  transactionWeight,
  viewTransaction,
} from '@bitcoin-enterprise/script';
import {
  type Vault,
  type VaultCoin,
  type VaultPath,
  createVault,
  exampleKey,
  spendVault,
  spentOutput,
} from './vault.ts';

/** What a chain said about one attempt to spend. */
export interface Attempt {
  readonly title: string;
  readonly path: VaultPath;
  readonly tx: Uint8Array;
  /** Display form. */
  readonly txid: string;
  readonly accepted: boolean;
  /** Core's reject reason when it was refused. */
  readonly reason: string | undefined;
  /** Core's name of the script error when a script refused it. */
  readonly scriptError: string | undefined;
  /** Height of the tip that it was tried on. */
  readonly height: number;
  /** Weight units and virtual bytes of the transaction, weight units of its input. */
  readonly weight: number;
  readonly virtualSize: number;
  readonly inputWeight: number;
  readonly trace: InputTrace;
}

/** Everything that happened, as plain data: the report and the replay on a real node are made from it. */
export interface Story {
  readonly vault: Vault;
  readonly coins: readonly VaultCoin[];
  readonly attempts: readonly Attempt[];
  readonly chain: EmbeddedChain;
}

/** Called as the story goes on. */
export type Tell = (line: string) => void;

const DELAY_BLOCKS = 10;
const DEPOSIT = satoshis(5_000_000n);
const FEE = 1_000n;

/** Funds a vault twice on a fresh embedded chain, and tries every way out of it, the forbidden ones first. */
export function tellStory(crypto: CryptoEngine, tell: Tell = () => {}): Story {
  const hot = exampleKey('hot', crypto);
  const cold = ['safe', 'bank', 'lawyer'].map((place) => exampleKey(place, crypto));
  const [safe, bank, lawyer] = cold as [typeof hot, typeof hot, typeof hot];
  const vault = createVault({
    hotKey: hot.xOnly,
    recoveryKeys: [safe.xOnly, bank.xOnly, lawyer.xOnly],
    delayBlocks: DELAY_BLOCKS,
  });
  const chain = createEmbeddedChain({ crypto });
  const deposit = (): VaultCoin => {
    const { txid, index, value, height } = chain.fund(vault.output.scriptPubKey, DEPOSIT);
    tell(`block ${height}: ${formatSatoshis(value)} sat lie in the vault`);
    return { txid, index, value };
  };
  const everyday = deposit();
  // BIP68: a coin of block h with a lock of n blocks can be spent in block h + n.
  const ripeHeight = chain.height + DELAY_BLOCKS;
  const stolen = deposit();
  const destination = assemble([1, exampleKey('shop', crypto).xOnly]);
  const rescue = assemble([1, exampleKey('new vault', crypto).xOnly]);
  const attempts: Attempt[] = [];

  const attempt = (title: string, path: VaultPath, coin: VaultCoin, tx: Transaction): boolean => {
    const made = tryToSpend(chain, vault, coin, { title, path, tx, crypto });
    attempts.push(made);
    const verdict = made.accepted ? 'accepted' : `refused: ${made.scriptError ?? made.reason}`;
    tell(`block ${made.height + 1}: ${title}: ${verdict}`);
    return made.accepted;
  };
  const delayedSpend = (sequence?: number): Transaction =>
    spendVault(vault, everyday, {
      path: 'delayed',
      destination,
      fee: FEE,
      signers: [hot.secret],
      crypto,
      ...(sequence === undefined ? {} : { sequence }),
    });
  const recovery = (signers: readonly (Uint8Array | undefined)[]): Transaction =>
    spendVault(vault, stolen, { path: 'recovery', destination: rescue, fee: FEE, signers, crypto });

  attempt('the hot key spends before the delay is over', 'delayed', everyday, delayedSpend());
  attempt('a thief with the hot key claims a delay of one block', 'delayed', everyday, delayedSpend(1));
  attempt('one recovery key alone', 'recovery', stolen, recovery([safe.secret, undefined, undefined]));
  if (attempt('two recovery keys', 'recovery', stolen, recovery([safe.secret, undefined, lawyer.secret]))) chain.mine();
  chain.mine(ripeHeight - 1 - chain.height);
  tell(`block ${chain.height}: the delay is over`);
  if (attempt('the hot key spends after the delay', 'delayed', everyday, delayedSpend())) chain.mine();
  return { vault, coins: [everyday, stolen], attempts, chain };
}

function tryToSpend(
  chain: EmbeddedChain,
  vault: Vault,
  coin: VaultCoin,
  what: { readonly title: string; readonly path: VaultPath; readonly tx: Transaction; readonly crypto: CryptoEngine },
): Attempt {
  const { title, path, crypto } = what;
  const tx = serializeTransaction(what.tx);
  const common = {
    title,
    path,
    tx,
    txid: displayHash(transactionId(what.tx, crypto)),
    height: chain.height,
    weight: transactionWeight(what.tx),
    virtualSize: transactionVirtualSize(what.tx),
    inputWeight: viewTransaction(tx).inputWeight(0),
    trace: traceInput({ tx, inputIndex: 0, spentOutputs: [spentOutput(vault, coin)], flags: consensusFlags, crypto }),
  };
  try {
    chain.broadcast(tx);
    return { ...common, accepted: true, reason: undefined, scriptError: undefined };
  } catch (error) {
    if (!hasCode(error, 'CHAIN_TX_REJECTED')) throw error;
    const { reason, scriptError } = error.details;
    return { ...common, accepted: false, reason, scriptError };
  }
}
