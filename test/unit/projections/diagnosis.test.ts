import assert from 'node:assert/strict';
import { diagnose } from '../../../projections/parking/diagnosis.ts';
import { asJson, orderHistory, stories } from '../../support/builders.ts';

describe('the diagnosis of a message', () => {
  const [created, , charged] = orderHistory(stories.completed).map((event) => asJson(event) as Event);
  interface Event {
    readonly data: Record<string, unknown>;
  }
  const causeOf = (body: unknown): string | undefined =>
    diagnose(typeof body === 'string' ? body : JSON.stringify(body))?.cause;

  it('finds nothing wrong with an event that can be read', () => {
    assert.equal(diagnose(JSON.stringify(charged)), undefined);
  });

  it('names what is no text and no JSON', () => {
    assert.equal(diagnose(new Uint8Array([0xff, 0x7b]))?.cause, 'body: not UTF-8');
    assert.equal(causeOf('{'), 'body: not JSON');
  });

  it('names what is missing before it is known which event it is', () => {
    assert.equal(causeOf({}), 'event: type');
    assert.equal(causeOf('null'), 'event: not an object');
    assert.equal(causeOf({ ...charged, schemaVersion: '1' }), 'event: schemaVersion');
  });

  it('names types and versions that this release does not know', () => {
    assert.equal(causeOf({ ...charged, type: 'PaymentLost' }), 'unknown type PaymentLost');
    assert.equal(causeOf({ ...charged, schemaVersion: 9 }), 'PaymentCharged.v9: newer than this release');
  });

  it('is the same for all that have the same fault, in whichever line', () => {
    const { lines } = created?.data as { lines: { quantity: number }[] };
    const withFault = (at: number): unknown => ({
      ...created,
      data: {
        ...created?.data,
        lines: lines.map((line, index) => (index === at ? { ...line, quantity: 0 } : line)),
      },
    });
    assert.equal(causeOf(withFault(0)), 'OrderCreated.v1: data.lines[].quantity');
    assert.equal(causeOf(withFault(1)), causeOf(withFault(0)));
  });

  it('tells what is missing and what is of another type, field by field', () => {
    const { amountMinor: _amount, ...data } = charged?.data ?? {};
    const differences = diagnose(JSON.stringify({ ...charged, data: { ...data, currency: 5 } }))?.differences;
    assert.deepEqual(
      differences?.map(({ field, problem }) => [field, problem]),
      [
        ['data.amountMinor', 'missing'],
        ['data.currency', 'type'],
      ],
    );
  });
});
