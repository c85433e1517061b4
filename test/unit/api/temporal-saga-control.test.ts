import assert from 'node:assert/strict';
import { ServiceError, type Client } from '@temporalio/client';
import { createTemporalSagaControl } from '../../../api/sagas/temporal-saga-control.ts';
import type { SagaControl } from '../../../api/sagas/saga-control.ts';
import { sagaSettings } from '../../support/builders.ts';

/** What the SDK throws when the server refuses a call with this code of gRPC. */
function refusedWith(code: number): ServiceError {
  const cause = Object.assign(new Error(`code ${code}`), { code, details: '', metadata: {} });
  return new ServiceError('Workflow Update failed', { cause });
}

/** A server that answers each update with this. */
const controlOver = (startUpdate: () => Promise<unknown>): SagaControl =>
  createTemporalSagaControl({
    client: {
      withDeadline: (_deadline: unknown, act: () => unknown) => act(),
      workflow: { getHandle: () => ({ startUpdate }) },
    } as unknown as Client,
    settings: sagaSettings(),
  });
const decision = { decision: 'retry', operator: 'maria', reason: 'seen' } as const;

describe('asking a saga', () => {
  // 9 is what the server says when the request met the workflow's end.
  // 13 is also how a connection ends that broke in the middle, 16 what a key brings that is just being exchanged.
  for (const code of [1, 2, 4, 5, 7, 8, 9, 10, 13, 14, 15, 16, 99])
    it(`that the server does not let through, code ${code} of gRPC: it may be asked again`, () =>
      assert.rejects(controlOver(() => Promise.reject(refusedWith(code))).resolve('order-1', decision), {
        code: 'UNAVAILABLE',
      }));

  for (const code of [3, 6, 11, 12])
    it(`that is asked wrongly, code ${code} of gRPC: an error nobody foresaw, not one to repeat`, () =>
      assert.rejects(
        controlOver(() => Promise.reject(refusedWith(code))).resolve('order-1', decision),
        ServiceError,
      ));

  it('that waits for a second operator: the answer is no done', async () => {
    const answerTo = (result: unknown): Promise<unknown> =>
      controlOver(() => Promise.resolve({ result: () => Promise.resolve(result) }))
        .resolve('order-1', decision)
        .then(({ kind }) => kind);
    assert.equal(await answerTo('WAITS_FOR_SECOND'), 'WAITS_FOR_SECOND');
    // Nothing is what sagas of earlier workers return.
    for (const result of ['APPLIED', undefined]) assert.equal(await answerTo(result), 'DONE');
  });

  it('that has taken the request and does not answer: it is pending, for it is in the history', async () => {
    const handle = { result: () => Promise.reject(refusedWith(14)) };
    const answer = await controlOver(() => Promise.resolve(handle)).resolve('order-1', decision);
    assert.deepEqual(answer, { kind: 'PENDING' });
  });
});
