import assert from 'node:assert/strict';
import { BoundedQueue, QueueOverflowError } from '../../../messaging/bounded-queue.ts';

describe('a bounded queue', () => {
  it('gives what comes in its order, also to a reader who waits for it', async () => {
    const queue = new BoundedQueue<number>(2);
    queue.push(1);
    queue.push(2);
    assert.deepEqual([await queue.next(), await queue.next()], [1, 2]);
    const waiting = queue.next();
    queue.push(3);
    assert.equal(await waiting, 3);
  });

  it('keeps nothing of more than it holds, and says so', async () => {
    const queue = new BoundedQueue<number>(2);
    for (const item of [1, 2, 3, 4]) queue.push(item);
    await assert.rejects(queue.next(), QueueOverflowError);
  });

  it('that has ended gives what is in it, takes nothing more, and says why it ended', async () => {
    const queue = new BoundedQueue<number>(2);
    queue.push(1);
    queue.end(new Error('over'));
    queue.push(2);
    assert.equal(await queue.next(), 1);
    await assert.rejects(queue.next(), /over/);
  });

  it('lets a reader go who waits when it ends', async () => {
    const queue = new BoundedQueue<number>(1);
    const waiting = queue.next();
    queue.end(new Error('over'));
    await assert.rejects(waiting, /over/);
  });
});
