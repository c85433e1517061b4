import { connect, type NatsConnection, type StoredMsg } from 'nats';
import type { Knex } from '../../db/connection.ts';
import { OUTBOX_SCHEMA } from '../../db/migrations/0002-outbox.ts';
import { OUTBOX_SHARDS, type Topology } from '../../domain/topology.ts';
import type { DomainEvent } from '../../domain/events.ts';
import type { OutgoingMessage } from '../../messaging/publish.ts';
import type { StreamMessage } from '../../messaging/stream-reader.ts';
import { scanStream } from '../../messaging/stream-scan.ts';
import { streamState } from '../../messaging/stream.ts';
import { isCaughtUp } from './caught-up.ts';
import { eventually } from './eventually.ts';
import type { ReadEvent } from './outbox-readers.ts';
import { natsUrl } from './servers.ts';
import { appliedSequence } from './tables.ts';

/** Runs with a connection of its own. */
export async function withNats<T>(act: (connection: NatsConnection) => Promise<T>): Promise<T> {
  const connection = await connect({ servers: await natsUrl() });
  try {
    return await act(connection);
  } finally {
    await connection.close();
  }
}

/** Everything that the stream holds now. */
export async function readStream(connection: NatsConnection, { stream }: Topology): Promise<StreamMessage[]> {
  const read: StreamMessage[] = [];
  for await (const page of scanStream(connection, { stream, after: 0, pageSize: 1_000 })) read.push(...page);
  return read;
}

/** How an event is published where no relay does it. @param id of the message */
export const messageOf = (topology: Topology, event: DomainEvent, id = event.id): OutgoingMessage => ({
  id,
  subject: topology.subjectOf(event),
  body: JSON.stringify(event),
  headers: {},
});

/** Everything that a stream without gaps holds now, with its headers. */
export async function storedMessages(
  connection: NatsConnection,
  { stream }: Pick<Topology, 'stream'>,
): Promise<StoredMsg[]> {
  const manager = await connection.jetstreamManager();
  const { state } = await manager.streams.info(stream);
  const messages: StoredMsg[] = [];
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    messages.push(await manager.streams.getMessage(stream, { seq }));
  }
  return messages;
}

/** The outbox rows whose messages the stream holds now, in its order. */
export const readEvents = async (connection: NatsConnection, topology: Topology): Promise<ReadEvent[]> =>
  (await storedMessages(connection, topology)).map(({ header }) => ({
    id: header.get('Nats-Msg-Id'),
    aggregateId: header.get('ce-subject'),
    aggregateVersion: Number(header.get('ce-sequence')),
  }));

/** Stores every message once more, under new sequences and past the duplicate window. @returns the last sequence. */
export const republishAll = (topology: Topology): Promise<number> =>
  withNats(async (connection) => {
    const jetstream = connection.jetstream();
    let last = 0;
    for (const { subject, data } of await readStream(connection, topology)) {
      last = (await jetstream.publish(subject, data)).seq;
    }
    return last;
  });

/** Resolves once everything that is committed is in the stream and applied to the read tables. */
export const untilViewsAreCurrent = (db: Knex, { stream }: Topology): Promise<true> =>
  withNats((connection) =>
    eventually(
      async () => {
        if (!(await isCaughtUp(db, OUTBOX_SCHEMA, OUTBOX_SHARDS))) return undefined;
        const state = await streamState(connection, stream);
        return (await appliedSequence(db)) === state?.lastSequence || undefined;
      },
      { what: 'the views hold all that is committed' },
    ),
  );
