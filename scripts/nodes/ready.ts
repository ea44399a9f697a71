/** Waiting for a server to be ready. */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Child } from './child.ts';

/** What tells that a server is ready. */
export interface Ready {
  /** What it prints when it is. */
  readonly says: string;
  /** The port of the loopback address that it then listens on. */
  readonly port: number;
  /** How long to wait, in milliseconds. */
  readonly timeoutMs: number;
}

/** Waits for a server; `false` when it ended or the time was over. */
export async function isReady(child: Child, ready: Ready): Promise<boolean> {
  const { says, port, timeoutMs } = ready;
  let ended = false;
  void child.ended.then(() => {
    ended = true;
  });
  const deadline = Date.now() + timeoutMs;
  while (!ended && Date.now() < deadline) {
    if (child.output().includes(says) && (await listens(port))) return true;
    await sleep(20);
  }
  return false;
}

function listens(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
}
