/** The same story in a page: nothing here knows Node. */
import { loadCrypto } from '@bitcoin-enterprise/core';
import { tellStory } from './story.ts';

const shown = document.querySelector('#story');
const { engine, notice } = await loadCrypto();
const story = tellStory(engine, (line) => shown?.append(`${line}\n`));
const result = {
  engine: engine.name,
  notice: notice ?? null,
  height: story.chain.height,
  verdicts: story.attempts.map(({ accepted, reason, scriptError }) =>
    accepted ? 'accepted' : (scriptError ?? reason),
  ),
};
const place = document.querySelector('#result');
if (place !== null) place.textContent = JSON.stringify(result);
