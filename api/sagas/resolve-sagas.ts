import { z } from 'zod';
import type { ResolveSagasRequest } from '../../domain/commands.ts';
import { OrderSystemError } from '../../domain/errors.ts';
import type { Clock } from '../../platform/clock.ts';
import type { SagaAnswer, SagaControl } from './saga-control.ts';

interface Deps {
  readonly operator: string;
  readonly sagas: Pick<SagaControl, 'resolve'>;
  /** Workflows that wait for this cause, the oldest first. */
  readonly findStuck: (cause: string, limit: number) => Promise<string[]>;
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
  const found = await findStuck(cause, limit + 1);
  const waiting = found.slice(0, limit);
  const resolved: string[] = [];
  const refused: Refusal[] = [];
  const until = clock.now().getTime() + ASK_WITHIN_MS;

  const resolveOne = async (workflowId: string): Promise<void> => {
    try {
      requireTaken(await sagas.resolve(workflowId, { decision: action, operator, reason }), workflowId);
      resolved.push(workflowId);
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
      const workflowId = waiting.shift();
      if (workflowId === undefined) return;
      await resolveOne(workflowId);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, askNext));

  const unreached = refused.filter(({ code }) => code === 'UNAVAILABLE');
  const [first] = unreached;
  if (first && resolved.length === 0 && unreached.length === refused.length)
    throw new OrderSystemError('UNAVAILABLE', first.detail);
  return { resolved, refused, remaining: found.length > limit || waiting.length > 0 };
}

/** @throws OrderSystemError NOT_STUCK, RETRY_ONLY, NOT_FOUND */
export function requireTaken(answer: SagaAnswer, workflowId: string): void {
  switch (answer.kind) {
    case 'DONE':
    case 'PENDING': // in its history, where nothing is lost
      return;
    case 'REFUSED':
      if (answer.code === 'NOT_STUCK' || answer.code === 'RETRY_ONLY')
        throw new OrderSystemError(answer.code, answer.detail);
      throw new Error(`${workflowId} refused an operator's decision with ${answer.code}`);
    case 'ENDED':
      throw new OrderSystemError('NOT_STUCK', `${workflowId} has ended; it waits for nobody`);
    case 'UNKNOWN':
      throw new OrderSystemError('NOT_FOUND', `there is no saga ${workflowId}`);
  }
}
