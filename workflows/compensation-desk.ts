import type { UpdateDefinition } from '@temporalio/common';
import {
  CancellationScope,
  condition,
  defineUpdate,
  setHandler,
  workflowInfo,
  type ApplicationFailure,
} from '@temporalio/workflow';
import {
  deskDecisions,
  verdictOn,
  type Resolution,
  type StuckFailure,
  type StuckName,
  type WaiverRequest,
} from '../domain/desk.ts';
import {
  isStateConflict,
  isUpdateRefusal,
  type StateConflict,
  type UpdateRefusal,
} from '../domain/errors.ts';
import type { OrderActivities, SagaOrder } from '../domain/order-saga.ts';
import { RESOLVE_UPDATE, type DeskAnswer } from '../domain/saga-requests.ts';
import { failureOf, refusal, type Failure } from './failures.ts';
import type { Progress } from './progress.ts';
import { isTexts } from './update-arguments.ts';

const resolveStuck: UpdateDefinition<DeskAnswer, [Resolution]> = defineUpdate(RESOLVE_UPDATE);

/** How a step that must succeed has ended: with its own answer, settled by an operator, or because the order has ended. */
type Outcome<T> =
  | { readonly kind: 'DONE'; readonly value: T }
  | { readonly kind: 'SETTLED'; readonly by: 'done-by-hand' | 'waive' }
  | { readonly kind: 'ORDER_ENDED' };

export interface Desk {
  /** Runs a step until it succeeds; one that fails for good waits for an operator, for ever if need be. */
  readonly insist: <T>(step: StuckName, act: () => Promise<T>) => Promise<Outcome<T>>;
  /** The same for a compensation, which progress shows as a step. */
  readonly runCompensation: <T>(step: StuckName, act: () => Promise<T>) => Promise<Outcome<T>>;
}

/** An operator's request, which is answered once. */
interface Ask {
  readonly resolution: Resolution;
  readonly answer: (answer: DeskAnswer | UpdateRefusal) => void;
}

/** One time that a step waits for an operator. */
interface Case {
  readonly failure: StuckFailure;
  /** As the order has counted; 0 while the order could not record it. */
  occurrence: number;
  waiver: WaiverRequest | null;
  /** In the order in which they arrived; each is written before the next is looked at. */
  readonly asks: Ask[];
}

/** Where steps end up that fail for good. Call it, and what it returns, in a non-cancellable scope. */
export function openDesk(order: SagaOrder, orders: OrderActivities, progress: Progress): Desk {
  const { workflowId } = workflowInfo();
  let open: Case | undefined;
  const notStuck = (): ApplicationFailure => refusal('NOT_STUCK', { workflowId });

  /** @throws ApplicationFailure when the decision is refused */
  async function take(resolution: Resolution): Promise<DeskAnswer> {
    const asks = open?.asks;
    if (!asks) throw notStuck();
    const answer = await new Promise<DeskAnswer | UpdateRefusal>((resolve) => {
      asks.push({ resolution, answer: resolve });
    });
    if (answer === 'NOT_STUCK') throw notStuck();
    if (isUpdateRefusal(answer)) throw refusal(answer, { operator: resolution.operator });
    return answer;
  }

  // A cancelled workflow waits at the desk like any other, and its operators' updates go on as well.
  setHandler(resolveStuck, (resolution) => CancellationScope.nonCancellable(() => take(resolution)), {
    validator: (resolution: Resolution) => {
      if (!isTexts(resolution, ['decision', 'operator', 'reason']) || !isDecision(resolution.decision))
        throw refusal('INVALID_ARGUMENTS', {
          takes: `decision (${deskDecisions.join(', ')}), operator, reason: lines of visible text`,
        });
      if (!open) throw notStuck();
      const verdict = verdictOn({ undo: open.failure.undo, waiver: open.waiver }, resolution);
      if (verdict.kind === 'REFUSED') throw refusal(verdict.code, verdict.fields);
    },
  });

  /** @returns the decision that the order has recorded; undefined when the order has ended */
  async function waitForOperator(
    undo: StuckName,
    { reason: code, detail }: Failure,
  ): Promise<Resolution | undefined> {
    const failure = { workflowId, undo, code, detail, attempts: Math.max(1, progress.attempts()) };
    const mine: Case = { failure, occurrence: 0, waiver: null, asks: [] };
    open = mine;
    progress.stuck({ ...failure, occurrence: 0 });
    try {
      for (;;) {
        if ((await record(mine)) === 'ORDER_ENDED') return undefined;
        const resolution = await decided(mine);
        if (resolution) return resolution;
      }
    } finally {
      open = undefined;
      for (const { answer } of mine.asks) answer('NOT_STUCK');
      progress.unstuck();
    }
  }

  /** Has the order record that it waits. One whose row is gone cannot; the desk waits all the same, and tries again. */
  async function record(mine: Case): Promise<'WAITS' | 'ORDER_ENDED'> {
    const recorded = await unlessConflict(() => orders.recordStuck(order, mine.failure));
    if (recorded === null) return 'ORDER_ENDED';
    if (isCode(recorded)) return 'WAITS';
    mine.occurrence = recorded.occurrence;
    mine.waiver = recorded.waiver;
    progress.stuck({ ...mine.failure, occurrence: recorded.occurrence });
    if (recorded.waiver) progress.waiverRequested(recorded.waiver);
    return 'WAITS';
  }

  /**
   * Has the order record what operators ask and decide; only what is recorded is answered with success.
   * @returns undefined when the order does not wait under this occurrence (any more)
   */
  async function decided(mine: Case): Promise<Resolution | undefined> {
    for (;;) {
      await condition(() => mine.asks.length > 0);
      const ask = mine.asks.shift();
      if (!ask) continue;
      const answer = await answerTo(mine, ask.resolution);
      ask.answer(answer);
      if (answer === 'APPLIED') return ask.resolution;
      if (answer === 'NOT_STUCK') return undefined;
    }
  }

  async function answerTo(mine: Case, resolution: Resolution): Promise<DeskAnswer | UpdateRefusal> {
    const { undo } = mine.failure;
    const which = { workflowId, undo, occurrence: mine.occurrence };
    const verdict = verdictOn({ undo, waiver: mine.waiver }, resolution);
    if (verdict.kind === 'REFUSED') return verdict.code;
    if (verdict.kind === 'APPLIED') {
      const refusedWith = await unlessRefused(() => orders.recordResolution(order, which, resolution));
      return refusedWith ?? 'APPLIED';
    }
    const waiver = { requestedBy: resolution.operator, reason: resolution.reason };
    const refusedWith = await unlessRefused(() => orders.requestWaiver(order, which, waiver));
    if (refusedWith) return refusedWith;
    mine.waiver = waiver;
    progress.waiverRequested(waiver);
    return 'WAITS_FOR_SECOND';
  }

  const insist: Desk['insist'] = async (step, act) => {
    for (;;) {
      try {
        return { kind: 'DONE', value: await act() };
      } catch (error) {
        const resolution = await waitForOperator(step, failureOf(error));
        if (!resolution) return { kind: 'ORDER_ENDED' };
        if (resolution.decision !== 'retry') return { kind: 'SETTLED', by: resolution.decision };
      }
    }
  };
  return {
    insist,
    runCompensation: async (step, act) => {
      const outcome = await insist(step, () => {
        progress.undoes(step);
        return act();
      });
      progress.undone(outcome.kind === 'SETTLED' ? outcome.by : undefined);
      return outcome;
    },
  };
}

const isDecision = (decision: string): boolean => (deskDecisions as readonly string[]).includes(decision);

const isCode = (value: unknown): value is StateConflict => typeof value === 'string';

/** @returns the code where our own books refuse. @throws any other error */
async function unlessConflict<T>(write: () => Promise<T>): Promise<T | StateConflict> {
  try {
    return await write();
  } catch (error) {
    const { reason } = failureOf(error);
    if (!isStateConflict(reason)) throw error;
    return reason;
  }
}

/** @returns why the order does not take it; undefined when it does. @throws any other error */
async function unlessRefused(write: () => Promise<void>): Promise<UpdateRefusal | undefined> {
  try {
    await write();
    return undefined;
  } catch (error) {
    const { reason } = failureOf(error);
    if (isUpdateRefusal(reason)) return reason;
    if (isStateConflict(reason)) return 'NOT_STUCK';
    throw error;
  }
}
