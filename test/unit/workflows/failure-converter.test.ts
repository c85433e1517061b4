import assert from 'node:assert/strict';
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  defaultPayloadConverter,
  RetryState,
  TerminatedFailure,
  TimeoutFailure,
  TimeoutType,
  type ProtoFailure,
} from '@temporalio/common';
import { loadDataConverter } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { failureDetail } from '../../../domain/failure-texts.ts';
import { dataConverter } from '../../../platform/temporal-data.ts';
import { leaksInside } from '../../support/internal-text.ts';

const { failureConverter } = loadDataConverter(dataConverter);
const toProto = (error: unknown): ProtoFailure =>
  failureConverter.errorToFailure(error, defaultPayloadConverter);

const SAID =
  'insert into messaging.outbox … at run (/app/dist/db/pool.js:1:2), connect ECONNREFUSED 10.0.0.7:5432';
const technical = (): Error => new Error(SAID, { cause: new TypeError(SAID) });

describe('the failure converter', () => {
  const errors: Record<string, () => unknown> = {
    'an error': technical,
    'a value that is no error': () => ({ sql: SAID }),
    'a text': () => SAID,
    'a failure with an unknown type': () =>
      ApplicationFailure.create({
        message: SAID,
        type: 'DatabaseError',
        details: [SAID],
        cause: technical(),
      }),
    'a failure with a known type': () =>
      ApplicationFailure.create({ message: SAID, type: 'OUT_OF_STOCK', details: [{ sql: SAID }] }),
    'a cancellation': () => new CancelledFailure(SAID, [SAID], technical()),
    'a timeout': () => new TimeoutFailure(SAID, SAID, TimeoutType.HEARTBEAT),
    'a termination': () => new TerminatedFailure(SAID, technical()),
    'the failure of an activity': () =>
      new ActivityFailure(SAID, 'reserveInventory', '1', RetryState.TIMEOUT, 'worker', technical()),
    'a failure that an older release has written': () =>
      failureConverter.failureToError(
        {
          message: SAID,
          stackTrace: SAID,
          applicationFailureInfo: { type: 'Error' },
          cause: { message: SAID, stackTrace: SAID },
        },
        defaultPayloadConverter,
      ),
  };
  for (const [name, make] of Object.entries(errors))
    it(`writes nothing of what ${name} says`, () => {
      const failure = toProto(make());
      assert.deepEqual(leaksInside(failure), []);
      assert.ok(!JSON.stringify(failure).includes('stackTrace'));
      assert.notEqual(failure.message, '');
    });

  it('keeps code, fields, text and how a failure is retried', () => {
    const failure = toProto(
      ApplicationFailure.create({
        type: 'PAYMENT_UNAVAILABLE',
        details: [{ attempts: 3 }],
        nonRetryable: true,
        nextRetryDelay: 5_000,
      }),
    );
    const back = failureConverter.failureToError(failure, defaultPayloadConverter);
    assert.ok(back instanceof ApplicationFailure);
    assert.deepEqual(
      [back.type, back.message, back.nonRetryable, back.details],
      ['PAYMENT_UNAVAILABLE', failureDetail('PAYMENT_UNAVAILABLE', { attempts: 3 }), true, [{ attempts: 3 }]],
    );
    assert.equal(Number(failure.applicationFailureInfo?.nextRetryDelay?.seconds), 5);
  });

  it('keeps which activity failed, and why', () => {
    const refused = ApplicationFailure.create({ type: 'OUT_OF_STOCK' });
    const failure = toProto(
      new ActivityFailure('x', 'reserveInventory', '1', RetryState.TIMEOUT, 'worker', refused),
    );
    assert.equal(failure.activityFailureInfo?.activityType?.name, 'reserveInventory');
    assert.equal(failure.cause?.applicationFailureInfo?.type, 'OUT_OF_STOCK');
  });
});
