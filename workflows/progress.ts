import { setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { OrderStatus } from '../domain/order.ts';
import { workflowPath } from '../domain/topology.ts';
import type { Failure } from './failures.ts';
import { cancelReasonKey, orderStatusKey } from './search-attributes.ts';

/** Tells a reader of the Temporal Web UI where the order is: search attributes and current details. */
export interface Progress {
  /** Before a step: shown as what is being done now. */
  step(name: string): void;
  /** After a step, with the one that comes next. */
  reached(status: OrderStatus, next?: string): void;
  undoing(failure: Failure): void;
}

/** A link to another workflow of this namespace, for the Web UI. */
export const linkTo = (workflowId: string): string =>
  `[${workflowId}](${workflowPath(workflowInfo().namespace, workflowId)})`;

/** @param heading what the workflow is about, in Markdown */
export function createProgress(heading: string): Progress {
  const done: string[] = [];
  let now = '';
  const show = (): void => {
    setCurrentDetails(
      [heading, ...done.map((line) => `- ${line}`), ...(now ? [`- **now: ${now}**`] : [])].join('\n'),
    );
  };
  return {
    step: (name) => {
      if (now) done.push(now);
      now = name;
      show();
    },
    reached: (status, next) => {
      done.push(now ? `${now} → ${status}` : status);
      now = next ?? '';
      upsertSearchAttributes([{ key: orderStatusKey, value: status }]);
      show();
    },
    undoing: ({ reason, detail }) => {
      done.push(`${now} failed: ${reason} – ${detail}`);
      now = '';
      upsertSearchAttributes([{ key: cancelReasonKey, value: reason }]);
      show();
    },
  };
}
