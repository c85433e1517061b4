import assert from 'node:assert/strict';
import { closingAfter, untilAllEnd } from '../../../platform/first-error.ts';
import { createReminder } from '../../../platform/reminder.ts';

const [first, later] = [new Error('the cause'), new Error('what followed')];
const failing = (error: Error) => () => Promise.reject(error);

describe('the first error', () => {
  it('is reported where closing fails as well, and the other one is told', async () => {
    const told: unknown[] = [];
    const onLater = (error: unknown): number => told.push(error);
    await assert.rejects(closingAfter(failing(first), failing(later), onLater), first);
    assert.deepEqual(told, [later]);
    await assert.rejects(
      closingAfter(() => Promise.resolve(1), failing(later), onLater),
      later,
      'alone, that of closing',
    );
    assert.equal(
      await closingAfter(
        () => Promise.resolve(1),
        () => Promise.resolve(),
        onLater,
      ),
      1,
    );
  });

  it('by time, not by place, ends all that runs beside, and is thrown once they have ended', async () => {
    const told: unknown[] = [];
    const ended: string[] = [];
    const stopped = (stop: AbortSignal): Promise<void> =>
      new Promise((resolve) => {
        stop.addEventListener('abort', () => {
          resolve();
        });
      });
    const running = untilAllEnd(
      [
        async (stop) => {
          await stopped(stop);
          ended.push('failed while stopping');
          throw later;
        },
        failing(first),
        async (stop) => {
          await stopped(stop);
          ended.push('stopped');
        },
      ],
      new AbortController().signal,
      (error) => told.push(error),
    );
    await assert.rejects(running, first);
    assert.deepEqual([told, ended], [[later], ['failed while stopping', 'stopped']]);
  });

  it('there is none when all end by the signal', async () => {
    const abort = new AbortController();
    const running = untilAllEnd(
      [
        (stop) =>
          new Promise((resolve) => {
            stop.addEventListener('abort', resolve);
          }),
      ],
      abort.signal,
      (error) => {
        throw error;
      },
    );
    abort.abort();
    await running;
  });
});

describe('what lasts', () => {
  it('is told at once, again after a minute, and again when it is another thing or had been over', () => {
    let now = 0;
    const reminder = createReminder(() => now);
    const said: boolean[] = [];
    for (const [at, text] of [
      [0, 'a'],
      [59_999, 'a'],
      [60_000, 'a'],
      [60_001, 'b'],
      [60_002, 'b'],
    ] as const) {
      now = at;
      said.push(reminder.isDue(text));
    }
    reminder.clear();
    said.push(reminder.isDue('b'));
    assert.deepEqual(said, [true, false, true, true, false, true]);
  });
});
