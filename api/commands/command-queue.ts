import { OrderSystemError } from '../../domain/errors.ts';

interface QueueOptions<C, R> {
  /** Answers each command of a batch, in their order; what it throws is the answer to all of them. */
  readonly handle: (batch: readonly C[]) => Promise<readonly PromiseSettledResult<R>[]>;
  /** Commands that may wait; the next one is refused. */
  readonly capacity: number;
  /** Commands that go together at most. */
  readonly batchSize: number;
  /** Told for each batch how long its commands have waited, in seconds. */
  readonly onBatch?: (waited: readonly number[]) => void;
}

export interface CommandQueue<C, R> {
  /** Resolves with the handler's answer. @throws OrderSystemError OVERLOADED when the queue is full. */
  submit(command: C): Promise<R>;
  /** Commands that wait. */
  readonly waiting: number;
  /** Tells early that `submit` would refuse now. @throws OrderSystemError OVERLOADED */
  requireRoom(): void;
  /** Refuses new commands and resolves when those it has are answered. */
  drain(): Promise<void>;
}

interface Waiting<C, R> {
  readonly command: C;
  readonly since: number;
  readonly resolve: (answer: R) => void;
  readonly reject: (error: unknown) => void;
}

/** One batch is written to the disk while the next one is prepared; more would only be smaller. */
const BATCHES_IN_FLIGHT = 2;

/**
 * Gathers commands that come at the same time. Nobody waits for company: a command goes at once while fewer than two
 * batches are under way, and what comes meanwhile goes together when one of them has ended.
 * Bounded and in memory: a command is accepted when its batch has committed, not when it was queued.
 */
export function createCommandQueue<C, R>({
  handle,
  capacity,
  batchSize,
  onBatch,
}: QueueOptions<C, R>): CommandQueue<C, R> {
  let queue: Waiting<C, R>[] = [];
  let running = 0;
  let draining = false;
  let onDrained: (() => void) | undefined;

  const run = async (batch: readonly Waiting<C, R>[]): Promise<void> => {
    try {
      const outcomes = await handle(batch.map(({ command }) => command));
      batch.forEach(({ resolve, reject }, index) => {
        const outcome = outcomes[index];
        if (outcome?.status === 'fulfilled') resolve(outcome.value);
        else reject(outcome ? outcome.reason : new Error('a command was left without an answer'));
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      running -= 1;
      next();
    }
  };

  const next = (): void => {
    while (running < BATCHES_IN_FLIGHT && queue.length > 0) {
      const batch = queue.slice(0, batchSize);
      queue = queue.slice(batchSize);
      running += 1;
      const now = performance.now();
      onBatch?.(batch.map(({ since }) => (now - since) / 1_000));
      void run(batch);
    }
    if (running === 0 && queue.length === 0) onDrained?.();
  };

  const requireRoom = (): void => {
    if (draining) throw new OrderSystemError('OVERLOADED', 'the process is shutting down');
    if (queue.length >= capacity)
      throw new OrderSystemError('OVERLOADED', `${capacity} commands are waiting already`);
  };

  return {
    requireRoom,
    submit: (command) =>
      new Promise((resolve, reject) => {
        requireRoom();
        queue.push({ command, since: performance.now(), resolve, reject });
        next();
      }),
    get waiting() {
      return queue.length;
    },
    drain: () => {
      draining = true;
      return new Promise((resolve) => {
        onDrained = resolve;
        next();
      });
    },
  };
}
