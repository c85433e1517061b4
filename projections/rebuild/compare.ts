import type { Knex } from '../../db/connection.ts';
import { catchUp, type Applied, type Target } from './build.ts';
import { findDifferences, type TableDifferences } from './differences.ts';
import { furthest, livePositions } from './positions.ts';
import type { Source } from './source.ts';

/** What was found of each projection that is live, and what the built tables hold now. */
export interface Comparison {
  readonly applied: Applied;
  readonly differences: ReadonlyMap<string, readonly TableDifferences[]>;
}

/**
 * Brings the built tables to exactly the place that the live ones have in a snapshot, and compares the two in it. Nobody
 * waits for that, however long it takes.
 * @param live names of projections that have tables to compare with
 */
export async function compare(
  db: Knex,
  target: Target,
  live: ReadonlySet<string>,
  source: Source,
  from: Applied,
  pageSize: number,
): Promise<Comparison> {
  return db.transaction(
    async (trx) => {
      // Should this process be gone, PostgreSQL does not go on for nobody.
      await trx.raw("set local statement_timeout = 0; set local client_connection_check_interval = '1s'");
      const sequences = furthest(from.sequences, (await livePositions(trx)).sequences);
      const withheld = await catchUp(trx, target, source, from, sequences, { pageSize });
      const differences = new Map<string, readonly TableDifferences[]>();
      for (const projection of target.projections)
        if (live.has(projection.name))
          differences.set(projection.name, await findDifferences(trx, projection));
      return { applied: { ...from, sequences, withheld }, differences };
    },
    { isolationLevel: 'repeatable read' },
  );
}
