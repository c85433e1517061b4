import assert from 'node:assert/strict';
import { oneLookAtATime, sharedLook } from '../../../api/reading/shared-looks.ts';

/** Looks that are answered, or fail, when the test says so. */
function controlledLooks() {
  const looks: { keys: readonly string[]; answer: () => void; fail: (error: Error) => void }[] = [];
  const look = (keys: readonly string[]): Promise<Map<string, string>> =>
    new Promise((resolve, reject) => {
      const answer = (): void => {
        resolve(new Map(keys.filter((key) => key !== 'absent').map((key) => [key, `${key} found`])));
      };
      looks.push({ keys, answer, fail: reject });
    });
  return { looks, look };
}
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('one look at a time', () => {
  it('is for all who ask together, each of whom gets their own', async () => {
    const { looks, look } = controlledLooks();
    const find = oneLookAtATime(look);
    const asked = Promise.all([find('a'), find('b'), find('a'), find('absent')]);
    await nextTurn();
    assert.deepEqual(
      looks.map(({ keys }) => keys),
      [['a', 'b', 'absent']],
    );
    looks[0]?.answer();
    assert.deepEqual(await asked, ['a found', 'b found', 'a found', undefined]);
  });

  it('is not shared by those who ask while it is under way: all of them are in the next', async () => {
    const { looks, look } = controlledLooks();
    const find = oneLookAtATime(look);
    const first = find('a');
    await nextTurn();
    const later = Promise.all([find('a'), find('b')]);
    await nextTurn();
    assert.equal(looks.length, 1);
    looks[0]?.answer();
    await first;
    await nextTurn();
    assert.deepEqual(looks[1]?.keys, ['a', 'b']);
    looks[1].answer();
    assert.deepEqual(await later, ['a found', 'b found']);
  });

  it('that fails is told to those who are in it, and the next one is begun', async () => {
    const { looks, look } = controlledLooks();
    const find = oneLookAtATime(look);
    const failing = Promise.all([find('a'), find('b')]);
    await nextTurn();
    const later = find('c');
    looks[0]?.fail(new Error('out of reach'));
    await assert.rejects(failing, /out of reach/);
    await nextTurn();
    looks[1]?.answer();
    assert.equal(await later, 'c found');
  });
});

describe('a shared look', () => {
  it('is for all who ask while it is under way, and not for those who ask later', async () => {
    let looks = 0;
    const ask = sharedLook(async () => {
      looks += 1;
      await nextTurn();
      return looks;
    });
    assert.deepEqual(await Promise.all([ask(), ask()]), [1, 1]);
    assert.equal(await ask(), 2);
  });
});
