import { Gauge, Histogram, type Registry } from 'prom-client';

/** Shows how full the queue is, and what it gathers. @returns what is to be told of each batch */
export function createQueueMetrics(
  registry: Registry,
  waiting: () => number,
): (waited: readonly number[]) => void {
  new Gauge({
    name: 'command_queue_waiting',
    help: 'Commands that wait for their batch',
    registers: [registry],
    collect: function () {
      this.set(waiting());
    },
  });
  const size = new Histogram({
    name: 'command_batch_size',
    help: 'Commands that were written in one transaction',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
    registers: [registry],
  });
  const time = new Histogram({
    name: 'command_queue_wait_seconds',
    help: 'Time that a command waited for its batch',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
    registers: [registry],
  });
  return (waited) => {
    size.observe(waited.length);
    for (const seconds of waited) time.observe(seconds);
  };
}
