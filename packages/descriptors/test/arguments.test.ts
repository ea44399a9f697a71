import { loadCrypto, SuiteError } from '@bitcoin-enterprise/core';
import { beforeAll, expect, it } from 'vitest';
import * as descriptors from '../src/index.ts';

beforeAll(async () => {
  await loadCrypto();
});

const KEY = '0260b2003c386519fc9eadf2b5cf124dd8eea4c4e68d5e154050a9346ea98ce600';

/** Right arguments of each public function. */
function rightArguments(): Readonly<Record<string, readonly unknown[]>> {
  const descriptor = descriptors.parseDescriptor(`tr(${KEY},pk(${KEY}))`);
  const output = descriptor.derive();
  const fragment = descriptors.parseMiniscript('pk(a)', { context: 'wsh' });
  const policy = descriptors.parsePolicy('pk(a)');
  return {
    boundsOf: [fragment, 'wsh'],
    compileFragment: [fragment, { bytesOf: () => new Uint8Array(33) }],
    compilePolicy: ['pk(a)', { context: 'tr' }],
    costTable: [[]],
    decompileFragment: [Uint8Array.of(0x51), 'wsh'],
    descriptorChecksum: ['raw(00)'],
    englishOf: [policy, { keyName: String }],
    finishSpend: [descriptors.planSpend(output, { canSign: () => true }), { signatureOf: () => new Uint8Array(64) }],
    hasLetters: [fragment.type, 'B'],
    inferDescriptor: [Uint8Array.of(0x51), {}],
    insanityOf: [fragment, { context: 'wsh', keyName: String }],
    keyLabel: [descriptor.keys[0]],
    leavesOf: [undefined],
    liftDescriptor: [descriptor.node],
    liftFragment: [fragment],
    makeFragment: [{ name: '0' }, 'wsh'],
    mapKeys: [fragment, String],
    mermaidTree: [[]],
    parseDescriptor: [`pk(${KEY})`, {}],
    parseMiniscript: ['pk(a)', { context: 'wsh' }],
    parsePolicy: ['pk(a)'],
    pathsOfDescriptor: [descriptor],
    planSpend: [output, { canSign: () => true }, {}],
    printFragment: [fragment, String],
    printPolicy: [policy, String],
    subsOf: [fragment],
    svgTree: [[], {}],
    terminalTree: [[]],
    typeLetters: [fragment.type],
  };
}

const WRONG: readonly unknown[] = [
  null,
  0,
  -1,
  1.5,
  Number.NaN,
  '',
  'x',
  true,
  [],
  {},
  Symbol('s'),
  10n,
  new Uint8Array(3),
];

it('public functions answer wrong arguments with a code', () => {
  const uncoded: string[] = [];
  for (const [name, right] of Object.entries(rightArguments())) {
    const call = (descriptors as unknown as Record<string, (...args: readonly unknown[]) => unknown>)[name];
    for (const [place] of right.entries())
      for (const wrong of WRONG)
        try {
          call?.(...right.map((argument, other) => (other === place ? wrong : argument)));
        } catch (error) {
          if (!(error instanceof SuiteError)) uncoded.push(`${name}, argument ${place}: ${String(error)}`);
        }
  }
  expect(uncoded).toEqual([]);
});
