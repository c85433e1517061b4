import assert from 'node:assert/strict';
import { readAhead } from '../../../messaging/read-ahead.ts';
import type { StreamPage, StreamReader } from '../../../messaging/stream-reader.ts';

describe('reading ahead', () => {
  const page = (streamSequence: number, pending: number): StreamPage => ({
    messages: [{ streamSequence, id: () => undefined, subject: 's', data: new Uint8Array() }],
    pending,
    reached: streamSequence,
  });
  /** Gives these, one after the other, and counts how often it was asked. */
  function reading(...pages: (StreamPage | Error)[]): StreamReader & { asked: number; closed: boolean } {
    const coming = pages.values();
    const reader = {
      created: 'then',
      asked: 0,
      closed: false,
      next: () => {
        reader.asked += 1;
        const next = coming.next().value;
        if (next === undefined) throw new Error('asked once too often');
        return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
      },
      close: () => {
        reader.closed = true;
        return Promise.resolve();
      },
    };
    return reader;
  }

  const sequenceIn = ({ messages }: StreamPage): number | undefined => messages[0]?.streamSequence;

  it('the next page is asked for as soon as one is given, and all come in their order', async () => {
    const reader = reading(page(1, 2), page(2, 1), page(3, 0));
    const ahead = readAhead(reader, sequenceIn);
    const given: (number | undefined)[] = [];
    for (const asked of [2, 3, 3]) {
      given.push(await ahead.next());
      assert.equal(reader.asked, asked);
    }
    assert.deepEqual(given, [1, 2, 3]);
  });

  it('nothing is asked for that the stream does not hold yet', async () => {
    const reader = reading(page(1, 0), page(2, 0));
    const ahead = readAhead(reader, sequenceIn);
    await ahead.next();
    assert.equal(reader.asked, 1);
    assert.equal(await ahead.next(), 2);
  });

  it('a page that has come is prepared once, when there is a moment or when it is asked for', async () => {
    const prepared: (number | undefined)[] = [];
    const ahead = readAhead(reading(page(1, 2), page(2, 1), page(3, 0)), (next) => {
      prepared.push(sequenceIn(next));
      return sequenceIn(next);
    });
    ahead.prepareNext();
    assert.deepEqual(prepared, []);
    assert.equal(await ahead.next(), 1);
    await Promise.resolve(); // the second one has come
    for (let n = 0; n < 2; n++) ahead.prepareNext();
    assert.deepEqual(prepared, [1, 2]);
    assert.deepEqual([await ahead.next(), await ahead.next()], [2, 3]);
    assert.deepEqual(prepared, [1, 2, 3]);
  });

  it('what fails is told when that page is asked for, once, and keeps nobody from closing', async () => {
    const failure = new Error('lost');
    const reader = reading(page(1, 1), failure, page(2, 1), failure);
    const ahead = readAhead(reader, sequenceIn);
    await ahead.next();
    await assert.rejects(ahead.next(), failure);
    await ahead.next();
    await ahead.close();
    assert.equal(reader.closed, true);
  });
});
