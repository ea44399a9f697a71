/**
 * The vault's own procedures in a world where everything can go wrong: processes that die at every step, writes that land
 * after their process, copies of a running machine, backups that are restored.
 */
import { hasCode } from '@bitcoin-enterprise/core';
import type { Model, Outcome } from '@bitcoin-enterprise/events';
import { foldEvent, emptyLedger, type VaultEvent, type VaultMark } from '../../../src/multiparty/vault/ledger.ts';
import {
  making,
  newMemory,
  opening,
  type Procedure,
  spending,
  type VaultAnswer,
  type VaultMemory,
  type VaultRequest,
} from '../../../src/multiparty/vault/procedures.ts';

type Command =
  | { readonly do: 'open'; readonly whenStale: 'refuse' | 'burn' }
  | { readonly do: 'make'; readonly token: string }
  | { readonly do: 'spend'; readonly token: string; readonly session: string };

/** A process: all that it was told and answered, from which it is played again. */
interface Process {
  readonly incarnation: string;
  readonly commands: readonly Command[];
  readonly answers: readonly VaultAnswer[];
}

interface Disk {
  readonly main: readonly VaultEvent[];
  readonly keys: readonly string[];
}

interface World extends Disk {
  readonly guard: readonly VaultMark[];
  readonly processes: Readonly<Record<string, Process | null>>;
  readonly backup: Disk | null;
  /** A write whose process died before it knew. */
  readonly late: VaultRequest | null;
  readonly released: ReadonlyArray<{ readonly token: string; readonly session: string }>;
  readonly left: Readonly<Record<Chance, number>>;
  readonly born: number;
}

type Chance = 'crash' | 'late' | 'restore' | 'clone' | 'make' | 'spend' | 'open';

/** What is explored. */
export interface VaultScenario {
  readonly isSealed: boolean;
  readonly guards: 0 | 1;
  readonly processes: readonly string[];
  readonly chances: Partial<Record<Chance, number>>;
  /** Whether a restored backup brings destroyed keys back. */
  readonly restoresKeys?: boolean;
  /** Whether somebody goes on after a rollback by giving everything up. */
  readonly whenStale?: 'refuse' | 'burn';
  /** Another way to sign, to be found guilty. */
  readonly spend?: (memory: VaultMemory, token: string, session: string) => Procedure<string>;
}

type Move = Outcome<World, never>;

const SESSIONS = ['x', 'y'];

/** The model of a scenario. `seen` hears of each signature that is released. */
export function vaultModel(
  scenario: VaultScenario,
  seen: (token: string) => void = () => {},
): Model<never, never, never, World> {
  const { isSealed, guards, chances } = scenario;
  const world: World = {
    main: [],
    guard: [],
    keys: [],
    processes: Object.fromEntries(scenario.processes.map((name) => [name, null])),
    backup: null,
    late: null,
    released: [],
    left: { crash: 0, late: 0, restore: 0, clone: 0, make: 1, spend: 2, open: 2, ...chances },
    born: 0,
  };
  return {
    machines: {},
    world,
    perform: () => [],
    moves: (now) => [...scenario.processes.flatMap((name) => processMoves(now, name)), ...worldMoves(now)],
    invariant: ({ world: { released } }) => {
      for (const { token, session } of released) {
        seen(token);
        if (released.some((other) => other.token === token && other.session !== session))
          return `nonce ${token} signed two sessions`;
      }
      return undefined;
    },
  };

  function processMoves(now: World, name: string): readonly Move[] {
    const process = now.processes[name];
    const put = (next: Process | null, more: Partial<World> = {}): World => ({
      ...now,
      ...more,
      processes: { ...now.processes, [name]: next },
    });
    if (process === null || process === undefined) {
      if (now.left.open === 0) return [];
      const { whenStale = 'refuse' } = scenario;
      const next: Process = {
        incarnation: `${name}${now.born}`,
        commands: [{ do: 'open', whenStale }],
        answers: [],
      };
      return [{ name: `${name} opens`, world: put(next, { ...spent(now, 'open'), born: now.born + 1 }) }];
    }
    const moves: Move[] = [];
    const played = play(process);
    if (now.left.crash > 0) moves.push({ name: `${name} dies`, world: put(null, spent(now, 'crash')) });
    if (played.request === undefined) {
      if (!played.isOpen) return moves;
      const told = (command: Command): Process => ({ ...process, commands: [...process.commands, command] });
      if (now.left.make > 0) {
        const token = `t${now.left.make}`;
        const keys = isSealed ? [...now.keys, token] : now.keys;
        moves.push({
          name: `${name} makes`,
          world: put(told({ do: 'make', token }), { ...spent(now, 'make'), keys }),
        });
      }
      const made = new Set(now.main.flatMap((event) => (event.type === 'made' ? [event.token] : [])));
      if (now.left.spend > 0)
        for (const token of made)
          for (const session of SESSIONS)
            moves.push({
              name: `${name} spends ${token} on ${session}`,
              world: put(told({ do: 'spend', token, session }), spent(now, 'spend')),
            });
      return moves;
    }
    const { request } = played;
    const { world: changed, answer } = performed(now, request, played);
    const next = { ...process, answers: [...process.answers, answer] };
    const after = play(next);
    const released =
      after.signatures.length > played.signatures.length
        ? [...changed.released, after.signatures.at(-1) as { token: string; session: string }]
        : changed.released;
    moves.push({
      name: `${name}: ${request.ask}`,
      world: { ...changed, released, processes: { ...changed.processes, [name]: next } },
    });
    const isWrite = request.ask === 'append' || request.ask === 'mark guard' || request.ask === 'destroy';
    if (isWrite && now.left.late > 0 && now.late === null)
      moves.push({
        name: `${name} dies, ${request.ask} is late`,
        world: put(null, { ...spent(now, 'late'), late: request }),
      });
    return moves;
  }

  function worldMoves(now: World): readonly Move[] {
    const moves: Move[] = [];
    if (now.late !== null)
      moves.push({ name: `late ${now.late.ask}`, world: { ...performed(now, now.late, undefined).world, late: null } });
    if (now.left.restore > 0 && now.backup === null && now.main.length > 0)
      moves.push({ name: 'backup', world: { ...now, backup: { main: now.main, keys: now.keys } } });
    if (now.left.restore > 0 && now.backup !== null && now.backup.main.length < now.main.length) {
      const { main, keys } = now.backup;
      const processes = Object.fromEntries(scenario.processes.map((name) => [name, null]));
      const restored = {
        ...now,
        ...spent(now, 'restore'),
        main,
        keys: scenario.restoresKeys === true ? keys : now.keys,
      };
      moves.push({ name: 'restore', world: { ...restored, processes } });
      // A disk that is put back under processes that go on.
      moves.push({ name: 'restore below', world: restored });
    }
    const [first = '', second = ''] = scenario.processes;
    const original = now.processes[first];
    if (now.left.clone > 0 && original !== null && original !== undefined && now.processes[second] === null)
      moves.push({
        name: `${second} is a copy of ${first}`,
        world: { ...now, ...spent(now, 'clone'), processes: { ...now.processes, [second]: original } },
      });
    return moves;
  }

  function performed(
    now: World,
    request: VaultRequest,
    played: Played | undefined,
  ): { readonly world: World; readonly answer: VaultAnswer } {
    const { main, guard } = now;
    if (request.ask === 'read')
      return { world: now, answer: { is: 'events', events: main.slice(request.after), version: main.length } };
    if (request.ask === 'append') {
      if (request.expectedVersion !== main.length) return { world: now, answer: { is: 'conflict' } };
      return { world: { ...now, main: [...main, ...request.events] }, answer: { is: 'done' } };
    }
    if (request.ask === 'read guard') {
      const mark = guard.at(-1);
      return { world: now, answer: { is: 'guard', version: guard.length, mark } };
    }
    if (request.ask === 'mark guard') {
      if (request.expectedVersion !== guard.length) return { world: now, answer: { is: 'conflict' } };
      return { world: { ...now, guard: [...guard, request.mark] }, answer: { is: 'done' } };
    }
    if (request.ask === 'hold') {
      const isHeld = played?.held.has(request.token) === true || (isSealed && now.keys.includes(request.token));
      return { world: now, answer: { is: 'held', isHeld } };
    }
    if (request.ask === 'destroy') {
      const keys = now.keys.filter((token) => !request.tokens.includes(token));
      return { world: { ...now, keys }, answer: { is: 'done' } };
    }
    return { world: now, answer: { is: 'signature', signature: `${request.token} ${request.session}` } };
  }

  interface Played {
    /** What the process waits for. */
    readonly request: VaultRequest | undefined;
    readonly isOpen: boolean;
    /** Tokens whose secrets are in its memory. */
    readonly held: ReadonlySet<string>;
    readonly signatures: ReadonlyArray<{ readonly token: string; readonly session: string }>;
  }

  /** Plays a process from its beginning up to what it waits for. */
  function play({ incarnation, commands, answers }: Process): Played {
    const memory = newMemory({ incarnation, isSealed, guards });
    const held = new Set<string>();
    const signatures: Array<{ readonly token: string; readonly session: string }> = [];
    let at = 0;
    let isOpen = false;
    const { spend = spending } = scenario;
    for (const command of commands) {
      const procedure: Procedure<unknown> =
        command.do === 'open'
          ? opening(memory, command.whenStale)
          : command.do === 'make'
            ? making(memory, [{ token: command.token, nonce: { publicNonce: '', ...sealedWhen(isSealed) } }])
            : spend(memory, command.token, command.session);
      try {
        let step = procedure.next();
        while (step.done !== true) {
          const request = step.value;
          const answer = answers[at];
          if (answer === undefined) return { request, isOpen, held, signatures };
          at += 1;
          // The secret is wiped by the signature.
          if (request.ask === 'compute') {
            held.delete(request.token);
            signatures.push({ token: request.token, session: request.session });
          }
          step = procedure.next(structuredClone(answer));
        }
        memory.isDoubtful = false;
        if (command.do === 'open') isOpen = true;
        if (command.do === 'make' && !isSealed) held.add(command.token);
        if (command.do === 'spend') {
          const [token = '', session = ''] = String(step.value).split(' ');
          signatures.push({ token, session });
        }
      } catch (error) {
        if (!hasCode(error, 'WALLET_NONCE_SPENT') && !hasCode(error, 'WALLET_VAULT_STALE')) throw error;
        memory.isDoubtful = true;
      }
    }
    return { request: undefined, isOpen, held, signatures };
  }
}

function spent(now: World, chance: Chance): Pick<World, 'left'> {
  return { left: { ...now.left, [chance]: now.left[chance] - 1 } };
}

function sealedWhen(isSealed: boolean): {
  readonly sealed?: { readonly keyId: string; readonly iv: string; readonly ciphertext: string };
} {
  return isSealed ? { sealed: { keyId: '', iv: '', ciphertext: '' } } : {};
}

/** The same ledger by folding, for those who want to look at it. */
export function ledgerOf(events: readonly VaultEvent[]): ReturnType<typeof emptyLedger> {
  const ledger = emptyLedger();
  for (const event of events) foldEvent(ledger, event);
  return ledger;
}
