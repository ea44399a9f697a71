/** Finding a program: an environment variable, then PATH, then an installer of its own. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Command } from './debian.ts';

/** A program that can be started. */
export interface FoundProgram {
  readonly ok: true;
  readonly command: Command;
  /** Where it came from, for the person who reads it. */
  readonly source: string;
}

/** Why there is no such program. */
export interface AbsentProgram {
  readonly ok: false;
  readonly reason: string;
}

/** Where to look for a program. */
export interface Search {
  /** Name of the executable. */
  readonly binary: string;
  /** Environment variable that holds its path and wins over everything. */
  readonly variable: string;
  /** Called when neither has it. */
  readonly install: () => Promise<FoundProgram | AbsentProgram>;
}

/** Looks for a program in the order that the suite promises. */
export async function findProgram(search: Search): Promise<FoundProgram | AbsentProgram> {
  const { binary, variable, install } = search;
  const named = process.env[variable];
  if (named !== undefined && named !== '') {
    if (isExecutable(named)) return { ok: true, command: { file: named, args: [], env: {} }, source: variable };
    return { ok: false, reason: `${variable} names ${named}, which is not an executable file` };
  }
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const file = join(folder, binary);
    if (folder !== '' && isExecutable(file)) return { ok: true, command: { file, args: [], env: {} }, source: 'PATH' };
  }
  return install();
}

/**
 * What a test does with a program that may be absent: skip on a user's machine after one line that says so, fail
 * where `CI=true`.
 *
 * @returns The program, or `undefined` when the suite should be skipped.
 */
export function orSkip<Found extends { readonly ok: true }>(
  name: string,
  found: Found | AbsentProgram,
): Found | undefined {
  if (found.ok) return found;
  if (process.env['CI'] === 'true') throw new Error(`${name} is absent and CI=true: ${found.reason}`);
  process.stderr.write(`${name} is absent, its tests are skipped: ${found.reason}\n`);
  return undefined;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
