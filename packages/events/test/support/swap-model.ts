/**
 * A sample system for the explorer: a service that makes a payment for coins that a stranger locks on a chain, and must
 * never pay without getting them. `bugs` names the mistakes that can be put into it, one at a time.
 */
import type { Ask, Machine, Message, Model, Outcome, Performance, Step } from '@bitcoin-enterprise/events';

/** The stranger may take his coins back from this height on. */
const REFUND_HEIGHT = 5;
/** No payment begins from this height on: what is left is for the claim. */
const PAY_BEFORE = 3;
const CONFIRMATIONS = 2;
const PRICE = 10;
const LAST_HEIGHT = 6;

export type SwapEvent =
  | { readonly type: 'started' }
  | { readonly type: 'lockSeen'; readonly amount: number }
  | { readonly type: 'lockConfirmed'; readonly amount: number; readonly confirmations: number; readonly height: number }
  | { readonly type: 'paid'; readonly secret: string }
  | { readonly type: 'payFailed' }
  | { readonly type: 'payUnknown' }
  | { readonly type: 'claimConfirmed' }
  | { readonly type: 'claimGone' }
  | { readonly type: 'deadline' };

export type SwapEffect =
  | { readonly type: 'pay'; readonly before: number }
  | { readonly type: 'claim'; readonly secret: string };

export interface SwapState {
  readonly phase: 'new' | 'waiting' | 'paying' | 'claiming' | 'done' | 'failed';
  readonly amount: number;
  readonly secret: string;
  readonly claims: number;
  readonly payments: number;
}

/** The mistakes, each with what it is in real swaps. */
export const bugs = [
  'pays for an unconfirmed lock',
  'pays at one confirmation, which a reorganisation takes back',
  'pays for an underfunded lock',
  'adds up the amounts of repeated messages',
  'pays without a last height, so that a late performance is too late',
  'pays once for each message',
  'pays again under a new key when the outcome is unknown',
  'takes an unknown outcome for a failure',
  'takes a payment that failed for one that is made',
  'forgets to claim',
  'forgets the secret',
  'ignores a claim that a reorganisation took back',
  'claims again under the old key',
  'is done when the claim is only sent',
  'sets no deadline',
  'cancels the deadline when the lock is only seen',
  'takes the deadline for a failure while a payment is under way',
  'lets the deadline overwrite the end',
  'lets a late lock revive a failed swap',
  'lets a repeated message set the phase back',
  'refuses the outcome of a payment after the deadline',
  'uses the deadline’s name for another timer',
  'claims before it has paid',
  'gives up when a claim is taken back',
] as const;

export type Bug = (typeof bugs)[number];

type Asks = ReadonlyArray<Ask<SwapEvent, SwapEffect>>;
type SwapStep = Step<SwapState, SwapEvent, SwapEffect>;

/** The service; right without a bug. */
export function swapMachine(bug?: Bug): Machine<SwapState, SwapEvent, SwapEffect> {
  const has = (name: Bug): boolean => name === bug;
  const deadline: Asks = has('sets no deadline')
    ? []
    : [{ timer: 'deadline', due: { height: PAY_BEFORE }, event: { type: 'deadline' } }];
  const before = has('pays without a last height, so that a late performance is too late') ? 1_000 : PAY_BEFORE;

  function pay(state: SwapState, event: SwapEvent): SwapStep {
    const key = has('pays once for each message') ? `pay ${event.type}${'height' in event ? event.height : ''}` : 'pay';
    const asks: Asks = [{ effect: { type: 'pay', before }, key }];
    const early: Asks = has('claims before it has paid')
      ? [{ effect: { type: 'claim', secret: 'guessed' }, key: 'early claim' }]
      : [];
    return {
      state: { ...state, phase: 'paying', payments: state.payments + 1 },
      asks: [...asks, ...early],
    };
  }

  function claim(state: SwapState, secret: string): SwapStep {
    if (has('forgets to claim')) return { state: { ...state, phase: 'done' } };
    const claims = state.claims + 1;
    const key = has('claims again under the old key') ? 'claim' : `claim ${claims}`;
    const phase = has('is done when the claim is only sent') ? 'done' : 'claiming';
    const kept = has('forgets the secret') ? '' : secret;
    return { state: { ...state, phase, claims, secret: kept }, asks: [{ effect: { type: 'claim', secret }, key }] };
  }

  function lockConfirmed(state: SwapState, event: Extract<SwapEvent, { readonly type: 'lockConfirmed' }>): SwapStep {
    const revived = state.phase === 'failed' && has('lets a late lock revive a failed swap');
    const repeated = state.phase === 'claiming' && has('lets a repeated message set the phase back');
    if (repeated) return { state: { ...state, phase: 'waiting' } };
    const again = state.phase === 'paying' && has('pays once for each message');
    if (state.phase !== 'waiting' && !revived && !again) return { refused: `too late in ${state.phase}` };
    const amount = has('adds up the amounts of repeated messages') ? state.amount + event.amount : event.amount;
    const enough = amount >= PRICE || has('pays for an underfunded lock');
    const needed = has('pays at one confirmation, which a reorganisation takes back') ? 1 : CONFIRMATIONS;
    if (!enough || event.confirmations < needed) return { state: { ...state, amount } };
    return pay({ ...state, amount }, event);
  }

  function deadlineCame(state: SwapState): SwapStep {
    const mistaken =
      (state.phase === 'paying' && has('takes the deadline for a failure while a payment is under way')) ||
      (state.phase === 'done' && has('lets the deadline overwrite the end'));
    if (state.phase !== 'waiting' && !mistaken) {
      if (state.phase === 'paying' && has('refuses the outcome of a payment after the deadline'))
        return { state: { ...state, phase: 'failed' } };
      return { refused: `no deadline in ${state.phase}` };
    }
    return { state: { ...state, phase: 'failed' } };
  }

  return {
    name: 'swap',
    initial: () => ({ phase: 'new', amount: 0, secret: '', claims: 0, payments: 0 }),
    step(state, event) {
      switch (event.type) {
        case 'started':
          if (state.phase !== 'new') return { refused: 'it has started' };
          return { state: { ...state, phase: 'waiting' }, asks: deadline };
        case 'lockSeen':
          if (state.phase !== 'waiting') return { refused: `too late in ${state.phase}` };
          if (has('pays for an unconfirmed lock') && event.amount >= PRICE) return pay(state, event);
          if (has('cancels the deadline when the lock is only seen')) return { state, asks: [{ cancel: 'deadline' }] };
          if (has('uses the deadline’s name for another timer'))
            return {
              state,
              asks: [{ timer: 'deadline', due: { height: LAST_HEIGHT + 1 }, event: { type: 'deadline' } }],
            };
          return { state };
        case 'lockConfirmed':
          return lockConfirmed(state, event);
        case 'paid':
          if (state.phase === 'failed' && has('refuses the outcome of a payment after the deadline'))
            return { refused: 'it has failed' };
          if (state.phase === 'failed' && has('takes the deadline for a failure while a payment is under way'))
            return { refused: 'it has failed' };
          if (state.phase !== 'paying') return { refused: `no payment in ${state.phase}` };
          return claim(state, event.secret);
        case 'payUnknown':
          if (state.phase !== 'paying') return { refused: `no payment in ${state.phase}` };
          if (has('takes an unknown outcome for a failure')) return { state: { ...state, phase: 'failed' } };
          if (has('pays again under a new key when the outcome is unknown'))
            return {
              state: { ...state, payments: state.payments + 1 },
              asks: [{ effect: { type: 'pay', before }, key: `pay ${state.payments + 1}` }],
            };
          // Another question to the same payment: its key is what makes it one.
          return {
            state: { ...state, payments: state.payments + 1 },
            asks: [{ effect: { type: 'pay', before: -1 }, key: `ask ${state.payments + 1} for pay` }],
          };
        case 'payFailed':
          if (state.phase !== 'paying') return { refused: `no payment in ${state.phase}` };
          if (has('takes a payment that failed for one that is made')) return claim(state, 'none');
          return { state: { ...state, phase: 'failed' } };
        case 'claimGone':
          if (has('ignores a claim that a reorganisation took back')) return { refused: 'whatever' };
          if (state.phase !== 'claiming' && state.phase !== 'done') return { refused: `no claim in ${state.phase}` };
          if (has('is done when the claim is only sent') && state.phase === 'done') return { refused: 'it is done' };
          if (has('gives up when a claim is taken back')) return { state: { ...state, phase: 'failed' } };
          return claim(state, state.secret);
        case 'claimConfirmed':
          if (state.phase !== 'claiming') return { refused: `no claim in ${state.phase}` };
          return { state: { ...state, phase: 'done' } };
        case 'deadline':
          return deadlineCame(state);
      }
    },
  };
}

export interface SwapWorld {
  readonly height: number;
  /** `at` is absent while the lock is not confirmed. */
  readonly lock: { readonly amount: number; readonly at?: number } | null;
  readonly spent: { readonly by: 'claim' | 'refund'; readonly at?: number } | null;
  /** What the payment service knows, by its own key. */
  readonly payments: Readonly<Record<string, 'made' | 'failed'>>;
  readonly reorganised: boolean;
  /** What was done that must not be, as seen from above. */
  readonly fault: string;
}

type WorldOutcome = Outcome<SwapWorld, SwapEvent>;

const toSwap = (event: SwapEvent): Message<SwapEvent> => ({ to: 'swap', event });

function moves(world: SwapWorld): readonly WorldOutcome[] {
  const { height, lock, spent, reorganised } = world;
  const found: WorldOutcome[] = [];
  if (lock === null && height < 4)
    for (const [name, amount] of [
      ['lock', PRICE],
      ['lock too little', PRICE / 2],
    ] as const)
      found.push({ name, world: { ...world, lock: { amount } }, messages: [toSwap({ type: 'lockSeen', amount })] });
  const isPaid = Object.values(world.payments).includes('made');
  // The service is up at least once between its payment and the refund height: without that nobody is safe.
  const held = isPaid && spent === null && height + 1 >= REFUND_HEIGHT;
  if (height < LAST_HEIGHT && !held) found.push(mined(world));
  if (!reorganised && lock?.at === height && spent === null)
    found.push({ name: 'reorganisation drops the lock', world: { ...world, reorganised: true, lock: null } });
  if (!reorganised && spent?.by === 'claim' && spent.at === height && height + 1 < REFUND_HEIGHT)
    found.push({
      name: 'reorganisation drops the claim',
      world: { ...world, reorganised: true, spent: null },
      messages: [toSwap({ type: 'claimGone' })],
    });
  if (height >= REFUND_HEIGHT && lock?.at !== undefined && spent === null)
    found.push({ name: 'refund', world: { ...world, spent: { by: 'refund', at: height } } });
  return found;
}

function mined(world: SwapWorld): WorldOutcome {
  const height = world.height + 1;
  const lock = world.lock === null ? null : { ...world.lock, at: world.lock.at ?? height };
  const spent = world.spent === null ? null : { ...world.spent, at: world.spent.at ?? height };
  const messages: Message<SwapEvent>[] = [];
  const confirmations = lock === null ? 0 : height - lock.at + 1;
  if (lock !== null && spent === null && confirmations <= CONFIRMATIONS)
    messages.push(toSwap({ type: 'lockConfirmed', amount: lock.amount, confirmations, height }));
  if (spent?.by === 'claim' && spent.at === height) messages.push(toSwap({ type: 'claimConfirmed' }));
  return { name: 'block', world: { ...world, height, lock, spent }, messages };
}

function perform(
  world: SwapWorld,
  asked: Performance<SwapEffect>,
): ReadonlyArray<WorldOutcome & { readonly reply?: SwapEvent }> {
  if (asked.effect.type === 'claim') return [claimIn(world, asked.effect.secret)];
  // A question to a payment names it behind `for`.
  const key = asked.key.split(' for ').at(-1) ?? '';
  const known = world.payments[key];
  if (known === 'made') return [{ name: 'already paid', world, reply: { type: 'paid', secret: 's' } }];
  if (known === 'failed') return [{ name: 'already failed', world, reply: { type: 'payFailed' } }];
  if (world.height >= asked.effect.before) return [{ name: 'too late', world, reply: { type: 'payFailed' } }];
  const failed: SwapWorld = { ...world, payments: { ...world.payments, [key]: 'failed' } };
  const made: SwapWorld = { ...world, payments: { ...world.payments, [key]: 'made' } };
  return [
    { name: 'paid', world: made, reply: { type: 'paid', secret: 's' } },
    { name: 'failed', world: failed, reply: { type: 'payFailed' } },
    { name: 'paid, but nobody says so', world: made, reply: { type: 'payUnknown' } },
  ];
}

function claimIn(world: SwapWorld, secret: string): WorldOutcome & { readonly reply?: SwapEvent } {
  // Whoever asks for a claim that stands already is told so: the news of it may be older than the question.
  if (world.spent?.by === 'claim' && world.spent.at !== undefined)
    return { name: 'claimed before', world, reply: { type: 'claimConfirmed' } };
  if (secret !== 's') return { name: 'claimed', world: { ...world, fault: 'claimed without the secret' } };
  if (world.spent !== null || world.lock === null) return { name: 'claimed', world };
  return { name: 'claimed', world: { ...world, spent: { by: 'claim' } } };
}

/** The whole system. */
export function swapModel(bug?: Bug): Model<SwapState, SwapEvent, SwapEffect, SwapWorld> {
  return {
    machines: { swap: swapMachine(bug) },
    world: { height: 0, lock: null, spent: null, payments: {}, reorganised: false, fault: '' },
    messages: [toSwap({ type: 'started' })],
    perform,
    moves,
    now: ({ height }) => ({ height }),
    invariant({ world }) {
      const payments = Object.values(world.payments).filter((outcome) => outcome === 'made').length;
      if (world.fault !== '') return world.fault;
      if (payments > 1) return 'paid twice';
      if (payments === 1 && world.lock === null) return 'paid, and there is no lock';
      if (payments === 1 && (world.lock?.amount ?? 0) < PRICE) return 'paid for too small a lock';
      if (payments === 1 && world.spent?.by === 'refund') return 'paid, and the lock was refunded';
      return undefined;
    },
    settled({ states, world }) {
      const phase = states['swap']?.phase;
      const isPaid = Object.values(world.payments).includes('made');
      if (isPaid && world.spent?.by !== 'claim') return 'paid, and never claimed';
      if (isPaid && phase !== 'done') return `paid and claimed, and the swap is ${phase}`;
      if (phase !== 'done' && phase !== 'failed') return `at rest, and the swap is ${phase}`;
      if (phase === 'done' && !isPaid) return 'done, and nothing was paid';
      return undefined;
    },
  };
}
