import type { Knex } from '../../db/connection.ts';
import { parseEvent, type DomainEvent } from '../../domain/events.ts';
import type { Positions } from './positions.ts';

/** An event on its way into tables. */
export interface Candidate {
  /** Of its message in the stream; undefined for a row of the outbox. */
  readonly sequence?: number;
  /** As far as it is known without reading it. */
  readonly id?: string;
  /** @throws Error naming where it is when it is no event that this release can read */
  read(): DomainEvent;
}

/** What the projectors have put aside, as some transaction sees it. */
export interface ParkedEvents {
  find(candidate: Pick<Candidate, 'sequence' | 'id'>): ParkedRow | undefined;
}

interface ParkedRow {
  readonly state: string;
  readonly editedBody: string | null;
}

/** @param created of the stream that the candidates' sequences are of */
export async function loadParked(db: Knex, created: string | undefined): Promise<ParkedEvents> {
  const rows: (ParkedRow & { created: string; sequence: string; id: string | null })[] = await db(
    'read.parked_events',
  ).select(
    'state',
    'edited_body as editedBody',
    'stream_created as created',
    'stream_sequence as sequence',
    'event_id as id',
  );
  const ofStream = rows.filter((row) => row.created === created);
  const bySequence = new Map(ofStream.map((row) => [Number(row.sequence), row]));
  // A message may come again under another number, or in another stream.
  const byId = new Map(rows.flatMap((row) => (row.id === null ? [] : [[row.id, row] as const])));
  return {
    find: ({ sequence, id }) =>
      (sequence === undefined ? undefined : bySequence.get(sequence)) ??
      (id === undefined ? undefined : byId.get(id)),
  };
}

const selectFirstWaiting = `
  select partition, cast(min(case when stream_created = :created then stream_sequence else 1 end) as float8) as first
  from read.parked_events
  where state in ('PARKED', 'BEHIND', 'RETRY', 'DISCARD')
  group by partition`;

/**
 * How far tables are if what waits is to come again: before the first event that does, of each partition. One that waits
 * since another stream may be anywhere in this one.
 */
export async function beforeWaiting(trx: Knex, { created, sequences }: Positions): Promise<Positions> {
  if (created === null) return { created, sequences };
  const { rows } = await trx.raw<{ rows: { partition: number; first: number }[] }>(selectFirstWaiting, {
    created,
  });
  const first = new Map(rows.map((row) => [row.partition, row.first - 1]));
  return {
    created,
    sequences: sequences.map((sequence, partition) => Math.min(sequence, first.get(partition) ?? sequence)),
  };
}

/**
 * Leaves out what is not in the live tables either: events that wait, and those that an operator discarded. One that was
 * applied as edited is what it was edited to.
 * @returns the events to apply, and what is left out for now: an operator may yet let it be applied
 */
export function sift(
  candidates: readonly Candidate[],
  parked: ParkedEvents,
): { readonly events: readonly DomainEvent[]; readonly withheld: readonly Candidate[] } {
  const events: DomainEvent[] = [];
  const withheld: Candidate[] = [];
  for (const candidate of candidates) {
    let row = parked.find(candidate);
    // What is parked may be no event at all, so it is looked for before it is read.
    const event = row ? undefined : candidate.read();
    row ??= parked.find({ ...(event && { id: event.id }) });
    if (row?.state === 'APPLIED' && row.editedBody !== null)
      events.push(parseEvent(JSON.parse(row.editedBody)));
    else if (row) withheld.push(candidate);
    else if (event) events.push(event);
  }
  return { events, withheld };
}
