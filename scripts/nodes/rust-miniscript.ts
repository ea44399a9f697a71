/** rust-miniscript as a program: built by cargo from the crate that bench/thirdparty/rust-miniscript pins. */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, progress, withLock } from './cache.ts';
import { type AbsentProgram, type FoundProgram, findProgram } from './find.ts';
import { run } from './run.ts';

const source = join(import.meta.dirname, '../../bench/thirdparty/rust-miniscript');

/** Finds the program: `BE_RUST_MINISCRIPT`, then PATH, then a build below the user's cache folder. */
export async function findRustMiniscript(): Promise<FoundProgram | AbsentProgram> {
  return findProgram({ binary: 'miniscript-oracle', variable: 'BE_RUST_MINISCRIPT', install: build });
}

async function build(): Promise<FoundProgram | AbsentProgram> {
  const parts = ['Cargo.toml', 'Cargo.lock', 'src/main.rs'].map((name) => readFileSync(join(source, name)));
  const version = createHash('sha256').update(Buffer.concat(parts)).digest('hex').slice(0, 12);
  const folder = join(cacheFolder(), `rust-miniscript-${version}`);
  const file = join(folder, 'target/release/miniscript-oracle');
  return withLock(`${folder}.lock`, async () => {
    if (!existsSync(file)) {
      progress('building rust-miniscript, once');
      mkdirSync(folder, { recursive: true });
      cpSync(source, folder, { recursive: true });
      const built = await run('cargo', ['build', '--release', '--locked'], {
        cwd: folder,
        env: { CARGO_TERM_COLOR: 'never', CARGO_TARGET_DIR: join(folder, 'target') },
      }).catch(() => undefined);
      if (built === undefined || !existsSync(file)) return { ok: false, reason: 'cargo could not build it' };
    }
    return { ok: true, command: { file, args: [], env: {} }, source: 'crates.io miniscript' };
  });
}
