import { randomUUID } from 'node:crypto';
import { headers, type MsgHdrs, type NatsConnection } from 'nats';
import { PAGE_SIZE } from '../../db/outbox/relay.ts';
import { toMessage } from '../../activities/outbox-relay/stream-publisher.ts';
import type { Topology } from '../../domain/topology.ts';
import { publishInOrder, type OutgoingMessage } from '../../messaging/publish.ts';
import { inventRow } from './events.ts';
import type { Way } from './protocol.ts';

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

/** The limit of a single event's latency. @returns milliseconds of each, one after the other. */
export async function publishSingly(
  connection: NatsConnection,
  topology: Topology,
  count: number,
): Promise<number[]> {
  const times: number[] = [];
  for (let done = 0; done < count; done++) {
    const message = toMessage(inventRow(), topology);
    const begun = performance.now();
    await publishInOrder(connection, [message]);
    times.push(performance.now() - begun);
  }
  return times;
}
