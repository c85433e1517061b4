import type { Knex } from '../../db/connection.ts';
import { tablesOf, type Projection } from '../kit/projection.ts';
import type { Positions } from './positions.ts';

/** The tables of a projection at one version. */
export interface Generation {
  readonly name: string;
  readonly version: number;
  readonly tables: readonly string[];
}

/** A generation that was live before the present one, and up to where it was applied. */
export interface KeptGeneration extends Generation, Positions {
  readonly replacedAt: Date;
}

/** What this release makes of a projection. */
export const generationOf = (projection: Projection): Generation => ({
  name: projection.name,
  version: projection.version,
  tables: tablesOf(projection).map(({ name }) => name),
});

/** By name. */
export async function liveGenerations(db: Knex): Promise<Map<string, Generation>> {
  const rows: Generation[] = await db('read.projections').orderBy('name').select('name', 'version', 'tables');
  return new Map(rows.map((row) => [row.name, row]));
}

/** By name. */
export async function keptGenerations(db: Knex): Promise<Map<string, KeptGeneration>> {
  const rows: (Omit<KeptGeneration, 'sequences'> & { sequences: string[] })[] = await db(
    'read_previous.projections',
  )
    .orderBy('name')
    .select(
      'name',
      'version',
      'tables',
      'stream_created as created',
      'stream_sequences as sequences',
      'replaced_at as replacedAt',
    );
  return new Map(rows.map((row) => [row.name, { ...row, sequences: row.sequences.map(Number) }]));
}

/** Drops the tables of a kept generation. */
export async function dropKept(trx: Knex.Transaction, { name, tables }: KeptGeneration): Promise<void> {
  for (const table of tables) await trx.raw('drop table ??.??', ['read_previous', table]);
  await trx('read_previous.projections').where({ name }).delete();
}
