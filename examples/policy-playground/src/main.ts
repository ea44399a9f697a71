/** Builds the page and serves it on this machine until it is stopped. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { servePage } from '../../../scripts/nodes/page-server.ts';

const { values } = parseArgs({ options: { port: { type: 'string', default: '4173' } } });
const page = await servePage(resolve(import.meta.dirname, '..'), { port: Number(values.port) });
process.stderr.write(`The policy playground is at ${page.url} (Ctrl-C ends it)\n`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void page.close());
