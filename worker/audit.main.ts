import { parseArgs } from 'node:util';
import { audit, type Repairs } from '../activities/audit/audit.ts';
import { repair } from '../activities/audit/repair.ts';
import type { Sources } from '../activities/audit/sources.ts';
import { textOf } from '../activities/audit/text.ts';
import { connect } from '../db/connection.ts';
import { hasDrifted } from '../domain/audit.ts';
import { createTopology } from '../domain/topology.ts';
import { connectMessaging } from '../messaging/connection.ts';
import { auditSchema } from '../platform/config.ts';
import { createLogger } from '../platform/logger.ts';
import { jsonText, terminal } from '../platform/terminal.ts';
import { temporalServerOf } from '../platform/temporal/settings.ts';
import { configureTool, outOfReach } from '../platform/tool.ts';
import { createBooks } from './activities.ts';
import { rebuildProjections } from './rebuild-process.ts';
import { connectClient } from './temporal-client.ts';
import { createTemporalSagaRuns } from './temporal-saga-runs.ts';
import { clearProgress, showProgress } from './terminal-progress.ts';

const usage = `npm run audit                   compares write side, outbox, stream, read tables, and the books of provider and carrier
npm run audit -- --json         the report as JSON
npm run audit -- --samples 50   names more of what drifted (10)
npm run audit -- --repair       has what the stream lacks published again and rebuilds wrong projections, then looks again

It ends with 0 when nothing has drifted, 1 when something has, and 2 when it could not look.
It uses DATABASE_URL, READ_DATABASE_URL, NATS_*, TEMPORAL_*, STREAM_PREFIX, AUDIT_SETTLE_MS and SAGA_ORPHAN_AFTER_MS,
the settings of provider and carrier, and never changes the write side.`;

const CANNOT_LOOK = 2;
const NATS_WITHIN_MS = 10_000;

function fail(text: string): never {
  terminal.error(text);
  process.exit(CANNOT_LOOK);
}

function readArguments(): { json: boolean; repair: boolean; samples: number } {
  try {
    const { values } = parseArgs({
      options: {
        json: { type: 'boolean', default: false },
        repair: { type: 'boolean', default: false },
        samples: { type: 'string', default: '10' },
      },
    });
    if (!/^\d{1,4}$/.test(values.samples)) throw new Error('--samples takes a number up to 9999');
    return { ...values, samples: Number(values.samples) };
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
}

const wanted = readArguments();
const { config, explain } = configureTool(
  auditSchema,
  ['DATABASE_URL', 'READ_DATABASE_URL', 'NATS_URL', 'TEMPORAL_ADDRESS'],
  CANNOT_LOOK,
);
const settings = { poolSize: 2, applicationName: 'durable-orders-audit' };
const db = connect({ ...settings, url: config.DATABASE_URL });
const readDb = connect({ ...settings, url: config.READ_DATABASE_URL ?? config.DATABASE_URL });
const messaging = connectMessaging({
  url: config.NATS_URL,
  user: config.NATS_USER,
  password: config.NATS_PASSWORD,
  // The server lets each of its users hear only answers that are its own.
  name: config.NATS_USER ?? 'audit',
  logger: createLogger('audit', 'silent'),
});
const temporal = await connectClient(temporalServerOf(config)).catch((error: unknown) =>
  fail(`the audit could not look: ${explain(error)}`),
);
const sources: Sources = {
  sagas: createTemporalSagaRuns({ client: () => temporal.client }),
  orphanAfterMs: config.SAGA_ORPHAN_AFTER_MS,
  db,
  readDb,
  messaging,
  topology: createTopology(config.STREAM_PREFIX),
  ...createBooks({
    db,
    payment: {
      latencyMs: config.PAYMENT_LATENCY_MS,
      faults: { failureRate: config.PAYMENT_BOOKS_FAILURE_RATE },
    },
    carrier: {
      latencyMs: config.CARRIER_LATENCY_MS,
      faults: { failureRate: config.CARRIER_BOOKS_FAILURE_RATE },
    },
  }),
  settleWithinMs: config.AUDIT_SETTLE_MS,
  onProgress: showProgress,
};

try {
  const impatience = setTimeout(() => {
    fail(`the audit could not look: ${outOfReach('NATS_URL', config)}`);
  }, NATS_WITHIN_MS);
  await messaging.firstConnection;
  clearTimeout(impatience);

  let found = await audit({ ...sources, samples: wanted.samples });
  if (wanted.repair && hasDrifted(found.report)) {
    clearProgress();
    terminal.error(textOf(found.report));
    if (await isRepaired(found.repairs)) found = await audit({ ...sources, samples: wanted.samples });
  }
  clearProgress();
  terminal.log(wanted.json ? jsonText(found.report) : textOf(found.report));
  process.exitCode = hasDrifted(found.report) ? 1 : 0;
} catch (error) {
  clearProgress();
  terminal.error('the audit could not look:', explain(error));
  process.exitCode = CANNOT_LOOK;
} finally {
  await messaging.close();
  await temporal.close();
  await Promise.all([db.destroy(), readDb.destroy()]);
}

/** @returns false when a repair failed, so that what drifted still has */
async function isRepaired(repairs: Repairs): Promise<boolean> {
  const onDone = (what: string): void => {
    terminal.error(`repaired: ${what}`);
  };
  try {
    await repair({ ...sources, onDone }, repairs, rebuildProjections);
    return true;
  } catch (error) {
    terminal.error('the repair failed:', explain(error));
    return false;
  }
}
