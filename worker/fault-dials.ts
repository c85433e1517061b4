import { json, Router } from 'express';
import { z } from 'zod';
import type { InventoryFaults } from '../activities/inventory/unreliable-inventory.ts';

const dialsSchema = z.strictObject({
  inventoryFailureRate: z.number().min(0).max(1).optional(),
  inventoryLatencyMs: z.number().int().min(0).max(60_000).optional(),
});

/** `GET` and `PUT /dev/faults`: turns the inventory's faults while the worker runs. For development only. */
export function createFaultDials(faults: InventoryFaults): Router {
  const shown = (): object => ({
    inventoryFailureRate: faults.failureRate,
    inventoryLatencyMs: faults.latencyMs,
  });
  const router = Router();
  router.get('/dev/faults', (_request, response) => {
    response.json(shown());
  });
  router.put('/dev/faults', json({ limit: '1kb' }), (request, response) => {
    const parsed = dialsSchema.safeParse(request.body);
    if (!parsed.success) {
      response
        .status(400)
        .type('application/problem+json')
        .json({ title: 'The dials were not understood', status: 400, detail: z.prettifyError(parsed.error) });
      return;
    }
    faults.failureRate = parsed.data.inventoryFailureRate ?? faults.failureRate;
    faults.latencyMs = parsed.data.inventoryLatencyMs ?? faults.latencyMs;
    response.json(shown());
  });
  return router;
}
