/** A Python 3 for verifiers that share no code with the suite: the standard library is all they need. */
import { join } from 'node:path';
import { unpackDebianPackages } from './debian.ts';
import { type AbsentProgram, type FoundProgram, findProgram } from './find.ts';

let found: Promise<FoundProgram | AbsentProgram> | undefined;

/** Finds Python: `BE_PYTHON`, then PATH, then Debian's packages, unpacked below the user's cache folder. */
export function findPython(): Promise<FoundProgram | AbsentProgram> {
  found ??= findProgram({ binary: 'python3', variable: 'BE_PYTHON', install: installPython });
  return found;
}

async function installPython(): Promise<FoundProgram | AbsentProgram> {
  const unpacked = await unpackDebianPackages({ name: 'python', packages: ['python3', 'libpython3-stdlib'] });
  if (!unpacked.ok) return unpacked;
  const command = unpacked.command('python3');
  return {
    ok: true,
    // Python looks for its library beside its program, and that is the loader here.
    command: { ...command, env: { ...command.env, PYTHONHOME: join(unpacked.root, 'usr') } },
    source: `Debian python3 ${unpacked.versions['python3'] ?? ''}`.trimEnd(),
  };
}
