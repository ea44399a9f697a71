import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { fetchSources } from '../../scripts/wasm/sources.ts';
import type { Measure } from '../harness.ts';

/** The operations that `native.c` knows, by the letter it knows them by. */
export type NativeOperation = 's' | 'e' | 'S' | 'E' | 't' | 'd' | 'h';

/** Compiles libsecp256k1 natively; answers how to measure one operation, or nothing without a compiler. */
export async function nativeLimit(): Promise<((operation: NativeOperation) => Measure) | undefined> {
  const sources = await fetchSources();
  if (typeof sources === 'string') return undefined;
  const { library } = sources;
  const folder = resolve(import.meta.dirname, '../../out/bench');
  mkdirSync(folder, { recursive: true });
  const program = resolve(folder, 'secp256k1-native');
  const modules = ['ECDH', 'EXTRAKEYS', 'SCHNORRSIG', 'RECOVERY'].map((name) => `-DENABLE_MODULE_${name}`);
  const tables = ['-DECMULT_WINDOW_SIZE=15', '-DCOMB_BLOCKS=43', '-DCOMB_TEETH=6'];
  const assembly = process.arch === 'x64' ? ['-DUSE_ASM_X86_64=1'] : [];
  const includes = [`-I${library}`, `-I${library}/include`, `-I${library}/src`];
  const source = resolve(import.meta.dirname, 'native.c');
  for (const compiler of ['gcc', 'clang', 'clang-19']) {
    const args = ['-O2', '-w', ...modules, ...tables, ...assembly, ...includes, source, '-o', program];
    if (spawnSync(compiler, args, { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0)
      return (operation) => () => measure(program, operation);
  }
  return undefined;
}

/** The program measures its own CPU time, so that starting it costs nothing here. */
function measure(program: string, operation: NativeOperation): number {
  const ended = spawnSync(program, [operation, '150'], { encoding: 'utf8' });
  if (ended.status !== 0) throw new Error(`native ${operation} ended with ${ended.status}`);
  return Number.parseFloat(ended.stdout);
}
