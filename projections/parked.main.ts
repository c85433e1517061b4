import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { connect } from '../db/connection.ts';
import { decisionFault } from '../domain/commands.ts';
import { migrateSchema } from '../platform/config.ts';
import { terminal } from '../platform/terminal.ts';
import { configureTool } from '../platform/tool.ts';
import { decideParkedEvent, decideParkedEvents, editParkedEvent, faultsOfEdit } from './parking/decisions.ts';
import { diagnose } from './parking/diagnosis.ts';
import { findParkedEvent, parkedEventsByCause } from './queries/parked-events.ts';

const usage = `npm run parked -- list [--cause <cause>] [--aggregate <id>]
                                         events that could not be applied, by cause, the oldest first
npm run parked -- show <id>              one of them: its body, and how it differs from its schema
npm run parked -- edit <id> --file <event.json> --operator <name> --reason <text>
                                         put another body in its place; it still waits
npm run parked -- retry <id> --operator <name> --reason <text>
npm run parked -- discard <id> --operator <name> --reason <text>
                                         never apply it: its order shows a gap
                                         retry and discard also take --cause <cause> or --aggregate <id> for all of them

It uses READ_DATABASE_URL, or DATABASE_URL, and under npm start the stack of this clone. The projectors carry out what is decided.`;

const LISTED = 100;
const AT_ONCE = 10_000;

function fail(text: string): never {
  terminal.error(text);
  process.exit(2);
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    operator: { type: 'string' },
    reason: { type: 'string' },
    cause: { type: 'string' },
    aggregate: { type: 'string' },
    file: { type: 'string' },
  },
});
const [command = '', id = ''] = positionals;
const { operator = '', reason = '', cause, aggregate } = values;
const isForAll = (command === 'retry' || command === 'discard') && id === '';
if (['show', 'edit', 'retry', 'discard'].includes(command) && !isForAll && !/^[1-9]\d{0,17}$/.test(id))
  fail(`${command} needs the id of a parked event\n\n${usage}`);
if (['edit', 'retry', 'discard'].includes(command) && !(operator && reason))
  fail(`${command} needs --operator and --reason\n\n${usage}`);
if (isForAll && (cause === undefined) === (aggregate === undefined))
  fail(`${command} needs an id, --cause or --aggregate\n\n${usage}`);

const fault = operator && reason ? decisionFault({ operator, reason }) : undefined;
if (fault !== undefined) fail(fault);
if (!['list', 'show', 'edit', 'retry', 'discard'].includes(command)) fail(usage);

const { config } = configureTool(migrateSchema, ['READ_DATABASE_URL']);
const url = config.READ_DATABASE_URL ?? config.DATABASE_URL;
const db = connect({ url, poolSize: 1, applicationName: 'durable-orders-parked' });
const notParked = (): never => fail(`event ${id} is not parked`);
try {
  switch (command) {
    case 'list': {
      const { groups } = await parkedEventsByCause(db, { cause, aggregateId: aggregate, limit: LISTED });
      if (groups.length === 0) terminal.log('no event is parked');
      for (const { cause: shared, count, oldestParkedAt, events } of groups) {
        terminal.log(`${shared}: ${count}, the oldest since ${oldestParkedAt.toISOString()}`);
        if (events.length > 0)
          terminal.table(
            events.map(({ id: event, eventType, aggregateId, aggregateVersion, attempts, waiting }) => ({
              id: event,
              eventType,
              aggregateId,
              aggregateVersion,
              attempts,
              waiting,
            })),
          );
      }
      break;
    }
    case 'show': {
      const { body, ...event } = (await findParkedEvent(db, id)) ?? notParked();
      const differences = diagnose(event.edited?.body ?? body)?.differences ?? [];
      terminal.dir({ ...event, body: new TextDecoder().decode(body), differences }, { depth: null });
      break;
    }
    case 'edit': {
      const event = (await findParkedEvent(db, id)) ?? notParked();
      const body = await readFile(values.file ?? fail(`edit needs --file\n\n${usage}`), 'utf8');
      const faults = faultsOfEdit(event, body);
      if (faults.length > 0)
        fail(faults.map(({ field, message }) => `${field || 'the event'}: ${message}`).join('\n'));
      if (!(await editParkedEvent(db, id, { body, operator, reason }))) notParked();
      terminal.log(`event ${id} is edited; retry it to have it applied`);
      break;
    }
    case 'retry':
    case 'discard': {
      const decision = { action: command, operator, reason } as const;
      const done = command === 'retry' ? 'tried again' : 'discarded';
      if (isForAll) {
        const selection = cause === undefined ? { aggregateId: aggregate ?? '' } : { cause };
        const { decided, remaining } = await decideParkedEvents(db, selection, AT_ONCE, decision);
        terminal.log(`${decided} will be ${done}, ${remaining} are left`);
      } else {
        if (!(await decideParkedEvent(db, id, decision))) notParked();
        terminal.log(`event ${id} will be ${done}`);
      }
      break;
    }
    default:
      fail(usage);
  }
} finally {
  await db.destroy();
}
