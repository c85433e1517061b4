import type { Router } from 'express';
import { z } from 'zod';
import { jsonBody } from '../platform/json-body.ts';
import { sendProblem } from '../platform/plain-problem.ts';
import { strictRouter } from '../platform/strict-router.ts';
import type { ListingFaults } from '../activities/book-pages.ts';
import type { InventoryFaults } from '../activities/inventory/unreliable-inventory.ts';
import type { PaymentFaults } from '../activities/payments/simulated-provider.ts';
import type { CarrierFaults } from '../activities/shipping/simulated-carrier.ts';
import { DAY_MS } from '../platform/settings/values.ts';

/** Everything that can be turned; read by the adapters at each call. */
export interface Faults {
  readonly inventory: InventoryFaults;
  readonly payment: PaymentFaults;
  readonly carrier: CarrierFaults;
  /** Of the books that audits read. */
  readonly books: { readonly payment: ListingFaults; readonly carrier: ListingFaults };
}

const rate = z.number().min(0).max(1);
const milliseconds = z.number().int().min(0);
/** As of the settings of the same name. */
const parcelTime = milliseconds.max(365 * DAY_MS);
const dialsSchema = z
  .strictObject({
    inventoryFailureRate: rate,
    inventoryLatencyMs: milliseconds.max(60_000),
    refundFailureRate: rate,
    paymentOutage: z.boolean(),
    carrierOutage: z.boolean(),
    carrierRefusalRate: rate,
    carrierTimeoutRate: rate,
    carrierLossRate: rate,
    carrierDispatchMs: parcelTime,
    carrierDeliveryMs: parcelTime,
    paymentBooksFailureRate: rate,
    carrierBooksFailureRate: rate,
  })
  .partial();
type Dials = Required<z.infer<typeof dialsSchema>>;

/** `GET` and `PUT /dev/faults`: turns the outside world's faults while the worker runs. For development only. */
export function createFaultDials({ inventory, payment, carrier, books }: Faults): Router {
  const shown = (): Dials => ({
    inventoryFailureRate: inventory.failureRate,
    inventoryLatencyMs: inventory.latencyMs,
    refundFailureRate: payment.refundFailureRate,
    paymentOutage: payment.outage,
    carrierOutage: carrier.outage,
    carrierRefusalRate: carrier.refusalRate,
    carrierTimeoutRate: carrier.timeoutRate,
    carrierLossRate: carrier.lossRate,
    carrierDispatchMs: carrier.dispatchMs,
    carrierDeliveryMs: carrier.deliveryMs,
    paymentBooksFailureRate: books.payment.failureRate,
    carrierBooksFailureRate: books.carrier.failureRate,
  });
  const router = strictRouter();
  router.get('/dev/faults', (_request, response) => {
    response.json(shown());
  });
  router.put('/dev/faults', jsonBody('1kb'), (request, response) => {
    if (request.body === undefined) {
      sendProblem(response, 415, 'send a JSON body with the header Content-Type: application/json');
      return;
    }
    const parsed = dialsSchema.safeParse(request.body);
    if (!parsed.success) {
      sendProblem(response, 400, `the dials were not understood: ${z.prettifyError(parsed.error)}`);
      return;
    }
    const dials = parsed.data;
    inventory.failureRate = dials.inventoryFailureRate ?? inventory.failureRate;
    inventory.latencyMs = dials.inventoryLatencyMs ?? inventory.latencyMs;
    payment.refundFailureRate = dials.refundFailureRate ?? payment.refundFailureRate;
    payment.outage = dials.paymentOutage ?? payment.outage;
    carrier.outage = dials.carrierOutage ?? carrier.outage;
    carrier.refusalRate = dials.carrierRefusalRate ?? carrier.refusalRate;
    carrier.timeoutRate = dials.carrierTimeoutRate ?? carrier.timeoutRate;
    carrier.lossRate = dials.carrierLossRate ?? carrier.lossRate;
    carrier.dispatchMs = dials.carrierDispatchMs ?? carrier.dispatchMs;
    carrier.deliveryMs = dials.carrierDeliveryMs ?? carrier.deliveryMs;
    books.payment.failureRate = dials.paymentBooksFailureRate ?? books.payment.failureRate;
    books.carrier.failureRate = dials.carrierBooksFailureRate ?? books.carrier.failureRate;
    response.json(shown());
  });
  router.all('/dev/faults', ({ method }, response) => {
    response.set('Allow', 'GET, HEAD, PUT');
    sendProblem(response, 405, `/dev/faults takes GET and PUT, not ${method}`);
  });
  return router;
}
