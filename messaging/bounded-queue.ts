/** More came than the queue holds: what was in it is gone, and the reader has to get it elsewhere. */
export class QueueOverflowError extends Error {
  override readonly name = 'QueueOverflowError';
}

/** Between one who never waits and one who may be slow. It never holds more than its capacity. */
export class BoundedQueue<T> {
  readonly #capacity: number;
  #items: T[] = [];
  #ended: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Beyond the capacity it ends with `QueueOverflowError`, without what was in it. */
  push(item: T): void {
    if (this.#ended) return;
    if (this.#items.length < this.#capacity) this.#items.push(item);
    else {
      this.#items = [];
      this.#ended = new QueueOverflowError(`a reader is ${this.#capacity} messages behind`);
    }
    this.#wake?.();
  }

  /** Takes nothing more; what is in it can still be read. */
  end(reason: Error): void {
    this.#ended ??= reason;
    this.#wake?.();
  }

  /** Waits for the next one; for one reader. @throws the reason for which it ended */
  async next(): Promise<T> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) return item;
      if (this.#ended) throw this.#ended;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
