import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { headers, type MsgHdrs, type NatsConnection } from 'nats';
import { PAGE_SIZE } from '../../db/outbox/relay.ts';
import { toMessage } from '../../activities/outbox-relay/stream-publisher.ts';
import type { Topology } from '../../domain/topology.ts';
import { publishInOrder, type OutgoingMessage } from '../../messaging/publish.ts';
import { openLoop } from '../measure/loops.ts';
import { inventRow } from './events.ts';
import { oneAtATime, WARM_UP_MS, windowOf } from './pace.ts';
import type { Coming, Way } from './protocol.ts';

/**
 * The limit of a relay: the same messages in pages of the same size, without a database.
 * @returns seconds until all are acknowledged.
 */
export async function publishFromMemory(
  connection: NatsConnection,
  topology: Topology,
  { through, inFlight }: Way,
  events: number,
): Promise<number> {
  const messages = Array.from({ length: events }, () => toMessage(inventRow(), topology));
  const pages: OutgoingMessage[][] = [];
  while (messages.length > 0) pages.push(messages.splice(0, PAGE_SIZE));
  const publishPage = { publishInOrder: throughPublishInOrder, lean }[through];
  const publishes = pages.map((page) => publishPage(connection, page));

  const begun = performance.now();
  const lane = async (): Promise<void> => {
    for (let publish = publishes.shift(); publish; publish = publishes.shift()) await publish();
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return (performance.now() - begun) / 1_000;
}

const throughPublishInOrder =
  (connection: NatsConnection, page: readonly OutgoingMessage[]) => async (): Promise<void> => {
    const { as } = await publishInOrder(connection, page);
    if (as !== 'batch') throw new Error('a page was not published as a batch');
  };

/** Headers are made and bodies encoded beforehand; what is left is what the client does for each message. */
function lean(connection: NatsConnection, page: readonly OutgoingMessage[]): () => Promise<void> {
  const batch = randomUUID();
  const ready = page.map((message, index) => ({
    subject: message.subject,
    body: Buffer.from(message.body),
    headers: batchHeaders(message, batch, index + 1, page.length),
  }));
  const commit = ready.pop();
  if (!commit) throw new Error('an empty batch cannot be published');
  return async () => {
    for (const message of ready) {
      connection.publish(message.subject, message.body, { headers: message.headers });
    }
    const reply = await connection.request(commit.subject, commit.body, {
      headers: commit.headers,
      timeout: 10_000,
    });
    const { count } = reply.json<{ count?: number }>();
    if (count !== page.length) throw new Error(`a batch was refused: ${reply.string()}`);
  };
}

function batchHeaders(message: OutgoingMessage, batch: string, place: number, count: number): MsgHdrs {
  const set = headers();
  for (const [name, value] of Object.entries(message.headers)) set.set(name, value);
  set.set('Nats-Msg-Id', message.id);
  set.set('Nats-Batch-Id', batch);
  set.set('Nats-Batch-Sequence', String(place));
  if (place === count) set.set('Nats-Batch-Commit', '1');
  return set;
}

/** The limit of a single event's latency, at the pace of the idle relay's events. @returns milliseconds of each */
export async function publishSingly(
  connection: NatsConnection,
  topology: Topology,
  seconds: number,
): Promise<number[]> {
  const times: number[] = [];
  const warmAt = performance.now() + WARM_UP_MS;
  await oneAtATime(seconds, async () => {
    const message = toMessage(inventRow(), topology);
    const begun = performance.now();
    await publishInOrder(connection, [message]);
    if (begun >= warmAt) times.push(performance.now() - begun);
  });
  return times;
}

/**
 * The limit of the latency under a load: events come at a steady rate, some at a time, and what has come is published
 * when the page before it is acknowledged. @returns milliseconds of each event from its coming, after the warm-up
 */
export async function publishComing(
  connection: NatsConnection,
  topology: Topology,
  { perSecond, together, seconds }: Coming,
): Promise<number[]> {
  const times: number[] = [];
  const warmAt = performance.now() + WARM_UP_MS;
  const waiting: { readonly message: OutgoingMessage; readonly cameAt: number }[] = [];
  const came = new EventEmitter();
  const ended = new AbortController();
  const coming = openLoop(perSecond / together, windowOf(seconds), () => {
    const cameAt = performance.now();
    for (let i = 0; i < together; i++) waiting.push({ message: toMessage(inventRow(), topology), cameAt });
    came.emit('some');
    return Promise.resolve();
  }).finally(() => {
    ended.abort();
  });
  while (!ended.signal.aborted || waiting.length > 0) {
    if (waiting.length === 0) {
      await Promise.race([once(came, 'some'), coming]);
      continue;
    }
    const page = waiting.splice(0, PAGE_SIZE);
    await publishInOrder(
      connection,
      page.map(({ message }) => message),
    );
    const now = performance.now();
    times.push(...page.filter(({ cameAt }) => cameAt >= warmAt).map(({ cameAt }) => now - cameAt));
  }
  await coming;
  return times;
}
