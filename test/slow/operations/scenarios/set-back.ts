import { catalogue, placeBooked } from '../../../support/lost-sagas.ts';
import { startOperated } from '../../../support/operators-shell.ts';
import { listProducts } from '../../../support/products.ts';
import type { Scenario } from '../scenario.ts';

/** A database that knows everything: test/slow/set-back sets one back, and goes on in both ways. */
export const setBack: Scenario = {
  shows: { 'npm run set-back -- take-back --yes': /nothing to do/ },
  prepare: async () => {
    const { system, shell } = await startOperated();
    await listProducts(system.db, catalogue);
    await placeBooked(system);
    return { env: shell, check: () => Promise.resolve(), close: () => system.close() };
  },
};
