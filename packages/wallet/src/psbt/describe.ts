import { equalBytes } from '@bitcoin-enterprise/core';
import {
  aggregatePublicKeys,
  type DerivedKey,
  type DerivedOutput,
  type DerivedTaproot,
  keysOf,
  sortPublicKeys,
  type SpendPlan,
  type TapLeafNode,
} from '@bitcoin-enterprise/descriptors';
import { requireInteger, requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import { requirePsbt } from './require-psbt.ts';
import { updatePsbtInput, updatePsbtOutput } from './create.ts';
import type { MusigParticipants, Psbt, PsbtDerivation, PsbtInput, PsbtOutput, PsbtTapDerivation } from './model.ts';

/** What a descriptor says of an input: scripts, keys and where they come from. */
export type DescribedInput = Pick<
  PsbtInput,
  | 'redeemScript'
  | 'witnessScript'
  | 'derivations'
  | 'tapInternalKey'
  | 'tapMerkleRoot'
  | 'tapLeafScripts'
  | 'tapDerivations'
  | 'musigParticipants'
>;

/**
 * What a descriptor says of an input that spends its output (BIP174, 371 and 373, “Updater”).
 *
 * @param output - From `Descriptor.derive`.
 * @param plan - From `planSpend`: of a Taproot output only the leaf of the plan is told, which keeps the others private
 * and the PSBT small; with the key path none. All leaves when absent.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`.
 */
export function describeInput(output: DerivedOutput, plan?: SpendPlan): DescribedInput {
  requireOutput(output);
  const { taproot } = output;
  const shown = taproot?.leaves.filter((_, index) => isShown(plan, index)) ?? [];
  return {
    ...describeBoth(output),
    ...(taproot?.merkleRoot === undefined ? {} : { tapMerkleRoot: taproot.merkleRoot }),
    tapLeafScripts: shown.map(({ controlBlock, script, leafVersion }) => ({ controlBlock, script, leafVersion })),
  };
}

function isShown(plan: SpendPlan | undefined, index: number): boolean {
  if (plan === undefined) return true;
  return plan.path.kind === 'leaf' && plan.path.index === index;
}

/** What a descriptor says of an output that pays to it: how a signer tells that it is change. */
export type DescribedOutput = Pick<
  PsbtOutput,
  | 'redeemScript'
  | 'witnessScript'
  | 'derivations'
  | 'tapInternalKey'
  | 'tapTree'
  | 'tapDerivations'
  | 'musigParticipants'
>;

/** As {@link describeInput}, of an output. */
export function describeOutput(output: DerivedOutput): DescribedOutput {
  requireOutput(output);
  const leaves = output.taproot?.leaves ?? [];
  const tapTree = leaves.map(({ depth, leafVersion, script }) => ({ depth, leafVersion, script }));
  return { ...describeBoth(output), ...(leaves.length === 0 ? {} : { tapTree }) };
}

/** What is said of inputs and outputs alike. */
function describeBoth(output: DerivedOutput): DescribedOutput {
  const { taproot, redeemScript, witnessScript } = output;
  if (taproot !== undefined || output.node.name === 'rawtr')
    return {
      derivations: [],
      ...(taproot === undefined ? {} : { tapInternalKey: taproot.internalKey }),
      ...describeTaproot(output),
    };
  return {
    ...(redeemScript === undefined ? {} : { redeemScript }),
    ...(witnessScript === undefined ? {} : { witnessScript }),
    derivations: derivationsOf(output),
    tapDerivations: [],
    musigParticipants: [],
  };
}

/**
 * Tells a PSBT what a descriptor says of one of its inputs.
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`, also when the input is known to spend another script.
 */
export function describePsbtInput(psbt: Psbt, index: number, output: DerivedOutput, plan?: SpendPlan): Psbt {
  requirePsbt(psbt);
  requireInteger('index', index, 0, psbt.inputs.length - 1);
  requireOutput(output);
  const spent = psbt.inputs[index]?.witnessUtxo;
  if (spent !== undefined && !output.scripts.some((script) => equalBytes(script, spent.scriptPubKey)))
    throw invalidArgument('output', 'the output that the input spends', output);
  return updatePsbtInput(psbt, index, describeInput(output, plan));
}

/** Tells a PSBT what a descriptor says of one of its outputs; throws as {@link describePsbtInput}. */
export function describePsbtOutput(psbt: Psbt, index: number, output: DerivedOutput): Psbt {
  requirePsbt(psbt);
  requireInteger('index', index, 0, psbt.outputs.length - 1);
  requireOutput(output);
  const paid = psbt.outputs[index];
  if (paid !== undefined && !output.scripts.some((script) => equalBytes(script, paid.scriptPubKey)))
    throw invalidArgument('output', 'the output that is paid', output);
  return updatePsbtOutput(psbt, index, describeOutput(output));
}

function requireOutput(output: DerivedOutput): void {
  requireObject('output', output);
  if (!Array.isArray(output.scripts) || !Array.isArray(output.keys) || typeof output.node !== 'object')
    throw invalidArgument('output', 'what Descriptor.derive returned', output);
}

function derivationsOf({ keys }: DerivedOutput): readonly PsbtDerivation[] {
  const found: PsbtDerivation[] = [];
  for (const { publicKey, origin } of keys)
    if (!found.some((known) => equalBytes(known.publicKey, publicKey))) found.push({ publicKey, origin });
  return found;
}

/** Keys with the leaves that they stand in; those who aggregate are told beside their aggregate (BIP373). */
function describeTaproot(output: DerivedOutput): Pick<PsbtInput, 'tapDerivations' | 'musigParticipants'> {
  const derivations = new TapDerivations();
  const musigParticipants: MusigParticipants[] = [];
  const add = (key: DerivedKey, leafHash: Uint8Array | undefined): void => {
    derivations.add(key.publicKey.subarray(1, 33), key, leafHash);
    if (key.participants.length === 0) return;
    // BIP390 sorts before it aggregates.
    const participants = sortPublicKeys(key.participants.map(({ publicKey }) => publicKey));
    const aggregate = aggregatePublicKeys(participants);
    if (aggregate === undefined) return;
    if (!musigParticipants.some((known) => equalBytes(known.aggregate, aggregate)))
      musigParticipants.push({ aggregate, participants });
    for (const participant of key.participants)
      derivations.add(participant.publicKey.subarray(1, 33), participant, leafHash);
  };
  const { node, taproot } = output;
  if (node.name === 'tr') add(node.internalKey, undefined);
  if (node.name === 'rawtr') add(node.key, undefined);
  for (const [index, leaf] of (taproot?.leafNodes ?? []).entries())
    for (const key of leafKeys(leaf)) add(key, (taproot as DerivedTaproot).leaves[index]?.leafHash);
  return { tapDerivations: derivations.list, musigParticipants };
}

function leafKeys(leaf: TapLeafNode<DerivedKey>): readonly DerivedKey[] {
  return leaf.name === 'miniscript' ? [...keysOf(leaf.fragment)] : leaf.keys;
}

class TapDerivations {
  readonly #found: { publicKey: Uint8Array; leafHashes: Uint8Array[]; origin: PsbtTapDerivation['origin'] }[] = [];

  get list(): readonly PsbtTapDerivation[] {
    return this.#found;
  }

  add(publicKey: Uint8Array, { origin }: DerivedKey, leafHash: Uint8Array | undefined): void {
    let known = this.#found.find((derivation) => equalBytes(derivation.publicKey, publicKey));
    if (known === undefined) {
      known = { publicKey, leafHashes: [], origin };
      this.#found.push(known);
    }
    if (leafHash !== undefined && !known.leafHashes.some((hash) => equalBytes(hash, leafHash)))
      known.leafHashes.push(leafHash);
  }
}
