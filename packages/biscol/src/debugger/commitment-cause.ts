import { equalBytes } from '@bitcoin-enterprise/core';
import { takeApart } from './known.ts';
import { inputOf, type Scene, works } from './scene.ts';
import type { Finding } from './signature-cause.ts';

/** Bytes of a control block before its path, and of each step of it (BIP341). */
const BASE_SIZE = 33;
const STEP_SIZE = 32;
const MOST_SIZE = BASE_SIZE + 128 * STEP_SIZE;

/** Why the output does not commit to what the witness reveals (BIP341). */
export function explainCommitment(scene: Scene): Finding {
  const { known } = scene;
  const witness = takeApart(inputOf(scene).witness);
  const { script, controlBlock } = witness;
  if (script === undefined || controlBlock === undefined)
    return { cause: 'missing-witness-item', text: 'the witness is empty: nothing was signed' };
  const { taproot, leaves } = known;
  const own = leaves.find((leaf) => equalBytes(leaf.script, script));
  const owner = leaves.find((leaf) => equalBytes(leaf.controlBlock, controlBlock));
  if (own === undefined && taproot !== undefined && (owner !== undefined || isSizeRight(controlBlock)))
    return { cause: 'wrong-leaf', text: 'the script is not one of those of the output' };
  if (!isSizeRight(controlBlock))
    return {
      cause: 'wrong-control-block',
      text: `expected a control block of 33 bytes and 32 for each step, got ${controlBlock.length}`,
    };
  if (own !== undefined && owner !== undefined) {
    const path = known.ways.find(({ leaf }) => leaf === owner)?.path;
    return {
      cause: 'wrong-control-block',
      text: `the control block is that of ${path === undefined ? 'another leaf' : `a leaf of the path ${path}`}`,
    };
  }
  if (own !== undefined) return explainBlock(controlBlock, own.controlBlock);
  // Nothing is known of the output: a single bit may still tell.
  const flipped = new Uint8Array(controlBlock);
  flipped[0] = (controlBlock[0] as number) ^ 1;
  const isParity = works(scene, {
    witness: [...witness.items, script, flipped, ...(witness.annex === undefined ? [] : [witness.annex])],
  });
  if (isParity)
    return { cause: 'wrong-control-block', text: 'the control block says the wrong parity of the output key' };
  return {
    cause: 'wrong-control-block',
    text: 'the output does not commit to this script with this control block',
  };
}

function isSizeRight({ length }: Uint8Array): boolean {
  return length >= BASE_SIZE && length <= MOST_SIZE && (length - BASE_SIZE) % STEP_SIZE === 0;
}

/** In what a control block differs from the right one. */
function explainBlock(got: Uint8Array, right: Uint8Array): Finding {
  if (!equalBytes(got.subarray(1, BASE_SIZE), right.subarray(1, BASE_SIZE)))
    return { cause: 'wrong-internal-key', text: 'the control block names another internal key' };
  const [first = 0] = got;
  const [meant = 0] = right;
  if ((first & 0xfe) !== (meant & 0xfe))
    return {
      cause: 'wrong-control-block',
      text: `the control block says leaf version ${first & 0xfe}, the output has ${meant & 0xfe}`,
    };
  if (first !== meant)
    return { cause: 'wrong-control-block', text: 'the control block says the wrong parity of the output key' };
  return got.length === right.length
    ? { cause: 'wrong-control-block', text: 'the path of the control block is another one' }
    : {
        cause: 'wrong-control-block',
        text: `the path of the control block has ${(got.length - BASE_SIZE) / STEP_SIZE} steps, the leaf lies ${(right.length - BASE_SIZE) / STEP_SIZE} deep`,
      };
}
