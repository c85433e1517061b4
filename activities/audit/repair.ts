import { setTimeout as pause } from 'node:timers/promises';
import { OUTBOX_SCHEMA } from '../../db/migrations/0002-outbox.ts';
import { publishAgain, stillWaiting, type EventKey } from '../../db/outbox/publish-again.ts';
import type { Repairs } from './audit.ts';
import { openLogs } from './logs.ts';
import { CannotLookError, type Sources } from './sources.ts';
import { heldOf, lacking } from './versions.ts';

const LOOK_AGAIN_MS = 500;
const OUTBOX = { schema: OUTBOX_SCHEMA };

interface RepairDeps extends Sources {
  /** Told what has been done. */
  readonly onDone: (what: string) => void;
}

/**
 * Mends what a machine can: events that the stream lacks are published again by the relays, and projections with wrong
 * tables are built anew. Rows of the write side are never changed.
 * @param rebuild builds projections anew, by their names
 */
export async function repair(
  deps: RepairDeps,
  { projections, lacking: ids }: Repairs,
  rebuild: (projections: readonly string[]) => Promise<void>,
): Promise<void> {
  if (ids.length > 0) deps.onDone(`published again: ${await publishLost(deps, new Set(ids))} events`);
  if (projections.length === 0) return;
  await rebuild(projections);
  deps.onDone(`rebuilt: ${projections.join(', ')}`);
}

async function publishLost(sources: Sources, ids: ReadonlySet<string>): Promise<number> {
  const lost: EventKey[] = [];
  for (const kind of ['orders', 'products'] as const) {
    const logs = openLogs(sources, kind, { only: ids });
    await logs.readOn();
    for (const [key, held] of logs.outbox) {
      const [aggregateType = '', aggregateId = ''] = key.split(' ');
      // Each of these is a row of the outbox, so that they are no more than those.
      for (const [from, to] of heldOf(lacking(logs.stream.get(key), held.highest), held))
        for (let aggregateVersion = from; aggregateVersion <= to; aggregateVersion++)
          lost.push({ aggregateType, aggregateId, aggregateVersion });
    }
  }
  const seqs = await publishAgain(sources.db, OUTBOX, lost, {
    operator: 'audit',
    reason: 'it is not in the stream',
  });
  const until = Date.now() + sources.settleWithinMs;
  while ((await stillWaiting(sources.db, OUTBOX, seqs)) > 0) {
    if (Date.now() > until)
      throw new CannotLookError(
        `the relays did not publish again within ${sources.settleWithinMs / 1_000} s`,
      );
    await pause(LOOK_AGAIN_MS);
  }
  return seqs.length;
}
