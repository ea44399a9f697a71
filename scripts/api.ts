/**
 * The public API of every package as text in `api/`, one report for each export: `npm run api` writes them,
 * `npm run api:check` fails when one is not what the built declarations say. `--package core` looks at one package,
 * `--reports folder` at reports elsewhere.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Extractor, ExtractorConfig, ExtractorLogLevel, type IConfigFile } from '@microsoft/api-extractor';
import { type Entry, listPackages, type Package, repository } from './packages.ts';

const { values: flags } = parseArgs({
  options: { check: { type: 'boolean' }, package: { type: 'string' }, reports: { type: 'string' } },
});
const check = flags.check === true;
const reports = flags.reports ?? join(repository, 'api');
const scratch = mkdtempSync(join(tmpdir(), 'be-api-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

function reportName(of: Package, entry: Entry): string {
  const suffix = entry.subpath === '.' ? '' : `-${entry.subpath.slice(2).replaceAll('/', '-')}`;
  return `${of.folder}${suffix}.api.md`;
}

function configOf(of: Package, entry: Entry): IConfigFile {
  const folder = join(repository, 'packages', of.folder);
  const silent = { logLevel: ExtractorLogLevel.None };
  return {
    projectFolder: folder,
    mainEntryPointFilePath: join(folder, entry.types),
    compiler: { tsconfigFilePath: join(folder, 'tsconfig.json') },
    apiReport: {
      enabled: true,
      reportFileName: reportName(of, entry),
      reportFolder: reports,
      reportTempFolder: scratch,
      includeForgottenExports: true,
    },
    docModel: { enabled: false },
    dtsRollup: { enabled: false },
    tsdocMetadata: { enabled: false },
    newlineKind: 'lf',
    messages: {
      compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
      extractorMessageReporting: {
        default: { logLevel: ExtractorLogLevel.Warning, addToApiReportFile: true },
        'ae-missing-release-tag': silent,
        'ae-forgotten-export': silent,
        // typedoc checks links and comments, across packages too.
        'ae-unresolved-link': silent,
      },
      tsdocMessageReporting: { default: silent },
    },
  };
}

mkdirSync(reports, { recursive: true });
const wanted = new Set<string>();
const differing: string[] = [];
for (const of of listPackages().filter(({ folder }) => flags.package === undefined || folder === flags.package))
  for (const entry of of.entries) {
    const name = reportName(of, entry);
    wanted.add(name);
    if (!existsSync(join(repository, 'packages', of.folder, entry.types))) {
      process.stderr.write(`${of.name}: ${entry.types} is not built; run npm run build\n`);
      differing.push(name);
      continue;
    }
    const extractorConfig = ExtractorConfig.prepare({
      configObject: configOf(of, entry),
      configObjectFullPath: undefined,
      packageJsonFullPath: join(repository, 'packages', of.folder, 'package.json'),
    });
    const result = Extractor.invoke(extractorConfig, {
      localBuild: !check,
      messageCallback: (message) => {
        if (message.logLevel === ExtractorLogLevel.Error) process.stderr.write(`${of.name}: ${message.text}\n`);
        message.handled = true;
      },
    });
    if (result.errorCount > 0) differing.push(name);
    else if (check && result.apiReportChanged) {
      differing.push(name);
      process.stderr.write(`${firstDifference(join(reports, name), join(scratch, name))}\n`);
    }
  }

for (const name of flags.package === undefined ? readdirSync(reports) : []) {
  if (!name.endsWith('.api.md') || wanted.has(name)) continue;
  if (check) differing.push(`${name} (no such export)`);
  else rmSync(join(reports, name));
}
if (differing.length > 0) {
  process.stderr.write(
    `The public API changed: ${differing.join(', ')}. If it should, run npm run build && npm run api.\n`,
  );
  process.exitCode = 1;
}

function firstDifference(before: string, now: string): string {
  const read = (file: string): readonly string[] => (existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []);
  const [old, young] = [read(before), read(now)];
  const at = young.findIndex((line, index) => line !== old[index]);
  return `${before}:${at + 1}\n- ${old[at] ?? ''}\n+ ${young[at] ?? ''}`;
}
