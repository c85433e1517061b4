import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { connect as connectNats, DeliverPolicy } from 'nats';
import type { PlaceOrderRequest } from '../../domain/commands.ts';
import { createTopology } from '../../domain/topology.ts';
import { eventually } from '../../test/support/eventually.ts';
import { post } from '../../test/support/http.ts';
import { createProcesses, entryPoints, type ProcessName } from '../../test/support/processes.ts';
import type { BenchServers } from '../bench-servers.ts';
import type { Closers } from '../closers.ts';
import type { ProcessIds } from '../measure/cpu.ts';
import { orderedLines } from './orders.ts';

export interface WholeStack {
  /** The four processes and the servers, and the driver. */
  readonly processes: ProcessIds;
  /** Resolves when the stream holds the order's `OrderCompleted`. */
  placeOrder(): Promise<void>;
  stop(): Promise<void>;
}

const COMPLETED_WITHIN_MS = 60_000;
const HOUR_MS = 3_600_000;

/** The four processes as shipped. Payments answer at once; parcels are booked and wait, as they would for hours. */
export async function startWholeStack(servers: BenchServers, closers: Closers): Promise<WholeStack> {
  const namespace = 'whole-stack';
  await servers.createNamespace(namespace);
  const processes = await createProcesses(entryPoints, {
    logDir: join(servers.dir, 'logs'),
    env: {
      DATABASE_URL: await servers.createDatabase('whole_stack'),
      NATS_URL: servers.natsUrl,
      TEMPORAL_ADDRESS: servers.temporalAddress,
      TEMPORAL_NAMESPACE: namespace,
      AUTH_DEMO: 'true',
      WORKFLOW_BUNDLE: await servers.bundle('workflows/index.ts'),
      PAYMENT_LATENCY_MS: '0',
      CARRIER_LATENCY_MS: '0',
      CARRIER_DISPATCH_MS: String(HOUR_MS),
    },
  });
  closers.add('the four processes', () => processes.stopAll());
  const names = Object.keys(entryPoints) as ProcessName[];
  await Promise.all(names.map((name) => processes.start(name)));
  const completed = await followCompleted(servers.natsUrl, closers);
  return {
    processes: {
      ...Object.fromEntries(names.map((name) => [name, processes.pidOf(name) ?? 0])),
      ...servers.processes,
      driver: process.pid,
    },
    placeOrder: async () => {
      const request: PlaceOrderRequest = {
        customerId: 'bench',
        lines: orderedLines(),
        paymentMethod: 'pm_card_visa',
      };
      const response = await post(`${processes.urls['command-api']}/orders`, request, {
        'Idempotency-Key': randomUUID(),
      });
      if (response.status !== 202)
        throw new Error(`an order was answered ${response.status}: ${await response.text()}`);
      const { orderId } = (await response.json()) as { orderId: string };
      await completed(orderId);
    },
    stop: () => processes.stopAll(),
  };
}

/**
 * Reads the stream itself: a core subscription would hear of an event before it is stored.
 * @returns a function that waits for an order's `OrderCompleted`
 */
async function followCompleted(
  natsUrl: string,
  closers: Closers,
): Promise<(orderId: string) => Promise<void>> {
  const topology = createTopology();
  const connection = await connectNats({ servers: natsUrl });
  closers.add('the reader of the stream', () => connection.close());
  const consumer = await eventually(
    () =>
      connection.jetstream().consumers.get(topology.stream, {
        filterSubjects: topology.ordersOfType('OrderCompleted'),
        deliver_policy: DeliverPolicy.New,
      }),
    { what: 'the stream is there' },
  );
  const waiting = new Map<string, () => void>();
  const early = new Set<string>();
  const messages = await consumer.consume({
    callback: ({ subject }) => {
      const orderId = subject.split('.').at(-1) ?? '';
      const tell = waiting.get(orderId);
      if (tell) tell();
      else early.add(orderId);
      waiting.delete(orderId);
    },
  });
  closers.add('the consumer', () => {
    messages.stop();
    return Promise.resolve();
  });
  return async (orderId) => {
    if (early.delete(orderId)) return;
    await new Promise<void>((resolve, reject) => {
      const limit = setTimeout(() => {
        reject(new Error(`order ${orderId} was not completed within ${COMPLETED_WITHIN_MS} ms`));
      }, COMPLETED_WITHIN_MS);
      waiting.set(orderId, () => {
        clearTimeout(limit);
        resolve();
      });
    });
  };
}
