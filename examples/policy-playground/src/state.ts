/** What the page was told: all of it fits into the fragment of its address. */
export interface PlaygroundState {
  /** As written, with white space. */
  readonly policy: string;
  readonly context: 'tr' | 'wsh';
  readonly musig: 'none' | 'internal' | 'everywhere';
  readonly ifFree: boolean;
  /** Names of keys that will not sign. */
  readonly absent: readonly string[];
  /** Hashes, in hexadecimal, whose preimages stay unknown. */
  readonly hidden: readonly string[];
  /** Height of the best block of the chain. */
  readonly height: number;
  /** Confirmations of the coin, from 1 up. */
  readonly confirmations: number;
  /** Median time of the best block at least, Unix seconds; the chain's own ten minutes for each block when absent. */
  readonly clock: number | undefined;
}

/** Blocks of a fresh chain until it has money to pay with. */
export const FIRST_FUNDING = 102;
/** The longest chain that the page mines. */
export const HIGHEST = 30_000;

/** The state without anything said but a policy. */
export function stateOf(policy: string): PlaygroundState {
  return {
    policy,
    context: 'tr',
    musig: 'internal',
    ifFree: false,
    absent: [],
    hidden: [],
    height: FIRST_FUNDING,
    confirmations: 1,
    clock: undefined,
  };
}

/** Numbers as a chain can have them: the coin is paid in one of its blocks. */
export function withinChain(state: PlaygroundState): PlaygroundState {
  const confirmations = clamp(state.confirmations, 1, HIGHEST - FIRST_FUNDING + 1);
  const height = clamp(state.height, FIRST_FUNDING + confirmations - 1, HIGHEST);
  return { ...state, confirmations, height };
}

function clamp(value: number, least: number, most: number): number {
  return Number.isFinite(value) ? Math.min(most, Math.max(least, Math.round(value))) : least;
}

/** The fragment of a state, without `#`. */
export function writeLink(state: PlaygroundState): string {
  const plain = stateOf(state.policy);
  const said = new URLSearchParams({ policy: state.policy });
  if (state.context !== plain.context) said.set('context', state.context);
  if (state.musig !== plain.musig) said.set('musig', state.musig);
  if (state.ifFree) said.set('if', 'free');
  if (state.absent.length > 0) said.set('absent', state.absent.join(','));
  if (state.hidden.length > 0) said.set('hidden', state.hidden.join(','));
  if (state.height !== plain.height) said.set('height', String(state.height));
  if (state.confirmations !== plain.confirmations) said.set('confirmations', String(state.confirmations));
  if (state.clock !== undefined) said.set('clock', String(state.clock));
  // A link is read by people: brackets, commas and odds need no escape in a fragment.
  return said.toString().replaceAll('%28', '(').replaceAll('%29', ')').replaceAll('%2C', ',').replaceAll('%40', '@');
}

/** The state that a fragment says; `undefined` when it names no policy. Whatever it says wrongly is left out. */
export function readLink(fragment: string): PlaygroundState | undefined {
  const said = new URLSearchParams(fragment.replace(/^#/, ''));
  const policy = said.get('policy');
  if (policy === null) return undefined;
  const plain = stateOf(policy);
  const clock = Number(said.get('clock') ?? Number.NaN);
  return withinChain({
    policy,
    context: said.get('context') === 'wsh' ? 'wsh' : 'tr',
    musig: oneOf(said.get('musig'), ['none', 'internal', 'everywhere'], 'internal'),
    ifFree: said.get('if') === 'free',
    absent: listOf(said.get('absent')),
    hidden: listOf(said.get('hidden')),
    height: Number(said.get('height') ?? plain.height),
    confirmations: Number(said.get('confirmations') ?? plain.confirmations),
    clock: Number.isInteger(clock) && clock >= 0 && clock < 0xffff_0000 ? clock : undefined,
  });
}

function oneOf<Value extends string>(value: string | null, values: readonly Value[], otherwise: Value): Value {
  return values.find((one) => one === value) ?? otherwise;
}

function listOf(text: string | null): readonly string[] {
  return text === null || text === '' ? [] : text.split(',');
}
