import assert from 'node:assert/strict';
import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { SagaProgress, StepReport } from '../../../domain/saga-requests.ts';
import { readProgress } from '../../../worker/saga-progress.ts';

const step: StepReport = {
  name: 'charge payment',
  call: 'chargePayment',
  startedAt: '2026-03-01T10:00:00.000Z',
  attempts: 1,
};
const at = '2026-03-01T10:05:00.250Z';
const time = { seconds: Date.parse('2026-03-01T10:05:00Z') / 1_000, nanos: 250_000_000 };

/** What Temporal answers about one saga. */
const answering = (pendingActivities: readonly object[], current: StepReport | null = step): Client =>
  ({
    workflow: {
      getHandle: () => ({
        query: () => Promise.resolve({ saga: 'Order saga', state: 'RUNNING', ...(current && { current }) }),
        describe: () => Promise.resolve({ raw: { pendingActivities } }),
      }),
    },
  }) as unknown as Client;

const pending = (name: string, lastFailure: object, attempt = 7): object => ({
  activityType: { name },
  attempt,
  lastFailure,
  lastAttemptCompleteTime: time,
});
const currentOf = async (client: Client): Promise<SagaProgress['current']> =>
  (await readProgress(client, 'order-1'))?.current;

describe('the progress of a saga', () => {
  it('has the attempts that the server makes, and the fixed text of the last error', async () => {
    const failure = {
      message: 'connect 10.0.0.7:443',
      applicationFailureInfo: { type: 'PAYMENT_UNAVAILABLE', details: { payloads: [] } },
    };
    assert.deepEqual(await currentOf(answering([pending('chargePayment', failure)])), {
      ...step,
      attempts: 7,
      lastError: { code: 'PAYMENT_UNAVAILABLE', detail: 'the payment provider was not available', at },
    });
  });

  it('fills the text in with the fields that the code declares', async () => {
    const payloads = [defaultPayloadConverter.toPayload({ attempts: 3, host: '10.0.0.7' })];
    const failure = { applicationFailureInfo: { type: 'PAYMENT_UNAVAILABLE', details: { payloads } } };
    const current = await currentOf(answering([pending('chargePayment', failure)]));
    assert.equal(current?.lastError?.detail, 'the payment provider was not available in 3 attempts');
  });

  it('adds the attempts of the server to those that the saga has seen, such as a local one', async () => {
    const client = answering([pending('chargePayment', {}, 3)], { ...step, attempts: 2 });
    assert.equal((await currentOf(client))?.attempts, 4);
  });

  it('tells of a query that fails, whose attempts do not count for the step', async () => {
    const current = await currentOf(answering([pending('resolveCharge', { timeoutFailureInfo: {} })]));
    assert.deepEqual([current?.attempts, current?.lastError?.code], [1, 'STEP_TIMED_OUT']);
  });

  it('knows a failure without a code as FAILED', async () => {
    const current = await currentOf(answering([pending('chargePayment', { message: 'at /app/x.js' })]));
    assert.equal(current?.lastError?.code, 'FAILED');
  });

  it('is what the saga says while nothing is pending', async () => {
    assert.deepEqual(await currentOf(answering([])), step);
    assert.equal(await currentOf(answering([], null)), undefined);
  });
});
