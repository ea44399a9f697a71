/** `npm start`: builds the WebAssembly when a compiler is to be had, then runs the Taproot vault from source. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { repository } from './packages.ts';

const arguments_ = process.argv.slice(2);

async function runNode(args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
    cwd: repository,
    stdio: 'inherit',
  });
  return new Promise((done) => {
    child.on('exit', (code) => done(code ?? 1));
  });
}

const built = await runNode([join('scripts', 'wasm', 'build.ts')]);
if (built !== 0) process.stderr.write('The WebAssembly engine could not be built; the example uses another one.\n');
process.exitCode = await runNode([
  '--conditions=@bitcoin-enterprise/source',
  join('examples', 'taproot-vault', 'src', 'main.ts'),
  ...arguments_,
]);
