import { Counter } from 'prom-client';
import { createAuthentication } from '../../api/auth/authentication.ts';
import { createOrderEndpoints } from '../../api/commands/order-endpoints.ts';
import { createHttpApp } from '../../api/http-stack.ts';
import { refuseUnheard } from '../../api/limits/refuse-unheard.ts';
import { nobodyWaits } from '../../api/waiting/order-waits.ts';
import { connect } from '../../db/connection.ts';
import { authSettingsOf } from '../../platform/auth-settings.ts';
import { systemClock } from '../../platform/clock.ts';
import { commandApiSchema, limitsOf, loadConfig } from '../../platform/config.ts';
import { listen } from '../../platform/http-server.ts';
import { createLogger } from '../../platform/logger.ts';
import { createRegistry } from '../../platform/metrics.ts';
import { runProcess } from '../../platform/run-process.ts';

// The command API's own stack and endpoint; each order is answered as if it had been written.
const config = loadConfig(commandApiSchema);
const logger = createLogger('no-database', config.LOG_LEVEL);
await runProcess(logger, config.SHUTDOWN_TIMEOUT_MS, async () => {
  // Never asked: nobody waits for an order.
  const db = connect({ poolSize: 1, applicationName: 'no-database' });
  const registry = createRegistry('no-database');
  const accepted = new Counter({ name: 'orders_accepted_total', help: 'None is', registers: [registry] });
  const endpoints = createOrderEndpoints({
    queue: {
      submit: ({ orderId }) => Promise.resolve({ orderId, isNew: true }),
      requireRoom: () => undefined,
    },
    waiting: { db, waits: nobodyWaits, logger },
    accepted,
    isKeyRequired: config.IDEMPOTENCY_KEY_REQUIRED,
  });
  const authenticate = createAuthentication(authSettingsOf(config), systemClock);
  const deps = { authenticate, limits: limitsOf(config), logger, registry, checks: {} };
  const app = createHttpApp(deps, endpoints);
  return listen(app, config.HOST, config.PORT, { refuse: refuseUnheard(registry) });
});
