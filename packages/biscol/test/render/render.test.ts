import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { loadCrypto } from '@bitcoin-enterprise/core';
import {
  contractMermaid,
  contractSvg,
  contractTable,
  diffGasReports,
  gasDiffTable,
  gasReport,
} from '@bitcoin-enterprise/biscol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OpenPage, openPage } from '../../../../scripts/nodes/browser.ts';
import { removeFolder, temporaryFolder } from '../../../../scripts/nodes/child.ts';
import { findChromium } from '../../../../scripts/nodes/chromium.ts';
import { orSkip } from '../../../../scripts/nodes/find.ts';
import { allScenarios } from '../contracts/scenarios/all.ts';
import { COVENANTS } from '../support/scenarios.ts';

type CovenantsInput = (typeof COVENANTS)[number];

const chromium = orSkip('chromium', await findChromium());
const [presigned, ctv] = COVENANTS as readonly [CovenantsInput, CovenantsInput];

beforeAll(async () => {
  await loadCrypto();
});

const instances = (covenants: CovenantsInput) =>
  allScenarios().map(({ scenarios }) => {
    const [scenario] = scenarios;
    if (scenario === undefined) throw new Error('a contract without a scenario');
    return scenario.instance(200, covenants);
  });

it('tells of every state and transition, as a table, in Mermaid and as a picture', () => {
  for (const instance of instances(presigned)) {
    const { states, transitions } = instance.contract;
    const table = contractTable(instance);
    const svg = contractSvg(instance);
    const mermaid = contractMermaid(instance);
    for (const name of Object.keys(transitions)) {
      expect(table).toContain(`| ${name} `);
      expect(svg).toContain(`>${name}</text>`);
    }
    for (const name of Object.keys(states)) expect(svg).toContain(`>${name}</text>`);
    expect(mermaid).toMatch(/^stateDiagram-v2\n/);
  }
});

it('finds what a covenant costs presigned rather than by CTV: 65 WU a step, and nothing elsewhere', () => {
  const before = instances(ctv);
  let changed = 0;
  for (const [place, after] of instances(presigned).entries()) {
    const changes = diffGasReports(gasReport(before[place] as typeof after), gasReport(after));
    const transitions = after.contract.transitions as Readonly<Record<string, { readonly covenant?: boolean }>>;
    for (const change of changes) {
      expect(transitions[change.transition]?.covenant, change.transition).toBe(true);
      changed += 1;
      expect((change.after ?? 0) - (change.before ?? 0)).toBeOneOf([64, 65]);
    }
    expect(gasDiffTable(changes).split('\n').length).toBeGreaterThan(changes.length);
  }

  expect(changed).toBeGreaterThanOrEqual(10);
});

describe.skipIf(chromium === undefined)('the picture in headless Chromium', () => {
  let page: OpenPage;
  let folder: string;
  beforeAll(async () => {
    folder = temporaryFolder('biscol-render-');
    page = await openPage((chromium as NonNullable<typeof chromium>).command);
  });
  afterAll(async () => {
    await page.close();
    removeFolder(folder);
  });

  it('has no text that lies on another, or outside', async () => {
    for (const [place, instance] of instances(presigned).entries()) {
      const file = path.join(folder, `${place}.html`);
      writeFileSync(file, `<!doctype html><body>${contractSvg(instance)}</body>`);
      await page.goto(pathToFileURL(file).href);
      const collisions = await page.evaluate(`(() => {
        const frame = document.querySelector('svg').getBoundingClientRect();
        const boxes = [...document.querySelectorAll('svg text')].map((one) => [one.textContent, one.getBoundingClientRect()]);
        const out = boxes.filter(([, b]) => b.left < frame.left || b.right > frame.right || b.top < frame.top || b.bottom > frame.bottom);
        const on = boxes.flatMap(([a, x], i) => boxes.slice(i + 1)
          .filter(([, y]) => x.left < y.right && y.left < x.right && x.top + 2 < y.bottom && y.top + 2 < x.bottom)
          .map(([b]) => a + ' on ' + b));
        return JSON.stringify([...out.map(([a]) => a), ...on]);
      })()`);

      expect(collisions, instance.contract.name).toBe('[]');
    }
  });
});
