import { z } from 'zod';
import type { ResolveSagasRequest } from '../../domain/commands.ts';
import { OrderSystemError, type UpdateRefusal } from '../../domain/errors.ts';
import type { DeskAnswer } from '../../domain/saga-requests.ts';
import type { Clock } from '../../platform/clock.ts';
import type { ResolveAnswer, SagaControl } from './saga-control.ts';

interface Deps {
  readonly operator: string;
  readonly sagas: Pick<SagaControl, 'resolve'>;
  /** Workflows that wait for this cause, the oldest first; without those that this operator has asked to waive. */
  readonly findStuck: (cause: string, limit: number, notWaivedBy?: string) => Promise<string[]>;
  readonly clock: Clock;
  /** Told about what is not the saga's answer. */
  readonly onFailure: (error: unknown, workflowId: string) => void;
}

const refusalSchema = z.object({
  workflowId: z.string(),
  code: z.string().describe('Of the refusal, or `FAILED` for what nobody foresaw'),
  detail: z.string(),
});
type Refusal = z.output<typeof refusalSchema>;

export const resolvedSagasSchema = z.object({
  resolved: z.array(z.string()).describe('Workflow ids'),
  waiting: z.array(z.string()).describe('Asked to waive: another operator has to approve'),
  refused: z.array(refusalSchema),
  remaining: z.boolean().describe('Whether others wait for the same cause that were not asked'),
});
type ResolvedSagas = z.output<typeof resolvedSagasSchema>;

const AT_A_TIME = 10;
/** Sagas that do not answer cost seconds each; a caller does not wait for hundreds of these. */
const ASK_WITHIN_MS = 20_000;

/**
 * Gives one decision to all sagas that wait for one cause; one that fails does not stop the others.
 * @throws OrderSystemError UNAVAILABLE when not one could be reached.
 */
export async function resolveSagas(
  { operator, sagas, findStuck, clock, onFailure }: Deps,
  { cause, action, reason, limit }: ResolveSagasRequest,
): Promise<ResolvedSagas> {
  // What waits for somebody else is passed over, or an operator who repeats this would never get to the rest.
  const found = await findStuck(cause, limit + 1, action === 'waive' ? operator : undefined);
  const toAsk = found.slice(0, limit);
  const resolved: string[] = [];
  const waiting: string[] = [];
  const refused: Refusal[] = [];
  const until = clock.now().getTime() + ASK_WITHIN_MS;

  const resolveOne = async (workflowId: string): Promise<void> => {
    try {
      const answer = await sagas.resolve(workflowId, { decision: action, operator, reason });
      (resolvedState(answer, workflowId) === 'APPLIED' ? resolved : waiting).push(workflowId);
    } catch (error) {
      if (error instanceof OrderSystemError) {
        refused.push({ workflowId, code: error.code, detail: error.message });
      } else {
        onFailure(error, workflowId);
        refused.push({ workflowId, code: 'FAILED', detail: 'unforeseen; the log of the API says more' });
      }
    }
  };
  const askNext = async (): Promise<void> => {
    while (clock.now().getTime() < until) {
      const workflowId = toAsk.shift();
      if (workflowId === undefined) return;
      await resolveOne(workflowId);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, askNext));

  const unreached = refused.filter(({ code }) => code === 'UNAVAILABLE');
  const [first] = unreached;
  if (first && resolved.length + waiting.length === 0 && unreached.length === refused.length)
    throw new OrderSystemError('UNAVAILABLE', first.detail);
  return { resolved, waiting, refused, remaining: found.length > limit || toAsk.length > 0 };
}

/** @throws OrderSystemError NOT_STUCK, RETRY_ONLY, SECOND_OPERATOR_REQUIRED, NOT_FOUND */
export function resolvedState(answer: ResolveAnswer, workflowId: string): DeskAnswer {
  switch (answer.kind) {
    case 'DONE':
    case 'PENDING': // in its history, where nothing is lost
      return 'APPLIED';
    case 'WAITS_FOR_SECOND':
      return 'WAITS_FOR_SECOND';
    case 'REFUSED':
      if (isDeskRefusal(answer.code)) throw new OrderSystemError(answer.code, answer.detail);
      throw new Error(`${workflowId} refused an operator's decision with ${answer.code}`);
    case 'ENDED':
      throw new OrderSystemError('NOT_STUCK', `${workflowId} has ended; it waits for nobody`);
    case 'UNKNOWN':
      throw new OrderSystemError('NOT_FOUND', `there is no saga ${workflowId}`);
  }
}

const isDeskRefusal = (
  code: UpdateRefusal,
): code is 'NOT_STUCK' | 'RETRY_ONLY' | 'SECOND_OPERATOR_REQUIRED' =>
  code === 'NOT_STUCK' || code === 'RETRY_ONLY' || code === 'SECOND_OPERATOR_REQUIRED';
