/** Checks every package as npm would publish it: publint (strict) and Are the types wrong, on the packed file list. Folders as arguments: only those. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { run } from './nodes/run.ts';
import { listPackages, repository } from './packages.ts';

let failed = false;
const scratch = mkdtempSync(join(tmpdir(), 'be-pack-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

const folders = process.argv.slice(2);
const all = listPackages().map(({ folder }) => join(repository, 'packages', folder));
for (const pkgDir of folders.length > 0 ? folders : all) {
  const name = basename(pkgDir);
  const { messages, pkg } = await publint({ pkgDir, strict: true, pack: 'npm' });
  for (const message of messages) {
    failed = true;
    process.stderr.write(`${name}: ${formatMessage(message, pkg, { color: false }) ?? message.code}\n`);
  }
  const packed = await run('npm', ['pack', '--silent', '--pack-destination', scratch], { cwd: pkgDir });
  const archive = packed.stdout.trim().split('\n').at(-1) ?? '';
  const attw = await run(
    process.execPath,
    ['node_modules/@arethetypeswrong/cli/dist/index.js', join(scratch, archive), '--profile', 'esm-only', '--no-color'],
    { cwd: repository },
  );
  if (attw.code !== 0) {
    failed = true;
    process.stderr.write(`${name}: types are wrong\n${attw.stdout}${attw.stderr}\n`);
  }
}
if (failed) process.exitCode = 1;
