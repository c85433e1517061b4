import { setTimeout as pause } from 'node:timers/promises';
import {
  AckPolicy,
  DeliverPolicy,
  nanos,
  type ConsumerMessages,
  type JsMsg,
  type NatsConnection,
} from 'nats';
import type { Topology } from '../domain/topology.ts';
import type { Messaging } from './connection.ts';
import { UnreadableMessageError } from './event-message.ts';
import { ensureStream } from './stream.ts';

interface ConsumerOptions {
  readonly messaging: Messaging;
  readonly topology: Pick<Topology, 'stream' | 'streamSubjects'>;
  /** Name under which the server keeps the position. */
  readonly durable: string;
  readonly filter: string;
  /** Messages handled at the same time. */
  readonly concurrency: number;
  /** Must bear repeats. A message whose handling fails comes again, later each time, for ever. */
  readonly handle: (message: JsMsg) => Promise<void>;
  /**
   * Told of a message for which `handle` throws an `UnreadableMessageError`: it does not come again then, unless a later
   * release can read it. That one comes again each minute for a day, so that it is handled once a roll-out has ended.
   */
  readonly onUnreadable?: (error: UnreadableMessageError, message: JsMsg) => void;
  readonly onFailure: (error: unknown, message?: JsMsg) => void;
}

/** Above the time that handling may take; an unanswered message comes again after it. */
const ACKNOWLEDGE_WITHIN_MS = 30_000;
const REDELIVERY_MIN_MS = 200;
const REDELIVERY_MAX_MS = 15_000;
const RETRY_MS = 500;
const NEWER_AGAIN_MS = 60_000;
/** A day: others may publish any version, and what waits counts against `max_ack_pending`. */
const NEWER_MOST_DELIVERIES = 1_440;

/**
 * Handles every message of a stream that fits the filter at least once, until aborted; what was begun is ended.
 * When the stream or the consumer is gone it is made again, and begins with the stream's first message.
 */
export async function consume(options: ConsumerOptions, signal: AbortSignal): Promise<void> {
  const aborted = new Promise<'aborted'>((resolve) => {
    signal.addEventListener('abort', () => {
      resolve('aborted');
    });
  });
  const isAborted = (): boolean => signal.aborted;
  while (!isAborted()) {
    try {
      const connection = await Promise.race([options.messaging.firstConnection, aborted]);
      if (connection === 'aborted') return;
      await consumeOnce(connection, options, signal);
    } catch (error) {
      options.onFailure(error);
    }
    if (!isAborted()) await Promise.race([pause(RETRY_MS), aborted]);
  }
}

async function consumeOnce(
  connection: NatsConnection,
  options: ConsumerOptions,
  signal: AbortSignal,
): Promise<void> {
  const { topology, durable, concurrency } = options;
  await ensureStream(connection, topology);
  const manager = await connection.jetstreamManager({ checkAPI: false });
  await manager.consumers.add(topology.stream, {
    durable_name: durable,
    filter_subject: options.filter,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    ack_wait: nanos(ACKNOWLEDGE_WITHIN_MS),
    max_deliver: -1,
    max_ack_pending: 10_000,
  });
  const consumer = await connection.jetstream().consumers.get(topology.stream, durable);
  const messages = await consumer.consume({
    max_messages: concurrency * 2,
    expires: 5_000,
    abort_on_missing_resource: true,
  });
  const stop = (): void => {
    messages.stop();
  };
  signal.addEventListener('abort', stop);
  try {
    await handleAll(messages, options);
  } finally {
    signal.removeEventListener('abort', stop);
    messages.stop();
  }
}

/** Takes the next message only when a slot is free, which is what holds the server back. */
async function handleAll(messages: ConsumerMessages, options: ConsumerOptions): Promise<void> {
  const running = new Set<Promise<void>>();
  for await (const message of messages) {
    const handling = handleOne(message, options).finally(() => running.delete(handling));
    running.add(handling);
    if (running.size >= options.concurrency) await Promise.race(running);
  }
  await Promise.all(running);
}

async function handleOne(
  message: JsMsg,
  { handle, onUnreadable, onFailure }: ConsumerOptions,
): Promise<void> {
  try {
    await handle(message);
    message.ack();
  } catch (error) {
    if (onUnreadable && error instanceof UnreadableMessageError) {
      onUnreadable(error, message);
      const { deliveryCount } = message.info;
      if (error.isNewer && deliveryCount < NEWER_MOST_DELIVERIES) message.nak(NEWER_AGAIN_MS);
      else message.term('cannot be read');
      return;
    }
    onFailure(error, message);
    message.nak(Math.min(REDELIVERY_MIN_MS * 2 ** (message.info.deliveryCount - 1), REDELIVERY_MAX_MS));
  }
}
