import { catalogue, placeBooked } from '../../../support/lost-sagas.ts';
import { startOperated } from '../../../support/operators-shell.ts';
import { listProducts } from '../../../support/products.ts';
import type { Scenario } from '../scenario.ts';

/** The stack after NATS is back: the fault suite takes it away and fills its disk. */
export const natsLost: Scenario = {
  shows: { 'npm run audit': /nothing has drifted/, 'npm run outbox -- parked': /no row is parked/ },
  prepare: async () => {
    const { system, shell } = await startOperated();
    await listProducts(system.db, catalogue);
    await placeBooked(system);
    return { env: shell, check: () => Promise.resolve(), close: () => system.close() };
  },
};
