import assert from 'node:assert/strict';
import fc from 'fast-check';
import { toEvent, type DomainEvent } from '../../../domain/events.ts';
import { partitionOf } from '../../../domain/topology.ts';
import { newId } from '../../../platform/clock.ts';
import { createFold } from '../../../projections/kit/fold.ts';
import type { Projection } from '../../../projections/kit/projection.ts';
import { projections } from '../../../projections/projections.ts';
import { orderHistory, provenance, stories, stuckStory } from '../../support/builders.ts';
import { tablesAfter } from '../../support/projections.ts';

type Row = Record<string, unknown>;
type History = readonly DomainEvent[];

const orderOf = fc.oneof(
  fc.constantFrom(...Object.values(stories)).map((story): History => orderHistory(story)),
  fc.constantFrom('done-by-hand', 'retry', 'waive').map((decision): History => {
    const orderId = newId();
    const { stuck, settled } = stuckStory(orderId, { decision: decision as 'retry' });
    return orderHistory([...stuck, ...settled], { orderId });
  }),
);
const productOf = fc.constantFrom('TEA', 'COFFEE', 'FILTER').chain((aggregateId) =>
  fc.array(fc.nat(50), { minLength: 1, maxLength: 4 }).map((levels): History => {
    const at = (aggregateVersion: number): Parameters<typeof toEvent>[1] => ({
      id: newId(),
      aggregateId,
      aggregateVersion,
      occurredAt: new Date('2026-03-01T10:00:00Z'),
    });
    return levels.map((available, index) =>
      toEvent(
        { type: 'StockChanged', data: { onHand: 50, reserved: 50 - available, available } },
        at(index + 1),
        provenance,
      ),
    );
  }),
);
const histories = fc
  .tuple(
    fc.array(orderOf, { minLength: 1, maxLength: 5 }),
    fc.uniqueArray(productOf, { maxLength: 3, selector: ([first]) => first?.aggregateId }),
  )
  .map(([orders, products]) => [...orders, ...products]);

/** The events of all histories in an order that keeps each one's own: `turns` says whose event is next. */
function mixed(all: readonly History[], turns: readonly number[]): DomainEvent[] {
  const rests = all.map((history) => [...history]);
  const events: DomainEvent[] = [];
  for (let turn = 0; rests.some(({ length }) => length > 0); turn++) {
    const waiting = rests.filter(({ length }) => length > 0);
    const next = waiting[(turns[turn % turns.length] ?? 0) % waiting.length]?.shift();
    if (next) events.push(next);
  }
  return events;
}

const turns = fc.array(fc.nat(20), { minLength: 1, maxLength: 40 });
const cuts = fc.array(fc.record({ length: fc.integer({ min: 1, max: 7 }), again: fc.nat(12) }), {
  minLength: 1,
  maxLength: 10,
});

/** Pages of these lengths, each of which begins with some events that were delivered before. */
function paged(
  events: readonly DomainEvent[],
  sizes: readonly { length: number; again: number }[],
): DomainEvent[][] {
  const pages: DomainEvent[][] = [];
  let from = 0;
  for (let index = 0; from < events.length; index++) {
    const { length, again } = sizes[index % sizes.length]!;
    pages.push(events.slice(Math.max(0, from - again), from + length));
    from += length;
  }
  return pages;
}

/** Rows in an order of their own: states come in the order of their first events. */
const rowsOf = (tables: Record<string, Row[]>): Record<string, string[]> =>
  Object.fromEntries(
    Object.entries(tables).map(([name, rows]) => [name, rows.map((row) => JSON.stringify(row)).sort()]),
  );

describe('the projection kit', () => {
  for (const projection of projections) {
    it(`${projection.name}: the same events, mixed, cut and repeated in any way, leave the same tables`, () => {
      fc.assert(
        fc.property(histories, turns, turns, cuts, (all, once, other, sizes) => {
          assert.deepEqual(
            rowsOf(tablesAfter(projection, ...paged(mixed(all, other), sizes))),
            rowsOf(tablesAfter(projection, mixed(all, once))),
          );
        }),
      );
    });

    if (projection.figures)
      it(`${projection.name}: the figures are the sum of what each state counts for`, () => {
        fc.assert(
          fc.property(histories, turns, cuts, (all, once, sizes) => {
            const tables = tablesAfter(projection, ...paged(mixed(all, once), sizes));
            const states = tables[projection.state.name] ?? [];
            for (const { table, of, rollUp } of projection.figures ?? [])
              assert.deepEqual(
                rowsOf({ rows: tables[table.name] ?? [] }),
                rowsOf({
                  rows: summed(
                    table.key,
                    states
                      .flatMap((state) => [...of(state as never)])
                      .flatMap((row) => [row, ...(rollUp?.(row) ?? [])] as Row[]),
                  ),
                }),
              );
          }),
        );
      });
  }

  it('what a state counts for is added in the partition of its aggregate', () => {
    for (const projection of projections) {
      const events = orderHistory(stories.completed);
      for (const { rows } of foldOf(projection, events).differences())
        for (const { partition } of rows) assert.equal(partition, partitionOf(events[0]?.aggregateId ?? ''));
    }
  });

  it('what does not change is not written', () => {
    for (const projection of projections) {
      const events = orderHistory(stories.completed);
      const states = foldOf(projection, events).changed();
      const [key = ''] = projection.state.key;
      const again = foldOf(projection, events, new Map(states.map((state) => [String(state[key]), state])));
      assert.deepEqual(again.changed(), []);
      assert.deepEqual(
        again.differences().flatMap(({ rows }) => rows),
        [],
      );
    }
  });
});

function foldOf(
  projection: Projection,
  events: readonly DomainEvent[],
  before: ReadonlyMap<string, Row> = new Map(),
): ReturnType<typeof createFold> {
  const fold = createFold(projection, before);
  for (const event of events) fold.take(fold.prepare(event));
  return fold;
}

function summed(key: readonly string[], rows: readonly Row[]): Row[] {
  const sums = new Map<string, Row>();
  for (const row of rows) {
    const id = JSON.stringify(key.map((field) => row[field]));
    const sum = sums.get(id);
    sums.set(
      id,
      Object.fromEntries(
        Object.entries(row).map(([field, value]) => [
          field,
          sum && !key.includes(field) ? Number(sum[field]) + Number(value) : value,
        ]),
      ),
    );
  }
  return [...sums.values()];
}
