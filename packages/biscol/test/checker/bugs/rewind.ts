import type { Counterexample } from '@bitcoin-enterprise/biscol/checker';
import { currentCrypto, displayHash, parseHex } from '@bitcoin-enterprise/core';
import type { Bitcoind } from '../../../../../scripts/nodes/bitcoind.ts';

/**
 * Takes a node back to where it knows no block but those of a counterexample: counterexamples begin with the same hundred
 * blocks, and a node for each would spend its time on those.
 */
export async function rewind(node: Bitcoind, { blocks }: Counterexample, invalid: Set<string>): Promise<void> {
  const own = new Set(blocks.map(hashOf));
  for (;;) {
    const tip = await node.rpc<number>('getblockcount');
    let last = 0;
    for (let height = Math.min(tip, blocks.length); height > 0 && last === 0; height--)
      if (own.has(await node.rpc<string>('getblockhash', [height]))) last = height;
    const again = [...invalid].find((hash) => own.has(hash));
    if (last < tip) {
      const first = await node.rpc<string>('getblockhash', [last + 1]);
      await node.rpc('invalidateblock', [first]);
      invalid.add(first);
    } else if (again === undefined) return;
    else {
      await node.rpc('reconsiderblock', [again]);
      invalid.delete(again);
    }
  }
}

function hashOf(block: string): string {
  return displayHash(currentCrypto().hash256(parseHex(block.slice(0, 160))));
}
