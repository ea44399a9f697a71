export { DescriptorsError, type DescriptorsErrors, type TextFault } from './errors.ts';
export { parseDescriptor, Descriptor, type ParseDescriptorOptions } from './descriptor/descriptor.ts';
export { DerivedOutput, type OutputScripts } from './descriptor/derive.ts';
export { descriptorChecksum } from './descriptor/checksum.ts';
export type { Annotations } from './descriptor/annotations.ts';
export { inferDescriptor, type InferDescriptorOptions, type KnownKey } from './descriptor/infer.ts';
export { parseWalletPolicy, type WalletPolicy, walletPolicyOf } from './descriptor/wallet-policy.ts';
export { silentPaymentAddress, type SilentPaymentAddress } from './descriptor/silent-address.ts';
export { decodeExtendedKey, ExtendedKey, type ExtendedKeyNetwork, type ExtendedKeyParts } from './keys/extended-key.ts';
export { aggregatePublicKeys, sortPublicKeys, syntheticExtendedKey } from './keys/musig.ts';
export type { SilentKey } from './keys/silent-key.ts';
export {
  type DerivedNode,
  type DerivedTaproot,
  type DescriptorNode,
  leavesOf,
  type TapLeafNode,
  type TapTreeNode,
} from './descriptor/model.ts';
export type { DerivedKey, KeyExpression, KeyOrigin, KeyTextForm } from './keys/model.ts';
export {
  type Fragment,
  type FragmentShape,
  type HashFunction,
  keysOf,
  mapKeys,
  type MiniscriptContext,
  type MiniscriptType,
  subsOf,
  type Wrapper,
} from './miniscript/fragment.ts';
export { compileFragment, type ScriptKeys } from './miniscript/script.ts';
export { decompileFragment, type ScriptKey } from './miniscript/decompile.ts';
export { boundsOf, type MiniscriptBounds } from './miniscript/bounds.ts';
export { insanityOf, type Insanity, type InsaneReason } from './miniscript/sanity.ts';
export { hasLetters, makeFragment, typeLetters } from './miniscript/type.ts';
export { printFragment } from './miniscript/print.ts';
export { type Miniscript, parseMiniscript, type ParseMiniscriptOptions } from './miniscript/miniscript.ts';
export { type Policy, printPolicy } from './policy/policy.ts';
export { parsePolicy } from './policy/parse-policy.ts';
export { type CompiledPath, type CompiledPolicy, compilePolicy, type CompilePolicyOptions } from './policy/compile.ts';
export { huffman, type Huffman, type WeightedTree } from './policy/huffman.ts';
export { liftDescriptor, liftFragment, type Meaning } from './policy/lift.ts';
export {
  type PlanOptions,
  planSpend,
  type SpendableFrom,
  type SpendBlocked,
  type SpendPath,
  type SpendPlan,
} from './plan/plan.ts';
export type { SpendAssets } from './plan/assets.ts';
export { satisfy, type Satisfaction, type SatisfyAssets, type SizeRange, type WitnessItem } from './plan/satisfy.ts';
export { finishSpend, type InputScripts, type SpendParts } from './plan/finish.ts';
export { type EnglishOptions, englishOf } from './render/english.ts';
export { keyLabel, pathsOfDescriptor, type RenderPath } from './render/paths.ts';
export { costTable, terminalTree } from './render/terminal.ts';
export { mermaidTree } from './render/mermaid.ts';
export { svgTree, type SvgOptions } from './render/svg.ts';
