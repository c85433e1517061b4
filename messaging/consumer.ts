import { setTimeout as pause } from 'node:timers/promises';
import {
  AckPolicy,
  DeliverPolicy,
  nanos,
  NatsError,
  type Consumer,
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
  /**
   * Resolves with how many more messages may be taken now, at least one, or when aborted; `handling` says how
   * many are being handled. Absent: up to `concurrency`.
   */
  readonly admitted?: ((handling: () => number, signal: AbortSignal) => Promise<number>) | undefined;
  /** Must bear repeats. A message whose handling fails comes again, later each time, for ever. */
  readonly handle: (message: JsMsg) => Promise<void>;
  /**
   * Told of a message for which `handle` throws an `UnreadableMessageError`: it does not come again then, unless a later
   * release can read it. That one comes again each minute for a day, so that it is handled once a roll-out has ended.
   */
  readonly onUnreadable?: (error: UnreadableMessageError, message: JsMsg) => void;
  readonly onFailure: (error: unknown, message?: JsMsg) => void;
}

/**
 * A message that nobody handles any more comes again after it, so that what a process held when it died goes on soon.
 * Handling may take longer: the server is told meanwhile that it goes on.
 */
const ACKNOWLEDGE_WITHIN_MS = 5_000;
const STILL_WORKING_EVERY_MS = 1_500;
const FETCH_EXPIRES_MS = 5_000;
/** JetStream's error code of a durable consumer that exists with other settings, such as those of an earlier release. */
const CONSUMER_EXISTS = 10_148;
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
  const { topology, durable } = options;
  await ensureStream(connection, topology);
  await ensureConsumer(connection, options);
  const consumer = await connection.jetstream().consumers.get(topology.stream, durable);
  const running = new Set<Promise<void>>();
  try {
    for (;;) {
      const admitted = (await options.admitted?.(() => running.size, signal)) ?? Infinity;
      if (signal.aborted) return;
      await handleNext(
        consumer,
        options,
        Math.min(admitted, options.concurrency - running.size),
        running,
        signal,
      );
    }
  } finally {
    await Promise.all(running);
  }
}

async function ensureConsumer(
  connection: NatsConnection,
  { topology, durable, filter }: ConsumerOptions,
): Promise<void> {
  const { consumers } = await connection.jetstreamManager({ checkAPI: false });
  const ackWait = { ack_wait: nanos(ACKNOWLEDGE_WITHIN_MS) };
  try {
    await consumers.add(topology.stream, {
      durable_name: durable,
      filter_subject: filter,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      max_deliver: -1,
      max_ack_pending: 10_000,
      ...ackWait,
    });
  } catch (error) {
    if (!(error instanceof NatsError) || error.api_error?.err_code !== CONSUMER_EXISTS) throw error;
    await consumers.update(topology.stream, durable, ackWait);
  }
}

/**
 * Fetches no more messages than there are free slots, and handles each when it arrives: none waits in this process,
 * where other processes do not get it.
 */
async function handleNext(
  consumer: Consumer,
  options: ConsumerOptions,
  most: number,
  running: Set<Promise<void>>,
  signal: AbortSignal,
): Promise<void> {
  const messages = await consumer.fetch({ max_messages: most, expires: FETCH_EXPIRES_MS });
  const stop = (): void => {
    messages.stop();
  };
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  try {
    for await (const message of messages) {
      const handling = handleOne(message, options).finally(() => running.delete(handling));
      running.add(handling);
    }
  } finally {
    signal.removeEventListener('abort', stop);
    messages.stop();
  }
  if (running.size >= options.concurrency) await Promise.race(running);
}

async function handleOne(
  message: JsMsg,
  { handle, onUnreadable, onFailure }: ConsumerOptions,
): Promise<void> {
  const stillWorking = setInterval(() => {
    try {
      message.working();
    } catch (error) {
      // The connection is closed: the message comes again.
      onFailure(error, message);
    }
  }, STILL_WORKING_EVERY_MS);
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
  } finally {
    clearInterval(stillWorking);
  }
}
