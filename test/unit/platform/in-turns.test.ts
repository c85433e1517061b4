import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { inTurns } from '../../../platform/in-turns.ts';

describe('requests that arrive together', () => {
  let dealtWith: string[];
  let refused: string[];
  let listener: ReturnType<typeof inTurns>;
  beforeEach(() => {
    dealtWith = [];
    refused = [];
    listener = inTurns(
      ({ url = '' }) => dealtWith.push(url),
      ({ url = '' }) => refused.push(url),
    );
  });

  const take = (url: string, destroyed = false): void => {
    listener(
      { url } as unknown as IncomingMessage,
      { destroyed } as unknown as InstanceType<typeof ServerResponse>,
    );
  };
  const takeMany = (count: number): string[] => {
    const urls = Array.from({ length: count }, (_, n) => `/${n}`);
    for (const url of urls) take(url);
    return urls;
  };

  it('are dealt with in their order, and others have their turns in between', async () => {
    const urls = takeMany(100);
    let turns = 0;
    for (; dealtWith.length < urls.length; turns++) await turn();
    assert.ok(turns >= 3, `all of them within ${turns} turns`);
    assert.deepEqual(dealtWith, urls);
  });

  it('one alone is dealt with in the turn in which it arrives', async () => {
    for (const url of ['/first', '/second']) {
      take(url);
      await turn();
      assert.equal(dealtWith.at(-1), url);
    }
  });

  it('whoever has left is passed over', async () => {
    take('/left', true);
    take('/waits');
    await turn();
    assert.deepEqual(dealtWith, ['/waits']);
  });

  it('are refused beyond a thousand, until there is room again', async () => {
    takeMany(1_001);
    assert.deepEqual(refused, ['/1000']);
    await turn();
    take('/later');
    assert.equal(refused.length, 1);
  });

  it('are all behind the question whether the process lives', () => {
    takeMany(1_000);
    take('/healthz');
    take('/metrics?x=1');
    assert.deepEqual(dealtWith, ['/healthz', '/metrics?x=1']);
    assert.deepEqual(refused, []);
  });
});
