import type { ClientBase } from 'pg';
import { claimLost, keyReused, leaseLost, versionConflict } from '../errors.ts';
import type { PreparedAppend, PreparedTimer } from '../model/checks.ts';
import type { Appended, Claim } from '../ports/event-store.ts';

/** What became of one append of a group. */
export type AppendOutcome =
  | { readonly ok: true; readonly appended: Appended }
  | { readonly ok: false; readonly error: unknown };

/** A stream as the group sees it. */
interface Stream {
  readonly id: number;
  version: number;
}

/** What one writer remembers between its groups; worthless once somebody else has written. */
export interface WriterCache {
  /** Head after the writer's last group. */
  head: number;
  /** The connection of the last group: another one may lead to another server, which knows less. */
  client: ClientBase | undefined;
  readonly streams: Map<string, Stream>;
}

/** Streams whose place is remembered; at more than that, all are looked up anew. */
const MAX_CACHED = 100_000;

/** The channel on which writers tell that there are new events. */
export const channelOf = (schema: string): string => `${schema}.events`;

/**
 * Writes the appends of a group inside one transaction, in their order, each whole or not at all: everything is looked
 * up first, decided in memory, and then written with one statement per table.
 */
export async function appendGroup(
  client: ClientBase,
  appends: readonly PreparedAppend[],
  options: { readonly cache: WriterCache; readonly schema: string; readonly commit: () => Promise<void> },
): Promise<readonly AppendOutcome[]> {
  const { cache, schema, commit } = options;
  // The lock of all writers: positions become visible in their order, and versions cannot change any more.
  const locked = await client.query<{ head: number; now: number }>({
    name: 'lock-store',
    text: 'select head, floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now from store for update',
  });
  const { head = 0, now = 0 } = locked.rows[0] ?? {};
  if (cache.head !== head || cache.client !== client || cache.streams.size > MAX_CACHED) cache.streams.clear();
  cache.client = client;
  // Until the end: if this group fails, what it has counted up is wrong.
  cache.head = -1;
  const group = new Group({ head, now, streams: cache.streams });
  await group.load(client, appends);
  const outcomes = appends.map((append) => group.decide(append));
  // The commit is not sent with the rest: a statement that never left this process would be missing in it.
  await Promise.all(group.write(client, schema));
  await commit();
  cache.head = group.head;
  return outcomes;
}

interface EventColumns {
  readonly position: number[];
  readonly stream: number[];
  readonly version: number[];
  readonly type: string[];
  readonly data: string[];
  readonly meta: Array<string | null>;
  readonly key: Array<string | null>;
  readonly size: Array<number | null>;
}

interface KnownKey {
  readonly version: number;
  readonly position: number;
  readonly size: number;
}

class Group {
  head: number;
  readonly #now: number;
  readonly #streams: Map<string, Stream>;
  /** Claims that stand; taken out as they are settled. */
  readonly #claims = new Map<string, { readonly id: number; readonly token: number }>();
  readonly #leases = new Set<string>();
  /** By stream and key. */
  readonly #keys = new Map<string, KnownKey>();
  /** Events of this group and of keyed appends that are repeated, by stream and version. */
  readonly #written = new Map<string, { readonly type: string; readonly data: string; readonly meta: string | null }>();
  readonly #events: EventColumns = {
    position: [],
    stream: [],
    version: [],
    type: [],
    data: [],
    meta: [],
    key: [],
    size: [],
  };
  readonly #effects = { key: [] as string[], stream: [] as number[], type: [] as string[], data: [] as string[] };
  /** The last change of each timer, by stream and key. */
  readonly #timers = new Map<string, { readonly stream: number; readonly timer: PreparedTimer }>();
  readonly #doneEffects: number[] = [];
  readonly #doneTimers: number[] = [];

  constructor(options: { readonly head: number; readonly now: number; readonly streams: Map<string, Stream> }) {
    this.head = options.head;
    this.#now = options.now;
    this.#streams = options.streams;
  }

  async load(client: ClientBase, appends: readonly PreparedAppend[]): Promise<void> {
    await this.#loadStreams(client, appends);
    const keyed = appends.filter(({ key }) => key !== undefined);
    if (keyed.length > 0) await this.#loadKeys(client, keyed);
    const claims = appends.flatMap(({ settles }) => settles);
    if (claims.length > 0) await this.#loadClaims(client, claims);
    const leases = appends.flatMap(({ lease }) => (lease === undefined ? [] : [lease]));
    if (leases.length > 0) {
      const { rows } = await client.query<{ name: string; token: number }>({
        name: 'held-leases',
        text: 'select name, token from leases where name = any($1) and until > 0 for share',
        values: [leases.map(({ name }) => name)],
      });
      for (const { name, token } of rows) this.#leases.add(`${token}/${name}`);
    }
  }

  /** Decides one append, seeing what those before it in the group have done. */
  decide(append: PreparedAppend): AppendOutcome {
    const { stream: name, events, expectedVersion, key, settles, lease } = append;
    const stream = this.#streams.get(name) ?? { id: 0, version: 0 };
    if (key !== undefined) {
      const known = this.#keys.get(`${stream.id}/${key}`);
      if (known !== undefined) {
        if (!this.#isSame(stream.id, append, known)) return { ok: false, error: keyReused(name, key) };
        return { ok: true, appended: { version: known.version, position: known.position, duplicate: true } };
      }
    }
    if (expectedVersion !== undefined && expectedVersion !== stream.version)
      return { ok: false, error: versionConflict(name, expectedVersion, stream.version) };
    if (lease !== undefined && !this.#leases.has(`${lease.token}/${lease.name}`))
      return { ok: false, error: leaseLost(lease) };
    const lost = settles.find((claim) => this.#claims.get(workKey(claim))?.token !== claim.token);
    if (lost !== undefined) return { ok: false, error: claimLost(lost) };

    for (const claim of settles) this.#settle(claim);
    for (const [index, event] of events.entries()) {
      this.head += 1;
      stream.version += 1;
      const isLast = key !== undefined && index === events.length - 1;
      this.#events.position.push(this.head);
      this.#events.stream.push(stream.id);
      this.#events.version.push(stream.version);
      this.#events.type.push(event.type);
      this.#events.data.push(event.data);
      this.#events.meta.push(event.meta);
      this.#events.key.push(isLast ? key : null);
      this.#events.size.push(isLast ? events.length : null);
      if (key !== undefined) this.#written.set(`${stream.id}/${stream.version}`, event);
    }
    const { version } = stream;
    if (key !== undefined) this.#keys.set(`${stream.id}/${key}`, { version, position: this.head, size: events.length });
    this.#change(append, stream);
    return { ok: true, appended: { version, position: this.head, duplicate: false } };
  }

  /** Sends everything that was decided. */
  write(client: ClientBase, schema: string): readonly Promise<unknown>[] {
    const sent = this.#writeWork(client);
    const { position, stream, version, type, data, meta, key, size } = this.#events;
    if (position.length === 0) return sent;
    const events = client.query({
      name: 'insert-events',
      text: `insert into events (position, stream, version, type, data, meta, time, key, size)
        select position, stream, version, type, data, meta, $9, key, size from unnest($1::bigint[], $2::bigint[],
          $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::integer[])
          as new (position, stream, version, type, data, meta, key, size)`,
      values: [position, stream, version, type, data, meta, key, size, this.#now],
    });
    const head = client.query({ name: 'keep-head', text: 'update store set head = $1', values: [this.head] });
    return [...sent, events, head, client.query(`notify "${channelOf(schema)}"`)];
  }

  #change({ stream: name, effects, timers }: PreparedAppend, stream: Stream): void {
    for (const { key, type, data } of effects) {
      this.#effects.key.push(key);
      this.#effects.stream.push(stream.id);
      this.#effects.type.push(type);
      this.#effects.data.push(data);
    }
    for (const timer of timers) {
      this.#timers.set(`${stream.id}/${timer.key}`, { stream: stream.id, timer });
      // Whoever held the old one has lost it.
      this.#claims.delete(workKey({ kind: 'timer', stream: name, key: timer.key }));
    }
  }

  #settle(claim: Claim): void {
    const key = workKey(claim);
    const { id = 0 } = this.#claims.get(key) ?? {};
    this.#claims.delete(key);
    (claim.kind === 'effect' ? this.#doneEffects : this.#doneTimers).push(id);
  }

  #isSame(stream: number, append: PreparedAppend, known: KnownKey): boolean {
    if (known.size !== append.events.length) return false;
    return append.events.every(({ type, data, meta }, index) => {
      const stored = this.#written.get(`${stream}/${known.version - known.size + 1 + index}`);
      // What was truncated cannot be compared any more.
      return stored === undefined || (stored.type === type && stored.data === data && stored.meta === meta);
    });
  }

  async #loadStreams(client: ClientBase, appends: readonly PreparedAppend[]): Promise<void> {
    const names = [...new Set(appends.map(({ stream }) => stream))].filter((name) => !this.#streams.has(name));
    if (names.length === 0) return;
    const { rows } = await client.query<{ id: number; name: string; version: number }>({
      name: 'load-streams',
      text: `with made as (
          insert into streams (name) select unnest($1::text[]) on conflict (name) do nothing returning id, name, first
        ), wanted as (
          select id, name, first from made
          union all select id, name, first from streams where name = any($1)
        )
        select id, name, greatest(first - 1, coalesce(
          (select max(version) from events where events.stream = wanted.id), 0)) as version from wanted`,
      values: [names],
    });
    for (const { id, name, version } of rows) this.#streams.set(name, { id, version });
  }

  async #loadKeys(client: ClientBase, appends: readonly PreparedAppend[]): Promise<void> {
    const ids = appends.map(({ stream }) => this.#streams.get(stream)?.id ?? 0);
    const { rows } = await client.query<KnownKey & { stream: number; key: string }>({
      name: 'known-keys',
      text: `select events.stream, events.key, version, position, size from events
        join unnest($1::bigint[], $2::text[]) as wanted (stream, key)
        on events.stream = wanted.stream and events.key = wanted.key`,
      values: [ids, appends.map(({ key }) => key)],
    });
    if (rows.length === 0) return;
    for (const { stream, key, version, position, size } of rows)
      this.#keys.set(`${stream}/${key}`, { version, position, size });
    const stored = await client.query<{ stream: number; version: number; type: string; data: string; meta: string }>({
      name: 'events-of-keys',
      text: `select events.stream, events.version, type, data, meta from events
        join unnest($1::bigint[], $2::bigint[], $3::integer[]) as known (stream, version, size)
        on events.stream = known.stream and events.version <= known.version
        and events.version > known.version - known.size`,
      values: [rows.map(({ stream }) => stream), rows.map(({ version }) => version), rows.map(({ size }) => size)],
    });
    for (const { stream, version, type, data, meta } of stored.rows)
      this.#written.set(`${stream}/${version}`, { type, data, meta });
  }

  async #loadClaims(client: ClientBase, claims: readonly Claim[]): Promise<void> {
    const { effects, timers } = await lockClaims(client, claims);
    for (const { id, key, token } of effects)
      this.#claims.set(workKey({ kind: 'effect', stream: '', key }), { id, token });
    for (const { id, stream, key, token } of timers)
      this.#claims.set(workKey({ kind: 'timer', stream, key }), { id, token });
  }

  #writeWork(client: ClientBase): readonly Promise<unknown>[] {
    const sent = settleRows(client, { effects: this.#doneEffects, timers: this.#doneTimers, now: this.#now });
    const { key, stream, type, data } = this.#effects;
    if (key.length > 0)
      sent.push(
        client.query({
          name: 'insert-effects',
          // In the order of the appends: it is the order of their ids.
          text: `insert into effects (key, stream, type, data, since, until)
            select key, stream, type, data, $5, $5
            from unnest($1::text[], $2::bigint[], $3::text[], $4::text[]) with ordinality
              as new (key, stream, type, data, place) order by place on conflict (key) do nothing`,
          values: [key, stream, type, data, this.#now],
        }),
      );
    const changes = [...this.#timers.values()];
    if (changes.length > 0)
      sent.push(
        client.query({
          name: 'remove-timers',
          text: `delete from timers using unnest($1::bigint[], $2::text[]) as gone (stream, key)
            where timers.stream = gone.stream and timers.key = gone.key`,
          values: [changes.map((change) => change.stream), changes.map(({ timer }) => timer.key)],
        }),
      );
    const set = changes.flatMap(({ stream, timer }) => (timer.due === undefined ? [] : [{ stream, ...timer }]));
    if (set.length > 0)
      sent.push(
        client.query({
          name: 'insert-timers',
          text: `insert into timers (stream, key, height, time, data)
            select * from unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::text[])`,
          values: [
            set.map((timer) => timer.stream),
            set.map((timer) => timer.key),
            set.map(({ due }) => ('height' in due ? due.height : null)),
            set.map(({ due }) => ('time' in due ? due.time : null)),
            set.map((timer) => timer.data),
          ],
        }),
      );
    return sent;
  }
}

/** Rows of claims that still stand, locked until the transaction ends. */
export async function lockClaims(
  client: ClientBase,
  claims: readonly Claim[],
): Promise<{
  readonly effects: ReadonlyArray<{ readonly id: number; readonly key: string; readonly token: number }>;
  readonly timers: ReadonlyArray<{
    readonly id: number;
    readonly stream: string;
    readonly key: string;
    readonly token: number;
  }>;
}> {
  const effects = claims.filter(({ kind }) => kind === 'effect');
  const timers = claims.filter(({ kind }) => kind === 'timer');
  // In the order of their ids: two workers that lock the same rows do not wait for each other in a circle.
  const lockedEffects =
    effects.length === 0
      ? { rows: [] }
      : await client.query<{ id: number; key: string; token: number }>({
          name: 'lock-effects',
          text: `select effects.id, effects.key, effects.token from effects
            join unnest($1::text[], $2::bigint[]) as held (key, token)
            on effects.key = held.key and effects.token = held.token
            where state = 0 order by effects.id for update of effects`,
          values: [effects.map(({ key }) => key), effects.map(({ token }) => token)],
        });
  const lockedTimers =
    timers.length === 0
      ? { rows: [] }
      : await client.query<{ id: number; stream: string; key: string; token: number }>({
          name: 'lock-timers',
          text: `select timers.id, streams.name as stream, timers.key, timers.token from timers
            join streams on streams.id = timers.stream
            join unnest($1::text[], $2::text[], $3::bigint[]) as held (stream, key, token)
            on streams.name = held.stream and timers.key = held.key and timers.token = held.token
            order by timers.id for update of timers`,
          values: [timers.map(({ stream }) => stream), timers.map(({ key }) => key), timers.map(({ token }) => token)],
        });
  return { effects: lockedEffects.rows, timers: lockedTimers.rows };
}

/** Sends what ends the work of locked rows. */
export function settleRows(
  client: ClientBase,
  rows: { readonly effects: readonly number[]; readonly timers: readonly number[]; readonly now: number },
): Promise<unknown>[] {
  const { effects, timers, now } = rows;
  const sent: Promise<unknown>[] = [];
  if (effects.length > 0)
    sent.push(
      client.query({
        name: 'settle-effects',
        text: 'update effects set state = 1, token = 0, done_at = $2 where id = any($1::bigint[])',
        values: [effects, now],
      }),
    );
  if (timers.length > 0)
    sent.push(
      client.query({
        name: 'settle-timers',
        text: 'delete from timers where id = any($1::bigint[])',
        values: [timers],
      }),
    );
  return sent;
}

/** Names an effect or timer; no name contains NUL. */
function workKey({ kind, stream, key }: Omit<Claim, 'token'>): string {
  return kind === 'effect' ? `effect\0${key}` : `timer\0${stream}\0${key}`;
}
