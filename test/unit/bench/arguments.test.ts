import assert from 'node:assert/strict';
import { parseArguments } from '../../../bench/arguments.ts';

describe('npm run bench', () => {
  it('measures three rounds of the sagas, one under overload, and five of all else unless told otherwise', () => {
    const { scenario, rounds, profile, long } = parseArguments(['saga']);
    assert.deepEqual(
      { scenario, rounds, profile, long },
      { scenario: 'saga', rounds: 3, profile: false, long: false },
    );
    assert.equal(parseArguments(['relay']).rounds, 5);
    assert.equal(parseArguments(['accept']).rounds, 5);
    assert.equal(parseArguments(['projections']).rounds, 5);
    assert.equal(parseArguments(['overload']).rounds, 1);
    assert.equal(parseArguments(['saga', '--rounds', '5']).rounds, 5);
    assert.equal(parseArguments(['relay', '--long']).long, true);
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
