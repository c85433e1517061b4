import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../../../dev/servers/free-port.ts';
import type { ServerOptions } from '../../../../dev/servers/start-server.ts';
import { startTemporal } from '../../../../dev/servers/temporal.ts';
import { catalogue, goodOrder, placeWaiting, untilOrder } from '../../../support/lost-sagas.ts';
import { startOperated } from '../../../support/operators-shell.ts';
import { assertBalanced, place } from '../../../support/orders.ts';
import { listProducts } from '../../../support/products.ts';
import { progress, testDataDir } from '../../../support/servers.ts';
import type { Scenario } from '../scenario.ts';

const MADE_BY_COMPOSE = 'a test has no containers; its Temporal server makes its tables by itself';

export const temporalLost: Scenario = {
  shows: { 'npm run sagas -- restart --all': /0 could not be started/ },
  notRun: {
    'docker compose run --rm temporal-schema': MADE_BY_COMPOSE,
    'docker compose up --detach --wait temporal': MADE_BY_COMPOSE,
    'docker compose run --rm temporal-namespace': MADE_BY_COMPOSE,
  },
  prepare: async () => {
    const dir = join(await testDataDir(), `temporal-${randomBytes(4).toString('hex')}`);
    const where: ServerOptions = { dir, port: await freePort(), progress };
    let temporal = await startTemporal(where);
    const settings = { TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: 'default' };
    const { system, shell } = await startOperated({
      env: {
        ...settings,
        CARRIER_DISPATCH_MS: '100',
        CARRIER_DELIVERY_MS: '60000',
        SAGA_ORPHAN_AFTER_MS: '1000',
      },
    });
    await listProducts(system.db, catalogue);
    const shipped = await place(system, goodOrder);
    const waiting = await placeWaiting(system);
    await untilOrder(system, shipped, 'is shipped', ({ status }) => status === 'SHIPPED');
    temporal.kill();
    await temporal.exited;
    for (const suffix of ['', '-wal', '-shm']) await rm(join(dir, `temporal.db${suffix}`), { force: true });
    temporal = await startTemporal(where);
    return {
      env: { ...shell, ...settings, SAGA_ORPHAN_AFTER_MS: '1000', ORDER_ID: waiting },
      check: async () => {
        await untilOrder(system, waiting, 'is cancelled', ({ status }) => status === 'CANCELLED');
        await untilOrder(system, shipped, 'is delivered', ({ status }) => status === 'DELIVERED', 120_000);
        await assertBalanced(system.db);
      },
      close: async () => {
        await system.close();
        await temporal.stop();
      },
    };
  },
};
