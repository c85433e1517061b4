import { Gauge, type Registry } from 'prom-client';

interface GaugeOf<Reading> {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
  readonly values: (
    reading: Reading,
  ) => readonly { readonly labels?: Readonly<Record<string, string | number>>; readonly value: number }[];
}

/**
 * Gauges that one reading fills, made anew for each scrape. Every gauge waits for the reading itself: one that is set
 * by another's `collect` may have been written out before, and show the scrape before. When the reading fails the
 * gauges are absent, because a stale figure would be a lie.
 */
export function shareReading<Reading>(
  registry: Registry,
  read: () => Promise<Reading>,
  gauges: readonly GaugeOf<Reading>[],
): void {
  let current: Promise<Reading | undefined> | undefined;
  // A scrape calls all `collect`s before it awaits one; the next scrape must not get its reading.
  const readOnce = (): Promise<Reading | undefined> => {
    if (current) return current;
    queueMicrotask(() => {
      current = undefined;
    });
    current = read().catch(() => undefined);
    return current;
  };
  for (const { name, help, labelNames = [], values } of gauges)
    new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      collect: async function () {
        const reading = await readOnce();
        this.reset();
        // A gauge without labels shows 0 after its reset.
        if (reading === undefined && labelNames.length === 0) this.remove();
        for (const { labels = {}, value } of reading === undefined ? [] : values(reading))
          this.set(labels, value);
      },
    });
}
