import { Client, type ClientBase, Pool, type PoolClient, types } from 'pg';
import { failureOf, isDisconnection, isTransient } from './failures.ts';
import { migrate } from './schema.ts';

/** Where the tables are, and how many connections may be used. */
export interface DatabaseOptions {
  readonly url: string;
  readonly schema: string;
  readonly poolSize: number;
  /** Milliseconds until a connection is given up. */
  readonly connectMs: number;
  /** Milliseconds to wait for the lock of another writer. */
  readonly busyMs: number;
  /** Milliseconds until a statement is given up, by the server and by the client. */
  readonly callMs: number;
}

/** A PostgreSQL whose connections are made when they are needed. */
export interface Database {
  /**
   * Runs one statement that may be run twice; a connection that broke is replaced once.
   *
   * @param outcome - What is known when it breaks again: `unknown` for one that writes.
   */
  query<Row extends object>(
    name: string,
    text: string,
    values: readonly unknown[],
    outcome?: 'not-done' | 'unknown',
  ): Promise<readonly Row[]>;
  /**
   * Runs work in a transaction, again after a deadlock or when the connection broke before the commit.
   *
   * @param work - Calls `commit` last, and need not wait for its last statements before: they are sent together.
   * @throws EventsError of the work, or the failure with what is known of the outcome.
   */
  transaction<Result>(work: Work<Result>): Promise<Result>;
  /** Listens on a channel until it is ended; calls back at each notification and each new connection. */
  listen(channel: string, heard: () => void): () => Promise<void>;
  /** Ends idle connections, and those in use once they are given back, or now. */
  close(options: { readonly now: boolean }): Promise<void>;
}

/** What is done in one transaction. */
export type Work<Result> = (client: ClientBase, commit: () => Promise<void>) => Promise<Result>;

const MAX_ATTEMPTS = 5;
const INT8 = 20;
/** Milliseconds until a lost listener tries again. */
const RECONNECT_MS = 250;

/** Whole numbers of 64 bits come as text; positions and times fit a number. */
const parsers = {
  getTypeParser: (id: number, format?: 'text' | 'binary') =>
    id === INT8 && format !== 'binary' ? Number : types.getTypeParser(id, format ?? 'text'),
} as typeof types;

/** Connects, and brings the tables up to date. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { url, schema, poolSize, connectMs, busyMs, callMs } = options;
  const { bare, extra } = splitUrl(url);
  const settings = {
    connectionString: bare,
    types: parsers,
    connectionTimeoutMillis: connectMs,
    application_name: 'bitcoin-enterprise/events',
    options: [
      ...extra,
      `-c search_path=${schema}`,
      // What was acknowledged must survive, whatever the default of the database is.
      '-c synchronous_commit=on',
      // A writer that falls silent while it holds the lock of all writers must lose it soon.
      `-c lock_timeout=${busyMs}`,
      `-c idle_in_transaction_session_timeout=${busyMs}`,
      `-c statement_timeout=${callMs}`,
      `-c tcp_user_timeout=${busyMs}`,
    ].join(' '),
    // And a server that falls silent must not hold up its callers.
    query_timeout: callMs + busyMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    pipeline: true,
  };
  const pool = new Pool({ ...settings, max: poolSize, allowExitOnIdle: true });
  const clients = new Set<PoolClient>();
  // An idle connection that the server closes is replaced at the next use.
  pool.on('error', () => undefined);
  // One in use tells its queries; unheard, its error event would end the process.
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
    clients.add(client);
  });
  pool.on('remove', (client) => clients.delete(client));
  try {
    const client = await pool.connect();
    try {
      await migrate(client, schema);
    } finally {
      client.release();
    }
  } catch (error) {
    await pool.end();
    throw failureOf(error, 'not-done');
  }
  return { query, transaction, listen, close };

  async function close({ now }: { readonly now: boolean }): Promise<void> {
    const ended = pool.end();
    if (now) for (const client of clients) void (client as unknown as Client).end().catch(() => undefined);
    await Promise.race([ended, sleep(now ? 100 : callMs)]);
  }

  async function query<Row extends object>(
    name: string,
    text: string,
    values: readonly unknown[],
    outcome: 'not-done' | 'unknown' = 'not-done',
  ): Promise<readonly Row[]> {
    for (let attempt = 1; ; attempt++)
      try {
        return (await pool.query<Row>({ name, text, values: [...values] })).rows;
      } catch (error) {
        if (attempt > 1 || !isDisconnection(error))
          throw failureOf(error, isDisconnection(error) ? outcome : 'not-done');
      }
  }

  async function transaction<Result>(work: Work<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      const outcome = await attemptTransaction(work);
      if (outcome.ok) return outcome.result;
      const { error, committing } = outcome;
      const again = isTransient(error) || (!committing && isDisconnection(error) && attempt === 1);
      if (!again || attempt === MAX_ATTEMPTS)
        throw failureOf(error, committing && isDisconnection(error) ? 'unknown' : 'not-done');
    }
  }

  async function attemptTransaction<Result>(work: Work<Result>): Promise<Ended<Result>> {
    let committing = false;
    let client: PoolClient | undefined;
    try {
      const taken = await pool.connect();
      client = taken;
      const commit = async (): Promise<void> => {
        committing = true;
        const { command } = await taken.query('commit');
        // The server ends a transaction that has failed with another word, not with an error.
        if (command !== 'COMMIT') throw new Error('the transaction was rolled back');
      };
      // Statements are sent without waiting for the one before: what makes one fail makes all later ones fail.
      const [, result] = await Promise.all([taken.query('begin'), work(taken, commit)]);
      taken.release();
      return { ok: true, result };
    } catch (error) {
      // A connection in an unknown state is thrown away; the server rolls back what it left open.
      const kept = !isDisconnection(error) && (await rolledBack(client));
      client?.release(!kept);
      return { ok: false, committing, error };
    }
  }

  function listen(channel: string, heard: () => void): () => Promise<void> {
    let client: Client | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let ended = false;
    const connect = async (): Promise<void> => {
      const next = new Client(settings);
      client = next;
      const lost = (): void => {
        if (ended || client !== next) return;
        client = undefined;
        void next.end().catch(() => undefined);
        timer = setTimeout(() => void connect(), RECONNECT_MS);
        timer.unref();
      };
      next.on('error', lost);
      next.on('end', lost);
      next.on('notification', heard);
      try {
        await next.connect();
        await next.query(`listen "${channel}"`);
        // What happened before the connection stood rang no bell.
        heard();
      } catch {
        lost();
      }
    };
    void connect();
    return async () => {
      ended = true;
      clearTimeout(timer);
      await client?.end().catch(() => undefined);
    };
  }
}

type Ended<Result> =
  | { readonly ok: true; readonly result: Result }
  | { readonly ok: false; readonly committing: boolean; readonly error: unknown };

async function rolledBack(client: ClientBase | undefined): Promise<boolean> {
  try {
    await client?.query('rollback');
    return true;
  } catch {
    return false;
  }
}

/** Takes the `options` out of a URL: there they would replace ours, instead of being added to them. */
function splitUrl(url: string): { readonly bare: string; readonly extra: readonly string[] } {
  const extra: string[] = [];
  const bare = url.replaceAll(/([?&])options=([^&]*)(&?)/g, (_, before: string, value: string, after: string) => {
    extra.push(decodeURIComponent(value.replaceAll('+', ' ')));
    return before === '?' && after !== '' ? '?' : after;
  });
  return { bare, extra };
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((done) => {
    setTimeout(done, milliseconds).unref();
  });
}
