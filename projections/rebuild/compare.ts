import type { Knex } from '../../db/connection.ts';
import { catchUp, type Target } from './build.ts';
import { findDifferences, type TableDifferences } from './differences.ts';
import { furthest, livePositions, type Sequences } from './positions.ts';
import type { Source } from './source.ts';

/** What was found of each projection that is live, and up to where the built tables are applied now. */
export interface Comparison {
  readonly sequences: Sequences;
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
  from: Sequences,
  pageSize: number,
): Promise<Comparison> {
  return db.transaction(
    async (trx) => {
      // Should this process be gone, PostgreSQL does not go on for nobody.
      await trx.raw("set local statement_timeout = 0; set local client_connection_check_interval = '1s'");
      const sequences = furthest(from, (await livePositions(trx)).sequences);
      await catchUp(trx, target, source, from, sequences, { pageSize });
      const differences = new Map<string, readonly TableDifferences[]>();
      for (const projection of target.projections)
        if (live.has(projection.name))
          differences.set(projection.name, await findDifferences(trx, projection));
      return { sequences, differences };
    },
    { isolationLevel: 'repeatable read' },
  );
}
