import { Counter } from 'prom-client';
import { demoPrincipal } from '../../api/auth/principal.ts';
import { createOrderEndpoints } from '../../api/commands/order-endpoints.ts';
import { createHttpApp } from '../../api/http-stack.ts';
import { commandApiSchema, loadConfig } from '../../platform/config.ts';
import { listen } from '../../platform/http-server.ts';
import { createLogger } from '../../platform/logger.ts';
import { createRegistry } from '../../platform/metrics.ts';
import { runProcess } from '../../platform/run-process.ts';

// The command API's own stack and endpoint; each order is answered as if it had been written.
const config = loadConfig(commandApiSchema);
const logger = createLogger('no-database', config.LOG_LEVEL);
await runProcess(logger, config.SHUTDOWN_TIMEOUT_MS, async () => {
  const registry = createRegistry('no-database');
  const accepted = new Counter({ name: 'orders_accepted_total', help: 'None is', registers: [registry] });
  const endpoints = createOrderEndpoints({
    queue: { submit: ({ orderId }) => Promise.resolve({ orderId, isNew: true }) },
    accepted,
    isKeyRequired: config.IDEMPOTENCY_KEY_REQUIRED,
  });
  const authenticate = (): Promise<typeof demoPrincipal> => Promise.resolve(demoPrincipal);
  const app = createHttpApp({ authenticate, logger, registry, checks: {} }, endpoints);
  return listen(app, config.HOST, config.PORT);
});
