import type { UpdateDefinition } from '@temporalio/common';
import { condition, defineUpdate, setHandler, workflowInfo } from '@temporalio/workflow';
import {
  decisionsOn,
  deskDecisions,
  type Resolution,
  type StuckName,
  type StuckStep,
} from '../domain/desk.ts';
import { isBusinessRefusal } from '../domain/errors.ts';
import type { OrderActivities, SagaOrder } from '../domain/order-saga.ts';
import { RESOLVE_UPDATE } from '../domain/saga-requests.ts';
import { failureOf, refusal, type Failure } from './failures.ts';
import type { Progress } from './progress.ts';

const resolveStuck: UpdateDefinition<void, [Resolution]> = defineUpdate(RESOLVE_UPDATE);

/** What became of an undo step: its own answer, or what an operator made of it. */
type Undone<T> = { readonly value: T } | { readonly settled: 'done-by-hand' | 'waive' };

export interface Desk {
  /** Runs an undo step to its end; one that fails for good waits for an operator, for ever if need be. */
  readonly carryOut: <T>(undo: StuckName, act: () => Promise<T>) => Promise<Undone<T>>;
}

/** Where undo steps end up that cannot be done by themselves. Call it, and what it returns, in a non-cancellable scope. */
export function openDesk(order: SagaOrder, orders: OrderActivities, progress: Progress): Desk {
  const { workflowId } = workflowInfo();
  let occurrence = 0;
  let waiting: StuckName | undefined;
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
        if (!waiting || given) throw refusal('NOT_STUCK', `${workflowId} waits for no decision`);
        if (!deskDecisions.includes(decision) || !operator || !reason)
          throw refusal(
            'NOT_STUCK',
            `a decision (${deskDecisions.join(', ')}), an operator and a reason are needed`,
          );
        if (!decisionsOn(waiting).includes(decision))
          throw refusal(
            'RETRY_ONLY',
            `${waiting} brings the order to its end, which cannot be done by hand or waived: mend what refuses it, then retry`,
          );
      },
    },
  );

  /** @returns undefined when the order turns out to have ended. */
  async function waitForOperator(
    undo: StuckName,
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
    waiting = undo;
    progress.stuck(stuck);
    if (!(await unlessRefused(() => orders.recordStuck(order, stuck), true))) {
      waiting = undefined;
      written = occurrence;
      progress.unstuck();
      return undefined;
    }
    await condition(() => given !== undefined);
    waiting = undefined;
    const resolution = given as unknown as Resolution;
    const which = { workflowId, undo, occurrence };
    await unlessRefused(() => orders.recordResolution(order, which, resolution), undefined);
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

/** An order that takes no events, because its row is gone, does not keep its saga from waiting: progress tells of it. */
async function unlessRefused<T>(write: () => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!isBusinessRefusal(failureOf(error).reason)) throw error;
    return otherwise;
  }
}
