import { method, type RpcCategory, usage } from '../method.ts';
import { readInt } from '../arguments.ts';
import type { RegtestNode } from '../node.ts';
import { RpcCode, RpcError } from '../rpc-error.ts';

/** What a node can be asked to log; this one logs the same always. */
const LOG_CATEGORIES =
  'addrman bench blockstorage cmpctblock coindb estimatefee http i2p ipc leveldb libevent mempool mempoolrej net proxy prune qt rand reindex rpc scan selectcoins tor txpackages txreconciliation validation walletdb zmq'.split(
    ' ',
  );

/** The methods under `== Control ==`, and the hidden ones for tests. */
export function controlMethods(all: () => readonly RpcCategory<RegtestNode>[]): readonly RpcCategory<RegtestNode>[] {
  return [
    {
      title: 'Control',
      methods: [
        method('getmemoryinfo', 'mode:str?', (_, [mode = 'stats']) => {
          if (mode !== 'stats') throw new RpcError(RpcCode.INVALID_PARAMETER, `unknown mode ${String(mode)}`);
          const { heapUsed, heapTotal } = process.memoryUsage();
          const locked = { used: heapUsed, free: heapTotal - heapUsed, total: heapTotal, locked: 0 };
          return { locked: { ...locked, chunks_used: 1, chunks_free: 1 } };
        }),
        method('getrpcinfo', '', (node) => ({
          active_commands: [{ method: 'getrpcinfo', duration: 1 }],
          logpath: node.logPath,
        })),
        method('help', 'command:str?', (_, [command]) => helpFor(all(), command as string | undefined)),
        method('logging', 'include:arr? exclude:arr?', () =>
          Object.fromEntries(LOG_CATEGORIES.map((category) => [category, false])),
        ),
        method('stop', 'wait:num?', (node) => {
          setImmediate(() => node.onStop());
          return 'BitcoinEnterprise stopping';
        }),
        method('uptime', '', (node) => Math.floor((Date.now() - node.startedAt) / 1_000)),
      ],
    },
    {
      title: 'Hidden',
      methods: [
        ...['echo', 'echojson'].map((name) =>
          method<RegtestNode>(name, Array.from({ length: 10 }, (_, i) => `arg${i}:any?`).join(' '), (_, args) =>
            args.map((arg) => arg ?? null),
          ),
        ),
        {
          ...method<RegtestNode>('generate', '', () => {
            throw new RpcError(RpcCode.METHOD_NOT_FOUND, GENERATE_HELP);
          }),
          help: GENERATE_HELP,
        },
        method('setmocktime', 'timestamp:num', (node, [timestamp]) => {
          const time = readInt(timestamp, { range: 'long' });
          if (time < 0 || time > 9_223_372_036)
            throw new RpcError(
              RpcCode.INVALID_PARAMETER,
              `Mocktime must be in the range [0, 9223372036], not ${time}.`,
            );
          node.mockTime = time;
        }),
        method('mockscheduler', 'delta_time:num', (_, [delta]) => {
          const seconds = readInt(delta, { range: 'long' });
          if (seconds <= 0 || seconds > 3_600)
            throw new RpcError(RpcCode.MISC, 'delta_time must be between 1 and 3600 seconds (1 hr)');
        }),
        method('syncwithvalidationinterfacequeue', '', () => null),
      ],
    },
  ];
}

/** What became of a method of old, which many still try. */
const GENERATE_HELP =
  'generate\n\nhas been replaced by the -generate cli option. Refer to -help for more information.\n';

function helpFor(categories: readonly RpcCategory<RegtestNode>[], command: string | undefined): string {
  if (command === undefined)
    return categories
      .filter(({ title }) => title !== 'Hidden')
      .toSorted((a, b) => (a.title < b.title ? -1 : 1))
      .map(({ title, methods }) => {
        const lines = methods.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(usage);
        return [`== ${title} ==`, ...lines].join('\n');
      })
      .join('\n\n');
  for (const { methods } of categories)
    for (const found of methods) if (found.name === command) return found.help ?? `${usage(found)}\n`;
  return `help: unknown command: ${command}`;
}
