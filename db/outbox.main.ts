import { parseArgs } from 'node:util';
import { decisionFault } from '../domain/commands.ts';
import { migrateSchema } from '../platform/config.ts';
import { terminal } from '../platform/terminal.ts';
import { configureTool } from '../platform/tool.ts';
import { connect } from './connection.ts';
import { OUTBOX_SCHEMA } from './migrations/0002-outbox.ts';
import { parkedCauses, retryParkedCause } from './outbox/parked-by-cause.ts';
import { decideParked, findParked, listParked, listSetAside, type ParkedRow } from './outbox/parking.ts';
import { outboxStatus } from './outbox/status.ts';

const usage = `npm run outbox -- status                 who publishes each shard, and how far it is behind
npm run outbox -- parked                 rows that cannot be published, by cause, the oldest first
npm run outbox -- inspect <seq>          one of them, with what is in it
npm run outbox -- retry <seq> --operator <name> --reason <text>
                                         with --cause <cause> in place of the number: all of that cause
npm run outbox -- discard <seq> --operator <name> --reason <text>
                                         never publish it: consumers see a gap in its order's versions

It uses DATABASE_URL, and under npm start the stack of this clone.`;

const LISTED = 100;
const AT_ONCE = 10_000;
const outbox = { schema: OUTBOX_SCHEMA };

function fail(text: string): never {
  terminal.error(text);
  process.exit(2);
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { operator: { type: 'string' }, reason: { type: 'string' }, cause: { type: 'string' } },
});
const [command = '', seq = ''] = positionals;
const { cause } = values;
const isForCause = command === 'retry' && cause !== undefined && seq === '';
if (cause !== undefined && !isForCause)
  fail(`--cause is for retry, in place of the number of a row\n\n${usage}`);
if (!isForCause && ['inspect', 'retry', 'discard'].includes(command) && !/^[1-9]\d{0,17}$/.test(seq))
  fail(`${command} needs the number of an outbox row\n\n${usage}`);

if (!['status', 'parked', 'inspect', 'retry', 'discard'].includes(command)) fail(usage);
const { operator = '', reason = '' } = values;
if (['retry', 'discard'].includes(command)) {
  if (!operator || !reason) fail(`${command} needs --operator and --reason\n\n${usage}`);
  const fault = decisionFault({ operator, reason });
  if (fault !== undefined) fail(fault);
}

const { config } = configureTool(migrateSchema, ['DATABASE_URL']);
const db = connect({ url: config.DATABASE_URL, poolSize: 1, applicationName: 'durable-orders-outbox' });
try {
  switch (command) {
    case 'status': {
      const { shards, oldestTransactionSeconds } = await outboxStatus(db, outbox);
      terminal.table(
        shards.map(({ ageSeconds, movedAt, ...shard }) => ({
          ...shard,
          ageSeconds: Number(ageSeconds.toFixed(1)),
          movedAt: movedAt.toISOString(),
        })),
      );
      terminal.log(`oldest open transaction: ${oldestTransactionSeconds.toFixed(1)} s`);
      break;
    }
    case 'parked': {
      const rows = await listParked(db, outbox, LISTED);
      if (rows.length === 0) terminal.log('no row is parked');
      for (const { cause: shared, count, oldestParkedAt } of await parkedCauses(db, outbox, LISTED))
        terminal.log(`${shared}: ${count}, the oldest since ${oldestParkedAt.toISOString()}`);
      if (rows.length > 0) tableOf(rows);
      const setAside = await listSetAside(db, outbox, LISTED);
      if (setAside.length === 0) break;
      terminal.log('refused by the stream and tried again by the relays; no decision is needed yet');
      tableOf(setAside);
      break;
    }
    case 'inspect':
      terminal.dir((await findParked(db, outbox, seq)) ?? fail(`outbox row ${seq} is not parked`), {
        depth: null,
      });
      break;
    case 'retry':
    case 'discard': {
      if (isForCause) {
        const by = { operator, reason };
        const { decided, remaining } = await retryParkedCause(db, outbox, { cause, limit: AT_ONCE }, by);
        terminal.log(`${decided} will be tried again, ${remaining} are left`);
        break;
      }
      if (!(await decideParked(db, outbox, seq, { decision: command, operator, reason })))
        fail(`outbox row ${seq} is not parked`);
      terminal.log(
        command === 'retry' ? `outbox row ${seq} will be tried again` : `outbox row ${seq} is discarded`,
      );
      break;
    }
    default:
      fail(usage);
  }
} finally {
  await db.destroy();
}

function tableOf(rows: readonly ParkedRow[]): void {
  terminal.table(
    rows.map(({ seq: number, eventType, aggregateId, cause: its, waiting, parkedAt }) => ({
      seq: number,
      eventType,
      aggregateId,
      cause: its,
      waiting,
      parkedAt: parkedAt.toISOString(),
    })),
  );
}
