import { requireFunction, requireList, requireObject } from '../checks.ts';
import { BiscolError } from '../errors.ts';
import type { Counterexample } from './model.ts';

/** A node's JSON-RPC: `BitcoindChain.rpc` of `@bitcoin-enterprise/chain/bitcoind` is one. */
export interface NodeRpc {
  /** One call; throws when the node answers with an error. */
  call(method: string, params: readonly unknown[]): Promise<unknown>;
}

/** What a node says of a counterexample. */
export interface Replayed {
  /** Whether the promise is broken on that node too. */
  readonly isBroken: boolean;
  /** Satoshis that the side was paid there. */
  readonly paid: bigint;
}

/**
 * Replays a counterexample on a regtest node that has nothing but its genesis block: block by block, with every
 * reorganisation, then looks at what is there.
 *
 * @throws BiscolError `BISCOL_REPLAY_REFUSED` with the node's reason when it does not take a block, or ends elsewhere.
 */
export async function replayCounterexample(counterexample: Counterexample, rpc: NodeRpc): Promise<Replayed> {
  const { blocks, tip, paid, least, fees, live } = requireObject<Counterexample>('counterexample', counterexample);
  const { call } = requireObject<NodeRpc>('rpc', rpc);
  requireFunction('rpc.call', call);
  for (const [place, block] of requireList('counterexample.blocks', blocks).entries()) {
    const answer = await rpc.call('submitblock', [block]);
    // A block of a branch with less work is kept and not connected.
    if (answer !== null && answer !== 'inconclusive' && answer !== 'duplicate') throw refused(place, String(answer));
  }
  const best = await rpc.call('getbestblockhash', []);
  if (best !== tip) throw refused(requireList('counterexample.blocks', blocks).length, `another tip, ${String(best)}`);
  let sum = 0n;
  for (const { outpoint, value } of requireList('counterexample.paid', paid) as Counterexample['paid'])
    if (await isThere(rpc, outpoint)) sum += BigInt(value);
  const isLive = (
    await Promise.all(
      (requireList('counterexample.live', live) as readonly string[]).map(async (outpoint) => isThere(rpc, outpoint)),
    )
  ).some((one) => one);
  return { isBroken: isLive || sum + BigInt(fees ?? '0') < BigInt(least ?? '0'), paid: sum };
}

async function isThere(rpc: NodeRpc, outpoint: string): Promise<boolean> {
  const [txid = '', index = ''] = outpoint.split(':');
  const found = await rpc.call('gettxout', [txid, Number(index), false]);
  return found !== null && found !== undefined;
}

function refused(block: number, reason: string): BiscolError {
  return new BiscolError('BISCOL_REPLAY_REFUSED', `expected block ${block} to be taken, got ${reason}`, {
    details: { block, reason },
    hint: 'The node has to be a regtest one with nothing but its genesis block.',
  });
}

/**
 * A counterexample as a program: `node counterexample.mjs http://user:password@127.0.0.1:18443` replays it on a fresh
 * regtest node. It ends with 1 while the promise is broken, 0 once it is kept, 2 when the node does not take the blocks.
 */
export function counterexampleScript(counterexample: Counterexample): string {
  const { contract, side, wrong, actions } = requireObject<Counterexample>('counterexample', counterexample);
  const steps = (requireList('counterexample.actions', actions) as readonly string[])
    .map((action, place) => `//   ${place + 1}. ${oneLine(action)}`)
    .join('\n');
  return `// ${oneLine(String(contract))}, promise to ${oneLine(String(side))} broken: ${oneLine(String(wrong))}
${steps}
import { replayCounterexample } from '@bitcoin-enterprise/biscol/checker';

const counterexample = ${JSON.stringify(counterexample)};
const { origin, username, password } = new URL(process.argv[2] ?? 'http://bitcoin:bitcoin@127.0.0.1:18443');
const headers = { authorization: 'Basic ' + btoa(username + ':' + password), 'content-type': 'application/json' };
const call = async (method, params) => {
  const body = JSON.stringify({ jsonrpc: '1.0', id: 1, method, params });
  const answer = await fetch(origin, { method: 'POST', headers, body });
  const { result, error } = await answer.json();
  if (error) throw new Error(error.message);
  return result;
};
try {
  const { isBroken, paid } = await replayCounterexample(counterexample, { call });
  console.log(isBroken ? 'broken: ' + counterexample.wrong : 'kept', '(paid ' + paid + ' sat)');
  process.exitCode = isBroken ? 1 : 0;
} catch (error) {
  console.error(String(error));
  process.exitCode = 2;
}
`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}
