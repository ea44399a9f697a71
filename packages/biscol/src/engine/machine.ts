import type { Ask, Machine, Step } from '@bitcoin-enterprise/events';
import type {
  CellRecord,
  CellSeed,
  EngineEffect,
  EngineEvent,
  ExecutionRecord,
  InstanceState,
  Placement,
} from './model.ts';

/** Blocks after which an execution that is not confirmed is late. */
const LATE_AFTER = 6;
/** Executions that came to an end and are still told of. */
const MOST_ENDED = 100;

type Stepped = Step<InstanceState, EngineEvent, EngineEffect>;
type Asked = Ask<EngineEvent, EngineEffect>;

/** Statuses from which nothing follows any more by itself. */
const ENDED: ReadonlySet<string> = new Set(['final', 'refused', 'abandoned', 'replaced', 'displaced']);

const EMPTY: InstanceState = { cells: {}, executions: {}, presigned: {}, secrets: [] };

/**
 * The life of an instance: pure, so that the engine, the tests and the explorer run the same. Every fact is taken as it
 * comes, in any order and more than once: what the chain says wins.
 */
export const contractMachine: Machine<InstanceState, EngineEvent, EngineEffect> = {
  name: 'contract',
  version: 1,
  initial: () => EMPTY,
  step,
};

function step(state: InstanceState, event: EngineEvent): Stepped {
  if (event.type === 'opened') {
    if (state.instance !== undefined) return { refused: 'it is open' };
    const asks: Asked[] = [{ effect: { type: 'watchFunding', since: event.height }, key: 'watch-funding' }];
    return { state: { ...state, instance: event.instance }, asks };
  }
  if (state.instance === undefined) return { refused: 'it is not open' };
  switch (event.type) {
    case 'funded':
      return funded(state, event);
    case 'learned': {
      const { secrets, asks } = learn(state, event.secrets);
      return { state: { ...state, secrets }, asks };
    }
    case 'presigned':
      return { state: { ...state, presigned: { ...state.presigned, ...event.signatures } } };
    case 'begun':
      return begun(state, event);
    case 'placed':
      return placed(state, event);
    case 'spent':
      return spent(state, event);
    case 'dutyDue':
      return dutyDue(state, event.outpoint);
    case 'dutyWaits': {
      const due: Asked = {
        timer: `duty/${event.outpoint}`,
        due: { height: event.height },
        event: { type: 'dutyDue', outpoint: event.outpoint },
      };
      return { state, asks: [due] };
    }
    case 'dutyDone':
      return { state };
    default:
      return onExecution(state, event);
  }
}

function onExecution(state: InstanceState, event: Extract<EngineEvent, { readonly id: string }>): Stepped {
  const execution = Object.hasOwn(state.executions, event.id) ? state.executions[event.id] : undefined;
  if (execution === undefined) return { refused: 'no such execution' };
  if (ENDED.has(execution.status)) return { refused: `it is ${execution.status}` };
  const { id } = event;
  switch (event.type) {
    case 'judged': {
      const verdicts = [...execution.verdicts, event.verdict];
      const isRefused = event.verdict.decision === 'refuse';
      return become(state, id, {
        ...execution,
        verdicts,
        ...(isRefused ? { status: 'refused', reason: reasonOf(event.verdict.reasons) } : {}),
      });
    }
    case 'approved': {
      if (execution.approvals.includes(event.by)) return { refused: 'it is approved by them' };
      const approvals = [...execution.approvals, event.by];
      const isReady = event.ready && (execution.status === 'waiting' || execution.status === 'proposed');
      return become(state, id, { ...execution, approvals, ...(isReady ? { status: 'signing' } : {}) });
    }
    case 'contributed': {
      if (execution.tx !== undefined) return { refused: 'it is signed' };
      if (event.attempt < execution.attempt) return { refused: 'it was begun again since' };
      const signatures = { ...execution.signatures, ...event.signatures };
      const { psbt: _before, ...rest } = execution;
      const psbt = event.psbt ?? (event.attempt > execution.attempt ? undefined : execution.psbt);
      const isMore =
        psbt !== execution.psbt || Object.keys(signatures).length > Object.keys(execution.signatures).length;
      if (!isMore) return { refused: 'nothing new' };
      const more: ExecutionRecord = {
        ...rest,
        signatures,
        ...(psbt === undefined ? {} : { psbt }),
        attempt: event.attempt,
        status: 'signing',
        rounds: execution.rounds + 1,
      };
      return become(state, id, more, event.own ? proposing(id, more, more.since) : []);
    }
    case 'nudge': {
      if (execution.status !== 'signing') return { state };
      const again: ExecutionRecord = { ...execution, rounds: execution.rounds + 1 };
      return become(state, id, again, proposing(id, again, event.height));
    }
    case 'signed': {
      if (execution.tx !== undefined) return { refused: 'it is signed' };
      const isRefused = event.verdict.decision === 'refuse';
      const { psbt: _done, ...rest } = execution;
      const signed: ExecutionRecord = {
        ...rest,
        signatures: { ...execution.signatures, ...event.signatures },
        tx: event.tx,
        gas: event.gas,
        verdicts: [...execution.verdicts, event.verdict],
        status: isRefused ? 'refused' : execution.hold || event.verdict.decision === 'review' ? 'held' : 'sending',
        ...(isRefused ? { reason: reasonOf(event.verdict.reasons) } : {}),
      };
      if (signed.status !== 'sending') return become(state, id, signed);
      const tell: readonly Asked[] =
        event.signatures === undefined ? [] : [{ effect: { type: 'propose', id }, key: `propose/${id}/signed` }];
      return become(state, id, signed, [...tell, ...sending(id)]);
    }
    case 'released': {
      if (execution.status !== 'held') return { refused: `it is ${execution.status}` };
      return become(state, id, { ...execution, hold: false, status: 'sending' }, sending(id));
    }
    case 'sent': {
      if (execution.status !== 'sending') return { refused: `it is ${execution.status}` };
      return become(state, id, { ...execution, status: 'sent' }, [
        { timer: `late/${id}`, due: { height: event.height + LATE_AFTER }, event: { type: 'late', id } },
      ]);
    }
    case 'postponed': {
      if (execution.status !== 'sending') return { refused: `it is ${execution.status}` };
      const due: Asked = { timer: `send/${id}`, due: { height: event.height }, event: { type: 'sendDue', id } };
      return { state, asks: [due] };
    }
    case 'sendDue': {
      if (execution.status !== 'sending') return { state };
      const rounds = execution.rounds + 1;
      return become(state, id, { ...execution, rounds }, [
        { effect: { type: 'broadcast', id }, key: `broadcast/${id}/${rounds}` },
      ]);
    }
    case 'refused':
    case 'abandoned': {
      if (event.type === 'abandoned' && execution.tx !== undefined && execution.status !== 'held')
        return { refused: 'it is on its way' };
      return become(state, id, { ...execution, status: event.type, reason: event.reason }, [{ cancel: `late/${id}` }]);
    }
    case 'late': {
      const isOpen = execution.status === 'sending' || execution.status === 'sent';
      return { state, asks: isOpen ? [{ effect: { type: 'bump', id }, key: `bump/${id}` }] : [] };
    }
    default:
      return { refused: 'an event that is not known' };
  }
}

function reasonOf(reasons: readonly { readonly code: string }[]): string {
  return reasons.map(({ code }) => code).join(', ');
}

function become(state: InstanceState, id: string, execution: ExecutionRecord, asks: readonly Asked[] = []): Stepped {
  return { state: { ...state, executions: pruned({ ...state.executions, [id]: execution }) }, asks };
}

/** Without the oldest of those that came to an end. */
function pruned(executions: Record<string, ExecutionRecord>): Readonly<Record<string, ExecutionRecord>> {
  const ended = Object.keys(executions).filter((id) => ENDED.has((executions[id] as ExecutionRecord).status));
  for (const id of ended.slice(0, Math.max(0, ended.length - MOST_ENDED))) delete executions[id];
  return executions;
}

function sending(id: string): readonly Asked[] {
  return [{ effect: { type: 'broadcast', id }, key: `broadcast/${id}/0` }];
}

/** Tells the others, and tells them again with the next block as long as something is missing. */
function proposing(id: string, { rounds }: ExecutionRecord, height: number): readonly Asked[] {
  const next = height + 1;
  return [
    { effect: { type: 'propose', id }, key: `propose/${id}/${rounds}` },
    { timer: `nudge/${id}`, due: { height: next }, event: { type: 'nudge', id, height: next } },
  ];
}

function begun(state: InstanceState, { id, execution }: Extract<EngineEvent, { type: 'begun' }>): Stepped {
  if (Object.hasOwn(state.executions, id)) return { refused: 'it has begun' };
  const gone = execution.cells.find((outpoint) => {
    const cell = state.cells[outpoint];
    return cell === undefined || cell.spent?.placed === 'confirmed' || cell.spent?.placed === 'final';
  });
  if (gone !== undefined) return { refused: `${gone} is not there` };
  const { status } = execution;
  const asks: Asked[] = [];
  if (status === 'sending') asks.push(...sending(id));
  if (status === 'signing') asks.push(...proposing(id, execution, execution.since));
  return become(state, id, execution, asks);
}

/**
 * Each output that begins the contract is one and no other: a second one of the same script and amount belongs to another
 * instance, unless the chain has forgotten the first.
 */
function funded(state: InstanceState, event: Extract<EngineEvent, { type: 'funded' }>): Stepped {
  const { begins, cell: seed, placed: at, height } = event;
  if (state.cells[seed.outpoint] !== undefined) return { refused: 'it is known' };
  const cells = { ...state.cells };
  for (const [outpoint, cell] of Object.entries(cells)) {
    if (cell.begins !== begins) continue;
    if (cell.isGone !== true) return { refused: `${outpoint} has begun it` };
    delete cells[outpoint];
  }
  cells[seed.outpoint] = { ...cellOf(seed, at, height), begins };
  return { state: { ...state, cells }, asks: cellAsks(seed.outpoint, at, height) };
}

function cellOf({ state, data, value }: CellSeed, at: Placement, height: number | undefined): CellRecord {
  return { state, data, value, placed: at, ...(height === undefined ? {} : { height }) };
}

function cellAsks(outpoint: string, at: Placement, height: number | undefined): readonly Asked[] {
  const watch: Asked = { effect: { type: 'watch', outpoint, since: height ?? 0 }, key: `watch/${outpoint}` };
  return at === 'confirmed' || at === 'final' ? [watch, dutyAsk(outpoint, height ?? 0)] : [watch];
}

function dutyAsk(outpoint: string, height: number): Asked {
  return { timer: `duty/${outpoint}`, due: { height }, event: { type: 'dutyDue', outpoint } };
}

/** Effects have a name once and for all: each look at a duty needs one of its own. */
function dutyDue(state: InstanceState, outpoint: string): Stepped {
  const cell = state.cells[outpoint];
  if (cell === undefined || cell.spent !== undefined || cell.height === undefined) return { state };
  const looks = (cell.looks ?? 0) + 1;
  return {
    state: { ...state, cells: { ...state.cells, [outpoint]: { ...cell, looks } } },
    asks: [{ effect: { type: 'duty', outpoint }, key: `duty/${outpoint}/${looks}` }],
  };
}

function placed(state: InstanceState, event: Extract<EngineEvent, { type: 'placed' }>): Stepped {
  const cell = state.cells[event.outpoint];
  if (cell === undefined) return { refused: 'no such output' };
  const { height: _before, isGone: _gone, ...rest } = cell;
  const at = event.placed === 'gone' ? 'expected' : event.placed;
  const next: CellRecord = {
    ...rest,
    placed: at,
    ...(event.placed === 'gone' ? { isGone: true } : {}),
    ...(event.height === undefined ? {} : { height: event.height }),
  };
  const asks = at === 'confirmed' && event.height !== undefined ? [dutyAsk(event.outpoint, event.height)] : [];
  return { state: { ...state, cells: { ...state.cells, [event.outpoint]: next } }, asks };
}

/** What the chain says of a spend: executions and the outputs behind them follow. */
function spent(state: InstanceState, event: Extract<EngineEvent, { type: 'spent' }>): Stepped {
  const cell = state.cells[event.outpoint];
  if (cell === undefined) return { refused: 'no such output' };
  if (event.placed === 'gone') return unspent(state, event, cell);
  const spend = {
    txid: event.txid,
    placed: event.placed,
    ...(event.height === undefined ? {} : { height: event.height }),
    ...(event.transition === undefined ? {} : { transition: event.transition }),
  };
  const cells: Record<string, CellRecord> = { ...state.cells, [event.outpoint]: { ...cell, spent: spend } };
  // One transaction spends all of its inputs at once, however late the chain tells of the others.
  for (const outpoint of siblings(state, event)) {
    const other = cells[outpoint];
    if (other !== undefined && other.spent?.txid !== event.txid) cells[outpoint] = { ...other, spent: spend };
  }
  const executions = { ...state.executions };
  const asks: Asked[] = [];
  const isFirm = event.placed === 'confirmed' || event.placed === 'final';
  for (const [id, execution] of Object.entries(executions)) {
    if (!execution.cells.includes(event.outpoint)) continue;
    const isIt = execution.txid === event.txid;
    if (isIt && execution.status !== 'refused') {
      const status = event.placed === 'seen' || event.placed === 'expected' ? 'sent' : event.placed;
      const isBehind = PROGRESS.indexOf(status) < PROGRESS.indexOf(execution.status);
      executions[id] = isBehind ? execution : { ...execution, status };
      if (isFirm) asks.push({ cancel: `late/${id}` });
    } else if (!isIt && isFirm && !ENDED.has(execution.status)) {
      const isOwn = replacements(state.executions, id).some((one) => one.txid === event.txid);
      executions[id] = { ...execution, status: isOwn ? 'replaced' : 'displaced', reason: event.txid };
      asks.push({ cancel: `late/${id}` });
    } else if (!isIt && event.placed === 'final' && execution.status === 'displaced') executions[id] = execution;
  }
  for (const seed of event.next) {
    const known = cells[seed.outpoint];
    const { spent: after, ...base } = { ...cellOf(seed, event.placed, event.height), spent: known?.spent };
    cells[seed.outpoint] = after === undefined ? base : { ...base, spent: after };
    if (known === undefined) asks.push(...cellAsks(seed.outpoint, event.placed, event.height));
    else if (event.placed === 'confirmed' && known.height !== event.height)
      asks.push(dutyAsk(seed.outpoint, event.height ?? 0));
  }
  const learned = learn({ ...state, cells }, event.secrets);
  return {
    state: { ...state, cells: settled(cells), executions: pruned(executions), secrets: learned.secrets },
    asks: [...asks, ...learned.asks],
  };
}

/** As far as the chain takes an execution; what another of its inputs says later takes it no way back. */
const PROGRESS: readonly string[] = ['sent', 'confirmed', 'final'];

/** What else the execution of a spend spends. */
function siblings(
  { executions }: InstanceState,
  event: { readonly txid: string; readonly outpoint: string },
): readonly string[] {
  const found = Object.values(executions).find(
    ({ txid, cells }) => txid === event.txid && cells.includes(event.outpoint),
  );
  return found?.cells.filter((outpoint) => outpoint !== event.outpoint) ?? [];
}

/** What replaced an execution with a higher fee, and what replaced that. */
function replacements(executions: InstanceState['executions'], id: string): readonly ExecutionRecord[] {
  return Object.entries(executions).flatMap(([other, one]) =>
    one.replaces === id ? [one, ...replacements(executions, other)] : [],
  );
}

/** With further secrets: duties that waited for them come up. */
function learn(
  { secrets, cells }: InstanceState,
  more: readonly string[],
): { readonly secrets: readonly string[]; readonly asks: readonly Asked[] } {
  const all = [...new Set([...secrets, ...more])];
  if (all.length === secrets.length) return { secrets, asks: [] };
  const asks = Object.entries(cells)
    .filter(([, cell]) => cell.spent === undefined && cell.height !== undefined)
    .map(([outpoint]) => dutyAsk(outpoint, 0));
  return { secrets: all, asks };
}

/** Without outputs whose spends are final: nothing follows from them any more. */
function settled(cells: Record<string, CellRecord>): Readonly<Record<string, CellRecord>> {
  const done = Object.keys(cells).filter((outpoint) => cells[outpoint]?.spent?.placed === 'final');
  for (const outpoint of done.slice(0, Math.max(0, done.length - MOST_ENDED))) delete cells[outpoint];
  return cells;
}

/** A spend that was there is gone: a reorganisation, or a mempool that forgot. What was on its way is sent again. */
function unspent(state: InstanceState, event: Extract<EngineEvent, { type: 'spent' }>, cell: CellRecord): Stepped {
  if (cell.spent?.txid !== event.txid) return { refused: 'it is spent by another transaction' };
  const { spent: _gone, ...free } = cell;
  const cells: Record<string, CellRecord> = { ...state.cells, [event.outpoint]: free };
  for (const outpoint of siblings(state, event)) {
    const { spent: other, ...rest } = cells[outpoint] ?? {};
    if (other?.txid === event.txid) cells[outpoint] = rest as CellRecord;
  }
  const executions = { ...state.executions };
  const asks: Asked[] = [];
  for (const [id, execution] of Object.entries(executions)) {
    if (!execution.cells.includes(event.outpoint) || execution.tx === undefined) continue;
    const isIt = execution.txid === event.txid;
    const isBack =
      (execution.status === 'displaced' || execution.status === 'replaced') && execution.reason === event.txid;
    if (
      !isBack &&
      !(isIt && (execution.status === 'sent' || execution.status === 'confirmed' || execution.status === 'final'))
    )
      continue;
    const { reason: _why, ...open } = execution;
    const rounds = execution.rounds + 1;
    executions[id] = { ...open, status: 'sending', rounds };
    asks.push({ effect: { type: 'broadcast', id }, key: `broadcast/${id}/${rounds}` });
  }
  for (const seed of event.next) {
    const known = cells[seed.outpoint];
    if (known === undefined) continue;
    const { height: _height, ...rest } = known;
    cells[seed.outpoint] = { ...rest, placed: 'expected' };
  }
  return { state: { ...state, cells, executions }, asks };
}
