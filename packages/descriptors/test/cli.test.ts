import { describe, expect, it } from 'vitest';
import { runCli } from '../src/cli/index.ts';

const BOB = '03a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd';

const json = (...args: readonly string[]): unknown => JSON.parse(runCli([...args, '--json']).stdout);

describe('the command', () => {
  it('compiles a policy', () => {
    expect(json('compile', 'or(9@pk(alice),and(pk(bob),older(144)))')).toMatchObject({
      template: 'tr(alice,and_v(v:pk(bob),older(144)))',
      gap: 0,
    });
    expect(runCli(['compile', 'thresh(2,pk(A),pk(B),pk(C))', '--wsh']).stdout).toMatch(/^wsh\(multi\(2,A,B,C\)\)/);
    const { stdout } = runCli([
      'compile',
      'or(pk(A),pk(B))',
      '--key',
      `A=${BOB}`,
      '--key',
      `B=${BOB.replace('03', '02')}`,
    ]);
    expect(stdout).toMatch(new RegExp(`^tr\\(${BOB},pk\\(02`));
  });

  it('points at the character', () => {
    const { exitCode, stderr } = runCli(['compile', 'and(pk(A),oldr(5))']);
    expect(exitCode).toBe(1);
    expect(stderr).toBe(
      "DESCRIPTORS_FUNCTION_INVALID: expected pk, older, after, a hash, and, or or thresh, got 'oldr'\n  and(pk(A),oldr(5))\n            ^^^^\n",
    );
    expect(json('compile', 'and(pk(A),oldr(5))')).toMatchObject({ error: { code: 'DESCRIPTORS_FUNCTION_INVALID' } });
  });

  it('explains, plans and derives', () => {
    const descriptor = `wsh(and_v(v:pk(${BOB}),older(12960)))`;
    expect(runCli(['explain', descriptor]).stdout).toMatch(
      /12,960 blocks \(about 3 months\) after the output was confirmed/,
    );
    expect(json('plan', descriptor, '--height', '800000')).toMatchObject({
      ok: false,
      spendableFrom: { height: 812_960, blocks: 12_960 },
    });
    expect(json('plan', descriptor, '--confirmations', '12960')).toMatchObject({ ok: true, sequence: 12_960 });
    expect(json('derive', `wpkh(${BOB})`, '--network', 'regtest')).toMatchObject({
      outputs: [{ index: 0, addresses: [expect.stringMatching(/^bcrt1q/)] }],
    });
    for (const picture of ['--svg', '--mermaid', '--table'])
      expect(runCli(['explain', `tr(${BOB},pk(${BOB.slice(2).replace('a3', 'a3')}))`, picture]).exitCode).toBe(0);
  });

  it('says how it is used', () => {
    expect(runCli([]).stdout).toMatch(/^descriptors explain/);
    for (const args of [
      ['foo', 'x'],
      ['plan'],
      ['compile', 'pk(A)', '--nope'],
      ['derive', `wpkh(${BOB})`, '--count', '0'],
    ])
      expect(runCli(args).exitCode).toBe(2);
  });
});
