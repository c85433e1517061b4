import assert from 'node:assert/strict';
import fc from 'fast-check';
import { stuckNames } from '../../../domain/desk.ts';
import { eventTypes } from '../../../domain/event-types.ts';
import { parseEvent, toEvent, UnreadableEventError, type EventType } from '../../../domain/events.ts';
import { anyEvent } from '../../support/arbitrary-events.ts';
import { asJson, orderHistory, provenance, stories, stuckStory } from '../../support/builders.ts';

/** @returns what is said about an event that cannot be read */
function complaintAbout(json: unknown): string {
  try {
    parseEvent(json);
  } catch (error) {
    assert.ok(error instanceof UnreadableEventError);
    return error.message;
  }
  return assert.fail(`${JSON.stringify(json)} was read`);
}

describe('events', () => {
  it('what was published is read as it was', () => {
    const stuck = stuckNames.flatMap((undo) => {
      const story = stuckStory('order', { undo });
      return [...story.stuck, ...story.settled, ...stuckStory('order', { undo, decision: 'waive' }).settled];
    });
    for (const event of orderHistory([...stories.completed, ...stories.refunded, ...stuck])) {
      assert.deepEqual(parseEvent(asJson(event)), event);
    }
  });

  it('any event of any version is read as its present version, whose data keeps what it said', () => {
    fc.assert(
      fc.property(anyEvent, (written) => {
        const { schemaVersion, data, ...envelope } = parseEvent(written);
        const { schemaVersion: writtenVersion, data: saidThen, ...writtenEnvelope } = written;
        assert.ok(schemaVersion >= writtenVersion);
        assert.deepEqual(envelope, writtenEnvelope);
        assert.deepEqual(eventTypes[envelope.type].data.parse(data), data);
        assert.deepEqual({ ...data, ...saidThen }, data);
      }),
    );
  });

  it('an unknown field, a version to come, an unknown type: the error names event, type, version and fault', () => {
    fc.assert(
      fc.property(anyEvent, (written) => {
        const { id, type, schemaVersion } = written;
        const name = `event ${id} (${type}.v${schemaVersion})`;
        for (const json of [
          { ...written, surprise: 1 },
          { ...written, data: { ...written.data, surprise: 1 } },
        ]) {
          const complaint = complaintAbout(json);
          assert.ok(complaint.startsWith(`${name} does not fit its schema: `), complaint);
          assert.match(complaint, /"surprise"/);
        }
        const present = parseEvent(written).schemaVersion;
        assert.equal(
          complaintAbout({ ...written, schemaVersion: present + 1 }),
          `event ${id} (${type}.v${present + 1}) is newer than this release, which reads ${type} up to v${present}`,
        );
        assert.equal(
          complaintAbout({ ...written, type: `${type}Again` }),
          `event ${id} (${type}Again.v${schemaVersion}) has a type that this release does not know`,
        );
      }),
    );
  });

  it('data of another shape, another aggregate and what is no event at all are refused by field', () => {
    const [created] = orderHistory(stories.completed);
    assert.ok(created?.type === 'OrderCreated');
    const halfACent = { ...created, data: { ...created.data, totalMinor: 0.5 } };
    assert.match(complaintAbout(halfACent), /OrderCreated\.v1\).*: data\.totalMinor: /);
    assert.match(complaintAbout({ ...created, aggregateType: 'stock' }), /: aggregateType: /);
    assert.match(complaintAbout({ ...created, aggregateId: 'COFFEE-1KG' }), /: aggregateId: /);
    assert.match(complaintAbout({ id: created.id }), /^this is no event: type: .*; schemaVersion: /);
    assert.match(complaintAbout('{}'), /^this is no event: /);
  });

  it('data of an old version is checked by the schema that it was written by', () => {
    const [resolved] = orderHistory(stuckStory('order').settled);
    assert.ok(resolved?.type === 'StuckResolved');
    const ahead = { ...resolved, schemaVersion: 1 };
    assert.match(complaintAbout(ahead), /StuckResolved\.v1\) does not fit its schema: data: .*"waiver"/);
  });

  it('what no reader could read is not written', () => {
    const at = {
      id: provenance.causationId,
      aggregateId: 'FILTER',
      aggregateVersion: 1,
      occurredAt: new Date(0),
    };
    const negative = { onHand: 1, reserved: 2, available: -1 };
    assert.throws(
      () => toEvent<EventType>({ type: 'StockChanged', data: negative }, at, provenance),
      /StockChanged\.v1 of FILTER cannot be written: available: /,
    );
    const withMore = { name: 'Filter', priceMinor: 90, currency: 'EUR', colour: 'white' };
    assert.throws(
      () => toEvent<EventType>({ type: 'ProductListed', data: withMore }, at, provenance),
      /ProductListed\.v1 of FILTER cannot be written: .*"colour"/,
    );
  });
});
