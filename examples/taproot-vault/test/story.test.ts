import { BitcoindRpc } from '@bitcoin-enterprise/chain/bitcoind';
import { loadCrypto } from '@bitcoin-enterprise/core';
import { describe, expect, it } from 'vitest';
import { findBitcoind, startBitcoind } from '../../../scripts/nodes/bitcoind.ts';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { replayStory } from '../src/replay.ts';
import { renderReport } from '../src/report.ts';
import { tellStory } from '../src/story.ts';

const present = orSkip('bitcoind', await findBitcoind());
const { engine } = await loadCrypto();

describe('the vault on the embedded chain', () => {
  const story = tellStory(engine);

  it('opens to two recovery keys at once and to the hot key after the delay, and to nothing else', () => {
    const outcomes = story.attempts.map(({ title, accepted, reason }) => [title, accepted ? 'accepted' : reason]);

    expect(outcomes).toMatchInlineSnapshot(`
      [
        [
          "the hot key spends before the delay is over",
          "non-BIP68-final",
        ],
        [
          "a thief with the hot key claims a delay of one block",
          "mandatory-script-verify-flag-failed (Locktime requirement not satisfied)",
        ],
        [
          "one recovery key alone",
          "mandatory-script-verify-flag-failed (Script evaluated without error but finished with a false/empty top stack element)",
        ],
        [
          "two recovery keys",
          "accepted",
        ],
        [
          "the hot key spends after the delay",
          "accepted",
        ],
      ]
    `);
  });

  it('shows the line of the script that refuses an early spend', () => {
    const { trace } = story.attempts[1] as (typeof story.attempts)[number];
    const { phase, name, stack } = trace.steps.at(-1) as (typeof trace.steps)[number];

    expect(trace.verdict).toEqual({ ok: false, error: 'UNSATISFIED_LOCKTIME' });
    expect({ phase, name, stack }).toEqual({
      phase: 'tapscript',
      name: 'OP_CHECKSEQUENCEVERIFY',
      stack: [Uint8Array.of(10)],
    });
  });

  it('is the same on every run', () => {
    expect(tellStory(engine).chain.tip.hash).toEqual(story.chain.tip.hash);
  });

  it.skipIf(present === undefined)('ends in the same block with the same verdicts on a real bitcoind', async () => {
    const node = await startBitcoind();
    try {
      const rpc = new BitcoindRpc({ url: node.rpcUrl, auth: { cookie: node.cookie } });
      const replay = await replayStory(story, rpc);

      expect(replay).toMatchObject({ blocks: story.chain.height, sameTip: true, sameVerdicts: true });
      const page = renderReport(story, replay, engine.name);
      expect(page).toContain('same verdicts');
      expect(page).not.toMatch(/(?:src|href)=/);
    } finally {
      await node.stop();
    }
  });
});
