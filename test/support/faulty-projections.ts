import type { DomainEvent } from '../../domain/events.ts';
import type { Projection } from '../../projections/kit/projection.ts';
import { projections } from '../../projections/projections.ts';

/** `throws`: in the fold. `row`: PostgreSQL refuses what it makes. */
export type Fault = 'throws' | 'row';

/** The projections of this release, but that one of them cannot take some events, by id. */
export const faultyProjections = (faults: ReadonlyMap<string, Fault>): Projection[] =>
  projections.map((projection) =>
    projection.name === 'orders'
      ? { ...projection, evolve: (before, event) => evolveBadly(projection, faults, before, event) }
      : projection,
  );

function evolveBadly(
  { evolve }: Projection,
  faults: ReadonlyMap<string, Fault>,
  before: Record<string, unknown> | undefined,
  event: DomainEvent,
): Record<string, unknown> | undefined {
  const fault = faults.get(event.id);
  if (fault === 'throws') throw new TypeError(`planted for ${event.type}`);
  const after = evolve(before, event);
  // Digits that are too many for the column.
  return fault === 'row' && after ? { ...after, totalMinor: 1e19 } : after;
}
