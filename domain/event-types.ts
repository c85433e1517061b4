import { z } from 'zod';
import { paymentMethodSchema } from './commands.ts';
import { deskDecisions, stuckNames } from './desk.ts';
import { released } from './event-kinds.ts';
import { customerIdSchema, skuSchema } from './ids.ts';
import { currencySchema, minorUnitsSchema } from './money.ts';

const quantitySchema = z.int().positive();
const lineQuantitySchema = z.strictObject({ sku: skuSchema, quantity: quantitySchema });
const pricedLineSchema = lineQuantitySchema.extend({ unitPriceMinor: minorUnitsSchema });
const operatorSchema = z.string().describe('Who decided');
const codeSchema = z.string().describe('A stable code');
const detailSchema = z.string().describe('For people');
const occurrenceSchema = z.int().positive().describe('1 for the first time that this saga is stuck');

/** The steps that could be stuck when these versions were written; this list does not grow. */
const firstStuckNames = z.enum([
  'releaseInventory',
  'refundPayment',
  'cancelBooking',
  'failShipment',
  'cancelOrder',
  'refundOrder',
]);

const stuckResolvedV1 = z
  .strictObject({
    workflowId: z.string(),
    undo: firstStuckNames,
    occurrence: occurrenceSchema,
    decision: z.enum(['retry', 'done-by-hand', 'waive']),
    operator: operatorSchema,
    reason: z.string(),
  })
  .describe('An operator has decided how it goes on; one was enough to waive');

const stuckResolvedV2 = z
  .strictObject({
    workflowId: z.string(),
    undo: firstStuckNames,
    occurrence: occurrenceSchema,
    decision: z.enum(['retry', 'done-by-hand', 'waive']),
    operator: operatorSchema,
    reason: z.string(),
    waiver: z
      .strictObject({ requestedBy: z.string(), reason: z.string() })
      .nullable()
      .describe('Whose request to waive the operator approved; null for the other decisions'),
  })
  .describe('An operator has decided how it goes on');

const stuckResolvedV3 = stuckResolvedV2
  .extend({ undo: z.enum(stuckNames), decision: z.enum(deskDecisions) })
  .describe('An operator has decided how it goes on');

const orderStuckV1 = z
  .strictObject({
    workflowId: z.string(),
    undo: firstStuckNames,
    code: z.string().describe('Of the last failure'),
    detail: detailSchema,
    attempts: z.int().positive(),
    occurrence: occurrenceSchema,
  })
  .describe('A compensation has failed for good: the saga waits for an operator');

const waiverRequestedV1 = z
  .strictObject({
    workflowId: z.string(),
    undo: firstStuckNames,
    occurrence: occurrenceSchema,
    operator: operatorSchema,
    reason: z.string(),
  })
  .describe('An operator wants to let it be: a second one has to agree. Void once anything else is decided');

const orderStuckV2 = orderStuckV1
  .extend({ undo: z.enum(stuckNames) })
  .describe('A step has failed for good: the saga waits for an operator');

/**
 * The data of every event type, in every version that was ever released. A published shape never changes, and a list
 * that got longer is another shape: what changes is a new version with an upcaster from the one before, whose schema
 * stays (docs/events.md). A field that no schema knows is refused, so that no reader drops what it does not know.
 */
export const eventTypes = {
  OrderCreated: released(
    'order',
    z
      .strictObject({
        customerId: customerIdSchema,
        lines: z.array(pricedLineSchema),
        totalMinor: minorUnitsSchema,
        currency: currencySchema,
        paymentMethod: paymentMethodSchema,
      })
      .describe('An order was accepted'),
  ),
  InventoryReserved: released(
    'order',
    z.strictObject({ lines: z.array(lineQuantitySchema) }).describe('Every line is set aside'),
  ),
  PaymentCharged: released(
    'order',
    z
      .strictObject({
        amountMinor: minorUnitsSchema,
        currency: currencySchema,
        providerReference: z.string(),
      })
      .describe('The money was taken'),
  ),
  OrderCompleted: released(
    'order',
    z
      .strictObject({
        totalMinor: minorUnitsSchema,
        currency: currencySchema,
        lines: z.array(lineQuantitySchema),
      })
      .describe('Reserved and paid: it is a sale, and can be shipped'),
  ),
  PaymentRefunded: released(
    'order',
    z
      .strictObject({ amountMinor: minorUnitsSchema, currency: currencySchema })
      .describe('The money went back'),
  ),
  InventoryReleased: released(
    'order',
    z.strictObject({ lines: z.array(lineQuantitySchema) }).describe('What was set aside is free again'),
  ),
  OrderCancelled: released(
    'order',
    z.strictObject({ reason: codeSchema, detail: detailSchema }).describe('It ended before it was complete'),
  ),
  ShipmentBooked: released(
    'order',
    z.strictObject({ carrier: z.string(), trackingNumber: z.string() }).describe('A carrier will fetch it'),
  ),
  ShipmentDispatched: released(
    'order',
    z.strictObject({ lines: z.array(lineQuantitySchema) }).describe('The parcel has left'),
  ),
  ShipmentDelivered: released('order', z.strictObject({}).describe('The parcel has arrived')),
  ShipmentFailed: released(
    'order',
    z
      .strictObject({ reason: codeSchema, detail: detailSchema })
      .describe(
        'From here on it is undone: a refund, a release if the goods are still there, then OrderRefunded',
      ),
  ),
  OrderRefunded: released(
    'order',
    z
      .strictObject({
        totalMinor: minorUnitsSchema,
        currency: currencySchema,
        reason: codeSchema,
        detail: detailSchema,
      })
      .describe('It ended after it had been complete'),
  ),
  ApprovalRequested: released(
    'order',
    z
      .strictObject({ amountMinor: minorUnitsSchema, currency: currencySchema, limitMinor: minorUnitsSchema })
      .describe('It is dearer than the limit and waits for a person'),
  ),
  OrderApproved: released(
    'order',
    z.strictObject({ operator: operatorSchema, reason: z.string() }).describe('It goes on to be charged'),
  ),
  OrderRejected: released(
    'order',
    z
      .strictObject({ operator: operatorSchema, reason: z.string() })
      .describe('What little was done is undone, and it is cancelled'),
  ),
  OrderStuck: released('order', orderStuckV1).changed(orderStuckV2, (before) => before),
  WaiverRequested: released('order', waiverRequestedV1).changed(
    waiverRequestedV1.extend({ undo: z.enum(stuckNames) }).describe(waiverRequestedV1.description ?? ''),
    (before) => before,
  ),
  StuckResolved: released('order', stuckResolvedV1)
    .changed(stuckResolvedV2, (before) => ({ ...before, waiver: null }))
    .changed(stuckResolvedV3, (before) => before),
  ProductListed: released(
    'product',
    z
      .strictObject({ name: z.string(), priceMinor: minorUnitsSchema, currency: currencySchema })
      .describe('It can be ordered, for this price'),
  ),
  StockChanged: released(
    'stock',
    z
      .strictObject({
        onHand: z.int().nonnegative(),
        reserved: z.int().nonnegative(),
        available: z.int().nonnegative().describe('onHand − reserved: what the next order can still take'),
      })
      .describe('What there is of a product'),
  ),
};
