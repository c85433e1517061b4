import type { Knex } from '../../db/connection.ts';
import { orderIdSchema } from '../../domain/ids.ts';
import type { ParkedEventContent } from '../queries/parked-events.ts';
import { diagnose, jsonIn, type Difference } from './diagnosis.ts';

/** What an operator makes of a parked event; the projector that holds its partition carries it out within a second. */
export interface Decision {
  readonly action: 'retry' | 'discard';
  readonly operator: string;
  readonly reason: string;
}

export type ParkedSelection = { readonly cause: string } | { readonly aggregateId: string };

const decide = `
  with chosen as (
    select id from read.parked_events
    where state = 'PARKED' and (cast(:id as bigint) is null or id = :id)
      and (cast(:cause as text) is null or cause = :cause)
      and (cast(:aggregateId as text) is null or aggregate_id = :aggregateId)
    order by id
    limit :limit
    for update
  )
  update read.parked_events p
  set state = :state, decided_by = :operator, decided_reason = :reason, decided_at = now()
  from chosen where p.id = chosen.id`;

const STATES = { retry: 'RETRY', discard: 'DISCARD' } as const;
const nothing = { id: null, cause: null, aggregateId: null };

async function decideAbout(
  db: Knex,
  selection: Partial<Record<keyof typeof nothing, string>>,
  limit: number,
  { action, operator, reason }: Decision,
): Promise<number> {
  const bindings = { ...nothing, ...selection, limit, state: STATES[action], operator, reason };
  const { rowCount } = await db.raw<{ rowCount: number }>(decide, bindings);
  return rowCount;
}

/**
 * The event is tried again, or never applied: its order then shows a gap. What waits behind it follows by itself.
 * @returns whether such an event was waiting for a decision
 */
export const decideParkedEvent = async (db: Knex, id: string, decision: Decision): Promise<boolean> =>
  (await decideAbout(db, { id }, 1, decision)) === 1;

/** The same for all of one cause or one aggregate, the oldest first. @returns how many were decided about, and how many are left */
export async function decideParkedEvents(
  db: Knex,
  selection: ParkedSelection,
  limit: number,
  decision: Decision,
): Promise<{ decided: number; remaining: number }> {
  const decided = await decideAbout(db, selection, limit, decision);
  const chosen = 'cause' in selection ? { cause: selection.cause } : { aggregate_id: selection.aggregateId };
  const left = await db('read.parked_events')
    .where({ ...chosen, state: 'PARKED' })
    .count<{ count: string }[]>({ count: '*' });
  return { decided, remaining: Number(left[0]?.count ?? 0) };
}

/** What would be wrong with a body in place of the one that is parked; nothing when it can be. */
export function faultsOfEdit(parked: ParkedEventContent, body: string): Difference[] {
  if (parked.aggregateType === 'message')
    return [fault('', 'the subject of the message names no order or product: discard it')];
  const diagnosis = diagnose(body);
  if (diagnosis) return [...diagnosis.differences];
  const edited = fieldsOf(body);
  const original = fieldsOf(parked.body);
  // As far as the original has them.
  const kept = {
    id: [original['id'], parked.eventId].find((id) => isUuid(id)),
    aggregateType: parked.aggregateType === 'order' ? 'order' : originalType(original),
    aggregateId: parked.aggregateId,
    aggregateVersion: parked.aggregateVersion ?? undefined,
  };
  return Object.entries(kept).flatMap(([field, value]) =>
    value === undefined || value === edited[field]
      ? []
      : [fault(field, `must stay ${JSON.stringify(value)}`)],
  );
}

const isUuid = (id: unknown): boolean => orderIdSchema.safeParse(id).success;
const originalType = ({ aggregateType }: Readonly<Record<string, unknown>>): unknown =>
  aggregateType === 'product' || aggregateType === 'stock' ? aggregateType : undefined;

const fault = (field: string, message: string): Difference => ({ field, problem: 'value', message });

function fieldsOf(body: Uint8Array | string): Readonly<Record<string, unknown>> {
  const json = jsonIn(body);
  return 'value' in json && typeof json.value === 'object' && json.value !== null ? { ...json.value } : {};
}

/** Another body is applied in place of the one that came, once it is tried again; that one stays beside it. @returns whether it still waited */
export async function editParkedEvent(
  db: Knex,
  id: string,
  { body, operator, reason }: { body: string; operator: string; reason: string },
): Promise<boolean> {
  const changed = await db('read.parked_events').where({ id, state: 'PARKED' }).update({
    edited_body: body,
    edited_by: operator,
    edited_reason: reason,
    edited_at: db.fn.now(),
  });
  return changed === 1;
}
