export * from './model.ts';
export type { SourcePlace } from './source.ts';
export { sourceOfClause } from './source.ts';
export type { ChainView, OutputAge } from './chain-view.ts';
export { mapScript, mapWay } from './fragment-map.ts';
export { debugSpend, type DebugSpendOptions, type NamedPublicKey } from './session.ts';
export { nextStep, previousStep, stepAt } from './steps.ts';
export {
  type ExplainedCell,
  type ExplainedClause,
  explainTransition,
  type ExplainOptions,
  type TransitionExplanation,
} from './explain.ts';
export { type DebugSessionJson, type DebugStepJson, sessionToJson, type StacksJson } from './json.ts';
export { renderExplanation, renderSession, renderStep } from './render.ts';
export { sessionHtml, type SessionHtmlOptions } from './html.ts';
export type { ClauseStatus } from './standing.ts';
