import assert from 'node:assert/strict';
import { findOrder } from '../../../../db/order-repository.ts';
import { post, putJson } from '../../../support/http.ts';
import { catalogue, placeBooked, untilOrder } from '../../../support/lost-sagas.ts';
import { startOperated } from '../../../support/operators-shell.ts';
import { listProducts } from '../../../support/products.ts';
import type { Scenario } from '../scenario.ts';

export const stuckSaga: Scenario = {
  prepare: async () => {
    const { system, shell } = await startOperated({
      env: { SAGA_UNDO_ATTEMPTS: '2', SAGA_RETRY_PAUSE_MS: '10' },
    });
    const turn = async (refundFailureRate: number): Promise<void> => {
      assert.equal((await putJson(`${system.urls.worker}/dev/faults`, { refundFailureRate })).status, 200);
    };
    await listProducts(system.db, catalogue);
    const id = await placeBooked(system);
    await turn(1);
    await post(`${system.urls['command-api']}/orders/${id}/cancel`, { reason: 'changed my mind' });
    await untilOrder(system, id, 'is stuck', ({ stuckCause }) => stuckCause !== null);
    await turn(0);
    return {
      env: shell,
      check: async () => {
        await untilOrder(system, id, 'is refunded', ({ status }) => status === 'REFUNDED');
        assert.equal((await findOrder(system.db, id)).payment, 'REFUNDED');
      },
      close: () => system.close(),
    };
  },
};
