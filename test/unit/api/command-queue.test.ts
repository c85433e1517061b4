import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { createCommandQueue, type CommandQueue } from '../../../api/commands/command-queue.ts';

type Outcomes = readonly PromiseSettledResult<string>[];

const done = (command: string): PromiseSettledResult<string> => ({
  status: 'fulfilled',
  value: `done ${command}`,
});

/** A handler whose batches end when the test says so. */
function controlled(): {
  /** Every batch that was begun, its commands joined. */
  readonly begun: string[];
  end: (batch: string, outcomes?: Outcomes) => void;
  fail: (batch: string, error: Error) => void;
  handle: (batch: readonly string[]) => Promise<Outcomes>;
} {
  const open = new Map<string, { resolve: (outcomes: Outcomes) => void; reject: (error: Error) => void }>();
  const begun: string[] = [];
  return {
    begun,
    end: (batch, outcomes) => open.get(batch)?.resolve(outcomes ?? batch.split('').map(done)),
    fail: (batch, error) => open.get(batch)?.reject(error),
    handle: (batch) =>
      new Promise((resolve, reject) => {
        const name = batch.join('');
        begun.push(name);
        open.set(name, { resolve, reject });
      }),
  };
}

describe('command queue', () => {
  let handler: ReturnType<typeof controlled>;
  let queue: CommandQueue<string, string>;
  beforeEach(() => {
    handler = controlled();
    queue = createCommandQueue({ handle: handler.handle, capacity: 4, batchSize: 3 });
  });
  const submitAll = (commands: string): Promise<string>[] =>
    commands.split('').map((command) => queue.submit(command));

  it('a command goes at once while fewer than two batches are under way', () => {
    void submitAll('ab');
    assert.deepEqual(handler.begun, ['a', 'b']);
    assert.equal(queue.waiting, 0);
  });

  it('what comes while two batches are under way goes together, up to the size of a batch', async () => {
    const answers = submitAll('abcdef');
    assert.deepEqual(handler.begun, ['a', 'b']);
    assert.equal(queue.waiting, 4);
    handler.end('b');
    assert.equal(await answers[1], 'done b');
    await turn();
    assert.deepEqual(handler.begun, ['a', 'b', 'cde']);
    for (const batch of ['a', 'cde']) handler.end(batch);
    await turn();
    handler.end('f');
    assert.deepEqual(
      await Promise.all(answers),
      'abcdef'.split('').map((command) => `done ${command}`),
    );
  });

  it('refuses what is beyond its capacity, and takes commands again when there is room', async () => {
    const answers = submitAll('abcdef');
    await assert.rejects(queue.submit('g'), { code: 'OVERLOADED' });
    handler.end('a');
    await answers[0];
    await turn();
    void queue.submit('h');
    assert.equal(queue.waiting, 2);
  });

  it('a command that fails fails alone', async () => {
    const answers = submitAll('abcd');
    handler.end('a');
    await turn();
    handler.end('cd', [{ status: 'rejected', reason: new Error('broken') }, done('d')]);
    await assert.rejects(answers[2] ?? Promise.resolve(), /broken/);
    assert.equal(await answers[3], 'done d');
  });

  it('a batch that fails, or leaves a command out, answers each of its commands, and the next one goes', async () => {
    const answers = submitAll('abcd');
    handler.fail('a', new Error('no database'));
    await assert.rejects(answers[0] ?? Promise.resolve(), /no database/);
    await turn();
    handler.end('cd', [done('c')]);
    assert.equal(await answers[2], 'done c');
    await assert.rejects(answers[3] ?? Promise.resolve(), /without an answer/);
    handler.end('b');
    assert.equal(await answers[1], 'done b');
  });

  it('tells how long the commands of a batch have waited', async () => {
    const waits: number[][] = [];
    queue = createCommandQueue({
      handle: handler.handle,
      capacity: 4,
      batchSize: 3,
      onBatch: (waited) => waits.push([...waited]),
    });
    void submitAll('abcd');
    await turn();
    handler.end('a');
    await turn();
    assert.deepEqual(
      waits.map(({ length }) => length),
      [1, 1, 2],
    );
    assert.ok(waits[2]?.every((seconds) => seconds > 0));
  });

  it('drains: what it has is answered, nothing new is taken', async () => {
    const answers = submitAll('abc');
    let drained = false;
    const draining = queue.drain().then(() => {
      drained = true;
    });
    await assert.rejects(queue.submit('z'), { code: 'OVERLOADED' });
    for (const batch of ['a', 'b']) handler.end(batch);
    await turn();
    assert.equal(drained, false);
    handler.end('c');
    await draining;
    assert.deepEqual(await Promise.all(answers), ['done a', 'done b', 'done c']);
  });

  it('whatever comes and whenever batches end: each command is answered once, in batches of the allowed size, in order, two at a time', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('submit', 'submit', 'submit', 'end'), { maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        async (steps, batchSize) => {
          const handled: number[] = [];
          const open: (() => void)[] = [];
          const tested = createCommandQueue<number, number>({
            capacity: 100,
            batchSize,
            handle: async (batch) => {
              assert.ok(batch.length <= batchSize);
              assert.ok(open.length < 2);
              handled.push(...batch);
              await new Promise<void>((resolve) => open.push(resolve));
              return batch.map((value) => ({ status: 'fulfilled', value: value * 2 }));
            },
          });
          const answers: Promise<number>[] = [];
          for (const step of steps) {
            if (step === 'submit') answers.push(tested.submit(answers.length));
            else {
              open.shift()?.();
              await turn();
            }
          }
          const drained = tested.drain();
          // Each turn ends a batch of one command at least.
          for (const _ of [...answers, 'the last']) {
            open.shift()?.();
            await turn();
          }
          assert.deepEqual(
            handled,
            answers.map((_, index) => index),
          );
          assert.deepEqual(
            await Promise.all(answers),
            answers.map((_, index) => index * 2),
          );
          await drained;
        },
      ),
    ));
});
