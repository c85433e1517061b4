import type { Knex } from '../../db/connection.ts';
import type { Topology } from '../../domain/topology.ts';
import type { NatsConnection } from '../../messaging/connection.ts';
import { streamState } from '../../messaging/stream.ts';
import type { Projection } from '../kit/projection.ts';
import { dropTables, foldStream, type Applied } from './build.ts';
import { dropKept, generationOf, keptGenerations, type KeptGeneration } from './generations.ts';
import { withRebuildLock } from './lock.ts';
import { allAt, livePositions, type Sequences } from './positions.ts';
import { createProgress, type Tell } from './progress.ts';
import type { RebuildDeps } from './rebuild.ts';
import type { Source } from './source.ts';
import { swap } from './swap.ts';

/** What is kept cannot be made live. */
class RollbackRefusedError extends Error {
  override readonly name = 'RollbackRefusedError';
}

/**
 * Brings back what was live before the last swap, with all that happened since; what is live now becomes the kept
 * generation. @throws RollbackRefusedError
 */
export async function rollback(
  { read, connection, topology, pageSize, tell, roles }: Omit<RebuildDeps, 'write'>,
  projections: readonly Projection[],
): Promise<void> {
  for (const projection of projections)
    await withRebuildLock(read, [projection.name], async () => {
      const kept = await requireKept(read, projection);
      const { source, sequences } = await sinceKept(kept, read, connection, topology);
      const target = { projections: [projection], schema: 'read_previous' } as const;
      tell(`${kept.name}: applying what came since ${kept.replacedAt.toISOString()}`);
      const progress = createProgress(kept.name, tell);
      // What waited when it was put aside lies behind where it begins.
      let applied: Applied = { sequences, headless: new Set(), withheld: [] };
      const prepare = async (): Promise<Applied> =>
        (applied = await foldStream(read, target, source, applied, { pageSize, progress }));
      // On its way back it passes through `read_next`, where an interrupted build may have left something.
      await dropTables(read, [projection]);
      const change = { target, generations: [generationOf(projection)], retired: [], source, prepare };
      await swap(read, change, { pageSize, tell, roles });
      tell(`${kept.name}: v${kept.version} as before is live again; what was live is kept`);
    });
}

async function requireKept(db: Knex, { name, version }: Projection): Promise<KeptGeneration> {
  const kept = (await keptGenerations(db)).get(name);
  if (!kept)
    throw new RollbackRefusedError(
      `nothing is kept of ${name}: it was never swapped, or what was kept is dropped`,
    );
  if (kept.version !== version)
    throw new RollbackRefusedError(
      `v${kept.version} of ${name} is kept, and this release knows how to apply events to v${version} only; call it from the release with v${kept.version}`,
    );
  return kept;
}

/** @throws RollbackRefusedError when the stream does not hold all that came since. */
async function sinceKept(
  { name, created, sequences }: KeptGeneration,
  db: Knex,
  connection: NatsConnection,
  topology: Topology,
): Promise<{ source: Source; sequences: Sequences }> {
  const live = await livePositions(db);
  const state = await streamState(connection, topology.stream);
  const isSameStream = created !== null && created === state?.created;
  // Events that are in already change nothing, so another stream is applied from its beginning.
  const from = isSameStream ? sequences : allAt(0);
  if (state && Math.min(...from) < state.firstSequence - 1)
    throw new RollbackRefusedError(
      `stream ${topology.stream} begins with message ${state.firstSequence}, and what is kept of ${name} needs those from ${Math.min(...from) + 1} on; rebuild it`,
    );
  if (live.created !== null && live.created !== state?.created)
    throw new RollbackRefusedError(
      `the live tables are not applied from the present stream ${topology.stream} yet; let a projector run until they are, and try again`,
    );
  const stream = state && { connection, topology, created: state.created };
  return { source: { stream, begin: from, outbox: undefined, incomplete: undefined }, sequences: from };
}

/** Drops what is kept for a roll-back. */
export async function dropPrevious(
  read: Knex,
  projections: readonly Projection[],
  tell: Tell,
): Promise<void> {
  for (const { name } of projections)
    await withRebuildLock(read, [name], async () => {
      const kept = (await keptGenerations(read)).get(name);
      if (kept) await read.transaction((trx) => dropKept(trx, kept));
      tell(kept ? `${name}: v${kept.version}, which was kept, is dropped` : `${name}: nothing is kept`);
    });
}
