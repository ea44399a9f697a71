import { invalidArgument, ReceiptsError } from '../errors.ts';
import { requireBytes, requireCount, requireMethods, requireObject, requireText } from '../model/checks.ts';
import { type Anchor, anchorFromBlock, type AnchorClaim, checkAnchor, requireAnchor } from '../model/anchor.ts';
import { type Checkpoint, parseCheckpoint } from '../model/checkpoint.ts';
import { parseNote } from '../model/note.ts';
import type { Receipt } from '../model/receipt.ts';
import type { BestChain } from '../ports/best-chain.ts';
import type { CallOptions } from '../ports/signer.ts';
import type { MerkleLog } from './log.ts';
import { NETWORKS, type NetworkName } from '@bitcoin-enterprise/core';

/** Which anchors are believed. */
export interface AnchorPolicy {
  readonly network: NetworkName;
  /** Tells whether a block is on the best chain. */
  readonly chain: BestChain;
  /** How deep it must be; 6 when absent. */
  readonly minimumConfirmations?: number;
  /** Whether a receipt must have an anchor; `optional` when absent. */
  readonly presence?: 'required' | 'optional';
}

/** What an anchor proves. */
export interface VerifiedAnchor extends AnchorClaim {
  /** Depth of its block when it was asked for. */
  readonly confirmations: number;
}

/**
 * Verifies an anchor: offline all that hashes can say, then that its block is deep enough on the best chain.
 *
 * @param anchor - The proof.
 * @param options - The checkpoint that it should anchor, and the policy.
 * @throws {@link ReceiptsError} `RECEIPTS_ANCHOR_INVALID`, `RECEIPTS_ANCHOR_UNCONFIRMED`; whatever the chain throws.
 */
export async function verifyAnchor(
  anchor: Anchor,
  options: CallOptions & { readonly checkpoint: Checkpoint; readonly policy: AnchorPolicy },
): Promise<VerifiedAnchor> {
  requireAnchor(anchor);
  requireObject('options', options);
  const { checkpoint, policy, signal } = options;
  requireObject('options.checkpoint', checkpoint);
  requireText('options.checkpoint.origin', checkpoint.origin);
  requireCount('options.checkpoint.size', checkpoint.size);
  requireBytes('options.checkpoint.root', checkpoint.root, 32);
  const { network, chain, minimumConfirmations } = readAnchorPolicy(policy);
  const claim = checkAnchor(anchor, { checkpoint, network });
  const answer = await chain.confirmations(claim.blockHash, signal === undefined ? {} : { signal });
  const confirmations = answer === undefined || !(answer >= 1) ? 0 : answer;
  if (confirmations < minimumConfirmations) {
    const details = { confirmations, needed: minimumConfirmations };
    const text = `expected a block ${minimumConfirmations} deep on the best chain, got ${confirmations}`;
    throw new ReceiptsError('RECEIPTS_ANCHOR_UNCONFIRMED', text, { details, retryable: true });
  }
  return { ...claim, confirmations };
}

/**
 * Adds the anchor to a receipt whose checkpoint, or a later one of the log, was anchored in a block.
 *
 * @param receipt - The receipt as issued.
 * @param options - The block, the note or text of the anchored checkpoint, and the log that links the two.
 * @throws {@link ReceiptsError} `RECEIPTS_ANCHOR_INVALID`, `RECEIPTS_INDEX_OUT_OF_RANGE` when the receipt's checkpoint is
 * the later one.
 */
export async function anchorReceipt(
  receipt: Receipt,
  options: CallOptions & {
    readonly block: Uint8Array;
    /** Text of the anchored checkpoint: what was given to `anchorScript`. */
    readonly checkpoint: string;
    readonly log: Pick<MerkleLog, 'proveConsistency'>;
  },
): Promise<Receipt> {
  requireObject('receipt', receipt);
  requireObject('options', options);
  const { block, checkpoint, log, signal } = options;
  requireMethods('options.log', log, ['proveConsistency']);
  const first = parseCheckpoint(parseNote(receipt.checkpoint).text).size;
  const second = parseCheckpoint(checkpoint).size;
  const consistency = await log.proveConsistency(first, second, signal === undefined ? {} : { signal });
  return { ...receipt, anchor: anchorFromBlock(block, { checkpoint, consistency }) };
}

/** The policy with its defaults; `RECEIPTS_INVALID_ARGUMENT` for one that makes no sense. */
export function readAnchorPolicy(policy: AnchorPolicy): Required<AnchorPolicy> {
  requireObject('policy.anchor', policy);
  const { network, chain, minimumConfirmations = 6, presence = 'optional' } = policy;
  if (typeof network !== 'string' || !Object.hasOwn(NETWORKS, network))
    throw invalidArgument('policy.anchor.network', `one of ${Object.keys(NETWORKS).join(', ')}`, network);
  requireMethods('policy.anchor.chain', chain, ['confirmations']);
  requireCount('policy.anchor.minimumConfirmations', minimumConfirmations, 1);
  if (presence !== 'required' && presence !== 'optional')
    throw invalidArgument('policy.anchor.presence', "'required' or 'optional'", presence);
  return { network, chain, minimumConfirmations, presence };
}
