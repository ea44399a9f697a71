/** The desk: starts the parties, carries their messages, and kills them when the story wants it. It holds no key. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { type FromParty, PARTIES, type PartyName, type Start, type ToParty } from './messages.ts';

/** What the desk can do. */
export interface Desk {
  /** Kills a party with SIGKILL and starts it again. */
  kill(name: PartyName): Promise<void>;
  tell(name: PartyName, message: ToParty): void;
  /** Opens an escrow with all parties; answers its id. */
  open(escrow: { readonly params: object; readonly outpoint: string; readonly nonce: string }): Promise<string>;
  /** What a party sees of an escrow. */
  look(name: PartyName, id: string): Promise<{ readonly end: string | undefined; readonly isOver: boolean }>;
  /** Errors of parties, by code. */
  readonly failures: readonly string[];
  /** Messages between parties, and how many were lost because somebody was dead. */
  readonly traffic: { readonly carried: number; readonly lost: number };
  close(): Promise<void>;
}

interface Seat {
  child: ChildProcess;
  isReady: boolean;
}

export async function openDesk(starts: readonly Start[]): Promise<Desk> {
  const seats = new Map<PartyName, Seat>();
  const failures: string[] = [];
  const traffic = { carried: 0, lost: 0 };
  const opened = new Map<PartyName, string>();
  const seen = new Map<number, { readonly end: string | undefined; readonly isOver: boolean }>();
  const agreed = new Map<PartyName, ToParty>();
  let questions = 0;

  function send(name: PartyName, message: ToParty): boolean {
    const seat = seats.get(name);
    if (seat === undefined || !seat.child.connected) return false;
    seat.child.send(message, () => undefined);
    return true;
  }

  function hear(name: PartyName, heard: FromParty): void {
    const seat = seats.get(name);
    if (heard.say === 'ready' && seat !== undefined) seat.isReady = true;
    if (heard.say === 'opened') opened.set(name, heard.id);
    if (heard.say === 'seen') seen.set(heard.question, { end: heard.end, isOver: heard.isOver });
    if (heard.say === 'failed') failures.push(`${name}: ${heard.code}`);
    if (heard.say !== 'message') return;
    for (const other of PARTIES) {
      if (other === name) continue;
      const isThere = seats.get(other)?.isReady === true && send(other, heard);
      if (isThere) traffic.carried += 1;
      else traffic.lost += 1;
    }
  }

  async function start(of: Start): Promise<void> {
    const child = fork(join(import.meta.dirname, 'party.ts'), {
      execArgv: ['--conditions=@bitcoin-enterprise/source', '--disable-warning=ExperimentalWarning'],
    });
    const seat: Seat = { child, isReady: false };
    seats.set(of.name, seat);
    child.on('message', (heard: FromParty) => hear(of.name, heard));
    send(of.name, { say: 'start', start: of });
    await until(() => seat.isReady);
    const rule = agreed.get(of.name);
    if (rule !== undefined) send(of.name, rule);
  }

  await Promise.all(starts.map(start));
  return {
    failures,
    traffic,
    tell(name, message) {
      if (message.say === 'agree') agreed.set(name, message);
      send(name, message);
    },
    async kill(name) {
      const seat = seats.get(name);
      const of = starts.find((one) => one.name === name);
      if (seat === undefined || of === undefined) return;
      seat.isReady = false;
      const gone = new Promise((resolve) => {
        seat.child.once('exit', resolve);
      });
      seat.child.kill('SIGKILL');
      await gone;
      await start(of);
    },
    async open(escrow) {
      opened.clear();
      for (const { name } of starts) send(name, { say: 'open', ...escrow });
      await until(() => starts.every(({ name }) => opened.has(name)));
      return opened.get('buyer') as string;
    },
    async look(name, id) {
      questions += 1;
      const question = questions;
      // Whoever is killed meanwhile is asked again.
      await until(() => {
        send(name, { say: 'look', id, question });
        return seen.has(question);
      });
      return seen.get(question) as { readonly end: string | undefined; readonly isOver: boolean };
    },
    async close() {
      await Promise.all(
        [...seats.values()].map(
          async ({ child }) =>
            new Promise((resolve) => {
              child.once('exit', resolve);
              child.kill('SIGKILL');
            }),
        ),
      );
    },
  };
}

/** Waits, for at most a minute. */
export async function until(is: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 1_200; tries++) {
    if (await is()) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
  throw new Error('it never came');
}
