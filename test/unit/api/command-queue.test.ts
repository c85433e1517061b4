import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { createCommandQueue, type CommandQueue } from '../../../api/commands/command-queue.ts';

/** A handler whose commands end when the test says so. */
function controlled(): {
  running: string[];
  end: (command: string, error?: Error) => void;
  handle: (command: string) => Promise<string>;
} {
  const ends = new Map<string, (error?: Error) => void>();
  const running: string[] = [];
  return {
    running,
    end: (command, error) => ends.get(command)?.(error),
    handle: (command) =>
      new Promise((resolve, reject) => {
        running.push(command);
        ends.set(command, (error) => {
          if (error) reject(error);
          else resolve(`done ${command}`);
        });
      }),
  };
}

describe('command queue', () => {
  let handler: ReturnType<typeof controlled>;
  let queue: CommandQueue<string, string>;
  beforeEach(() => {
    handler = controlled();
    queue = createCommandQueue({ handle: handler.handle, capacity: 2, concurrency: 2 });
  });

  it('runs as many commands as it may, and the others in the order they came', async () => {
    const answers = ['a', 'b', 'c', 'd'].map((command) => queue.submit(command));
    assert.deepEqual(handler.running, ['a', 'b']);
    assert.equal(queue.waiting, 2);
    handler.end('b');
    assert.equal(await answers[1], 'done b');
    await turn();
    assert.deepEqual(handler.running, ['a', 'b', 'c']);
    for (const command of ['a', 'c']) handler.end(command);
    await turn();
    handler.end('d');
    assert.deepEqual(await Promise.all(answers), ['done a', 'done b', 'done c', 'done d']);
  });

  it('refuses what is beyond its capacity, and takes commands again when there is room', async () => {
    const answers = ['a', 'b', 'c', 'd'].map((command) => queue.submit(command));
    await assert.rejects(queue.submit('e'), { code: 'OVERLOADED' });
    handler.end('a');
    await answers[0];
    await turn();
    void queue.submit('f');
    assert.equal(queue.waiting, 2);
  });

  it('a command that fails fails alone', async () => {
    const answers = [queue.submit('a'), queue.submit('b')];
    handler.end('a', new Error('broken'));
    handler.end('b');
    await assert.rejects(answers[0] ?? Promise.resolve(), /broken/);
    assert.equal(await answers[1], 'done b');
  });

  it('drains: what it has is answered, nothing new is taken', async () => {
    const answers = ['a', 'b', 'c'].map((command) => queue.submit(command));
    let drained = false;
    const draining = queue.drain().then(() => {
      drained = true;
    });
    await assert.rejects(queue.submit('late'), { code: 'OVERLOADED' });
    for (const command of ['a', 'b']) handler.end(command);
    await turn();
    assert.equal(drained, false);
    handler.end('c');
    await draining;
    assert.deepEqual(await Promise.all(answers), ['done a', 'done b', 'done c']);
  });
});
