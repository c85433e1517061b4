import { OrderSystemError } from '../../domain/errors.ts';

interface QueueOptions<C, R> {
  readonly handle: (command: C) => Promise<R>;
  /** Commands that may wait; the next one is refused. */
  readonly capacity: number;
  /** Commands handled at the same time. */
  readonly concurrency: number;
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
  readonly resolve: (answer: R) => void;
  readonly reject: (error: unknown) => void;
}

/** Bounded and in memory: a command is accepted when its handler has committed, not when it was queued. */
export function createCommandQueue<C, R>({
  handle,
  capacity,
  concurrency,
}: QueueOptions<C, R>): CommandQueue<C, R> {
  const queue: Waiting<C, R>[] = [];
  let running = 0;
  let draining = false;
  let onDrained: (() => void) | undefined;

  const next = (): void => {
    while (running < concurrency) {
      const waiting = queue.shift();
      if (!waiting) break;
      running += 1;
      handle(waiting.command)
        .then(waiting.resolve, waiting.reject)
        .finally(() => {
          running -= 1;
          next();
        });
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
        queue.push({ command, resolve, reject });
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
