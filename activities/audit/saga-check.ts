import { hasEnded } from '../../domain/order.ts';
import { sagaKindAt, sagaWorkflowId } from '../../domain/saga-start.ts';
import type { SagaState } from '../../domain/saga-watch.ts';
import { forEachOf } from '../../platform/pace.ts';
import { MOST_LISTED } from '../saga-watch/saga-runs.ts';
import type { Check } from './check.ts';
import type { OrderFacts, OrderRow } from './order-facts.ts';
import { CannotLookError, type Sources } from './sources.ts';

export const sagaCheck: Check<OrderFacts> = {
  name: 'orders-without-saga',
  holds: 'an order that has not ended has a running saga',
  advice:
    'The worker starts such sagas again within two minutes. Where it does not, see docs/operations.md: npm run sagas -- restart --all.',
  judge: ({ row, saga }) => {
    if (!row || saga === undefined || saga === 'RUNNING') return undefined;
    return `it is ${row.status}, and its saga ${workflowIdOf(row)} is ${saga}`;
  },
};

const QUERIES_AT_A_TIME = 16;

/**
 * How the sagas of these orders stand: of those that have not ended, and have not just changed.
 * @throws CannotLookError while Temporal is out of reach
 */
export async function sagaStates(
  { sagas, orphanAfterMs = 0 }: Pick<Sources, 'sagas' | 'orphanAfterMs'>,
  rows: Iterable<OrderRow>,
): Promise<ReadonlyMap<string, SagaState>> {
  const states = new Map<string, SagaState>();
  if (!sagas) return states;
  const changedBefore = Date.now() - orphanAfterMs;
  const open = [...rows].filter((row) => !hasEnded(row.status) && row.updatedAt.getTime() < changedBefore);
  try {
    for (let from = 0; from < open.length; from += MOST_LISTED) {
      const page = open.slice(from, from + MOST_LISTED);
      const running = await sagas.listRunning(page.map(workflowIdOf));
      await forEachOf(page, QUERIES_AT_A_TIME, async (row) => {
        const workflowId = workflowIdOf(row);
        states.set(row.id, running.has(workflowId) ? 'RUNNING' : await sagas.stateOf(workflowId));
      });
    }
  } catch (cause) {
    throw new CannotLookError('Temporal does not say which sagas run', { cause });
  }
  return states;
}

const workflowIdOf = ({ id, status }: OrderRow): string => sagaWorkflowId(sagaKindAt(status), id);
