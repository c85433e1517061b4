import type { Knex } from '../../db/connection.ts';
import type { DomainEvent } from '../../domain/events.ts';
import type { Topology } from '../../domain/topology.ts';
import type { StreamMessage } from '../../messaging/stream-reader.ts';
import { openParking, type Parking } from '../../projections/parking/parking.ts';

/** What waits, or is kept, in the order in which it came. */
export async function parkedRows(
  db: Knex,
): Promise<{ aggregateId: string; version: number | null; state: string; cause: string | null }[]> {
  const { rows } = await db.raw<{ rows: Awaited<ReturnType<typeof parkedRows>> }>(
    `select aggregate_id as "aggregateId", cast(aggregate_version as integer) as version, state, cause
     from read.parked_events order by id`,
  );
  return rows;
}

type Apply = Parking['apply'];

/** A parking that reads messages as they are applied. */
export async function parkingOfMessages(deps: Parameters<typeof openParking>[0]): Promise<
  Omit<Parking, 'apply'> & {
    apply: (messages: readonly StreamMessage[], ...rest: [string, Parameters<Apply>[2]]) => ReturnType<Apply>;
  }
> {
  const parking = await openParking(deps);
  return { ...parking, apply: (messages, ...rest) => parking.apply(parking.read(messages), ...rest) };
}

/** A message as the stream has it. @param body in place of the event */
export const messageOf = (
  topology: Topology,
  streamSequence: number,
  event: DomainEvent,
  body: string | Uint8Array = JSON.stringify(event),
): StreamMessage => ({
  streamSequence,
  subject: topology.subjectOf(event),
  data: typeof body === 'string' ? new TextEncoder().encode(body) : body,
  id: () => event.id,
});
