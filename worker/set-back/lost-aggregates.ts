import type { Knex } from '../../db/connection.ts';
import type { DomainEvent } from '../../domain/events.ts';
import type { Lost, LostEvent } from './lost.ts';

type AggregateType = DomainEvent['aggregateType'];
export interface ReadableEvent extends LostEvent {
  readonly event: DomainEvent;
}

/** An order, product or stock of which the stream knows more than the database. */
export interface LostAggregate {
  readonly type: AggregateType;
  readonly id: string;
  /** By version. */
  readonly events: readonly ReadableEvent[];
  /** Of its row; 0 when there is none. */
  readonly version: number;
  /**
   * `MISSING`: there is no row. `BEHIND`: the events continue the row. `CONFLICT`: the row has other events under the
   * same versions, or a version in between is missing.
   */
  readonly standing: 'MISSING' | 'BEHIND' | 'CONFLICT';
}

// Each schema is read separately, so that each could be a separate database.
const versions: Readonly<Record<AggregateType, string>> = {
  order: 'select cast(id as text) as id, version from orders.orders where cast(id as text) = any(:ids)',
  product: 'select sku as id, version from orders.products where sku = any(:ids)',
  stock: 'select sku as id, version from inventory.stock where sku = any(:ids)',
};

export async function aggregatesOf(db: Knex, { events }: Pick<Lost, 'events'>): Promise<LostAggregate[]> {
  const grouped = new Map<string, ReadableEvent[]>();
  for (const lost of events) {
    if (!isReadable(lost)) continue;
    const key = `${lost.event.aggregateType} ${lost.event.aggregateId}`;
    grouped.set(key, [...(grouped.get(key) ?? []), lost]);
  }
  const found: LostAggregate[] = [];
  for (const type of Object.keys(versions) as AggregateType[]) {
    const ofType = [...grouped.values()].filter(([first]) => first?.event.aggregateType === type);
    const known = await versionsOf(
      db,
      type,
      ofType.map(([first]) => first?.event.aggregateId ?? ''),
    );
    for (const group of ofType) {
      const ordered = group.sort((a, b) => a.event.aggregateVersion - b.event.aggregateVersion);
      const id = ordered[0]?.event.aggregateId ?? '';
      const version = known.get(id) ?? 0;
      found.push({ type, id, events: ordered, version, standing: standingOf(ordered, version) });
    }
  }
  return found;
}

const isReadable = (lost: LostEvent): lost is ReadableEvent => lost.event !== undefined;

async function versionsOf(
  db: Knex,
  type: AggregateType,
  ids: readonly string[],
): Promise<Map<string, number>> {
  const { rows } = await db.raw<{ rows: { id: string; version: number }[] }>(versions[type], {
    ids: [...ids],
  });
  return new Map(rows.map(({ id, version }) => [id, version]));
}

function standingOf(events: readonly ReadableEvent[], version: number): LostAggregate['standing'] {
  const continues = events.every(({ event }, index) => event.aggregateVersion === version + index + 1);
  if (!continues) return 'CONFLICT';
  return version === 0 ? 'MISSING' : 'BEHIND';
}
