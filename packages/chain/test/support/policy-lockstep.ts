import { displayHash, parseDisplayHash, toHex } from '@bitcoin-enterprise/core';
import { FUNDER_SCRIPT } from '@bitcoin-enterprise/chain';
import { serializeTransaction, transactionId } from '@bitcoin-enterprise/script';
import { type Bitcoind, BitcoindRefusal } from '../../../../scripts/nodes/bitcoind.ts';
import { Random } from '../../../../scripts/testing/random.ts';
import { type MadeTransaction, PolicyGenerator, type Rates, type Step } from './policy-generator.ts';

/** One step on which the nodes differ. */
export interface Difference {
  readonly step: number;
  readonly note: string;
  /** What was asked, its beginning. */
  readonly given?: string;
  readonly ours: string;
  readonly theirs: string;
}

/** What a run has seen. */
export interface PolicyRun {
  readonly transactions: number;
  readonly differences: readonly Difference[];
  /** How often each answer came, by its reason. */
  readonly reasons: ReadonlyMap<string, number>;
}

const START = 1_700_000_000;
const DESCRIPTOR = `raw(${toHex(FUNDER_SCRIPT)})`;
const COINS_A_ROUND = 1_500;

/** How a run is made. */
export interface PolicyRunOptions {
  readonly seed: number;
  /** Transactions to judge, alone or in packages. */
  readonly count: number;
  readonly rates: Rates;
  /** What of an answer is not compared. */
  readonly forgive?: (text: string) => string;
  /** Whether a step is one of a documented difference. */
  readonly isKnown?: (difference: Difference) => boolean;
}

/**
 * Asks our server and a real node the same about random transactions and packages, and compares every answer, word by
 * word, and the mempool after every change of it.
 */
export async function runPolicyLockstep(
  ours: Bitcoind,
  theirs: Bitcoind,
  options: PolicyRunOptions,
): Promise<PolicyRun> {
  const run = new PolicyLockstep(ours, theirs, options);
  await run.prepare();
  return run.go();
}

class PolicyLockstep {
  readonly #ours: Bitcoind;
  readonly #theirs: Bitcoind;
  readonly #options: PolicyRunOptions;
  readonly #generator: PolicyGenerator;
  readonly #made = new Map<string, MadeTransaction>();
  readonly #differences: Difference[] = [];
  readonly #reasons = new Map<string, number>();
  #time = START;
  #rewards = 0;
  #judged = 0;
  #step = 0;

  constructor(ours: Bitcoind, theirs: Bitcoind, options: PolicyRunOptions) {
    this.#ours = ours;
    this.#theirs = theirs;
    this.#options = options;
    this.#generator = new PolicyGenerator(new Random(options.seed), options.rates);
  }

  async prepare(): Promise<void> {
    await this.#tick();
    await this.#mine(130);
    await this.#makeCoins();
  }

  async go(): Promise<PolicyRun> {
    const { count } = this.#options;
    while (this.#judged < count) {
      if (this.#generator.freshCount < 200) await this.#makeCoins();
      const step = this.#generator.next();
      this.#step++;
      await this.#take(step);
    }
    return { transactions: this.#judged, differences: this.#differences, reasons: this.#reasons };
  }

  async #take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'mine':
        await this.#mine(1);
        await this.#comparePools('mine');
        return;
      case 'prioritise': {
        const id = displayHash(Uint8Array.from(Buffer.from(step.id, 'hex')));
        await this.#both('prioritisetransaction', [id, 0, step.delta], 'prioritise');
        return;
      }
      case 'test':
        this.#judged += step.txs.length;
        await this.#both('testmempoolaccept', [step.txs.map(({ hex }) => hex), 0], step.note);
        return;
      case 'send':
        this.#judged += 1;
        for (const made of step.txs) this.#made.set(made.id, made);
        await this.#both('sendrawtransaction', [step.txs[0].hex, 0, 1], step.note);
        await this.#comparePools(step.note);
        return;
      case 'submit':
        this.#judged += step.txs.length;
        for (const made of step.txs) this.#made.set(made.id, made);
        await this.#both('submitpackage', [step.txs.map(({ hex }) => hex), 0, 1], step.note);
        await this.#comparePools(step.note);
    }
  }

  /** Asks both and compares what they say. */
  async #both(method: string, params: readonly unknown[], note: string): Promise<void> {
    const [ours, theirs] = await Promise.all([
      answerOf(this.#ours, method, params),
      answerOf(this.#theirs, method, params),
    ]);
    const { forgive = (text: string) => text } = this.#options;
    const [left, right] = [forgive(ours), forgive(theirs)];
    for (const reason of reasonsIn(theirs)) this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1);
    if (left === right) return;
    const given = JSON.stringify(params).slice(0, 2_000);
    this.#report({ step: this.#step, note: `${method}: ${note}`, given, ours: left, theirs: right });
  }

  #report(difference: Difference): void {
    if (this.#options.isKnown?.(difference) !== true) this.#differences.push(difference);
  }

  /** What waits, and how both count it; what our side has that the other has not is as wrong as the other way round. */
  async #comparePools(note: string): Promise<void> {
    const [ours, theirs] = (await Promise.all(
      [this.#ours, this.#theirs].map((node) => node.rpc<Readonly<Record<string, Entry>>>('getrawmempool', [true])),
    )) as [Readonly<Record<string, Entry>>, Readonly<Record<string, Entry>>];
    const withChunks = Object.values(theirs).some(({ chunkweight }) => chunkweight !== undefined);
    const [left, right] = [poolText(ours, withChunks), poolText(theirs, withChunks)];
    if (left !== right) {
      const only = Object.keys(theirs).filter((id) => !Object.hasOwn(ours, id));
      const extra = Object.keys(ours).filter((id) => !Object.hasOwn(theirs, id));
      const changed = Object.keys(ours).filter(
        (id) =>
          Object.hasOwn(theirs, id) &&
          entryText(ours[id] as Entry, withChunks) !== entryText(theirs[id] as Entry, withChunks),
      );
      const show = (pool: Readonly<Record<string, Entry>>, ids: readonly string[]): string =>
        JSON.stringify(ids.slice(0, 2).map((id) => [id, pool[id]]));
      this.#report({
        step: this.#step,
        note: `mempool after ${note}`,
        ours: `has also ${show(ours, [...extra, ...changed])}`,
        theirs: `has also ${show(theirs, [...only, ...changed])}`,
      });
    }
    const { waiting } = this.#generator;
    const now = new Set(Object.keys(theirs).map((id) => toHex(parseDisplayHash(id))));
    for (const id of waiting.keys()) if (!now.has(id)) waiting.delete(id);
    for (const id of now) {
      const made = this.#made.get(id);
      if (made !== undefined && !waiting.has(id)) waiting.set(id, made);
    }
  }

  async #tick(): Promise<void> {
    this.#time += 600;
    await Promise.all([this.#ours, this.#theirs].map((node) => node.rpc('setmocktime', [this.#time])));
  }

  /** The real node mines, and its blocks go to us: what one takes into a block, both must allow. */
  async #mine(count: number, transactions?: readonly string[]): Promise<void> {
    for (let i = 0; i < count; i++) {
      await this.#tick();
      const { hash } =
        transactions === undefined
          ? { hash: (await this.#theirs.rpc<string[]>('generatetodescriptor', [1, DESCRIPTOR]))[0] as string }
          : await this.#theirs.rpc<{ hash: string }>('generateblock', [DESCRIPTOR, transactions]);
      const block = await this.#theirs.rpc<string>('getblock', [hash, 0]);
      const answer = await this.#ours.rpc('submitblock', [block]);
      if (answer !== null) throw new Error(`we refuse a block of the node: ${String(answer)}`);
    }
    this.#generator.height = await this.#theirs.rpc<number>('getblockcount');
  }

  async #makeCoins(): Promise<void> {
    const hash = await this.#theirs.rpc<string>('getblockhash', [++this.#rewards]);
    const {
      tx: [coinbase],
    } = await this.#theirs.rpc<{ tx: [{ txid: string; vout: { value: number }[] }] }>('getblock', [hash, 2]);
    const reward = BigInt(Math.round((coinbase.vout[0]?.value ?? 0) * 1e8));
    const outputs = this.#generator.coinsToMake(COINS_A_ROUND);
    const change = reward - outputs.reduce((sum, { value }) => sum + value, 0n);
    const input = {
      previousTxid: parseDisplayHash(coinbase.txid),
      previousIndex: 0,
      scriptSig: new Uint8Array(),
      sequence: 0xffff_ffff,
      witness: [Uint8Array.of(0x51)],
    };
    const tx = {
      version: 2,
      inputs: [input],
      outputs: [...outputs, { value: change, scriptPubKey: FUNDER_SCRIPT }],
      lockTime: 0,
    };
    await this.#mine(1, [toHex(serializeTransaction(tx))]);
    await this.#mine(2);
    const txid = transactionId(tx);
    this.#generator.addCoins(outputs.map(({ value, kind }, index) => ({ txid, index, value, kind })));
  }
}

async function answerOf(node: Bitcoind, method: string, params: readonly unknown[]): Promise<string> {
  try {
    return JSON.stringify(await node.rpc(method, params));
  } catch (error) {
    if (error instanceof BitcoindRefusal) return JSON.stringify({ code: error.rpcCode, message: error.message });
    throw error;
  }
}

/** The reasons in an answer, without names and numbers. */
function reasonsIn(answer: string): readonly string[] {
  const found = [...answer.matchAll(/"(?:reject-reason|package-error|error|package_msg|message)":"([^",(]*)/g)];
  return found.length === 0 ? ['taken'] : found.map((match) => (match[1] ?? '').replace(/[0-9a-f]{64}/g, '…').trim());
}

interface Entry {
  readonly vsize: number;
  readonly weight: number;
  readonly ancestorcount: number;
  readonly ancestorsize: number;
  readonly descendantcount: number;
  readonly descendantsize: number;
  readonly chunkweight?: number;
  readonly fees: {
    readonly base: number;
    readonly modified: number;
    readonly ancestor: number;
    readonly descendant: number;
    readonly chunk?: number;
  };
  readonly depends: readonly string[];
  readonly spentby: readonly string[];
}

function entryText(entry: Entry, withChunks: boolean): string {
  const { vsize, weight, ancestorcount, ancestorsize, descendantcount, descendantsize, fees } = entry;
  const { base, modified, ancestor, descendant, chunk = 0 } = fees;
  // Before Core 31 no node knew chunks.
  const chunks = withChunks ? [entry.chunkweight, chunk] : [];
  const links = [[...entry.depends].sort(), [...entry.spentby].sort()];
  return JSON.stringify([
    vsize,
    weight,
    ancestorcount,
    ancestorsize,
    descendantcount,
    descendantsize,
    base,
    modified,
    ancestor,
    descendant,
    chunks,
    links,
  ]);
}

function poolText(pool: Readonly<Record<string, Entry>>, withChunks: boolean): string {
  return Object.keys(pool)
    .sort()
    .map((id) => `${id} ${entryText(pool[id] as Entry, withChunks)}`)
    .join('\n');
}
