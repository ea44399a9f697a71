export { type CliResult, runCli } from './run.ts';
