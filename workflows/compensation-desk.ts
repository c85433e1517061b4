import type { UpdateDefinition } from '@temporalio/common';
import { condition, defineUpdate, setHandler, workflowInfo } from '@temporalio/workflow';
import { deskDecisions, type Resolution, type StuckStep, type UndoName } from '../domain/desk.ts';
import type { OrderActivities, SagaOrder } from '../domain/order-saga.ts';
import { RESOLVE_UPDATE } from '../domain/saga-requests.ts';
import { failureOf, refusal, type Failure } from './failures.ts';
import type { Progress } from './progress.ts';

const resolveStuck: UpdateDefinition<void, [Resolution]> = defineUpdate(RESOLVE_UPDATE);

/** What became of an undo step: its own answer, or what an operator made of it. */
type Undone<T> = { readonly value: T } | { readonly settled: 'done-by-hand' | 'waive' };

export interface Desk {
  /** Runs an undo step to its end; one that fails past its attempts waits for an operator, for ever if need be. */
  readonly carryOut: <T>(undo: UndoName, act: () => Promise<T>) => Promise<Undone<T>>;
}

/** Where undo steps end up that cannot be done by themselves. Call it, and what it returns, in a non-cancellable scope. */
export function openDesk(order: SagaOrder, orders: OrderActivities, progress: Progress): Desk {
  const { workflowId } = workflowInfo();
  let occurrence = 0;
  let isWaiting = false;
  let given: Resolution | undefined;
  /** Occurrences whose resolution is written. */
  let written = 0;

  setHandler(
    resolveStuck,
    async (resolution: Resolution) => {
      given = resolution;
      const mine = occurrence;
      await condition(() => written >= mine);
    },
    {
      validator: ({ decision, operator, reason }: Resolution) => {
        if (!isWaiting || given) throw refusal('NOT_STUCK', `${workflowId} waits for no decision`);
        if (!deskDecisions.includes(decision) || !operator || !reason)
          throw refusal(
            'NOT_STUCK',
            `a decision (${deskDecisions.join(', ')}), an operator and a reason are needed`,
          );
      },
    },
  );

  /** @returns undefined when the order turns out to be undone already. */
  async function waitForOperator(
    undo: UndoName,
    { reason, detail }: Failure,
  ): Promise<Resolution | undefined> {
    occurrence += 1;
    const stuck: StuckStep = {
      workflowId,
      undo,
      code: reason,
      detail,
      attempts: Math.max(1, progress.attempts()),
      occurrence,
    };
    given = undefined;
    isWaiting = true;
    progress.stuck(stuck);
    if (!(await orders.recordStuck(order, stuck))) {
      isWaiting = false;
      written = occurrence;
      progress.unstuck();
      return undefined;
    }
    await condition(() => given !== undefined);
    isWaiting = false;
    const resolution = given as unknown as Resolution;
    await orders.recordResolution(order, { workflowId, undo, occurrence }, resolution);
    written = occurrence;
    progress.unstuck();
    return resolution;
  }

  return {
    carryOut: async (undo, act) => {
      for (;;) {
        progress.undoes(undo);
        try {
          const value = await act();
          progress.undone();
          return { value };
        } catch (error) {
          const resolution = await waitForOperator(undo, failureOf(error));
          const decision = resolution?.decision ?? 'done-by-hand';
          if (decision === 'retry') continue;
          progress.undone(decision);
          return { settled: decision };
        }
      }
    },
  };
}
