import { toHex } from '@bitcoin-enterprise/core';
import { guarded, requireInteger, requireObject } from '../checks.ts';
import type { ExplainedClause, TransitionExplanation } from './explain.ts';
import type { DebugStep, Diagnosis, Stacks } from './model.ts';
import type { DebugSession } from './model.ts';
import type { SourcePlace } from './source.ts';
import type { ClauseStatus } from './standing.ts';
import { stepAt } from './steps.ts';

const MARKS: Readonly<Record<ClauseStatus, string>> = { satisfied: '✓', missing: '✗', waits: '⏳', unneeded: '·' };

/**
 * What a transition needs, for a terminal: a tree of clauses with ✓ for what is there, ✗ for what is missing, ⏳ for what
 * has to be waited for and · for what is not needed, each with its line.
 *
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function renderExplanation(explanation: TransitionExplanation): string {
  return guarded('explanation', 'what explainTransition returned', () => {
    const { transition, path, status, text, cells } = requireObject<TransitionExplanation>(
      'explanation',
      explanation,
    ) as TransitionExplanation;
    const lines = [`${transition} by ${path}: ${status}`, text];
    for (const { outpoint, state, clauses } of cells) {
      lines.push('', `${state} ${outpoint}`);
      lines.push(...table(clauses.map((clause) => [clauseLine(clause, clauses), sourceText(clause.source)])));
    }
    return lines.join('\n');
  });
}

function clauseLine({ status, text, parent, worksFrom }: ExplainedClause, all: readonly ExplainedClause[]): string {
  let depth = 0;
  for (let at = parent; at !== undefined; at = all[at]?.parent) depth += 1;
  const { height, medianTime, confirmations } = worksFrom ?? {};
  const from = height ?? medianTime ?? confirmations;
  const wait = status === 'waits' && from !== undefined ? ` from ${from}` : '';
  return `${'  '.repeat(depth)}${MARKS[status]} ${shortened(text)}${wait}`;
}

/**
 * A session for a terminal: verdict, root cause with its clause and line, then each opcode with its fragment.
 *
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function renderSession(session: DebugSession): string {
  return guarded('session', 'what debugSpend returned', () => {
    const { inputIndex, kind, verdict, path, clause, diagnosis, steps, stepCount } = requireObject<DebugSession>(
      'session',
      session,
    ) as DebugSession;
    const lines = [
      `input ${inputIndex}, ${kind}${path === undefined ? '' : `, path ${path}`}: ${verdict.ok ? 'valid' : verdict.error}`,
      ...(clause === undefined ? [] : [`clause ${clause}`]),
      ...(diagnosis === undefined ? [] : diagnosisLines(diagnosis)),
    ];
    if (steps.length > 0) lines.push('', ...table(steps.map((step) => stepLine(session, step))));
    if (stepCount > steps.length) lines.push(`… ${stepCount - steps.length} more`);
    return lines.join('\n');
  });
}

function diagnosisLines({ cause, text, clause, source, missing, worksFrom }: Diagnosis): readonly string[] {
  const { height, medianTime, confirmations, ageSeconds } = worksFrom ?? {};
  const when = [
    ...(height === undefined ? [] : [`height ${height}`]),
    ...(medianTime === undefined ? [] : [`median time ${medianTime}`]),
    ...(confirmations === undefined ? [] : [`${confirmations} confirmations`]),
    ...(ageSeconds === undefined ? [] : [`${ageSeconds} seconds of age`]),
  ];
  return [
    `✗ ${cause}: ${text}`,
    ...(clause === undefined ? [] : [`  at ${shortened(clause)} ${sourceText(source)}`.trimEnd()]),
    ...(missing.keys.length === 0 ? [] : [`  missing signatures: ${missing.keys.join(', ')}`]),
    ...missing.preimages.map(({ hashFunction, hash }) => `  missing secret: ${hashFunction} ${hash}`),
    ...(when.length === 0 ? [] : [`  works from ${when.join(', ')}`]),
  ];
}

function stepLine({ map, diagnosis }: DebugSession, step: DebugStep): readonly string[] {
  const { index, phase, name, data, executed, fragment, clause } = step;
  const mark = diagnosis?.step === index ? '✗' : executed ? ' ' : '·';
  const own = fragment === undefined ? undefined : map?.fragments[fragment];
  const part = clause === undefined ? undefined : map?.clauses[clause];
  const pushed = data === undefined || data.length === 0 ? '' : ` ${shortened(toHex(data), 16)}`;
  return [
    `${mark} ${index}`,
    own === undefined && part === undefined ? `${name}${pushed} (${phase})` : `${name}${pushed}`,
    own === undefined ? '' : shortened(own.text),
    sourceText(part?.source),
  ];
}

/**
 * One step for a terminal: the opcode, its fragment, clause and line, and the stacks before and after, top first.
 *
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT` for an index that no step has.
 */
export function renderStep(session: DebugSession, index: number): string {
  return guarded('session', 'what debugSpend returned', () => {
    const step = stepAt(session, requireInteger('index', index, 0, Number.MAX_SAFE_INTEGER));
    const { map, stepCount } = session;
    const own = step.fragment === undefined ? undefined : map?.fragments[step.fragment];
    const part = step.clause === undefined ? undefined : map?.clauses[step.clause];
    const left = step.validationWeightLeft;
    return [
      `step ${index} of ${stepCount}: ${step.name} at byte ${step.offset} of the ${step.phase}${step.executed ? '' : ', in a branch that is not taken'}`,
      ...(own === undefined ? [] : [`fragment ${shortened(own.text)}`]),
      ...(part === undefined ? [] : [`clause ${shortened(part.text)} ${sourceText(part.source)}`.trimEnd()]),
      ...(left === undefined ? [] : [`${left} weight units left for signatures`]),
      ...stackLines('before', step.before),
      ...(step.after === undefined
        ? [session.verdict.ok ? 'after: nobody can tell' : 'after: it fails']
        : stackLines('after', step.after)),
    ].join('\n');
  });
}

function stackLines(title: string, { stack, altStack }: Stacks): readonly string[] {
  const lines = (items: readonly Uint8Array[]): readonly string[] =>
    items.toReversed().map((item) => `  ${item.length === 0 ? '(empty)' : shortened(toHex(item), 72)}`);
  return [
    `${title}:${stack.length === 0 ? ' nothing' : ''}`,
    ...lines(stack),
    ...(altStack.length === 0 ? [] : [`${title}, alternative stack:`, ...lines(altStack)]),
  ];
}

/** A place as editors open it: `file:line:column`, the file by its last three names. */
function sourceText(source: SourcePlace | undefined): string {
  if (source === undefined) return '';
  const { file, line, column } = source;
  return `${file.split('/').slice(-3).join('/')}:${line}:${column}`;
}

function shortened(text: string, most = 80): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** Rows with their cells under each other. */
function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
