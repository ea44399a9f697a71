import { describeValue, hasCode, SuiteError } from '@bitcoin-enterprise/core';
import { describe, expect, expectTypeOf, it } from 'vitest';

describe('an error of the suite', () => {
  const cause = new Error('secret text of somebody else');
  const error = new SuiteError('APP_THING_PROBLEM', 'expected this, got that', {
    details: { amount: 5n, key: new Uint8Array(32).fill(7), list: [1n], nan: Number.NaN },
    hint: 'Do that.',
    retryable: true,
    cause,
  });

  it('opens its message with the code, which survives postMessage', () => {
    expect(error.message).toBe('APP_THING_PROBLEM: expected this, got that');
    expect(structuredClone(error).message).toMatch(/^APP_THING_PROBLEM: /);
  });

  it('becomes JSON without bigints, bytes, stack or foreign text', () => {
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      name: 'SuiteError',
      code: 'APP_THING_PROBLEM',
      message: 'APP_THING_PROBLEM: expected this, got that',
      details: { amount: '5', key: 'Uint8Array of 32 bytes', list: ['1'], nan: 'NaN' },
      hint: 'Do that.',
      retryable: true,
      cause: 'Error',
    });
  });

  it('names the code of a coded cause', () => {
    expect(new SuiteError('A_B', 'x', { details: {}, cause: error }).toJSON().cause).toBe('APP_THING_PROBLEM');
  });

  it('survives details that refer to themselves', () => {
    const details: Record<string, unknown> = {};
    details['self'] = details;

    expect(JSON.stringify(new SuiteError('A_B', 'x', { details }))).toContain('too deep');
  });

  it('is not retryable unless it says so, and has no cause of its own making', () => {
    const plain = new SuiteError('A_B', 'x', { details: {} });

    expect([plain.retryable, plain.hint, 'cause' in plain]).toEqual([false, undefined, false]);
  });
});

describe('hasCode', () => {
  it('goes by the code alone, so that an error of another copy matches', () => {
    const foreign: unknown = Object.assign(new Error('x'), { code: 'CORE_HEX_INVALID', details: { position: 1 } });

    expect(hasCode(foreign, 'CORE_HEX_INVALID')).toBe(true);
    expect(hasCode(foreign, 'CORE_BASE58_INVALID', 'CORE_HEX_INVALID')).toBe(true);
    expect(hasCode(foreign, 'CORE_BASE58_INVALID')).toBe(false);
    for (const other of [undefined, null, 'CORE_HEX_INVALID', 1, {}])
      expect(hasCode(other, 'CORE_HEX_INVALID')).toBe(false);
  });

  it('narrows to the details of the code', () => {
    const error: unknown = undefined;
    if (hasCode(error, 'CORE_AMOUNT_OUT_OF_RANGE')) expectTypeOf(error.details.value).toEqualTypeOf<bigint>();
  });
});

it('a value is described by type and size only', () => {
  const values = [null, undefined, 'key', new Uint8Array(3), [1, 2], 5, 0.5, Number.NaN, 5n, true, {}, () => 1];

  expect(values.map(describeValue)).toEqual([
    'null',
    'undefined',
    'string of 3 characters',
    'Uint8Array of 3 bytes',
    'array of 2',
    'whole number',
    'number that is not whole',
    'NaN',
    'bigint',
    'boolean',
    'object',
    'function',
  ]);
});
