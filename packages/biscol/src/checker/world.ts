import { createEmbeddedChain, type EmbeddedChain, mempoolProfile } from '@bitcoin-enterprise/chain';
import {
  currentCrypto,
  displayHash,
  equalBytes,
  feeRate as asFeeRate,
  hasCode,
  parseDisplayHash,
  parseHex,
  satoshis,
  toHex,
} from '@bitcoin-enterprise/core';
import {
  parseTransaction,
  serializeTransaction,
  Sighasher,
  taprootOutput,
  type Transaction,
  transactionVirtualSize,
} from '@bitcoin-enterprise/script';
import type { AnyTransition } from '../contract/define.ts';
import { type ContractHistory, type HistoryCell, type HistoryStep } from '../contract/guarantees.ts';
import { fundingOutputs } from '../contract/instance.ts';
import { type AnyContract, type ContractInstance, covenantsFrom, transitionOf } from '../contract/model.ts';
import { type Cell, planTransition, type TransitionPlan } from '../contract/transition.ts';
import { nextCells, outpointOf } from '../covenant/presign.ts';
import { dutyOf } from '../engine/duties.ts';
import { shownSecrets, stealingPlans } from './adversary.ts';
import type { CheckOptions } from './model.ts';
import { AllKeys, keysOf, signOutside, xOnlyHex } from './signer.ts';

/** sat/kvB while fees are low, and once they have risen. */
const LOW_RATE = 2_000n;
const HIGH_RATE = 50_000n;
/** What relaying costs. */
const RELAY_RATE = 1_000n;
/** Steps by which an honest party pays more, in percent. */
const BUMP_PERCENT = 160n;
/** An honest party adds coins from outside of the contract up to so many times what fees are: beyond it is pinned. */
const DEAREST_CHILD = 4n;
/** What a transaction may pay for its fee, in so many times what fees are: what is more is lost. */
const DEAREST = 20n;
const OUTSIDE_COINS = 6;
const OUTSIDE_VALUE = satoshis(100_000_000n);
/** Bytes of a child that is to be in the way. */
const PIN_SIZE = 90_000;
/** Outputs of which all sets are tried by transitions that take many. */
const MOST_TOGETHER = 5;

/** A transaction of the contract that somebody has made. */
export interface MadeTransaction {
  readonly txid: string;
  readonly bytes: Uint8Array;
  readonly plan: TransitionPlan;
  readonly by: 'honest' | 'adversary' | 'agreed';
  /** Absent of a theft. */
  readonly transition: string | undefined;
  readonly args: Readonly<Record<string, unknown>>;
  /** Hexadecimal. */
  readonly secrets: readonly string[];
  readonly next: readonly Cell[];
}

/** What an honest party has sent and is not in a block. */
export interface Pending {
  /** Of the contract's output that it spends. */
  readonly outpoint: string;
  readonly txid: string;
  /** A child that pays for it. */
  readonly child?: Uint8Array;
  /** Whether it pays what fees are now. */
  readonly isPaid: boolean;
}

/** Knowledge and budgets: what is not on the chain. */
export interface Mind {
  readonly pending: readonly Pending[];
  /** Heights of the best block from which on the next one could hold what honest parties do about an output, by its name. */
  readonly since: Readonly<Record<string, number>>;
  /** Ids of what honest parties have sent last about an output, by its name: after a reorganisation they send it again. */
  readonly sent: Readonly<Record<string, string>>;
  /** Secrets that honest parties know, and since when; hexadecimal. */
  readonly honest: readonly { readonly party: string; readonly secret: string; readonly since: number }[];
  readonly adversary: readonly string[];
  readonly isSpiked: boolean;
  /** How many there may still be, and blocks that those so far may have cost. */
  readonly reorgs: number;
  readonly lost: number;
  readonly pins: number;
}

/** Where the contract stands on the chain as it is now. */
export interface Survey {
  readonly live: readonly { readonly outpoint: string; readonly cell: Cell; readonly height: number | undefined }[];
  readonly steps: readonly {
    readonly made: MadeTransaction;
    readonly height: number | undefined;
    readonly cells: readonly { readonly cell: Cell; readonly height: number }[];
  }[];
}

/** What a child of an honest party spends of its parent. */
interface ChildCoin {
  readonly index: number;
  /** Absent of an anchor, which anybody spends. */
  readonly secretKey: Uint8Array | undefined;
}

/** The embedded chain with the contract on it, and everybody who plays. */
export class World {
  readonly chain: EmbeddedChain;
  readonly start: number;
  readonly #instance: ContractInstance;
  readonly #options: CheckOptions;
  readonly #keys: AllKeys;
  readonly #members: ReadonlySet<string>;
  readonly #honestKeys: ReadonlySet<string>;
  readonly #covenantKeys: ReadonlySet<string>;
  readonly #funding: readonly { readonly cell: Cell; readonly height: number }[];
  readonly #outside: Uint8Array;
  readonly #loot: Uint8Array;
  readonly #lootKey: Uint8Array;
  readonly #made = new Map<string, MadeTransaction>();
  readonly #spenders = new Map<string, string[]>();

  constructor(options: CheckOptions, members: readonly string[]) {
    const { instance, secretKeys } = options;
    this.#options = options;
    this.#instance = instance;
    this.#keys = new AllKeys(secretKeys);
    this.#members = new Set(members);
    this.#covenantKeys = new Set(
      instance.covenants?.kind === 'presigned' ? instance.covenants.keys.flatMap(({ key }) => xOnlyOf(key)) : [],
    );
    this.#honestKeys = new Set(members.flatMap((name) => keysNamed(instance, name)));
    const isTemplate = instance.covenants?.kind === 'ctv';
    this.chain = createEmbeddedChain({
      policy: mempoolProfile('core-31'),
      ...(isTemplate ? { deployments: ['CHECKTEMPLATEVERIFY'] as const } : {}),
    });
    this.#outside = currentCrypto().sha256(new TextEncoder().encode('biscol/checker/outside'));
    this.#lootKey = currentCrypto().sha256(new TextEncoder().encode('biscol/checker/loot'));
    this.#loot = scriptOf(this.#lootKey);
    for (let coin = 0; coin < OUTSIDE_COINS; coin++) this.chain.fund(scriptOf(this.#outside), OUTSIDE_VALUE);
    this.chain.fund(this.#loot, OUTSIDE_VALUE);
    this.#funding = fundingOutputs(instance).map(({ state, data, value, output }) => {
      const { txid, index } = this.chain.fund(output.scriptPubKey, value);
      return { cell: { state, data, value, txid, index }, height: this.chain.height };
    });
    this.start = this.chain.height;
  }

  /** What everybody knows at the beginning. */
  beginning(): Mind {
    const { secrets = [], bounds = {} } = this.#options;
    const all = secrets.map(({ party, secret }) => ({ party, secret: toHex(secret), since: this.start }));
    return {
      pending: [],
      since: {},
      sent: {},
      honest: all.filter(({ party }) => this.#members.has(party)),
      adversary: all.filter(({ party }) => !this.#members.has(party)).map(({ secret }) => secret),
      isSpiked: false,
      reorgs: bounds.reorgs ?? 1,
      lost: 0,
      pins: bounds.pins ?? 1,
    };
  }

  /** Outputs and transitions on the chain and in the mempool as they are now. */
  survey(): Survey {
    const live: { outpoint: string; cell: Cell; height: number | undefined }[] = [];
    const steps = new Map<
      string,
      { made: MadeTransaction; height: number | undefined; cells: { cell: Cell; height: number }[] }
    >();
    const waiting: { readonly cell: Cell; readonly height: number | undefined }[] = [...this.#funding];
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const outpoint = outpointOf(next.cell);
      const spender = this.#spenderOf(outpoint);
      if (spender === undefined) {
        live.push({ outpoint, ...next });
        continue;
      }
      const { made, height } = spender;
      const known = steps.get(made.txid);
      if (known === undefined) {
        steps.set(made.txid, { made, height, cells: [{ cell: next.cell, height: next.height ?? 0 }] });
        waiting.push(...made.next.map((cell) => ({ cell, height })));
      } else known.cells.push({ cell: next.cell, height: next.height ?? 0 });
    }
    return { live, steps: [...steps.values()] };
  }

  #spenderOf(outpoint: string): { readonly made: MadeTransaction; readonly height: number | undefined } | undefined {
    let waiting: MadeTransaction | undefined;
    for (const txid of this.#spenders.get(outpoint) ?? []) {
      const found = this.chain.transaction(parseDisplayHash(txid));
      if (found === undefined) continue;
      const made = this.#made.get(txid) as MadeTransaction;
      if (found.block !== undefined) return { made, height: found.block.height };
      waiting = made;
    }
    return waiting === undefined ? undefined : { made: waiting, height: undefined };
  }

  /** Outputs of the contract in blocks that no block spends, whatever waits in the mempool. */
  confirmedCells({
    live,
    steps,
  }: Survey): readonly { readonly outpoint: string; readonly cell: Cell; readonly height: number }[] {
    const free = live.flatMap(({ outpoint, cell, height }) =>
      height === undefined ? [] : [{ outpoint, cell, height }],
    );
    const contested = steps.flatMap(({ height, cells }) =>
      height === undefined
        ? cells.map(({ cell, height: own }) => ({ outpoint: outpointOf(cell), cell, height: own }))
        : [],
    );
    return [...free, ...contested.filter(({ height }) => height > 0)];
  }

  /** What has happened, as the promises of the contract see it. */
  history(survey: Survey, mind: Mind): ContractHistory<AnyContract> {
    const cellOf = (cell: Cell, height: number): HistoryCell<never> =>
      ({ state: cell.state, data: cell.data, value: cell.value, height }) as unknown as HistoryCell<never>;
    return {
      startHeight: this.start,
      height: this.chain.height,
      steps: survey.steps.flatMap(({ made, height, cells }) =>
        height === undefined
          ? []
          : [
              {
                transition: made.transition,
                args: made.args,
                by: made.plan.inputs[0]?.plan.way.path ?? '',
                height,
                cells: cells.map(({ cell, height: own }) => cellOf(cell, own)),
                payouts: payoutsOf(made.plan),
                signers: signersOf(this.#instance, made.plan),
                fee: made.plan.fee as bigint,
              } as unknown as HistoryStep<AnyContract>,
            ],
      ),
      live: survey.live.map(({ cell, height }) => cellOf(cell, height ?? this.chain.height + 1)),
      held: (this.#options.held ?? []).map((one) => ({ ...one, since: this.start })),
      secrets: [
        ...mind.honest.map(({ party, secret, since }) => ({ party, secret: parseHex(secret), since })),
        ...(this.#options.secrets ?? [])
          .filter(({ party }) => !this.#members.has(party))
          .map((one) => ({ ...one, since: this.start })),
      ],
    };
  }

  /** Satoshis that members were paid on the chain, and the fees of the contract's transactions. */
  paid({ steps }: Survey): {
    readonly outputs: readonly { readonly outpoint: string; readonly value: bigint }[];
    readonly fees: bigint;
  } {
    const confirmed = steps.filter(({ height }) => height !== undefined);
    return {
      outputs: confirmed.flatMap(({ made }) =>
        made.plan.payouts
          .filter(({ party }) => party !== undefined && this.#members.has(party))
          .map(({ index, value }) => ({ outpoint: `${made.txid}:${index}`, value: value as bigint })),
      ),
      fees: confirmed.reduce((sum, { made }) => sum + feesOf(made.plan), 0n),
    };
  }

  /** Honest parties look at the chain and the mempool, learn, and do their duties. */
  honestTurn(before: Mind): Mind {
    const survey = this.survey();
    let mind = this.#learn(before, survey);
    const pending: Pending[] = [];
    for (const { outpoint, cell, height } of this.confirmedCells(survey)) {
      const known = before.pending.find((one) => one.outpoint === outpoint) ?? this.#sentBefore(before, outpoint);
      const isThere = known !== undefined && this.#isThere(known);
      const sent = this.#duty(mind, { cell, height, known: isThere ? known : undefined });
      if (sent !== undefined) pending.push(sent);
      else if (known !== undefined && isThere) pending.push(known);
    }
    const sent = { ...before.sent, ...Object.fromEntries(pending.map(({ outpoint, txid }) => [outpoint, txid])) };
    mind = { ...mind, pending, sent, since: sinceOf(before, pending, this.chain.height) };
    return this.#learn(mind, this.survey());
  }

  /** What was in a block that is none any more. */
  #sentBefore({ sent, isSpiked }: Mind, outpoint: string): Pending | undefined {
    const made = this.#made.get(sent[outpoint] ?? '');
    if (made === undefined) return undefined;
    return { outpoint, txid: made.txid, isPaid: !isSpiked || rateOf(made.plan) >= HIGH_RATE };
  }

  #isThere({ txid }: Pending): boolean {
    if (this.chain.transaction(parseDisplayHash(txid)) !== undefined) return true;
    const made = this.#made.get(txid);
    return made !== undefined && this.#send(made.bytes);
  }

  #learn(mind: Mind, { steps }: Survey): Mind {
    const shown = steps.flatMap(({ made }) => made.secrets);
    const adversary = [...new Set([...mind.adversary, ...shown])];
    const fresh = shown.filter((secret) => !mind.honest.some((one) => one.secret === secret));
    const [first = ''] = this.#members;
    const honest = [
      ...mind.honest,
      ...[...new Set(fresh)].map((secret) => ({ party: first, secret, since: this.chain.height })),
    ];
    return { ...mind, adversary, honest };
  }

  /** What is sent about one output, if anything. */
  #duty(
    mind: Mind,
    of: { readonly cell: Cell; readonly height: number; readonly known: Pending | undefined },
  ): Pending | undefined {
    const { cell, height, known } = of;
    const { height: tip, medianTime } = this.chain.tip;
    const call = dutyOf(this.#instance, {
      cell,
      parties: this.#members,
      cellHeight: height,
      tip: { height: tip, medianTime },
      secrets: mind.honest.map(({ secret }) => secret),
      held: this.#heldByMembers(),
    });
    const before = known === undefined ? undefined : this.#made.get(known.txid);
    // What is begun is brought to its end, whether it would still be begun or not.
    const task = call?.kind === 'act' ? call : before;
    if (task?.transition === undefined) return undefined;
    const { transition, args } = task;
    const wanted = mind.isSpiked ? HIGH_RATE : LOW_RATE;
    if (known !== undefined && before?.transition === transition) {
      if (known.isPaid || !mind.isSpiked) return known;
      if (rateOf(before.plan) >= wanted) return { ...known, isPaid: true };
    }
    const isHeld = (this.#options.held ?? []).some(
      (one) => one.transition === transition && this.#members.has(one.party) && sameArgs(one.args, args),
    );
    // From what is wanted upwards, for as long as something is left: others may be in the way.
    for (let rate = wanted; ; rate = (rate * BUMP_PERCENT) / 100n) {
      const made = this.#make({ transition, args, cells: [cell], rate, by: 'honest', isHeld });
      if (made === undefined || rate > HIGH_RATE * DEAREST || made.plan.fee * 2n > cell.value)
        return this.#withChild(known, { mind, cell, transition, args, isHeld });
      if (this.#send(made.bytes)) {
        const isPaid = !mind.isSpiked || rateOf(made.plan) >= HIGH_RATE;
        const sent: Pending = { outpoint: outpointOf(cell), txid: made.txid, isPaid };
        return isPaid ? sent : (this.#withChild(sent, { mind, cell, transition, args, isHeld }) ?? sent);
      }
      const isFixed = transitionOf(this.#instance, transition).covenant === true || isHeld;
      if (isFixed) return this.#withChild(known, { mind, cell, transition, args, isHeld });
    }
  }

  /** The same, with a child that pays for it where the transaction itself cannot pay more. */
  #withChild(
    known: Pending | undefined,
    of: {
      readonly mind: Mind;
      readonly cell: Cell;
      readonly transition: string;
      readonly args: Readonly<Record<string, unknown>>;
      readonly isHeld: boolean;
    },
  ): Pending | undefined {
    const { mind, cell, transition, args, isHeld } = of;
    const rate = mind.isSpiked ? HIGH_RATE : LOW_RATE;
    const made = this.#make({ transition, args, cells: [cell], rate, by: 'honest', isHeld });
    const from = made === undefined ? undefined : this.#childCoin(made.plan);
    if (made === undefined || from === undefined) return known;
    for (let childRate = rate; childRate <= DEAREST_CHILD * rate; childRate = (childRate * BUMP_PERCENT) / 100n) {
      const child = this.#child(made, from, childRate);
      if (child === undefined) return known;
      const isThere = this.chain.transaction(parseDisplayHash(made.txid)) !== undefined;
      const isSent = isThere ? this.#send(child) : this.chain.submitPackage([made.bytes, child]).accepted;
      if (isSent) return { outpoint: outpointOf(cell), txid: made.txid, child, isPaid: true };
    }
    return known;
  }

  /** An output that a child may spend: the anchor, or a payout to a member whose key is known. */
  #childCoin({ anchor, payouts, tx }: TransitionPlan): ChildCoin | undefined {
    if (anchor !== undefined) return { index: anchor, secretKey: undefined };
    for (const { index, party } of payouts) {
      const script = tx.outputs[index]?.scriptPubKey;
      if (party === undefined || script === undefined || !this.#members.has(party)) continue;
      const secretKey = this.#options.secretKeys.find((one) => equalBytes(scriptOf(one), script));
      if (secretKey !== undefined) return { index, secretKey };
    }
    return undefined;
  }

  /** A child with a coin from outside that pays for both. */
  #child(made: MadeTransaction, { index, secretKey }: ChildCoin, rate: bigint): Uint8Array | undefined {
    const script = scriptOf(this.#outside);
    const coin = this.chain.utxos(script).find(({ value }) => value > 1_000_000n);
    const parent = made.plan.tx;
    const own = parent.outputs[index];
    if (coin === undefined || own === undefined) return undefined;
    const spentOutputs = [own, { value: coin.value, scriptPubKey: script }];
    const draft = (value: bigint, witnesses: readonly (readonly Uint8Array[])[]): Transaction => ({
      version: parent.version,
      inputs: [
        { txid: made.plan.txid, index },
        { txid: coin.txid, index: coin.index },
      ].map(({ txid, index: at }, place) => ({
        previousTxid: txid,
        previousIndex: at,
        scriptSig: NOTHING,
        sequence: 0xffff_fffd,
        witness: witnesses[place] ?? [],
      })),
      outputs: [{ value, scriptPubKey: script }],
      lockTime: 0,
    });
    const sample = [secretKey === undefined ? [] : [new Uint8Array(64)], [new Uint8Array(64)]];
    const size = BigInt(transactionVirtualSize(draft(0n, sample)) + Math.ceil(made.plan.weight / 4));
    const fee = (size * rate) / 1_000n - made.plan.fee;
    const brought = coin.value + own.value;
    if (fee >= brought - 1_000n) return undefined;
    const unsigned = draft(brought - (fee > 200n ? fee : 200n), []);
    const hasher = new Sighasher({ tx: unsigned, spentOutputs });
    const signed = (key: Uint8Array, place: number): readonly Uint8Array[] => {
      const { tweak } = taprootOutput({ internalKey: xOnlyKey(key) });
      return [signOutside(key, { digest: hasher.taproot(place), tweak })];
    };
    const witnesses = [secretKey === undefined ? [] : signed(secretKey, 0), signed(this.#outside, 1)];
    return serializeTransaction(draft(unsigned.outputs[0]?.value as bigint, witnesses));
  }

  /** A transaction of the contract, signed; `undefined` when it cannot be planned, or a key is missing. */
  #make(of: {
    readonly transition: string;
    readonly args: Readonly<Record<string, unknown>>;
    readonly cells: readonly Cell[];
    readonly rate: bigint;
    readonly by: MadeTransaction['by'];
    /** Whether all have signed it before. */
    readonly isHeld: boolean;
  }): MadeTransaction | undefined {
    const { transition, args, cells, rate, by, isHeld } = of;
    let plan: TransitionPlan;
    try {
      plan = planTransition(this.#instance, transition, {
        cells,
        args,
        feeRate: asFeeRate(isHeld ? LOW_RATE : rate),
      });
    } catch {
      return undefined;
    }
    const bytes = this.#keys.sign(plan, (key) => {
      if (isHeld || by === 'agreed' || this.#covenantKeys.has(key)) return true;
      return this.#honestKeys.has(key) === (by === 'honest');
    });
    return bytes === undefined ? undefined : this.#remember({ plan, bytes, by, transition, args });
  }

  #remember(of: {
    readonly plan: TransitionPlan;
    readonly bytes: Uint8Array;
    readonly by: MadeTransaction['by'];
    readonly transition: string | undefined;
    readonly args: Readonly<Record<string, unknown>>;
  }): MadeTransaction {
    const txid = displayHash(of.plan.txid);
    const known = this.#made.get(txid);
    if (known !== undefined) return known;
    const made: MadeTransaction = {
      ...of,
      txid,
      secrets: shownSecrets(of.plan, parseTransaction(of.bytes)),
      next: nextCells(of.plan),
    };
    this.#made.set(txid, made);
    for (const { cell } of of.plan.inputs) {
      const outpoint = outpointOf(cell);
      this.#spenders.set(outpoint, [...(this.#spenders.get(outpoint) ?? []), txid]);
    }
    return made;
  }

  #send(bytes: Uint8Array): boolean {
    try {
      this.chain.broadcast(bytes);
      return true;
    } catch (error) {
      if (hasCode(error, 'CHAIN_TX_REJECTED')) return false;
      throw error;
    }
  }

  #heldByMembers(): NonNullable<Parameters<typeof dutyOf>[1]['held']> {
    return [...(this.#options.held ?? [])].reverse().filter(({ party }) => this.#members.has(party));
  }

  /** Everything that an adversary could do to an output now, or all of them together. */
  hostile(mind: Mind, cell: Cell): readonly MadeTransaction[] {
    const rate = mind.isSpiked ? HIGH_RATE : LOW_RATE;
    const secrets = mind.adversary.map((secret) => parseHex(secret));
    const hasKey = (key: string): boolean => !this.#honestKeys.has(key) && !this.#covenantKeys.has(key);
    const thefts = stealingPlans(this.#instance, { cell, hasKey, secrets, scriptPubKey: this.#loot, feeRate: rate });
    const found = thefts.flatMap((plan): MadeTransaction[] => {
      const bytes = this.#keys.sign(plan, hasKey);
      if (bytes === undefined) return [];
      return [this.#remember({ plan, bytes, by: 'adversary', transition: undefined, args: {} })];
    });
    const exact = [
      ...covenantsFrom(this.#instance.contract, cell.state).flatMap((transition) =>
        this.#withSecrets(transition, mind.adversary).map((args) => ({
          transition,
          args,
          by: 'adversary' as const,
          isHeld: false,
        })),
      ),
      ...this.#signedByOthers(),
    ];
    for (const one of exact) {
      if (transitionOf(this.#instance, one.transition).from !== cell.state) continue;
      const made = this.#make({ ...one, cells: [cell], rate });
      if (made !== undefined) found.push(made);
    }
    return found;
  }

  /** The same to several outputs at once: what others have signed and what all agree to, of all that take many. */
  hostileTogether(mind: Mind, cells: readonly Cell[]): readonly MadeTransaction[] {
    const rate = mind.isSpiked ? HIGH_RATE : LOW_RATE;
    return this.#signedByOthers().flatMap((one) => {
      const { from, takes } = transitionOf(this.#instance, one.transition);
      if (takes !== 'many') return [];
      const own = cells.filter(({ state }) => state === from).slice(0, MOST_TOGETHER);
      return setsOf(own).flatMap((set) => this.#make({ ...one, cells: set, rate }) ?? []);
    });
  }

  #signedByOthers(): readonly {
    readonly transition: string;
    readonly args: Readonly<Record<string, unknown>>;
    readonly by: MadeTransaction['by'];
    readonly isHeld: boolean;
  }[] {
    const { held = [], agreed = [] } = this.#options;
    return [
      ...held
        .filter(({ party }) => !this.#members.has(party))
        .map(({ transition, args }) => ({ transition, args, by: 'adversary' as const, isHeld: true })),
      ...agreed.map((one) => ({ ...one, by: 'agreed' as const, isHeld: false })),
    ];
  }

  #withSecrets(transition: string, secrets: readonly string[]): readonly Readonly<Record<string, unknown>>[] {
    const template: AnyTransition = transitionOf(this.#instance, transition);
    const names = Object.keys(template.args ?? {});
    let ways: readonly Readonly<Record<string, unknown>>[] = [{}];
    for (const name of names)
      ways = ways.flatMap((way) => secrets.map((secret) => ({ ...way, [name]: parseHex(secret) }))).slice(0, 64);
    return ways;
  }

  /** Mines one block with exactly these; `false` when a rule forbids it. */
  mine(transactions: readonly Uint8Array[]): boolean {
    try {
      this.chain.mine(1, { transactions });
      return true;
    } catch (error) {
      if (hasCode(error, 'CHAIN_BLOCK_REJECTED') || hasCode(error, 'CHAIN_TX_REJECTED')) return false;
      throw error;
    }
  }

  /** Puts a cheap spend of the adversary's into the mempool, with a child that makes it dear to replace. */
  pinOwn(made: MadeTransaction): boolean {
    if (!this.#send(made.bytes)) return false;
    const parent = made.plan.tx;
    const [output] = parent.outputs;
    if (output === undefined || !equalBytes(output.scriptPubKey, this.#loot)) return true;
    const bytes = this.#junk({ txid: made.plan.txid, index: 0, value: output.value, version: parent.version });
    return bytes === undefined || this.#send(bytes) || true;
  }

  /** Hangs a child to an anchor of what honest parties sent, so that theirs has to be larger. */
  pinAnchor(txid: string): boolean {
    const made = this.#made.get(txid);
    const anchor = made?.plan.anchor;
    if (made === undefined || anchor === undefined) return false;
    const [coin] = this.#lootCoins();
    if (coin === undefined) return false;
    const { tweak } = taprootOutput({ internalKey: xOnlyKey(this.#lootKey) });
    const anchorOutput = made.plan.tx.outputs[anchor];
    if (anchorOutput === undefined) return false;
    const draft = (witness: readonly Uint8Array[]): Transaction => ({
      version: made.plan.tx.version,
      inputs: [
        { previousTxid: made.plan.txid, previousIndex: anchor, scriptSig: NOTHING, sequence: 0xffff_fffd, witness: [] },
        { previousTxid: coin.txid, previousIndex: coin.index, scriptSig: NOTHING, sequence: 0xffff_fffd, witness },
      ],
      outputs: [
        { value: coin.value - (BigInt(PIN_SIZE + 400) * RELAY_RATE) / 1_000n, scriptPubKey: this.#loot },
        { value: 0n, scriptPubKey: noise() },
      ],
      lockTime: 0,
    });
    const digest = new Sighasher({
      tx: draft([]),
      spentOutputs: [anchorOutput, { value: coin.value, scriptPubKey: this.#loot }],
    }).taproot(1);
    return this.#send(serializeTransaction(draft([signOutside(this.#lootKey, { digest, tweak })])));
  }

  #lootCoins(): ReturnType<EmbeddedChain['utxos']> {
    return this.chain.utxos(this.#loot).filter(({ value }) => value > 1_000_000n);
  }

  #junk(of: {
    readonly txid: Uint8Array;
    readonly index: number;
    readonly value: bigint;
    readonly version: number;
  }): Uint8Array | undefined {
    const fee = (BigInt(PIN_SIZE + 300) * RELAY_RATE) / 1_000n;
    if (of.value < fee + 1_000n) return undefined;
    const { tweak } = taprootOutput({ internalKey: xOnlyKey(this.#lootKey) });
    const draft = (witness: readonly Uint8Array[]): Transaction => ({
      version: of.version,
      inputs: [{ previousTxid: of.txid, previousIndex: of.index, scriptSig: NOTHING, sequence: 0xffff_fffd, witness }],
      outputs: [
        { value: of.value - fee, scriptPubKey: this.#loot },
        { value: 0n, scriptPubKey: noise() },
      ],
      lockTime: 0,
    });
    const digest = new Sighasher({
      tx: draft([]),
      spentOutputs: [{ value: of.value, scriptPubKey: this.#loot }],
    }).taproot(0);
    return serializeTransaction(draft([signOutside(this.#lootKey, { digest, tweak })]));
  }

  /** Blocks of the best branch from a height on, in hexadecimal. */
  blocksFrom(height: number): readonly string[] {
    const blocks: string[] = [];
    for (let at = height; at <= this.chain.height; at++) blocks.push(toHex(this.chain.block(at) as Uint8Array));
    return blocks;
  }

  /** What was made, by its id. */
  made(txid: string): MadeTransaction | undefined {
    return this.#made.get(txid);
  }
}

/**
 * What is paid for is waited for since it was sent first: neither one that pays more in its place, nor a reorganisation
 * begins the wait anew.
 */
function sinceOf(before: Mind, pending: readonly Pending[], height: number): Readonly<Record<string, number>> {
  const since = { ...before.since };
  for (const { outpoint, isPaid } of pending)
    if (isPaid) since[outpoint] = Math.min(since[outpoint] ?? height, height);
    else delete since[outpoint];
  return since;
}

const NOTHING = new Uint8Array(0);

/** All sets of two or more. */
function setsOf<One>(all: readonly One[]): readonly (readonly One[])[] {
  const sets = Array.from({ length: 2 ** all.length }, (_, bits) => all.filter((__, at) => (bits >> at) % 2 === 1));
  return sets.filter(({ length }) => length > 1);
}

function noise(): Uint8Array {
  const script = new Uint8Array(PIN_SIZE + 6).fill(0x61);
  // OP_RETURN OP_PUSHDATA4 and the length.
  script.set([0x6a, 0x4e, PIN_SIZE & 0xff, (PIN_SIZE >> 8) & 0xff, (PIN_SIZE >> 16) & 0xff, 0]);
  return script;
}

function xOnlyKey(secretKey: Uint8Array): Uint8Array {
  return (currentCrypto().publicKey(secretKey) as Uint8Array).subarray(1);
}

function scriptOf(secretKey: Uint8Array): Uint8Array {
  return taprootOutput({ internalKey: xOnlyKey(secretKey) }).scriptPubKey;
}

/** What a transaction pays for itself, as far as that is a fee. */
function feesOf(plan: TransitionPlan): bigint {
  const paid = plan.fee + anchorOf(plan);
  const most = (BigInt(Math.ceil(plan.weight / 4)) * HIGH_RATE * DEAREST) / 1_000n;
  return paid < most ? paid : most;
}

/** What an anchor holds is there to pay fees. */
function anchorOf({ anchor, tx }: TransitionPlan): bigint {
  return anchor === undefined ? 0n : (tx.outputs[anchor]?.value ?? 0n);
}

/** sat/kvB of a plan. */
function rateOf({ fee, weight }: TransitionPlan): bigint {
  return (fee * 1_000n) / BigInt(Math.ceil(weight / 4));
}

function sameArgs(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): boolean {
  const text = (value: unknown): string =>
    JSON.stringify(value, (_, one: unknown) =>
      typeof one === 'bigint' ? `${one}n` : one instanceof Uint8Array ? toHex(one) : one,
    );
  return text(a) === text(b);
}

function payoutsOf(plan: TransitionPlan): ReadonlyMap<string, bigint> {
  const paid = new Map<string, bigint>();
  for (const { party, value } of plan.payouts)
    if (party !== undefined) paid.set(party, (paid.get(party) ?? 0n) + value);
  return paid;
}

/** Names of those whose keys signed. */
function signersOf(instance: ContractInstance, plan: TransitionPlan): readonly string[] {
  const keys = new Set(plan.inputs.flatMap(({ plan: { signers } }) => signers.flatMap((key) => keysOf(key))));
  return namedKeys(instance)
    .filter(([, own]) => own.some((key) => keys.has(key)))
    .map(([name]) => name);
}

/** All names of an instance with their keys, 32 bytes in hexadecimal. */
function namedKeys(instance: ContractInstance): readonly (readonly [string, readonly string[]])[] {
  const found: (readonly [string, readonly string[]])[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const one of value) visit(one);
    else if (typeof value === 'object' && value !== null && 'key' in value && 'name' in value)
      found.push([String(value.name), xOnlyOf(String(value.key))]);
  };
  for (const value of Object.values(instance.params)) visit(value);
  return found;
}

function keysNamed(instance: ContractInstance, name: string): readonly string[] {
  return namedKeys(instance)
    .filter(([one]) => one === name)
    .flatMap(([, keys]) => keys);
}

/** The checker's instances have plain keys: 33 bytes in hexadecimal. */
function xOnlyOf(key: string): readonly string[] {
  return /^0[23][\da-f]{64}$/.test(key) ? [xOnlyHex(parseHex(key))] : [];
}
