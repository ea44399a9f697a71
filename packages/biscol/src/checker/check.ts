import { displayHash, hasCode } from '@bitcoin-enterprise/core';
import type { AnyContract } from '../contract/model.ts';
import { outpointOf } from '../covenant/presign.ts';
import { guarded, requireFunction, requireInteger, requireList, requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import type { CheckBounds, CheckedSide, CheckOptions, Counterexample } from './model.ts';
import { type MadeTransaction, type Mind, type Pending, type Survey, World } from './world.ts';

/** A situation: a chain, what is in people's minds, and how it came about. */
interface Situation {
  readonly snapshot: number;
  readonly mind: Mind;
  readonly parent: Situation | undefined;
  /** What led here, for people. */
  readonly action: string;
  /** Blocks that were made on the way here. */
  readonly blocks: readonly string[];
}

/** Many futures of one moment are looked at. */
const KEEP = { keepLater: true };
const MOST_SITUATIONS = 200_000;
const MOST_BLOCKS = 40;

/**
 * Looks for a run in which a promise of a contract is broken: all orders of blocks, of what adversaries with the keys of
 * everybody else do, of rising fees, of pinning, of reorganisations; on a real chain with the relay rules of Core 31.
 *
 * Honest parties do their duties and nothing else, each of their transactions within as many blocks as the contract allows.
 * The shortest counterexample of each side is answered, if there is one.
 *
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function checkContract<Of extends AnyContract>(options: CheckOptions<Of>): readonly CheckedSide[] {
  const { guarantees, instance, secretKeys } = requireObject<CheckOptions<Of>>('options', options);
  const promises = requireObject<AnyPromises>('options.guarantees', guarantees);
  for (const name of ['sides', 'reaction'] as const) requireFunction(`options.guarantees.${name}`, promises[name]);
  const { params } = requireObject<CheckOptions['instance']>('options.instance', instance);
  requireList('options.secretKeys', secretKeys);
  for (const name of ['secrets', 'held', 'agreed', 'sides'] as const)
    requireList(`options.${name}`, options[name] ?? []);
  requireBounds(options.bounds);
  return guarded('options', 'an instance and what its contract promises', () =>
    (promises as AnyPromises)
      .sides(params)
      .filter(({ name }) => options.sides === undefined || options.sides.includes(name))
      .map((side) => new SideCheck(options as unknown as CheckOptions, side).run()),
  );
}

/** Throws unless bounds end an exploration. */
function requireBounds(bounds: unknown): void {
  if (bounds === undefined) return;
  const { blocks, reorgDepth, reorgs, pins, situations, ...switches } = requireObject<CheckBounds>(
    'options.bounds',
    bounds,
  );
  for (const [name, value] of Object.entries(switches))
    if (value !== undefined && typeof value !== 'boolean')
      throw invalidArgument(`options.bounds.${name}`, 'a boolean', value);
  for (const [name, value, most] of [
    ['blocks', blocks, 1_000],
    ['reorgDepth', reorgDepth, 100],
    ['reorgs', reorgs, 100],
    ['pins', pins, 100],
    ['situations', situations, 100_000_000],
  ] as const)
    if (value !== undefined) requireInteger(`options.bounds.${name}`, value, 0, most);
}

/** A side without the types of its contract. */
interface AnySide {
  readonly name: string;
  readonly members: readonly string[];
  readonly least: (history: unknown) => bigint;
  readonly paidBy: (history: unknown) => number | undefined;
}

/** Promises without the types of their contract. */
interface AnyPromises {
  readonly reaction: (params: unknown) => number;
  readonly sides: (params: unknown) => readonly AnySide[];
}

class SideCheck {
  readonly #options: CheckOptions;
  readonly #side: AnySide;
  readonly #promises: AnyPromises;
  readonly #world: World;
  readonly #members: readonly string[];
  readonly #reaction: number;
  /** Blocks that honest parties wait at most in this world. */
  readonly #patience: number;
  readonly #seen = new Set<string>();
  #isCut = false;

  constructor(options: CheckOptions, side: AnySide) {
    this.#options = options;
    this.#side = side;
    this.#promises = options.guarantees as unknown as AnyPromises;
    const { params } = options.instance;
    this.#members = side.members;
    this.#reaction = this.#promises.reaction(params);
    this.#patience = options.bounds?.delays === false ? 1 : this.#reaction;
    this.#world = new World(options, this.#members);
  }

  run(): CheckedSide {
    const { bounds = {}, onProgress } = this.#options;
    const most = bounds.situations ?? MOST_SITUATIONS;
    const name = this.#side.name;
    const first = this.#blocksSoFar();
    let queue: Situation[] = [
      {
        snapshot: this.#world.chain.snapshot(),
        mind: this.#world.beginning(),
        parent: undefined,
        action: 'it is funded',
        blocks: first,
      },
    ];
    let situations = 0;
    while (queue.length > 0) {
      const next: Situation[] = [];
      for (const situation of queue) {
        situations += 1;
        if (situations > most) return { side: name, situations, complete: false, counterexample: undefined };
        if (situations % 1_000 === 0) onProgress?.({ side: name, situations });
        const found = this.#visit(situation, next);
        if (found !== undefined) return { side: name, situations, complete: false, counterexample: found };
      }
      queue = next;
    }
    return { side: name, situations, complete: !this.#isCut, counterexample: undefined };
  }

  #blocksSoFar(): readonly string[] {
    return this.#world.blocksFrom(1);
  }

  /** Checks a situation and adds those that may follow. */
  #visit(situation: Situation, next: Situation[]): Counterexample | undefined {
    const world = this.#world;
    const { chain } = world;
    chain.revert(situation.snapshot, KEEP);
    const mind = world.honestTurn(situation.mind);
    const survey = world.survey();
    const wrong = this.#wrong(survey, mind);
    if (wrong !== undefined) return this.#counterexample(situation, { survey, mind, wrong });
    const key = this.#key(survey, mind);
    if (this.#seen.has(key)) return undefined;
    this.#seen.add(key);
    const { bounds = {} } = this.#options;
    const isOver = survey.live.length === 0 && survey.steps.every(({ height }) => height !== undefined);
    const base = chain.snapshot();
    const add = (action: string, made: Omit<Situation, 'parent' | 'action' | 'snapshot'>): void => {
      next.push({ ...made, action, parent: situation, snapshot: chain.snapshot() });
    };
    if (!isOver && chain.height - world.start < (bounds.blocks ?? MOST_BLOCKS)) {
      for (const choice of this.#blocks(survey, mind)) {
        chain.revert(base, KEEP);
        if (!world.mine(choice.transactions)) continue;
        const pending = mind.pending.filter(({ txid }) => !choice.mined.includes(txid));
        add(choice.action, { mind: { ...mind, pending }, blocks: world.blocksFrom(chain.height) });
      }
      // Fees that rise while nothing waits are those that rise once something does: it is paid for anew then.
      if (bounds.spikes !== false && !mind.isSpiked && mind.pending.length > 0) {
        chain.revert(base, KEEP);
        add('fees rise', { mind: { ...mind, isSpiked: true, pending: mind.pending.map(unpaid) }, blocks: [] });
      }
      if (mind.pins > 0 && bounds.acts !== false)
        this.#pins({ base, survey, mind }, (action, pinned) => add(action, { mind: pinned, blocks: [] }));
    }
    if (mind.reorgs > 0)
      for (let depth = 1; depth <= (bounds.reorgDepth ?? 2); depth++) {
        const floor = chainHeight(chain, base) - depth;
        if (floor < world.start || !survey.steps.some(({ height }) => height !== undefined && height > floor)) continue;
        chain.revert(base, KEEP);
        try {
          chain.reorg(depth);
        } catch (error) {
          if (hasCode(error, 'CHAIN_BLOCK_REJECTED')) continue;
          throw error;
        }
        const isRenewed = bounds.renews === true;
        if (!isRenewed && this.#isOverdue(mind)) continue;
        const after = { reorgs: mind.reorgs - 1, lost: mind.lost + depth + 1 + this.#reaction };
        add(`the last ${depth} blocks are replaced`, {
          mind: { ...mind, ...after, ...(isRenewed ? { since: {} } : {}) },
          blocks: world.blocksFrom(floor + 1),
        });
      }
    return undefined;
  }

  /** What is wrong with a situation: a side got too little, at the end or by the time at which it had to have it. */
  #wrong(survey: Survey, mind: Mind): string | undefined {
    const world = this.#world;
    const history = world.history(survey, mind);
    const isOver = survey.live.length === 0 && survey.steps.every(({ height }) => height !== undefined);
    const { name, least, paidBy } = this.#side;
    const by = isOver ? undefined : paidBy(history);
    // What reorganisations cost is time that nobody promised.
    if (!isOver && (by === undefined || world.chain.height <= by + mind.lost)) return undefined;
    const { outputs, fees } = world.paid(survey);
    const paid = outputs.reduce((sum, { value }) => sum + value, 0n);
    const wanted = least(history);
    if (paid + fees >= wanted) return undefined;
    const time = by === undefined ? '' : ` by height ${by - world.start} after its funding`;
    return `${name} got ${paid} sat, and had to get ${wanted} less fees of ${fees}${time}`;
  }

  /** Whether something has waited for longer than it may: a world that the contract makes no promises about. */
  #isOverdue({ since }: Mind): boolean {
    const { chain } = this.#world;
    const open = this.#world.confirmedCells(this.#world.survey());
    return open.some(({ outpoint }) => {
      const from = since[outpoint];
      return from !== undefined && chain.height - from >= this.#reaction;
    });
  }

  /** All blocks that may come: for each output nothing, what honest parties sent, or what an adversary makes of it. */
  #blocks(survey: Survey, mind: Mind): readonly Choice[] {
    const world = this.#world;
    const { acts = true, vanishes = true } = this.#options.bounds ?? {};
    const isAllowed = ({ by }: MadeTransaction): boolean => acts || by !== 'adversary';
    let choices: readonly Choice[] = [{ action: 'a block', transactions: [], mined: [], taken: [] }];
    const cells = world.confirmedCells(survey);
    const waiting = new Map(mind.pending.map((one) => [one.outpoint, one]));
    const isForced = (outpoint: string): boolean => {
      const since = waiting.get(outpoint)?.isPaid === true ? mind.since[outpoint] : undefined;
      return since !== undefined && world.chain.height + 1 - since >= this.#patience;
    };
    const free = cells.filter(({ outpoint }) => !isForced(outpoint)).map(({ cell }) => cell);
    const together = world.hostileTogether(mind, free).filter(isAllowed).map(hostileChoice);
    for (const { outpoint, cell } of cells) {
      const pending = waiting.get(outpoint);
      const made = pending === undefined ? undefined : world.made(pending.txid);
      const honest = pending !== undefined && made !== undefined && pending.isPaid ? [honestChoice(pending, made)] : [];
      const mustCome = isForced(outpoint) && honest.length > 0;
      const others = mustCome ? [] : world.hostile(mind, cell).filter(isAllowed);
      const isAgreed = !vanishes && others.some(({ by }) => by === 'agreed');
      const none = mustCome || isAgreed ? [] : [undefined];
      const joint = together.filter(({ taken }) => taken[0] === outpoint);
      const options = [...none, ...honest, ...others.map(hostileChoice), ...joint];
      choices = choices.flatMap((choice) =>
        choice.taken.includes(outpoint)
          ? [choice]
          : options.map((option) => (option === undefined ? choice : joined(choice, option))),
      );
      if (choices.length > MOST_CHOICES) {
        this.#isCut = true;
        return choices.slice(0, MOST_CHOICES);
      }
    }
    return choices;
  }

  #pins(
    from: { readonly base: number; readonly survey: Survey; readonly mind: Mind },
    add: (action: string, mind: Mind) => void,
  ): void {
    const { base, survey, mind } = from;
    const world = this.#world;
    const pinned: Mind = { ...mind, pins: mind.pins - 1 };
    for (const { cell } of world.confirmedCells(survey))
      for (const made of world.hostile({ ...mind, isSpiked: false }, cell)) {
        // What all agree to is in nobody's way: it pays what fees are, and pays everybody.
        if (made.by === 'agreed') continue;
        world.chain.revert(base, KEEP);
        if (world.pinOwn(made)) add(`an adversary pins ${made.transition ?? made.plan.transition}`, pinned);
      }
    for (const { txid } of mind.pending) {
      world.chain.revert(base, KEEP);
      if (world.pinAnchor(txid)) add('an adversary hangs a large child to the anchor', pinned);
    }
  }

  /** What tells situations apart: nothing that only says how they came about. */
  #key({ live, steps }: Survey, mind: Mind): string {
    const { chain, start } = this.#world;
    // Of outputs that are spent for good it does not matter any more.
    const open =
      mind.reorgs > 0 ? undefined : new Set(this.#world.confirmedCells({ live, steps }).map((one) => one.outpoint));
    const stillOf = <Value>(of: Readonly<Record<string, Value>>): readonly (readonly [string, Value])[] =>
      Object.entries(of).filter(([outpoint]) => open?.has(outpoint) ?? true);
    return JSON.stringify([
      chain.height - start,
      live.map(({ outpoint, height }) => [outpoint, height]),
      steps.map(({ made, height }) => [made.txid, height]),
      mind.pending.map(({ txid, isPaid, child }) => [txid, isPaid, child?.length]),
      stillOf(mind.since),
      stillOf(mind.sent),
      mind.lost,
      mind.honest.map(({ party, secret, since }) => [party, secret, since]),
      mind.adversary.toSorted(),
      mind.isSpiked,
      mind.reorgs,
      mind.pins,
      chain.mempool().length,
    ]);
  }

  #counterexample(
    situation: Situation,
    of: { readonly survey: Survey; readonly mind: Mind; readonly wrong: string },
  ): Counterexample {
    const { survey, mind, wrong } = of;
    const path: Situation[] = [];
    for (let at: Situation | undefined = situation; at !== undefined; at = at.parent) path.unshift(at);
    const { instance } = this.#options;
    const { outputs, fees } = this.#world.paid(survey);
    const history = this.#world.history(survey, mind);
    return {
      contract: instance.contract.name,
      side: this.#side.name,
      wrong,
      actions: path.map(({ action }) => action),
      blocks: path.flatMap(({ blocks }) => blocks),
      tip: displayHash(this.#world.chain.tip.hash),
      paid: outputs.map(({ outpoint, value }) => ({ outpoint, value: String(value) })),
      least: String(this.#side.least(history)),
      fees: String(fees),
      live: survey.live.filter(({ height }) => height !== undefined).map(({ outpoint }) => outpoint),
    };
  }
}

const MOST_CHOICES = 256;

interface Choice {
  readonly action: string;
  readonly transactions: readonly Uint8Array[];
  /** Ids of the contract's own among them. */
  readonly mined: readonly string[];
  /** Outputs of the contract that they spend, in the order in which they are looked at. */
  readonly taken: readonly string[];
}

function honestChoice({ child }: Pending, made: MadeTransaction): Choice {
  return {
    action: `${made.transition ?? ''} of an honest party`,
    transactions: child === undefined ? [made.bytes] : [made.bytes, child],
    mined: [made.txid],
    taken: takenBy(made),
  };
}

function hostileChoice(made: MadeTransaction): Choice {
  const name = made.transition ?? made.plan.transition;
  return {
    action: made.by === 'agreed' ? `${name} by agreement` : `${name} of an adversary`,
    transactions: [made.bytes],
    mined: [made.txid],
    taken: takenBy(made),
  };
}

function takenBy({ plan }: MadeTransaction): readonly string[] {
  return plan.inputs.map(({ cell }) => outpointOf(cell));
}

function joined(choice: Choice, option: Choice): Choice {
  return {
    action:
      choice.transactions.length === 0 ? `a block with ${option.action}` : `${choice.action} and ${option.action}`,
    transactions: [...choice.transactions, ...option.transactions.filter((tx) => !choice.transactions.includes(tx))],
    mined: [...choice.mined, ...option.mined],
    taken: [...choice.taken, ...option.taken],
  };
}

function unpaid(pending: Pending): Pending {
  return { ...pending, isPaid: false };
}

function chainHeight(chain: World['chain'], snapshot: number): number {
  chain.revert(snapshot, KEEP);
  return chain.height;
}
