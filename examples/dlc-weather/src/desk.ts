/** The desk: starts the five processes, carries their messages, and kills them when the story wants it. It holds no key. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { FromPeer, Start, Talk, ToPeer } from './messages.ts';
import { PARTIES, type PartyName } from './terms.ts';

/** A refusal of a process. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly code: string;

  constructor(peer: string, { code, text }: { readonly code: string; readonly text: string }) {
    super(`${peer}: ${text}`);
    this.code = code;
  }
}

interface Waiting {
  readonly answer: (value: unknown) => void;
  readonly fail: (error: Error) => void;
}

interface Seat {
  readonly start: Start;
  readonly file: URL;
  child?: ChildProcess;
  readonly waiting: Map<number, Waiting>;
}

const FILES = {
  oracle: new URL('oracle.ts', import.meta.url),
  party: new URL('party.ts', import.meta.url),
} as const;

export class Desk {
  /** Processes that were killed. */
  kills = 0;
  readonly #seats = new Map<string, Seat>();
  #asked = 0;

  async begin(starts: ReadonlyMap<Start, 'oracle' | 'party'>): Promise<void> {
    for (const [start, kind] of starts) this.#seats.set(start.name, { start, file: FILES[kind], waiting: new Map() });
    await Promise.all([...this.#seats.keys()].map(async (name) => this.start(name)));
  }

  async start(name: string): Promise<void> {
    const seat = this.#seat(name);
    const child = fork(seat.file, {
      execArgv: ['--conditions=@bitcoin-enterprise/source', '--disable-warning=ExperimentalWarning'],
    });
    seat.child = child;
    const ready = new Promise<void>((resolve, reject) => {
      child.on('message', (heard: FromPeer) => {
        if (heard.say === 'ready') resolve();
        else this.#hear(name, heard);
      });
      child.once('exit', () => {
        reject(new Error(`${name} has died`));
        for (const { fail } of seat.waiting.values()) fail(new Error(`${name} has died`));
        seat.waiting.clear();
      });
    });
    child.send({ say: 'start', start: seat.start } satisfies ToPeer);
    await ready;
  }

  /** `kill -9`; it stays dead. */
  async kill(name: string): Promise<void> {
    const child = livingChild(this.#seat(name));
    if (child === undefined) return;
    this.kills += 1;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** `kill -9`, and started again. */
  async restart(name: string): Promise<void> {
    await this.kill(name);
    await this.start(name);
  }

  /** @throws Refused when the process refuses. */
  async ask<Kind extends keyof Talk>(
    name: string,
    kind: Kind,
    question: Talk[Kind]['question'],
  ): Promise<Talk[Kind]['answer']> {
    const seat = this.#seat(name);
    const child = livingChild(seat);
    if (child === undefined) throw new Error(`${name} is not there`);
    const number = ++this.#asked;
    const answer = new Promise<unknown>((resolve, reject) => {
      seat.waiting.set(number, { answer: resolve, fail: reject });
    });
    child.send({ say: 'ask', number, kind, question } satisfies ToPeer);
    return (await answer) as Talk[Kind]['answer'];
  }

  async close(): Promise<void> {
    await Promise.all(
      [...this.#seats.values()].map(async (seat) => {
        const child = livingChild(seat);
        if (child === undefined) return;
        child.kill('SIGKILL');
        await once(child, 'exit');
      }),
    );
  }

  #hear(name: string, heard: FromPeer): void {
    if (heard.say === 'ready') return;
    if (heard.say === 'message') {
      for (const other of PARTIES) {
        // To somebody who is dead it is lost, and told again with the next block.
        if (other !== (name as PartyName))
          livingChild(this.#seat(other))?.send(heard satisfies ToPeer, () => undefined);
      }
      return;
    }
    const { waiting } = this.#seat(name);
    const asked = waiting.get(heard.number);
    waiting.delete(heard.number);
    if (heard.say === 'answer') asked?.answer(heard.answer);
    else asked?.fail(new Refused(name, heard));
  }

  #seat(name: string): Seat {
    const seat = this.#seats.get(name);
    if (seat === undefined) throw new Error(`nobody is called ${name}`);
    return seat;
  }
}

/** Its process, unless it is dead. */
function livingChild({ child }: Seat): Seat['child'] {
  const isAlive = child?.connected === true && child.exitCode === null && child.signalCode === null;
  return isAlive ? child : undefined;
}
