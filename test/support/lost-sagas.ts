import type { Client } from '@temporalio/client';
import type { PlaceOrderRequest } from '../../domain/commands.ts';
import type { Order } from '../../domain/order.ts';
import { findOrder } from '../../db/order-repository.ts';
import { eventually } from './eventually.ts';
import { place } from './orders.ts';
import type { System } from './system.ts';

export const goodOrder: PlaceOrderRequest = {
  customerId: 'customer-1',
  lines: [{ sku: 'COFFEE', quantity: 2 }],
  paymentMethod: 'pm_card_visa',
};
/** Above the limit up to which orders need no approval. */
const dearOrder: PlaceOrderRequest = { ...goodOrder, lines: [{ sku: 'GOLD', quantity: 2 }] };
export const catalogue = [
  { sku: 'COFFEE', priceMinor: 1_890, onHand: 1_000 },
  { sku: 'GOLD', priceMinor: 900_000, onHand: 1_000 },
];

/** Waits until an order of the write side is as it should be. */
export const untilOrder = (
  { db }: Pick<System, 'db'>,
  id: string,
  what: string,
  isSo: (order: Order) => boolean,
  withinMs = 60_000,
): Promise<Order> =>
  eventually(
    async () => {
      const order = await findOrder(db, id);
      return isSo(order) ? order : undefined;
    },
    { what: `order ${id} ${what}`, withinMs },
  );

/** Places an order that waits for approval. */
export async function placeWaiting(system: System): Promise<string> {
  const id = await place(system, dearOrder);
  await untilOrder(system, id, 'waits for approval', ({ approval }) => approval === 'REQUESTED');
  return id;
}

/** Places an order that is completed and whose parcel is booked. */
export async function placeBooked(system: System): Promise<string> {
  const id = await place(system, goodOrder);
  await untilOrder(system, id, 'is booked', ({ shipment }) => shipment === 'BOOKED');
  return id;
}

/** Run id of a workflow, which is another one after it was started again. */
export const runOf = async (client: Client, workflowId: string): Promise<string> =>
  (await client.workflow.getHandle(workflowId).describe()).runId;

/** A figure of a process, undefined when it shows none. @param labels what its line has between braces, in part */
export async function metricOf(url: string, name: string, ...labels: string[]): Promise<number | undefined> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text
    .split('\n')
    .find((each) => each.startsWith(`${name}{`) && labels.every((label) => each.includes(label)));
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}
