import type { Knex } from '../../db/connection.ts';
import { PARTITIONS } from '../../domain/topology.ts';
import { tablesOf, type Projection } from './projection.ts';
import { createTable } from './statements.ts';

/** The tables are not those of this release: an older or a newer one has built them. */
class OtherVersionError extends Error {
  override readonly name = 'OtherVersionError';
}

/**
 * Makes the tables of the projections in a database that has none yet, and one checkpoint per partition. Call it after
 * the migrations, as the owner of the schemas, and grant rights afterwards. Where tables are there already, nothing is
 * changed: what is new or was raised since is built by a rebuild.
 */
export async function installProjections(db: Knex, projections: readonly Projection[]): Promise<void> {
  await db.transaction(async (trx) => {
    await trx.raw('lock table read.projections in exclusive mode');
    if ((await liveVersions(trx)).size > 0) return;
    for (const projection of projections) {
      for (const table of tablesOf(projection))
        for (const statement of createTable('read', table)) await trx.raw(statement);
      await trx('read.projections').insert({ name: projection.name, version: projection.version });
    }
    await trx('read.checkpoints').insert(
      Array.from({ length: PARTITIONS }, (_, partition) => ({ partition })),
    );
  });
}

async function liveVersions(db: Knex): Promise<Map<string, number>> {
  const rows: { name: string; version: number }[] = await db('read.projections').select('name', 'version');
  return new Map(rows.map(({ name, version }) => [name, version]));
}

/** @throws OtherVersionError naming what differs and what to do. */
export async function requireLive(db: Knex, projections: readonly Projection[]): Promise<void> {
  const live = await liveVersions(db);
  const ours = new Map(projections.map(({ name, version }) => [name, version]));
  const differences = [...new Set([...live.keys(), ...ours.keys()])]
    .filter((name) => live.get(name) !== ours.get(name))
    .map((name) => `${name} is ${says(live.get(name))} there and ${says(ours.get(name))} here`);
  if (differences.length > 0)
    throw new OtherVersionError(
      `the read tables are not those of this release: ${differences.join(', ')}; deploy the release that has them, or bring them to this one with \`npm run migrate\``,
    );
}

const says = (version: number | undefined): string => (version === undefined ? 'missing' : `v${version}`);
