import type { StuckGroup } from '../../projections/queries/stuck-sagas.ts';
import { linkToWorkflow, type TemporalUi } from './temporal-ui.ts';

/** A group of `GET /operations/sagas`. Undo step and code are the group's; amounts are in minor units of `currency`. */
export const toStuckGroupView = ({ sagas, ...group }: StuckGroup, ui: TemporalUi): object => ({
  ...group,
  sagas: sagas.map((saga) => toStuckSagaView(saga, ui)),
});

function toStuckSagaView(
  { cause: _cause, undo: _undo, code: _code, totalMinor, waiver, ...saga }: StuckGroup['sagas'][number],
  ui: TemporalUi,
): object {
  return {
    ...saga,
    ...(waiver === null ? {} : { waiver }),
    total: totalMinor,
    links: { order: `/orders/${saga.orderId}`, workflow: linkToWorkflow(ui, saga.workflowId) },
  };
}
