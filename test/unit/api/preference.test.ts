import assert from 'node:assert/strict';
import { waitPreferred } from '../../../api/waiting/preference.ts';

describe('Prefer: wait', () => {
  const cases: Record<string, number | undefined> = {
    'wait=10': 10,
    'WAIT=10': 10,
    'wait = 10': 10,
    'wait="10"': 10,
    'wait=10; why=shop': 10,
    'respond-async, wait=5': 5,
    'return=minimal; foo="a, wait=7", wait=3': 3,
    'wait=3, wait=9': 3,
    'wait=100': 30,
    'wait=0': undefined,
    'wait=-1': undefined,
    'wait=1.5': undefined,
    'wait=soon, wait=9': undefined,
    wait: undefined,
    'waiting=10': undefined,
    'foo="wait=10"': undefined,
    'foo="wait=10': undefined,
    '': undefined,
  };
  for (const [header, seconds] of Object.entries(cases))
    it(`"${header}" asks for ${seconds ?? 'nothing that can be read'}`, () => {
      assert.equal(waitPreferred(header, 30), seconds);
    });

  it('nothing is asked for without it, and nobody waits where the longest wait is 0', () => {
    assert.equal(waitPreferred(undefined, 30), undefined);
    assert.equal(waitPreferred('wait=10', 0), undefined);
  });
});
