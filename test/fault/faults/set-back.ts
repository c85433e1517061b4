import assert from 'node:assert/strict';
import { join } from 'node:path';
import { OUTBOX_SCHEMA } from '../../../db/migrations/0002-outbox.ts';
import type { Knex } from '../../../db/connection.ts';
import { OUTBOX_SHARDS } from '../../../domain/topology.ts';
import { isCaughtUp } from '../../support/caught-up.ts';
import { runEntryPoint } from '../../support/entry-point.ts';
import { eventually } from '../../support/eventually.ts';
import { testDataDir } from '../../support/servers.ts';
import { copyPostgresFiles, restorePostgresFiles } from '../../support/set-back.ts';
import { untilOrdersAreAccepted, type Fire } from '../fire.ts';
import { turnDials } from './dials.ts';
import type { Fault } from './fault.ts';

const ORDERS_BEFORE = 20;
const ORDERS_AFTER = 30;
const ACCEPTED_WITHIN_MS = 90_000;
/** So long that nothing happens while PostgreSQL is set back: what is not published then is lost for good. */
const LEAVES_AFTER_MS = 120_000;
const QUIET_WITHIN_MS = 90_000;

/**
 * PostgreSQL is set back to a copy from before the last orders, and an operator takes back from the stream what it
 * knows. No orders come in any more.
 */
export const setBack: Fault = {
  name: 'PostgreSQL is set back to an older copy, and what the stream knows is taken back',
  run: async (fire) => {
    const { stack, load } = fire;
    await untilOrdersAreAccepted(fire, ACCEPTED_WITHIN_MS, ORDERS_BEFORE);
    await whilePostgresIsStopped(fire, copyPostgresFiles);
    await turnDials(fire, { carrierDispatchMs: LEAVES_AFTER_MS });
    await untilOrdersAreAccepted(fire, ACCEPTED_WITHIN_MS, ORDERS_AFTER);
    await load.stop();
    await eventually(async () => (await isQuiet(stack.db)) || undefined, {
      what: 'every open order waits for its parcel to leave, and the stream knows it',
      withinMs: QUIET_WITHIN_MS,
    });
    await stack.processes.stop('worker');
    const books = await readBooks(stack.db);
    await whilePostgresIsStopped(fire, restorePostgresFiles);
    await writeBooks(stack.db, books);

    // The worker waits until the database knows everything again: no saga meets an older row of its order.
    assert.equal(await runSetBack(fire, ['status']), 1, 'the stream is ahead of the database');
    const save = join(await testDataDir(), 'lost-events.jsonl');
    assert.equal(await runSetBack(fire, ['take-back', '--yes', '--save', save]), 0);
    await stack.processes.start('worker');
  },
};

async function whilePostgresIsStopped({ stack }: Fire, act: (dir: string) => Promise<void>): Promise<void> {
  await stack.stopServer('postgres');
  await act(stack.dirOf('postgres'));
  await stack.startServer('postgres');
}

async function isQuiet(db: Knex): Promise<boolean> {
  const { rows } = await db.raw<{ rows: [{ moving: number }] }>(
    `select count(*)::integer as moving from orders.orders
     where status not in ('DELIVERED', 'CANCELLED', 'REFUNDED') and (status, shipment) <> ('COMPLETED', 'BOOKED')`,
  );
  return rows[0].moving === 0 && (await isCaughtUp(db, OUTBOX_SCHEMA, OUTBOX_SHARDS));
}

/** @returns the exit code */
async function runSetBack({ stack }: Fire, args: readonly string[]): Promise<number | null> {
  const { code, output } = await runEntryPoint('worker/set-back.main.ts', args, {
    DATABASE_URL: stack.databaseUrl,
    NATS_URL: stack.natsUrl,
    TEMPORAL_ADDRESS: stack.temporalAddress,
  }).ended;
  // Shown for the one who reads why a later check fails.
  process.stderr.write(output.replace(/^/gm, '      '));
  return code;
}

/** The books of the provider and the carrier are not set back: that they share our database is part of the simulation. */
const bookTables = ['payments.payments', 'payments.ledger', 'shipping.bookings'] as const;
type Books = ReadonlyMap<(typeof bookTables)[number], string>;

async function readBooks(db: Knex): Promise<Books> {
  const books = new Map<(typeof bookTables)[number], string>();
  for (const table of bookTables) {
    const { rows } = await db.raw<{ rows: [{ book: string }] }>(
      `select coalesce(jsonb_agg(to_jsonb(t)), '[]')::text as book from ?? t`,
      [table],
    );
    books.set(table, rows[0].book);
  }
  return books;
}

const writeBooks = (db: Knex, books: Books): Promise<void> =>
  db.transaction(async (trx) => {
    await trx.raw('truncate payments.payments, payments.ledger, shipping.bookings');
    for (const [table, book] of books)
      await trx.raw(
        'insert into ?? overriding system value select * from jsonb_populate_recordset(null::??, ?::jsonb)',
        [table, table, book],
      );
    await trx.raw(
      `select setval(pg_get_serial_sequence('payments.ledger', 'entry'), coalesce(max(entry), 0) + 1) from payments.ledger`,
    );
  });
