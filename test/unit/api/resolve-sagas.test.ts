import assert from 'node:assert/strict';
import { resolveSagas } from '../../../api/sagas/resolve-sagas.ts';
import type { ResolveAnswer } from '../../../api/sagas/saga-control.ts';
import type { ResolveSagasRequest } from '../../../domain/commands.ts';
import { OrderSystemError } from '../../../domain/errors.ts';

const request: ResolveSagasRequest = {
  cause: 'refundPayment: PAYMENT_UNAVAILABLE',
  action: 'retry',
  reason: 'the provider is back',
  limit: 100,
};
const unavailable = new OrderSystemError('UNAVAILABLE', 'no saga can be reached now');

/** Sagas by what they answer, or fail with. */
function desk(
  answers: Record<string, ResolveAnswer | Error>,
  { now = (): number => 0, during = (): Promise<void> => Promise.resolve() } = {},
) {
  const state = {
    inProgress: 0,
    most: 0,
    asked: [] as string[],
    failures: [] as string[],
    passedOver: undefined as string | undefined,
  };
  const run = (changes: Partial<ResolveSagasRequest> = {}): ReturnType<typeof resolveSagas> =>
    resolveSagas(
      {
        operator: 'ada',
        findStuck: (cause, limit, notWaivedBy) => {
          assert.equal(cause, request.cause);
          state.passedOver = notWaivedBy;
          return Promise.resolve(Object.keys(answers).slice(0, limit));
        },
        sagas: {
          resolve: async (workflowId, resolution) => {
            const decision = changes.action ?? 'retry';
            assert.deepEqual(resolution, { decision, operator: 'ada', reason: request.reason });
            state.asked.push(workflowId);
            state.most = Math.max(state.most, ++state.inProgress);
            await during();
            await Promise.resolve();
            state.inProgress -= 1;
            const answer = answers[workflowId]!;
            if (answer instanceof Error) throw answer;
            return answer;
          },
        },
        clock: { now: () => new Date(now()) },
        onFailure: (_error, workflowId) => state.failures.push(workflowId),
      },
      { ...request, ...changes },
    );
  return { run, state };
}
const many = (count: number, answer: ResolveAnswer | Error): Record<string, ResolveAnswer | Error> =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`order-${n}`, answer]));

describe('one decision for all sagas that are stuck for one cause', () => {
  it('reaches each, whatever the others answer, and tells which did not take it and why', async () => {
    const { run, state } = desk({
      a: { kind: 'DONE' },
      b: { kind: 'REFUSED', code: 'NOT_STUCK', detail: 'it goes on already' },
      c: { kind: 'PENDING' },
      d: { kind: 'ENDED' },
      e: { kind: 'UNKNOWN' },
      f: unavailable,
      g: new TypeError('secret'),
      h: { kind: 'REFUSED', code: 'TOO_LATE_TO_CANCEL', detail: 'secret' },
      i: { kind: 'DONE' },
      j: { kind: 'REFUSED', code: 'RETRY_ONLY', detail: 'it has to end' },
      k: { kind: 'REFUSED', code: 'SECOND_OPERATOR_REQUIRED', detail: 'another one' },
    });
    const { resolved, waiting, refused, remaining } = await run();
    assert.deepEqual([resolved, waiting], [['a', 'c', 'i'], []]);
    assert.deepEqual(
      refused.map(({ workflowId, code }) => `${workflowId} ${code}`),
      [
        'b NOT_STUCK',
        'd NOT_STUCK',
        'e NOT_FOUND',
        'f UNAVAILABLE',
        'g FAILED',
        'h FAILED',
        'j RETRY_ONLY',
        'k SECOND_OPERATOR_REQUIRED',
      ],
    );
    assert.equal(refused[0]?.detail, 'it goes on already');
    assert.ok(!JSON.stringify(refused).includes('secret'));
    assert.deepEqual(state.failures, ['g', 'h']);
    assert.equal(remaining, false);
  });

  it('tells what waits for a second operator from what is waived, and passes over what the same has asked for', async () => {
    const { run, state } = desk({ a: { kind: 'WAITS_FOR_SECOND' }, b: { kind: 'DONE' } });
    const answer = await run({ action: 'waive' });
    assert.deepEqual(answer, { resolved: ['b'], waiting: ['a'], refused: [], remaining: false });
    assert.equal(state.passedOver, 'ada');
    await run({ action: 'retry' });
    assert.equal(state.passedOver, undefined);
  });

  it('asks ten at a time, and no more than the limit', async () => {
    const { run, state } = desk(many(30, { kind: 'DONE' }));
    const { resolved, remaining } = await run({ limit: 25 });
    assert.deepEqual([resolved.length, state.asked.length, state.most, remaining], [25, 25, 10, true]);
    assert.equal((await desk(many(25, { kind: 'DONE' })).run({ limit: 25 })).remaining, false);
  });

  it('stops in time when sagas are slow, and says that some remain', async () => {
    let now = 0;
    const during = (): Promise<void> => {
      now += 1_000;
      return Promise.resolve();
    };
    const { run } = desk(many(100, { kind: 'DONE' }), { now: () => now, during });
    const { resolved, remaining } = await run();
    assert.ok(resolved.length >= 20 && resolved.length < 40, `${resolved.length} of 100`);
    assert.equal(remaining, true);
  });

  it('fails as a whole when not one could be reached', async () => {
    await assert.rejects(desk(many(3, unavailable)).run(), { code: 'UNAVAILABLE' });
    const { refused } = await desk({ ...many(3, unavailable), z: { kind: 'ENDED' } }).run();
    assert.equal(refused.length, 4);
  });

  it('does nothing where nothing is stuck', async () => {
    assert.deepEqual(await desk({}).run(), { resolved: [], waiting: [], refused: [], remaining: false });
  });
});
