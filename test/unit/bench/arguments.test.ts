import assert from 'node:assert/strict';
import { parseArguments } from '../../../bench/arguments.ts';

describe('npm run bench', () => {
  it('measures three rounds unless told otherwise', () => {
    const { scenario, rounds, profile } = parseArguments(['saga']);
    assert.deepEqual({ scenario, rounds, profile }, { scenario: 'saga', rounds: 3, profile: false });
    assert.equal(parseArguments(['saga', '--rounds', '5']).rounds, 5);
  });

  it('says how it is used when the scenario is missing or unknown, or a number is none', () => {
    for (const args of [
      [],
      ['unknown'],
      ['saga', 'saga'],
      ['saga', '--rounds', '0'],
      ['saga', '--seconds', 'x'],
    ])
      assert.throws(() => parseArguments(args), /usage: npm run bench/);
  });
});
