import { setTimeout as pause } from 'node:timers/promises';
import type { Knex } from '../../db/connection.ts';
import { grantTables, type ROLES } from '../../db/roles.ts';
import { catchUp, type Applied, type Target } from './build.ts';
import {
  dropKept,
  keptGenerations,
  liveGenerations,
  type Generation,
  type KeptGeneration,
} from './generations.ts';
import { beforeWaiting } from './parked.ts';
import { furthest, livePositions, type Positions } from './positions.ts';
import type { Tell } from './progress.ts';
import type { Source } from './source.ts';
import { TooSlowError } from './stream-source.ts';

/** What takes the place of what is live, in one transaction. */
export interface Change {
  /** Tables that were built in `read_next`, or that were kept in `read_previous`. */
  readonly target: Target;
  readonly generations: readonly Generation[];
  /** Projections that are live and are to be no more: their tables are kept as well. */
  readonly retired: readonly string[];
  readonly source: Source;
  /** Brings the target close to where the live tables are, before each attempt. @returns what it holds. */
  readonly prepare: () => Promise<Applied>;
}

interface SwapOptions {
  readonly pageSize: number;
  readonly tell: Tell;
  /** Who is given rights on the tables, when not the users of an installation. */
  readonly roles?: Readonly<Record<keyof typeof ROLES, string>> | undefined;
}

/** How long projectors may have to wait for a swap that then has to give up, in ms. */
const LOCK_CHECKPOINTS_MS = 500;
const CATCH_UP_MS = 2_000;
/** Below PostgreSQL's deadlock_timeout (1 s): whoever waits for these tables meanwhile is never ended for it. */
const LOCK_TABLES_MS = 500;
/** Grows, so that projectors stand still for a tenth of the time at most while a long query holds a table. */
const PAUSE_MS = 250;
const MOST_PAUSE_MS = 5_000;
/** For some 5 minutes. */
const MOST_ATTEMPTS = 75;

/** Others stood in the way for too long. */
class SwapBlockedError extends Error {
  override readonly name = 'SwapBlockedError';
}

/**
 * Puts the target in the place of what is live, which becomes the kept generation; what was kept is dropped. Queries
 * see the tables before or those after, both complete. Projectors lose their leases and take them again at once. Those
 * who are in the way are waited for a little, and again: neither queries nor projectors stand still for long.
 * @throws SwapBlockedError naming who is in the way
 */
export async function swap(db: Knex, change: Change, { tell, ...options }: SwapOptions): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const applied = await change.prepare();
    try {
      await db.transaction((trx) => swapWithin(trx, change, applied, options));
      return;
    } catch (error) {
      if (!isInTheWay(error)) throw error;
      if (attempt === MOST_ATTEMPTS)
        throw new SwapBlockedError(
          `the tables cannot be swapped, and all stays as it is: ${await whoIsInTheWay(db, change)}`,
          { cause: error },
        );
      if (attempt % 10 === 3) tell(`waiting to swap: ${await whoIsInTheWay(db, change)}`);
      await pause(Math.min(attempt * PAUSE_MS, MOST_PAUSE_MS));
    }
  }
}

const LOCK_NOT_AVAILABLE = '55P03';
const STATEMENT_TIMEOUT = '57014';
const DEADLOCK = '40P01';

function isInTheWay(error: unknown): boolean {
  if (error instanceof TooSlowError) return true;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === LOCK_NOT_AVAILABLE || code === STATEMENT_TIMEOUT || code === DEADLOCK;
}

async function swapWithin(
  trx: Knex.Transaction,
  { target, generations, retired, source }: Change,
  applied: Applied,
  { pageSize, roles }: Omit<SwapOptions, 'tell'>,
): Promise<void> {
  await limit(trx, LOCK_CHECKPOINTS_MS);
  // The table, not its rows: a projector locks the rows of its partitions while it holds others' tables. From here on
  // none applies anything; who only reads goes on.
  await trx.raw('lock table read.checkpoints in exclusive mode');
  await limit(trx, CATCH_UP_MS);
  const live = await livePositions(trx);
  await catchUp(trx, target, source, applied, furthest(applied.sequences, live.sequences), {
    pageSize,
    withinMs: CATCH_UP_MS,
  });
  const present = await liveGenerations(trx);
  const kept = await keptGenerations(trx);
  const outgoing = [...generations.map(({ name }) => name), ...retired].flatMap(
    (name) => present.get(name) ?? [],
  );
  await limit(trx, LOCK_TABLES_MS);
  const leaving = outgoing.flatMap(({ tables }) => tables);
  // All at once, last, and in one statement, so that its time limit is that of all together.
  if (leaving.length > 0) {
    const names = leaving.map(() => 'read.??').join(', ');
    const lockAll = `lock table ${names} in access exclusive mode`;
    await trx.raw(lockAll, [...leaving]);
  }
  await limit(trx, CATCH_UP_MS);
  if (target.schema === 'read_previous')
    for (const generation of generations) await moveTables(trx, generation, 'read_previous', 'read_next');
  const keptAt = await beforeWaiting(trx, live);
  for (const generation of outgoing) await keep(trx, generation, kept.get(generation.name), keptAt, target);
  for (const generation of generations) {
    await moveTables(trx, generation, 'read_next', 'read');
    await trx('read.projections')
      .insert({ ...generation, built_at: trx.fn.now() })
      .onConflict('name')
      .merge();
  }
  for (const name of retired) await trx('read.projections').where({ name }).delete();
  // Whoever holds a lease loses it, and looks again which projections are live.
  await trx('read.checkpoints').update({ epoch: trx.raw('epoch + 1'), owner: null, lease_until: null });
  await grantTables(trx, 'read', roles);
}

async function limit(trx: Knex.Transaction, ms: number): Promise<void> {
  await trx.raw("select set_config('lock_timeout', :ms, true), set_config('statement_timeout', :ms, true)", {
    ms: String(ms),
  });
}

/** Makes what was live the kept generation, in place of the one before it. */
async function keep(
  trx: Knex.Transaction,
  generation: Generation,
  before: KeptGeneration | undefined,
  { created, sequences }: Positions,
  target: Target,
): Promise<void> {
  // What comes back from there is there no more.
  if (before && target.schema !== 'read_previous') await dropKept(trx, before);
  await moveTables(trx, generation, 'read', 'read_previous');
  const { name, version, tables } = generation;
  await trx('read_previous.projections')
    .insert({
      name,
      version,
      tables,
      stream_created: created,
      stream_sequences: sequences,
      replaced_at: trx.fn.now(),
    })
    .onConflict('name')
    .merge();
}

/** Indexes go along. */
async function moveTables(
  trx: Knex.Transaction,
  { tables }: Generation,
  from: string,
  to: string,
): Promise<void> {
  for (const table of tables) await trx.raw('alter table ??.?? set schema ??', [from, table, to]);
}

// Other users' statements are only told to members of pg_read_all_stats; who they are, everybody is.
const selectInTheWay = `
  select distinct format('%s (pid %s) is in a transaction since %s s',
    coalesce(nullif(a.application_name, ''), a.usename), a.pid,
    round(extract(epoch from clock_timestamp() - a.xact_start))) as who
  from pg_locks l
  join pg_stat_activity a on a.pid = l.pid
  where l.granted and l.pid <> pg_backend_pid()
    and l.relation = any (select to_regclass('read.' || name) from unnest(cast(? as text[])) as name)
  limit 5`;

async function whoIsInTheWay(db: Knex, { generations, retired }: Change): Promise<string> {
  const present = await liveGenerations(db);
  const names = [...generations.map(({ name }) => name), ...retired];
  const tables = names.flatMap((name) => present.get(name)?.tables ?? []);
  const { rows } = await db.raw<{ rows: { who: string }[] }>(selectInTheWay, [['checkpoints', ...tables]]);
  return rows.length > 0 ? rows.map(({ who }) => who).join('; ') : 'more events come than can be applied';
}
