import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { orderWorkflowId } from '../../domain/topology.ts';
import { eventually } from './eventually.ts';
import { getJson } from './http.ts';
import { placeWaiting } from './lost-sagas.ts';
import { fileWithPlanted } from './planted-bundle.ts';
import { projectRoot } from './project-root.ts';
import type { System } from './system.ts';

/** Orders of it make the workflow code of the planted release throw. */
export const defective = { sku: 'DEFECT', priceMinor: 500, onHand: 10 };

/** @returns a file with the workflows of test/deep/sagas/planted/failing-release.ts */
export const failingRelease = (): Promise<string> =>
  fileWithPlanted(join(projectRoot, 'test/deep/sagas/planted/failing-release.ts'));

const TIMER_STARTED = 17;

/** Places an order whose saga waits for approval, and whose history says so. */
export async function placeRecorded(system: System, client: Client): Promise<string> {
  const id = await placeWaiting(system);
  await eventually(
    async () => {
      const { events } = await client.workflow.getHandle(orderWorkflowId(id)).fetchHistory();
      return events?.some(({ eventType }) => Number(eventType) === TIMER_STARTED) ? true : undefined;
    },
    { what: `the history of ${id} has the timer of its approval` },
  );
  return id;
}

interface ListedSaga {
  readonly orderId: string;
  readonly workflowId: string;
  readonly saga: string;
  readonly step: string;
  readonly cause?: string;
  readonly attempts?: number;
  readonly ageSeconds: number;
}

/** Waits until exactly these orders have a failing saga, and returns the list. */
export const untilFailing = (
  queryApi: string,
  orderIds: readonly string[],
  headers: Readonly<Record<string, string>> = {},
): Promise<readonly ListedSaga[]> =>
  eventually(
    async () => {
      const { items } = await getJson<{ items: ListedSaga[] }>(
        `${queryApi}/operations/sagas?state=failing`,
        headers,
      );
      const found = items.map(({ orderId }) => orderId).sort();
      return found.join() === [...orderIds].sort().join() ? items : undefined;
    },
    { what: `${orderIds.length} orders have a failing saga`, withinMs: 60_000 },
  );
