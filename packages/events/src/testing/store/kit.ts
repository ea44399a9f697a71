import type { Promised } from '@bitcoin-enterprise/core/testing';
import type { Append, EventStore } from '../../ports/event-store.ts';
import type { EventStoreHarness } from '../harness.ts';

type Make = () => EventStoreHarness | Promise<EventStoreHarness>;

/** Makes a promise whose harness is closed whatever happens. */
export function promise(
  name: string,
  check: (harness: EventStoreHarness) => Promise<void>,
): Promised<EventStoreHarness> {
  return {
    name,
    async run(make: Make) {
      const harness = await make();
      try {
        await check(harness);
      } finally {
        await harness.close();
      }
    },
  };
}

/** An append of one event. */
export const one = (stream: string, type = 'happened', more: Partial<Append> = {}): Append => ({
  stream,
  events: [{ type, data: { note: type } }],
  ...more,
});

/** Waits in real time, for stores whose clock cannot be moved. */
export async function pass(harness: EventStoreHarness, milliseconds: number): Promise<void> {
  if (harness.clock !== undefined) return harness.clock.advanceMs(milliseconds);
  await new Promise((done) => {
    setTimeout(done, milliseconds + 20);
  });
}

/** What steps the clock of a harness, when something can. */
export function stepOf({ clock, stepClock }: EventStoreHarness): ((milliseconds: number) => Promise<void>) | undefined {
  if (clock === undefined) return stepClock;
  return async (milliseconds) => clock.setMs(clock.nowMs() + milliseconds);
}

/** The types of a stream's events, in their order. */
export const typesOf = async (store: EventStore, stream: string): Promise<readonly string[]> =>
  (await store.readStream(stream)).map(({ type }) => type);
