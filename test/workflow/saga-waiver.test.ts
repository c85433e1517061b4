import assert from 'node:assert/strict';
import type { WorkflowHandle } from '@temporalio/client';
import type { Resolution } from '../../domain/desk.ts';
import { RESOLVE_UPDATE, type DeskAnswer } from '../../domain/saga-requests.ts';
import {
  isRefusal,
  progressOf,
  resolve,
  untilState,
  useFakeSagas,
  type FakeSagas,
} from '../support/fake-sagas.ts';
import { createFakeSteps, type FakeSteps } from '../support/fake-steps.ts';
import { bundleWithPlanted } from '../support/planted-bundle.ts';

interface Stuck {
  readonly saga: WorkflowHandle;
  readonly fake: FakeSteps;
  /** With what the desk's activities were called, as `name: decision by operator`. */
  readonly written: readonly string[];
}

/**
 * A declined payment whose refund never works.
 * @param refusals of the first decisions that are written. @param told until when it takes to write that it is stuck
 */
async function stuckSaga(
  sagas: FakeSagas,
  { refusals = 0, told }: { refusals?: number; told?: Promise<void> } = {},
): Promise<Stuck> {
  const fake = createFakeSteps({
    faults: {
      chargePayment: { code: 'PAYMENT_DECLINED', times: Infinity },
      refundPayment: { code: 'PAYMENT_UNAVAILABLE', times: Infinity },
      recordResolution: { code: 'SECOND_OPERATOR_REQUIRED', times: refusals },
    },
  });
  const written: string[] = [];
  const steps: typeof fake.steps = {
    ...fake.steps,
    recordStuck: async (...given) => {
      await told;
      return fake.steps.recordStuck(...given);
    },
    requestWaiver: (...given) => {
      written.push(`asked by ${given[2].requestedBy}: ${given[2].reason}`);
      return fake.steps.requestWaiver(...given);
    },
    recordResolution: (...given) => {
      written.push(`${given[2].decision} by ${given[2].operator}: ${given[2].reason}`);
      return fake.steps.recordResolution(...given);
    },
  };
  const saga = await sagas.startOrder({
    steps,
    settings: { undoAttempts: 1, ...(told && { localSteps: [] }) },
  });
  await untilState(saga, 'STUCK', told ? 0 : 1);
  return { saga, fake, written };
}
const outcome = { status: 'CANCELLED', reason: 'PAYMENT_DECLINED' };
const refused = isRefusal('SECOND_OPERATOR_REQUIRED');
const answerOf = (answer: Promise<DeskAnswer>): Promise<DeskAnswer | 'REFUSED'> =>
  answer.catch((error: unknown) => {
    assert.ok(refused(error), String(error));
    return 'REFUSED' as const;
  });

describe('a waiver', function () {
  this.timeout(180_000);
  const sagas = useFakeSagas();

  it('is asked for by the first operator and given by the second', async () => {
    const { saga, fake, written } = await stuckSaga(sagas);
    assert.equal(await resolve(saga, 'waive', 'maria'), 'WAITS_FOR_SECOND');
    const { state, stuck } = await progressOf(saga);
    assert.equal(state, 'STUCK');
    const { at, ...waiver } = stuck!.waiver!;
    assert.deepEqual(waiver, { requestedBy: 'maria', reason: 'seen by maria' });
    assert.ok(at >= stuck!.since);
    await sagas.environment().sleep(24 * 3_600_000);
    assert.ok(!fake.calls.includes('releaseInventory'));

    assert.equal(await resolve(saga, 'waive', 'omar'), 'APPLIED');
    assert.deepEqual(await saga.result(), outcome);
    assert.deepEqual(written, ['asked by maria: seen by maria', 'waive by omar: seen by omar']);
    const settled = (await progressOf(saga)).undone.map(({ settled }) => settled);
    assert.deepEqual(settled, ['waive', undefined, undefined]);
  });

  it('is not given by who asked for it, however often, and can be given by another all the same', async () => {
    const { saga, written } = await stuckSaga(sagas);
    await resolve(saga, 'waive', 'maria');
    for (const _ of [2, 3]) await assert.rejects(resolve(saga, 'waive', 'maria'), refused);
    assert.equal((await progressOf(saga)).state, 'STUCK');
    assert.equal(await resolve(saga, 'waive', 'omar'), 'APPLIED');
    await saga.result();
    assert.deepEqual(written, ['asked by maria: seen by maria', 'waive by omar: seen by omar']);
  });

  for (const operator of ['maria', 'omar'])
    it(`is void once ${operator} retries: stuck again, it is asked for afresh`, async () => {
      const { saga, written } = await stuckSaga(sagas);
      await resolve(saga, 'waive', 'maria');
      assert.equal(await resolve(saga, 'retry', operator), 'APPLIED');
      assert.equal((await untilState(saga, 'STUCK', 2)).stuck?.waiver, undefined);
      assert.equal(await resolve(saga, 'waive', 'omar'), 'WAITS_FOR_SECOND');
      assert.equal(await resolve(saga, 'waive', 'maria'), 'APPLIED');
      await saga.result();
      assert.deepEqual(written, [
        'asked by maria: seen by maria',
        `retry by ${operator}: seen by ${operator}`,
        'asked by omar: seen by omar',
        'waive by maria: seen by maria',
      ]);
    });

  it('is void once it was done by hand, which takes one operator', async () => {
    const { saga, written } = await stuckSaga(sagas);
    await resolve(saga, 'waive', 'maria');
    assert.equal(await resolve(saga, 'done-by-hand', 'maria'), 'APPLIED');
    await saga.result();
    assert.equal(written.at(-1), 'done-by-hand by maria: seen by maria');
    assert.equal((await progressOf(saga)).undone[0]?.settled, 'done-by-hand');
  });

  it('that two operators send at once is asked for once and given once', async () => {
    const { saga, written } = await stuckSaga(sagas);
    const answers = await Promise.all([resolve(saga, 'waive', 'maria'), resolve(saga, 'waive', 'omar')]);
    assert.deepEqual([...answers].sort(), ['APPLIED', 'WAITS_FOR_SECOND']);
    await saga.result();
    const [first, second] = answers[0] === 'WAITS_FOR_SECOND' ? ['maria', 'omar'] : ['omar', 'maria'];
    assert.deepEqual(written, [
      `asked by ${first}: seen by ${first}`,
      `waive by ${second}: seen by ${second}`,
    ]);
  });

  it('that is given before the order knows of it is written in its order', async () => {
    let tell = (): void => undefined;
    const told = new Promise<void>((resolveTold) => {
      tell = resolveTold;
    });
    const { saga, written } = await stuckSaga(sagas, { told });
    const accepted = { waitForStage: 'ACCEPTED' } as const;
    const asked = await saga.startUpdate<DeskAnswer, [Resolution]>(RESOLVE_UPDATE, {
      args: [{ decision: 'waive', operator: 'maria', reason: 'seen by maria' }],
      ...accepted,
    });
    const given = await saga.startUpdate<DeskAnswer, [Resolution]>(RESOLVE_UPDATE, {
      args: [{ decision: 'waive', operator: 'omar', reason: 'seen by omar' }],
      ...accepted,
    });
    assert.deepEqual(written, []);
    tell();
    assert.equal(await asked.result(), 'WAITS_FOR_SECOND');
    assert.equal(await given.result(), 'APPLIED');
    await saga.result();
    assert.deepEqual(written, ['asked by maria: seen by maria', 'waive by omar: seen by omar']);
  });

  it('that one operator sends twice at once is asked for once', async () => {
    const { saga, written } = await stuckSaga(sagas);
    const answers = await Promise.all([1, 2].map(() => answerOf(resolve(saga, 'waive', 'maria'))));
    assert.deepEqual([...answers].sort(), ['REFUSED', 'WAITS_FOR_SECOND']);
    assert.equal((await progressOf(saga)).state, 'STUCK');
    assert.deepEqual(written, ['asked by maria: seen by maria']);
    await resolve(saga, 'retry');
    await untilState(saga, 'STUCK', 2);
    await resolve(saga, 'done-by-hand');
    await saga.result();
  });

  it('of a cancelled workflow is answered like any other', async () => {
    const { saga } = await stuckSaga(sagas);
    await saga.cancel();
    assert.equal(await resolve(saga, 'waive', 'maria'), 'WAITS_FOR_SECOND');
    assert.equal(await resolve(saga, 'waive', 'omar'), 'APPLIED');
    assert.deepEqual(await saga.result(), outcome);
  });
});

describe('a waiver whose saga is known from its history alone, as after a restart', function () {
  this.timeout(180_000);
  const sagas = useFakeSagas({ cachedWorkflows: 0 });

  it('is still asked for, by the same operator, and given by the second', async () => {
    const { saga } = await stuckSaga(sagas);
    await resolve(saga, 'waive', 'maria');
    assert.equal((await progressOf(saga)).stuck?.waiver?.requestedBy, 'maria');
    await assert.rejects(resolve(saga, 'waive', 'maria'), refused);
    assert.equal(await resolve(saga, 'waive', 'omar'), 'APPLIED');
    assert.deepEqual(await saga.result(), outcome);
  });
});

describe('a waiver that one operator is enough for, as the saga believes', function () {
  this.timeout(180_000);
  const sagas = useFakeSagas({
    bundle: () =>
      bundleWithPlanted(
        new URL('../deep/sagas/planted/one-operator-waives.ts', import.meta.url).pathname,
        '../domain/desk.ts',
      ),
  });

  it('settles nothing when the order refuses it: the saga waits on', async () => {
    const { saga, fake } = await stuckSaga(sagas, { refusals: 1 });
    await assert.rejects(resolve(saga, 'waive', 'maria'), refused);
    assert.equal((await progressOf(saga)).state, 'STUCK');
    assert.ok(!fake.calls.includes('releaseInventory'));
    await resolve(saga, 'done-by-hand');
    assert.deepEqual(await saga.result(), outcome);
  });
});
