/** `npm run docs`: writes the generated tables and graphs, then the reference to docs/site (`--tables`: not that). */
import { readFileSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { errorTableFile, listErrors, renderErrors } from './docs/errors.ts';
import { graphFile, listImports, renderGraph, withGraph } from './docs/graph.ts';
import { repository } from './packages.ts';

writeFileSync(errorTableFile, renderErrors(listErrors()));
writeFileSync(graphFile, withGraph(readFileSync(graphFile, 'utf8'), renderGraph(listImports())));
if (!process.argv.includes('--tables')) {
  const ended = spawnSync(process.execPath, ['node_modules/typedoc/bin/typedoc'], {
    cwd: repository,
    stdio: 'inherit',
  });
  process.exitCode = ended.status ?? 1;
}
