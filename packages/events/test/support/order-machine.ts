import type { Machine } from '@bitcoin-enterprise/events';

export type OrderEvent =
  | { readonly type: 'ordered' }
  | { readonly type: 'charged' }
  | { readonly type: 'declined'; readonly why: string }
  | { readonly type: 'shipped' }
  | { readonly type: 'reminded' }
  | { readonly type: 'expired' };

export type OrderEffect = { readonly type: 'charge'; readonly sat: string } | { readonly type: 'ship' };

export interface OrderState {
  readonly phase: 'new' | 'charging' | 'shipping' | 'done' | 'failed';
  readonly reminders: number;
}

/** An order that is charged, shipped, and expires when it is not charged in time. */
export const order: Machine<OrderState, OrderEvent, OrderEffect> = {
  name: 'order',
  initial: () => ({ phase: 'new', reminders: 0 }),
  step(state, event) {
    const wrong = { refused: `${event.type} in ${state.phase}` };
    switch (event.type) {
      case 'ordered':
        if (state.phase !== 'new') return wrong;
        return {
          state: { ...state, phase: 'charging' },
          asks: [
            { effect: { type: 'charge', sat: '5000' }, key: 'charge' },
            { timer: 'expiry', due: { height: 100 }, event: { type: 'expired' } },
            { timer: 'reminder', due: { time: 1_700_000_060_000 }, event: { type: 'reminded' } },
          ],
        };
      case 'charged':
        if (state.phase !== 'charging') return wrong;
        return {
          state: { ...state, phase: 'shipping' },
          asks: [{ effect: { type: 'ship' }, key: 'ship' }, { cancel: 'expiry' }, { cancel: 'reminder' }],
        };
      case 'declined':
        return state.phase === 'charging' ? { state: { ...state, phase: 'failed' } } : wrong;
      case 'shipped':
        return state.phase === 'shipping' ? { state: { ...state, phase: 'done' } } : wrong;
      case 'reminded':
        return state.phase === 'charging' ? { state: { ...state, reminders: state.reminders + 1 } } : wrong;
      case 'expired':
        return state.phase === 'charging' ? { state: { ...state, phase: 'failed' } } : wrong;
    }
  },
};
