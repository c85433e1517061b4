import { setTimeout as pause } from 'node:timers/promises';
import type { Knex } from '../../db/connection.ts';
import { OUTBOX_SCHEMA } from '../../db/migrations/0002-outbox.ts';
import { shardsAhead } from '../../db/outbox/ahead.ts';
import { isRestoredDump, markKnown, resumeRestoredDump } from '../../db/outbox/set-back.ts';
import { OUTBOX_SHARDS } from '../../domain/topology.ts';
import type { Lost } from './lost.ts';

const location = { schema: OUTBOX_SCHEMA };

/** Whether relays wait for a decision: the database knows less than the stream, or was restored from a dump. */
export const needsDecision = async (db: Knex, { events }: Lost): Promise<boolean> =>
  events.length > 0 || (await isRestoredDump(db, location)) || (await shardsAhead(db, location)).length > 0;

/**
 * Lets the relays go on once the database and the stream agree.
 * @returns how many rows of a restored dump will be published that the stream lacks; undefined when it is no dump
 */
export async function letRelaysGoOn(db: Knex, lost: Lost): Promise<number | undefined> {
  const isDump = await isRestoredDump(db, location);
  const unpublished = isDump ? await resumeRestoredDump(db, location, lost.idsBehind) : undefined;
  const shards = new Set(lost.events.map(({ shard }) => shard));
  for (let shard = 0; shard < OUTBOX_SHARDS; shard++)
    if (isDump || shards.has(shard))
      await markKnown(db, location, shard, { created: lost.created, sequence: lost.comparedUpTo });
  return unpublished;
}

const LOOK_AGAIN_MS = 500;
/** A refused relay looks again every 30 s. */
const GOES_ON_WITHIN_MS = 90_000;

/** @returns false when no relay has gone on in time, as when no worker runs */
export async function untilRelaysGoOn(db: Knex, withinMs = GOES_ON_WITHIN_MS): Promise<boolean> {
  const until = Date.now() + withinMs;
  while (Date.now() < until) {
    if ((await shardsAhead(db, location)).length === 0) return true;
    await pause(LOOK_AGAIN_MS);
  }
  return false;
}
