/** strace, with which a test makes one system call of a child fail, wait, or be its last. */
import { unpackDebianPackages } from './debian.ts';
import { type AbsentProgram, type FoundProgram, findProgram } from './find.ts';
import { run } from './run.ts';

/** Finds strace: `BE_STRACE`, then PATH, then Debian's package in the cache; absent where tracing is not allowed. */
export async function findStrace(): Promise<FoundProgram | AbsentProgram> {
  const found = await findProgram({
    binary: 'strace',
    variable: 'BE_STRACE',
    install: async () => {
      const unpacked = await unpackDebianPackages({ name: 'strace', packages: ['strace'] });
      if (!unpacked.ok) return unpacked;
      const source = `Debian strace ${unpacked.versions['strace'] ?? ''}`.trimEnd();
      return { ok: true, command: unpacked.command('strace'), source };
    },
  });
  if (!found.ok) return found;
  const { file, args, env } = found.command;
  const tried = await run(file, [...args, '-qq', '-e', 'trace=none', process.execPath, '--version'], { env });
  if (tried.code !== 0) return { ok: false, reason: `tracing is not possible here: ${tried.stderr.trim()}` };
  return found;
}
