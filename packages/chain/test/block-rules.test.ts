import { displayHash, hasCode } from '@bitcoin-enterprise/core';
import { describe, expect, it } from 'vitest';
import { blockFaults } from './support/block-faults.ts';
import { buildBlock } from './support/block-workshop.ts';
import { createFaultScene } from './support/fault-scene.ts';

const scene = createFaultScene();

/** Why the chain refuses a block: the reason, or `accepted`. */
function reasonFor(block: Uint8Array): string {
  try {
    scene.chain.submitBlock(block);
    return 'accepted';
  } catch (error) {
    if (hasCode(error, 'CHAIN_BLOCK_REJECTED')) return error.details.reason;
    throw error;
  }
}

describe('the chain refuses a block with', () => {
  it.for(blockFaults)('$name: $reason', ({ reason, block }) => {
    const before = displayHash(scene.chain.tip.hash);

    expect(reasonFor(block(scene))).toBe(reason);
    expect(displayHash(scene.chain.tip.hash)).toBe(before);
  });
});

it('names the transaction, the input and the script error at fault', () => {
  const fault = blockFaults.find(({ name }) => name === 'OP_VERIFY of zero');
  try {
    scene.chain.submitBlock((fault as (typeof blockFaults)[number]).block(scene));
    expect.unreachable();
  } catch (error) {
    // The block is known to be bad since the case above.
    expect(hasCode(error, 'CHAIN_BLOCK_REJECTED') && error.details.reason).toBe('duplicate-invalid');
  }
  scene.chain.mine(1);
  try {
    scene.chain.submitBlock((fault as (typeof blockFaults)[number]).block(scene));
    expect.unreachable();
  } catch (error) {
    expect(hasCode(error, 'CHAIN_BLOCK_REJECTED') && error.details).toMatchObject({
      scriptError: 'VERIFY',
      inputIndex: 0,
      txid: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  }
});

it('takes the hand-made block that has no fault', () => {
  expect(reasonFor(buildBlock(scene.chain))).toBe('accepted');
});
