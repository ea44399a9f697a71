/** The inside of a process: hears what the desk asks, and answers. */
import type { PartyMessage } from '@bitcoin-enterprise/biscol';
import type { FromPeer, Start, ToPeer } from './messages.ts';

export function say(message: FromPeer): void {
  if (process.connected) process.send?.(message);
}

/** A refusal with a code. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: string;

  constructor(code: string, text: string) {
    super(`${code}: ${text}`);
    this.code = code;
  }
}

type Answers = Readonly<Record<string, (question: never) => Promise<unknown>>>;

/** Runs a process: `begin` makes what answers. */
export function runPeer(
  begin: (start: Start) => Promise<{
    readonly answers: Answers;
    readonly receive?: (message: PartyMessage) => Promise<void>;
  }>,
): void {
  let begun: ReturnType<typeof begin> | undefined;
  const hear = async (heard: ToPeer): Promise<void> => {
    if (heard.say === 'start') {
      begun = begin(heard.start);
      await begun;
      return say({ say: 'ready' });
    }
    const { answers, receive } = (await begun) ?? { answers: {} };
    // What cannot be used now is told again.
    if (heard.say === 'message') return receive?.(heard.message).catch(() => undefined);
    const { number, kind, question } = heard;
    try {
      const answer = await (answers as Readonly<Record<string, (given: unknown) => Promise<unknown>>>)[kind]?.(
        question,
      );
      say({ say: 'answer', number, answer });
    } catch (error) {
      const { code = 'UNKNOWN', message = '' } = error as { readonly code?: string; readonly message?: string };
      say({ say: 'refusal', number, code, text: message });
    }
  };
  process.on('message', (heard: ToPeer) => void hear(heard));
  // Without its desk it has nobody to talk to.
  process.on('disconnect', () => process.exit(0));
}
