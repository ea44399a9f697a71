/** Proxies of our own that do to an adapter what networks and providers do. */
import { once } from 'node:events';
import { createServer as createHttp, request as requestHttp, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Dice } from './dice.ts';

/** What can happen to bytes on their way back. */
export type WireFault = 'drop' | 'half-open' | 'delay' | 'flip' | 'cut';
/** What can happen to an answer over HTTP. */
export type HttpFault = 'status-429' | 'status-500' | 'truncated' | 'swapped';
/** What can happen to an answer that is a line. */
export type LineFault = 'duplicate' | 'reorder' | 'truncated-line';

/** A proxy that listens. */
export interface FaultProxy {
  readonly port: number;
  /** Requests or connections so far. */
  readonly count: number;
  /** How many faults were made, by kind. */
  readonly made: ReadonlyMap<string, number>;
  /** Ends the connections of the moment. */
  drop(): void;
  close(): Promise<void>;
}

/** Faults, and how likely each is: once in so many chunks. */
export interface FaultPlan<Fault extends string> {
  readonly roll: Dice;
  readonly faults: readonly Fault[];
  readonly onceIn: number;
}

/** Passes TCP through, and spoils what comes back. */
export async function wireProxy(
  upstream: () => number,
  plan: FaultPlan<WireFault>,
  lines?: FaultPlan<LineFault>,
): Promise<FaultProxy> {
  const made = new Map<string, number>();
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer((client) => {
    count += 1;
    const target = connect(upstream(), '127.0.0.1');
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    client.on('close', () => target.destroy());
    target.on('close', () => client.end());
    client.on('data', (chunk: Uint8Array) => target.write(chunk));
    const send = wireSender(client, target, { plan, made });
    if (lines === undefined) target.on('data', send);
    else target.on('data', lineSpoiler(send, lines, made));
  });
  return {
    ...(await listen(server, () => sockets)),
    made,
    drop: () => {
      for (const socket of sockets) socket.destroy();
    },
    get count() {
      return count;
    },
  };
}

function wireSender(
  client: Socket,
  target: Socket,
  facts: { readonly plan: FaultPlan<WireFault>; readonly made: Map<string, number> },
): (chunk: Uint8Array) => void {
  const { plan, made } = facts;
  const { roll } = plan;
  let deaf = false;
  return (chunk) => {
    if (deaf) return;
    const fault = choose(plan, made);
    if (fault === 'drop') client.destroy();
    else if (fault === 'half-open') deaf = true;
    else if (fault === 'cut') client.end(chunk.subarray(0, roll.below(chunk.length)));
    else if (fault === 'flip') client.write(flipped(chunk, roll));
    else if (fault === 'delay') {
      target.pause();
      const middle = roll.below(chunk.length);
      client.write(chunk.subarray(0, middle));
      setTimeout(() => {
        client.write(chunk.subarray(middle));
        target.resume();
      }, roll.below(30));
    } else client.write(chunk);
  };
}

/** Answers that are lines: twice, after the next one, or without their end. */
function lineSpoiler(
  send: (chunk: Uint8Array) => void,
  plan: FaultPlan<LineFault>,
  made: Map<string, number>,
): (chunk: Uint8Array) => void {
  let text = '';
  let held: string | undefined;
  const write = (line: string): void => send(new TextEncoder().encode(`${line}\n`));
  return (chunk) => {
    text += new TextDecoder().decode(chunk);
    const parts = text.split('\n');
    text = parts.pop() ?? '';
    for (const line of parts) {
      const fault = choose(plan, made);
      if (fault === 'duplicate') write(line);
      if (fault === 'reorder' && held === undefined) held = line;
      else write(fault === 'truncated-line' ? line.slice(0, plan.roll.below(line.length)) : line);
      if (held !== undefined && fault !== 'reorder') {
        write(held);
        held = undefined;
      }
    }
  };
}

/** Passes HTTP through, and spoils answers. */
export async function httpProxy(upstream: () => number, plan: FaultPlan<HttpFault>): Promise<FaultProxy> {
  const made = new Map<string, number>();
  let count = 0;
  let before: Buffer = Buffer.from('{}');
  const server = createHttp((incoming, outgoing) => {
    count += 1;
    const parts: Buffer[] = [];
    incoming.on('data', (part: Buffer) => parts.push(part));
    incoming.on('end', () => {
      const { method = 'GET', url = '/', headers } = incoming;
      const forward = requestHttp(
        { port: upstream(), host: '127.0.0.1', method, path: url, headers, agent: false },
        (answer) => {
          const body: Buffer[] = [];
          answer.on('data', (part: Buffer) => body.push(part));
          answer.on('end', () => {
            const whole = Buffer.concat(body);
            respond(outgoing, {
              status: answer.statusCode ?? 502,
              body: whole,
              fault: choose(plan, made),
              roll: plan.roll,
              before,
            });
            before = whole;
          });
          answer.on('error', () => outgoing.destroy());
        },
      );
      forward.on('error', () => outgoing.destroy());
      forward.end(Buffer.concat(parts));
    });
    incoming.on('error', () => undefined);
    outgoing.on('error', () => undefined);
  });
  return {
    ...(await listen(
      server,
      () => [],
      () => server.closeAllConnections(),
    )),
    made,
    drop: () => server.closeAllConnections(),
    get count() {
      return count;
    },
  };
}

function respond(
  outgoing: ServerResponse,
  facts: {
    readonly status: number;
    readonly body: Buffer;
    readonly fault: HttpFault | undefined;
    readonly roll: Dice;
    readonly before: Buffer;
  },
): void {
  const { status, body, fault, roll, before } = facts;
  if (fault === 'status-429') outgoing.writeHead(429, { 'retry-after': '0' }).end('slow down');
  else if (fault === 'status-500') outgoing.writeHead(500).end('<html>');
  else if (fault === 'truncated') outgoing.writeHead(status).end(body.subarray(0, roll.below(body.length + 1)));
  else if (fault === 'swapped') outgoing.writeHead(status).end(before);
  else outgoing.writeHead(status).end(body);
}

function choose<Fault extends string>(plan: FaultPlan<Fault>, made: Map<string, number>): Fault | undefined {
  const { roll, faults, onceIn } = plan;
  if (faults.length === 0 || !roll.oneIn(onceIn)) return undefined;
  const fault = faults[roll.below(faults.length)];
  if (fault !== undefined) made.set(fault, (made.get(fault) ?? 0) + 1);
  return fault;
}

function flipped(chunk: Uint8Array, roll: Dice): Uint8Array {
  const copy = new Uint8Array(chunk);
  const at = roll.below(copy.length);
  copy[at] = (copy[at] ?? 0) ^ (1 << roll.below(8));
  return copy;
}

async function listen(
  server: ReturnType<typeof createServer>,
  sockets: () => Iterable<Socket>,
  end: () => void = () => undefined,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets()) socket.destroy();
      end();
      await closed;
    },
  };
}
