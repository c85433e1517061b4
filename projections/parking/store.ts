import type { Knex } from '../../db/connection.ts';
import type { StreamMessage } from '../../messaging/stream-reader.ts';
import type { Outcome } from './apply-incoming.ts';
import { factsOf, keyOf, type Incoming, type ParkedAggregate } from './incoming.ts';

/** A message of the stream, on its way to the views. */
export interface StreamIncoming extends Incoming {
  readonly message: StreamMessage;
  readonly partition: number;
}

/** How many events wait, by the key of their aggregate. */
export type Waiting = Map<string, number>;

const selectWaiting = `
  select aggregate_type as type, aggregate_id as id, cast(count(*) as integer) as events
  from read.parked_events
  where partition = any(:partitions) and state in ('PARKED', 'BEHIND', 'RETRY', 'DISCARD')
  group by aggregate_type, aggregate_id`;

/** Of these partitions; reads all that is open, so it is asked when partitions are taken and not with each page. */
export async function waitingIn(db: Knex, partitions: readonly number[]): Promise<Waiting> {
  const { rows } = await db.raw<{ rows: (ParkedAggregate & { events: number })[] }>(selectWaiting, {
    partitions: partitions,
  });
  return new Map(rows.map(({ events, ...aggregate }) => [keyOf(aggregate), events]));
}

// A message that is here already – it comes again, or its page does – stays what it was.
const insert = `
  insert into read.parked_events (partition, aggregate_type, aggregate_id, stream_created, stream_sequence, subject,
    event_id, event_type, schema_version, aggregate_version, body, state, cause, detail, attempts)
  select partition, "aggregateType", "aggregateId", :created, "streamSequence", subject,
    "eventId", "eventType", "schemaVersion", "aggregateVersion", decode(body, 'base64'), state, cause, detail, attempts
  from jsonb_to_recordset(cast(:rows as jsonb)) as r (partition smallint, "aggregateType" text, "aggregateId" text,
    "streamSequence" bigint, subject text, "eventId" text, "eventType" text, "schemaVersion" bigint,
    "aggregateVersion" bigint, body text, state text, cause text, detail text, attempts integer)
  order by "streamSequence"
  on conflict do nothing
  returning aggregate_type as type, aggregate_id as id`;

/**
 * Keeps what could not be applied, and what waits behind it.
 * @param created of the stream. @returns how many events each aggregate has more
 */
export async function park(
  trx: Knex.Transaction,
  created: string,
  { failed, behind }: Pick<Outcome<StreamIncoming>, 'failed' | 'behind'>,
): Promise<Waiting> {
  const heads = failed.map(({ item, failure }) => ({
    ...rowOf(item),
    cause: failure.cause,
    detail: failure.detail,
    state: 'PARKED',
    attempts: 1,
  }));
  const parked = await insertRows(trx, created, heads);
  // A head that an operator had decided about when it came first is parked no more: what came behind it can be tried.
  const isSettled = new Set(
    failed.map(({ item }) => keyOf(item.aggregate)).filter((key) => !parked.has(key)),
  );
  const rows = behind.map((item) => ({
    ...rowOf(item),
    state: isSettled.has(keyOf(item.aggregate)) ? 'RETRY' : 'BEHIND',
    attempts: 0,
  }));
  for (const [key, events] of await insertRows(trx, created, rows))
    parked.set(key, (parked.get(key) ?? 0) + events);
  return parked;
}

async function insertRows(trx: Knex.Transaction, created: string, rows: readonly object[]): Promise<Waiting> {
  const inserted: Waiting = new Map();
  if (rows.length === 0) return inserted;
  const answer = await trx.raw<{ rows: ParkedAggregate[] }>(insert, { created, rows: JSON.stringify(rows) });
  for (const aggregate of answer.rows) {
    const key = keyOf(aggregate);
    inserted.set(key, (inserted.get(key) ?? 0) + 1);
  }
  return inserted;
}

const rowOf = ({ aggregate, partition, message }: StreamIncoming): object => ({
  partition,
  aggregateType: aggregate.type,
  aggregateId: aggregate.id,
  streamSequence: message.streamSequence,
  subject: message.subject,
  ...factsOf(message.data, message.id()),
  body: Buffer.from(message.data).toString('base64'),
});
