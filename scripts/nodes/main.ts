/** `npm run nodes -- bitcoind|anvil|postgres|nats|softhsm [arguments]`: starts a node by hand and says how to talk to it. */
import { startAnvil } from './anvil.ts';
import { startBitcoind } from './bitcoind.ts';
import { startNats } from './nats.ts';
import { startPostgres } from './postgres.ts';
import { startSoftHsm } from './softhsm.ts';

const [name, ...args] = process.argv.slice(2);
const print = (lines: readonly string[]): boolean => process.stdout.write(`${lines.join('\n')}\n`);

if (name === 'bitcoind') {
  const node = await startBitcoind({ args });
  const command = `curl --user '${node.cookie}' --data '{"method":"getblockchaininfo"}' ${node.rpcUrl}`;
  print([
    node.version,
    `from     ${node.source}`,
    `RPC      ${node.rpcUrl}`,
    `datadir  ${node.datadir}`,
    `try      ${command}`,
  ]);
} else if (name === 'anvil') {
  const node = await startAnvil({ args });
  const body = '{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}';
  const command = `curl --header 'content-type: application/json' --data '${body}' ${node.rpcUrl}`;
  print([node.version, `from     ${node.source}`, `RPC      ${node.rpcUrl}`, `try      ${command}`]);
} else if (name === 'postgres') {
  const node = await startPostgres();
  print([node.version, `from     ${node.source}`, `URL      ${node.url}`, `try      psql ${node.url}`]);
} else if (name === 'nats') {
  const node = await startNats({ args });
  print([node.version, `from     ${node.source}`, `URL      ${node.url}`]);
} else if (name === 'softhsm') {
  const node = await startSoftHsm();
  const variables = Object.entries(node.environment).map(([variable, value]) => `${variable}=${value}`);
  print([
    `SoftHSM ${node.version}`,
    `from     ${node.source}`,
    `module   ${node.module}`,
    `token    ${node.token}, PIN ${node.pin}`,
    `env      ${variables.join(' ')}`,
  ]);
} else {
  print(['usage: npm run nodes -- bitcoind|anvil|postgres|nats|softhsm [arguments for it]']);
  process.exit(2);
}
print(['Ctrl-C stops it.']);
// The node ends with this process; the timer keeps the process until then.
setInterval(() => {}, 3_600_000);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(0));
