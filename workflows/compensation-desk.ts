import type { UpdateDefinition } from '@temporalio/common';
import {
  CancellationScope,
  condition,
  defineUpdate,
  patched,
  setHandler,
  workflowInfo,
  type ApplicationFailure,
} from '@temporalio/workflow';
import {
  deskDecisions,
  verdictOn,
  type Resolution,
  type StuckName,
  type StuckStep,
  type WaiverRequest,
} from '../domain/desk.ts';
import { isBusinessRefusal, type BusinessRefusal } from '../domain/errors.ts';
import type { OrderActivities, SagaOrder } from '../domain/order-saga.ts';
import { RESOLVE_UPDATE, type DeskAnswer } from '../domain/saga-requests.ts';
import { failureOf, refusal, type Failure } from './failures.ts';
import type { Progress } from './progress.ts';

const resolveStuck: UpdateDefinition<DeskAnswer, [Resolution]> = defineUpdate(RESOLVE_UPDATE);

/** Marks a history in which a waiver takes two operators; what one had waived before stays waived when it is replayed. */
const TWO_TO_WAIVE = 'two-operators-to-waive';

/** What became of an undo step: its own answer, or what an operator made of it. */
type Undone<T> = { readonly value: T } | { readonly settled: 'done-by-hand' | 'waive' };

export interface Desk {
  /** Runs an undo step to its end; one that fails for good waits for an operator, for ever if need be. */
  readonly carryOut: <T>(undo: StuckName, act: () => Promise<T>) => Promise<Undone<T>>;
}

/** One time that an undo step waits for an operator. */
interface Case {
  readonly stuck: StuckStep;
  /** Asked for by one operator; of this time alone. */
  waiver: WaiverRequest | null;
  /** What was decided, until the order has refused it. */
  given?: Decision;
}
interface Decision {
  readonly resolution: Resolution;
  state: 'TAKEN' | 'WRITTEN' | 'REFUSED';
}

/** Where undo steps end up that cannot be done by themselves. Call it, and what it returns, in a non-cancellable scope. */
export function openDesk(order: SagaOrder, orders: OrderActivities, progress: Progress): Desk {
  const { workflowId } = workflowInfo();
  let occurrence = 0;
  let open: Case | undefined;
  const notStuck = (): ApplicationFailure => refusal('NOT_STUCK', { workflowId });

  async function take(resolution: Resolution): Promise<DeskAnswer> {
    if (!open) throw notStuck();
    const { operator, reason } = resolution;
    const verdict = verdictOn({ undo: open.stuck.undo, waiver: open.waiver }, resolution);
    if (verdict.kind === 'REFUSED') throw refusal(verdict.code, verdict.fields);
    if (verdict.kind === 'WAITS_FOR_SECOND' && patched(TWO_TO_WAIVE)) {
      open.waiver = { requestedBy: operator, reason };
      progress.waiverRequested(open.waiver);
      return 'WAITS_FOR_SECOND';
    }
    const decision: Decision = { resolution, state: 'TAKEN' };
    open.given = decision;
    await condition(() => decision.state !== 'TAKEN');
    if (decision.state === 'REFUSED') throw refusal('SECOND_OPERATOR_REQUIRED', { operator });
    return 'APPLIED';
  }

  // A cancelled workflow waits at the desk like any other, and so does whoever decides about it.
  setHandler(resolveStuck, (resolution) => CancellationScope.nonCancellable(() => take(resolution)), {
    validator: (resolution: Resolution) => {
      const { decision, operator, reason } = resolution;
      if (!open || open.given) throw notStuck();
      if (!deskDecisions.includes(decision) || !operator || !reason) throw notStuck();
      const verdict = verdictOn({ undo: open.stuck.undo, waiver: open.waiver }, resolution);
      if (verdict.kind === 'REFUSED') throw refusal(verdict.code, verdict.fields);
    },
  });

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
    const mine: Case = { stuck, waiver: null };
    open = mine;
    progress.stuck(stuck);
    const isStuck = await unlessRefused(
      () => orders.recordStuck(order, stuck),
      () => true,
    );
    const resolution = isStuck ? await decided(mine) : undefined;
    open = undefined;
    if (mine.given) mine.given.state = 'WRITTEN';
    progress.unstuck();
    return resolution;
  }

  /** Writes what operators ask and decide, in this order. @returns the decision that the order has taken */
  async function decided(mine: Case): Promise<Resolution> {
    const { undo } = mine.stuck;
    const which = { workflowId, undo, occurrence: mine.stuck.occurrence };
    let told: WaiverRequest | null = null;
    for (;;) {
      await condition(() => mine.given !== undefined || mine.waiver !== told);
      const { given, waiver } = mine;
      if (waiver && waiver !== told) {
        await unlessRefused(
          () => orders.requestWaiver(order, which, waiver),
          () => undefined,
        );
        told = waiver;
      } else if (given) {
        const isTaken = await unlessRefused(
          () => orders.recordResolution(order, which, given.resolution).then(() => true),
          (code) => code !== 'INVALID_TRANSITION',
        );
        if (isTaken) return given.resolution;
        given.state = 'REFUSED';
        delete mine.given;
      }
    }
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
async function unlessRefused<T>(
  write: () => Promise<T>,
  otherwise: (code: BusinessRefusal) => T,
): Promise<T> {
  try {
    return await write();
  } catch (error) {
    const { reason } = failureOf(error);
    if (!isBusinessRefusal(reason)) throw error;
    return otherwise(reason);
  }
}
