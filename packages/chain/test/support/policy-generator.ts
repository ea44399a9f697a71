import { toHex } from '@bitcoin-enterprise/core';
import {
  serializeTransaction,
  type Transaction,
  type TransactionInput,
  type TransactionOutput,
  transactionId,
  transactionVirtualSize,
  viewTransaction,
} from '@bitcoin-enterprise/script';
import type { Random } from '../../../../scripts/testing/random.ts';
import { type CoinKind, oddKinds, outputScript, plainKinds, type Satisfaction } from './policy-coins.ts';

/** An output that the generator knows how to spend. */
export interface KnownCoin {
  readonly txid: Uint8Array;
  readonly index: number;
  readonly value: bigint;
  readonly kind: CoinKind;
}

/** A transaction that was made, with what is needed to build on it or to replace it. */
export interface MadeTransaction {
  readonly hex: string;
  readonly id: string;
  readonly note: string;
  readonly tx: Transaction;
  readonly fee: bigint;
  readonly size: number;
  readonly version: number;
  readonly spends: readonly KnownCoin[];
  readonly coins: readonly KnownCoin[];
}

/** What one step asks of both nodes. */
export type Step =
  | { readonly kind: 'test' | 'submit'; readonly note: string; readonly txs: readonly MadeTransaction[] }
  | { readonly kind: 'send'; readonly note: string; readonly txs: readonly [MadeTransaction] }
  | { readonly kind: 'mine' }
  | { readonly kind: 'prioritise'; readonly id: string; readonly delta: number };

/** What the rates of a node are, sat/kvB: fees are made to lie just below and above them. */
export interface Rates {
  readonly relay: bigint;
  readonly incremental: bigint;
}

interface Plan {
  readonly inputs: readonly { readonly coin: KnownCoin; readonly way: Satisfaction }[];
  readonly version?: number;
  /** Satoshis; a function gets the size. */
  readonly fee: (size: number) => bigint;
  readonly outputs?: readonly TransactionOutput[];
  /** How many outputs of plain kinds there are besides. */
  readonly plain?: number;
  /** Values of dust outputs that can be spent. */
  readonly dust?: readonly bigint[];
  readonly lockTime?: number;
  readonly sequence?: number;
  readonly note: string;
}

const EMPTY = new Uint8Array();
const FINAL = 0xffff_ffff;

/** Makes transactions that lie near every rule of a mempool, from a seed alone. */
export class PolicyGenerator {
  readonly #random: Random;
  readonly #rates: Rates;
  readonly #fresh: KnownCoin[] = [];
  readonly #odd: KnownCoin[] = [];
  /** What waits, by id. */
  readonly waiting = new Map<string, MadeTransaction>();
  height = 0;
  /** How many steps of a family that grows towards its limits are left, and how bulky it is. */
  #streak = { left: 0, outputs: 1 };

  constructor(random: Random, rates: Rates) {
    this.#random = random;
    this.#rates = rates;
  }

  /** How many confirmed plain coins are left. */
  get freshCount(): number {
    return this.#fresh.length;
  }

  /** Outputs of a transaction that makes new coins of every kind. */
  coinsToMake(count: number): readonly (TransactionOutput & { readonly kind: CoinKind })[] {
    return Array.from({ length: count }, (_, i) => {
      const kind = i % 3 === 2 ? this.#random.pick(oddKinds) : this.#random.pick(plainKinds);
      return { value: this.#random.chance(0.1) ? 2_000_000n : 100_000n, scriptPubKey: kind.scriptPubKey, kind };
    });
  }

  /** Takes confirmed coins into its stock. */
  addCoins(coins: readonly KnownCoin[]): void {
    for (const coin of coins) (plainKinds.includes(coin.kind) ? this.#fresh : this.#odd).push(coin);
  }

  /** The next step. */
  next(): Step {
    const random = this.#random;
    if (this.#streak.left > 0) return this.#streakStep();
    const roll = random.below(1_000);
    if (roll >= 995) this.#streak = { left: 20 + random.below(60), outputs: random.pick([1, 2, 40, 70]) };
    if (roll < 8 || this.waiting.size > 120) return { kind: 'mine' };
    if (roll < 16 && this.waiting.size > 0) {
      const { id } = random.pick([...this.waiting.values()]);
      return { kind: 'prioritise', id, delta: random.below(4_000) - 1_000 };
    }
    if (roll < 400) return this.#single('test');
    if (roll < 660) return this.#single('send');
    return this.#package(roll < 760 ? 'test' : 'submit');
  }

  /** One more on top of the youngest, so that chains and clusters reach what they may be. */
  #streakStep(): Step {
    const random = this.#random;
    this.#streak.left--;
    const coins = this.#waitingCoins().filter(({ value }) => value > 20_000n);
    const coin = coins.at(-1 - random.below(Math.min(coins.length, 3) || 1)) ?? this.#takeFresh();
    const parent = this.waiting.get(toHex(coin.txid));
    const inputs = [good(coin)];
    if (random.chance(0.15) || coin.value < 60_000n) inputs.push(good(this.#takeFresh()));
    const tx = this.#build({
      inputs,
      version: parent === undefined || parent.version === 3 ? 2 : parent.version,
      fee: (size) => BigInt(size) * BigInt(1 + random.below(3)),
      plain: this.#streak.outputs,
      note: 'streak',
    });
    if (random.chance(0.1))
      return { kind: 'submit', note: 'streak', txs: [tx, this.#build(this.#childOf([tx], tx.version))] };
    return { kind: 'send', note: tx.note, txs: [tx] };
  }

  #single(kind: 'test' | 'send'): Step {
    const tx = this.#build(this.#singlePlan(kind === 'send'));
    return kind === 'send' ? { kind, note: tx.note, txs: [tx] } : { kind, note: tx.note, txs: [tx] };
  }

  #singlePlan(prefersGood: boolean): Plan {
    const random = this.#random;
    const roll = random.below(100);
    if (roll < (prefersGood ? 5 : 22)) return this.#oddPlan();
    if (roll < 35) return this.#outputPlan();
    if (roll < 55 && this.waiting.size > 0) return this.#replacementPlan();
    if (roll < 78 && this.waiting.size > 0) return this.#childPlan();
    if (roll < 88) return this.#lockPlan();
    return this.#plainPlan();
  }

  #plainPlan(): Plan {
    const random = this.#random;
    const inputs = Array.from({ length: 1 + (random.chance(0.2) ? random.below(3) : 0) }, () =>
      good(this.#takeFresh()),
    );
    return {
      inputs,
      version: this.#version(),
      fee: this.#fee(),
      plain: 1 + random.below(3),
      note: 'plain',
      ...(random.chance(0.1) ? { dust: [random.pick([0n, 1n, 240n, 329n, 330n])] } : {}),
    };
  }

  /** A coin of an odd kind, spent in one of its ways. */
  #oddPlan(): Plan {
    const random = this.#random;
    const coin = this.#odd.length === 0 ? this.#takeFresh() : random.pick(this.#odd);
    const way = random.pick(coin.kind.spends);
    const inputs = [{ coin, way }];
    if (random.chance(0.3)) inputs.push(good(this.#takeFresh()));
    if (random.chance(0.1)) inputs.reverse();
    return {
      inputs,
      version: this.#version(),
      fee: random.chance(0.8) ? () => 20_000n : this.#fee(),
      plain: 1,
      note: `${coin.kind.name}: ${way.note}`,
    };
  }

  /** Outputs of every form, and values around dust. */
  #outputPlan(): Plan {
    const random = this.#random;
    const outputs = Array.from({ length: 1 + random.below(3) }, () => ({
      value: random.pick([0n, 1n, 239n, 240n, 293n, 294n, 329n, 330n, 545n, 546n, 1_000n]),
      scriptPubKey: outputScript(random),
    }));
    return {
      inputs: [good(this.#takeFresh())],
      version: random.pick([0, 1, 2, 2, 3, 3, 4, FINAL]),
      fee: random.chance(0.3) ? () => 0n : () => 5_000n,
      outputs,
      plain: random.below(2),
      note: 'outputs',
    };
  }

  /** Spends what something that waits spends already. */
  #replacementPlan(): Plan {
    const random = this.#random;
    const victims = [random.pick([...this.waiting.values()])];
    while (random.chance(0.25)) victims.push(random.pick([...this.waiting.values()]));
    const coins = new Map<string, KnownCoin>();
    for (const victim of victims) {
      const coin = random.pick(victim.spends);
      coins.set(nameOf(coin), coin);
    }
    if (random.chance(0.2)) {
      const coin = this.#takeFresh();
      coins.set(nameOf(coin), coin);
    }
    if (random.chance(0.2)) for (const coin of this.#waitingCoins().slice(0, 1)) coins.set(nameOf(coin), coin);
    const gone = this.#withDescendants(victims).reduce((sum, { fee }) => sum + fee, 0n);
    const { incremental } = this.#rates;
    return {
      inputs: [...coins.values()].map((coin) => good(coin)),
      version: random.chance(0.8) ? (victims[0] as MadeTransaction).version : this.#version(),
      fee: (size) => {
        const relay = ceilFee(incremental, size);
        const choices = [
          gone - 1n,
          gone,
          gone + relay - 1n,
          gone + relay,
          gone + relay + 500n,
          gone * 2n + relay,
          gone / 2n,
        ];
        const fee = random.pick(choices);
        return fee < 0n ? 0n : fee;
      },
      plain: 1 + (random.chance(0.1) ? random.below(40) : random.below(2)),
      note: 'replacement',
    };
  }

  /** Stands on what waits. */
  #childPlan(): Plan {
    const random = this.#random;
    const coins = this.#waitingCoins();
    if (coins.length === 0) return this.#plainPlan();
    const chosen = new Map<string, KnownCoin>();
    const count = random.chance(0.75) ? 1 : 1 + random.below(3);
    for (let i = 0; i < count; i++) {
      // The youngest outputs make long chains.
      const coin = random.chance(0.5)
        ? (coins.at(-1 - random.below(Math.min(3, coins.length))) as KnownCoin)
        : random.pick(coins);
      chosen.set(nameOf(coin), coin);
    }
    const parent = this.waiting.get(toHex(random.pick([...chosen.values()]).txid));
    if (random.chance(0.3)) {
      const coin = this.#takeFresh();
      chosen.set(nameOf(coin), coin);
    }
    return {
      inputs: [...chosen.values()].map((coin) => good(coin)),
      version: parent !== undefined && random.chance(0.85) ? parent.version : this.#version(),
      fee: this.#fee(),
      plain: random.chance(0.04) ? 25 + random.below(30) : 1 + random.below(3),
      note: 'child',
    };
  }

  /** Locks of time and height, before and after they are over. */
  #lockPlan(): Plan {
    const random = this.#random;
    const waiting = this.#waitingCoins();
    const coin = random.chance(0.2) && waiting.length > 0 ? random.pick(waiting) : this.#takeFresh();
    return {
      inputs: [good(coin)],
      version: random.pick([1, 2, 3]),
      fee: () => 5_000n,
      plain: 1,
      lockTime: random.pick([
        0,
        this.height - 1,
        this.height,
        this.height + 1,
        this.height + 2,
        600_000_000,
        2_000_000_000,
      ]),
      sequence: random.pick([FINAL, FINAL - 1, 0, 1, 2, 10, 1_000, 0x0040_0000, 0x0040_0001, 0x0040_ffff]),
      note: 'locks',
    };
  }

  /** Parents with a child, in and out of the forms that a package may have. */
  #package(kind: 'test' | 'submit'): Step {
    const random = this.#random;
    const roll = random.below(100);
    const count = roll < 60 ? 1 : roll < 85 ? 2 : 1 + random.below(4);
    const version = random.pick([2, 2, 3, 3, 1]);
    const isLow = random.chance(0.6);
    const parents = Array.from({ length: count }, () => this.#build(this.#parentPlan(version, isLow)));
    if (random.chance(0.12)) parents.push(this.#build(this.#childOf([random.pick(parents)], version)));
    const child = this.#build(this.#childOf(parents, random.chance(0.9) ? version : random.pick([1, 2, 3])));
    let txs = [...parents, child];
    const twist = random.below(100);
    if (twist < 3) txs = txs.toReversed();
    else if (twist < 5) txs.push(child);
    else if (twist < 8) txs.push(this.#build(this.#childOf(parents, version)));
    else if (twist < 10) txs = txs.slice(0, 1);
    else if (twist < 12) txs.push(this.#build(this.#plainPlan()));
    else if (twist < 14) txs.push(this.#build(this.#childOf([child], version)));
    else if (twist < 15)
      txs = Array.from({ length: 26 }, () => this.#build(this.#plainPlan())).slice(0, kind === 'test' ? 25 : 24);
    return { kind, note: `package of ${txs.length}, version ${version}`, txs };
  }

  #parentPlan(version: number, isLow: boolean): Plan {
    const random = this.#random;
    const roll = random.below(10);
    const plan: Plan =
      roll < 2 && this.waiting.size > 0
        ? this.#replacementPlan()
        : roll < 3 && this.waiting.size > 0
          ? this.#childPlan()
          : roll < 4
            ? this.#oddPlan()
            : { ...this.#plainPlan() };
    const dust = version === 3 || random.chance(0.2) ? [random.pick([0n, 0n, 1n, 100n, 329n, 330n])] : [];
    return {
      ...plan,
      version,
      dust: random.chance(0.5) ? dust : [],
      fee: isLow ? (size) => random.pick([0n, 0n, 1n, ceilFee(this.#rates.relay, size) - 1n]) : plan.fee,
      note: `${plan.note} parent`,
    };
  }

  #childOf(parents: readonly MadeTransaction[], version: number): Plan {
    const random = this.#random;
    const chosen = new Map<string, KnownCoin>();
    for (const parent of parents) {
      const [first] = parent.coins;
      if (first === undefined) continue;
      const all = random.chance(0.7) ? parent.coins : [random.pick(parent.coins)];
      for (const coin of all.slice(0, 3)) chosen.set(nameOf(coin), coin);
    }
    if (chosen.size === 0 || random.chance(0.3)) {
      const coin = this.#takeFresh();
      chosen.set(nameOf(coin), coin);
    }
    if (random.chance(0.08)) for (const coin of this.#waitingCoins().slice(-1)) chosen.set(nameOf(coin), coin);
    if (random.chance(0.05) && this.waiting.size > 0) {
      const coin = random.pick(random.pick([...this.waiting.values()]).spends);
      chosen.set(nameOf(coin), coin);
    }
    const parentSize = parents.reduce((sum, { size }) => sum + size, 0);
    const parentFee = parents.reduce((sum, { fee }) => sum + fee, 0n);
    return {
      inputs: [...chosen.values()].map((coin) => good(coin)),
      version,
      fee: (size) => {
        const enough = ceilFee(this.#rates.relay, size + parentSize) - parentFee;
        const fee = random.pick([
          enough - 1n,
          enough,
          enough + 1n,
          10_000n,
          10_000n,
          40_000n,
          0n,
          ceilFee(this.#rates.relay, size),
        ]);
        return fee < 0n ? 0n : fee;
      },
      plain: random.chance(0.05) ? 20 + random.below(30) : 1 + random.below(2),
      note: 'child of package',
    };
  }

  #version(): number {
    return this.#random.pick([1, 2, 2, 2, 3, 3]);
  }

  #fee(): (size: number) => bigint {
    const random = this.#random;
    return (size) => {
      const relay = ceilFee(this.#rates.relay, size);
      return random.pick([
        0n,
        relay - 1n,
        relay,
        relay + 1n,
        relay * 2n,
        BigInt(size) * BigInt(1 + random.below(40)),
        5_000n,
        30_000n,
      ]);
    };
  }

  #takeFresh(): KnownCoin {
    const at = this.#random.below(this.#fresh.length);
    const coin = this.#fresh[at] as KnownCoin;
    // Most coins serve once; the others make conflicts that nobody planned.
    if (this.#random.chance(0.9)) this.#fresh.splice(at, 1);
    return coin;
  }

  /** Outputs that wait and that nothing spends yet, oldest first. */
  #waitingCoins(): readonly KnownCoin[] {
    const spent = new Set([...this.waiting.values()].flatMap(({ spends }) => spends.map((coin) => nameOf(coin))));
    return [...this.waiting.values()].flatMap(({ coins }) => coins.filter((coin) => !spent.has(nameOf(coin))));
  }

  #withDescendants(start: readonly MadeTransaction[]): readonly MadeTransaction[] {
    const found = new Set(start);
    for (const entry of found)
      for (const other of this.waiting.values())
        if (other.spends.some(({ txid }) => toHex(txid) === entry.id)) found.add(other);
    return [...found];
  }

  #build(plan: Plan): MadeTransaction {
    const { inputs, version = 2, lockTime = 0, sequence, note } = plan;
    const random = this.#random;
    const outputs: TransactionOutput[] = [...(plan.outputs ?? [])];
    const kinds: (CoinKind | undefined)[] = outputs.map(() => undefined);
    for (const value of plan.dust ?? []) {
      const kind = random.pick([...plainKinds, anchorKind]);
      outputs.push({ value, scriptPubKey: kind.scriptPubKey });
      kinds.push(kind);
    }
    const plain = Math.max(plan.plain ?? 1, outputs.length === 0 ? 1 : 0);
    for (let i = 0; i < plain; i++) {
      const kind = random.pick(plainKinds);
      outputs.push({ value: 0n, scriptPubKey: kind.scriptPubKey });
      kinds.push(kind);
    }
    const list: TransactionInput[] = inputs.map(({ coin, way }) => ({
      previousTxid: coin.txid,
      previousIndex: coin.index,
      scriptSig: way.scriptSig ?? EMPTY,
      sequence: sequence ?? random.pick([FINAL, FINAL - 1, FINAL - 2]),
      witness: way.witness ?? [],
    }));
    const size = transactionVirtualSize({ version, inputs: list, outputs, lockTime });
    const total = inputs.reduce((sum, { coin }) => sum + coin.value, 0n);
    const fixed = outputs.reduce((sum, { value }) => sum + value, 0n);
    const wanted = plan.fee(size);
    const rest = total - fixed - wanted;
    const share = plain === 0 || rest < 0n ? 0n : rest / BigInt(plain);
    let left = rest < 0n ? 0n : rest;
    const valued = outputs.map((output, i) => {
      if (i < outputs.length - plain) return output;
      const value = i === outputs.length - 1 ? left : share;
      left -= value;
      return { ...output, value };
    });
    const tx: Transaction = { version, inputs: list, outputs: valued, lockTime };
    const txid = transactionId(tx);
    const fee = total - valued.reduce((sum, { value }) => sum + value, 0n);
    return {
      hex: toHex(serializeTransaction(tx)),
      id: toHex(txid),
      note,
      tx,
      fee,
      size: viewTransaction(tx).virtualSize,
      version,
      spends: inputs.map(({ coin }) => coin),
      coins: valued.flatMap(({ value }, index) => {
        const kind = kinds[index];
        return kind === undefined ? [] : [{ txid, index, value, kind }];
      }),
    };
  }
}

const anchorKind = oddKinds.find(({ name }) => name === 'anchor') as CoinKind;

function good(coin: KnownCoin): { readonly coin: KnownCoin; readonly way: Satisfaction } {
  return { coin, way: coin.kind.spends[0] as Satisfaction };
}

function nameOf({ txid, index }: KnownCoin): string {
  return `${toHex(txid)}:${index}`;
}

function ceilFee(rate: bigint, size: number): bigint {
  return (rate * BigInt(size) + 999n) / 1_000n;
}
