import type { Knex } from '../../db/connection.ts';
import type { CheckReport } from '../../domain/audit.ts';
import { differences } from './check.ts';
import { inSnapshot } from './sources.ts';

/**
 * What a projection adds up, compared with the rows that it keeps of each order. An order's row and the figures that
 * count it change in one transaction, so within one snapshot they agree whatever is under way. Whether the rows say
 * what the write side does is checked order by order.
 */
export interface AddedUp {
  /** The check that these rows are in as well. */
  readonly check: string;
  /** Before a key in samples: `customer`. */
  readonly name: string;
  /** A statement with the binding `samples` that answers one row, `Compared`. */
  readonly compare: string;
}

interface Compared {
  readonly looked: number;
  readonly drifted: number;
  readonly samples: readonly Sample[];
}

/** Null: that side has none. */
interface Sample {
  readonly key: string;
  readonly added: Figures | null;
  readonly shown: Figures | null;
}
type Figures = Readonly<Record<string, unknown>>;

/** Ends a statement whose `compared` has a row for each key, with what was `added` and what is `shown`. */
export const summedUp = `
  select (select cast(count(*) as float8) from compared) as looked,
    (select cast(count(*) as float8) from compared where differs) as drifted,
    (select coalesce(jsonb_agg(to_jsonb(first)), '[]')
      from (select key, added, shown from compared where differs order by key limit :samples) as first) as samples`;

/** @param samples how many of what differs are named */
export async function compareFigures(
  readDb: Knex,
  { name, compare }: AddedUp,
  samples: number,
): Promise<Pick<CheckReport, 'looked' | 'drifted' | 'samples'>> {
  const { rows } = await inSnapshot(readDb, (trx) => trx.raw<{ rows: [Compared] }>(compare, { samples }));
  const [found] = rows;
  return { ...found, samples: found.samples.map((sample) => `${name} ${sample.key}: ${describe(sample)}`) };
}

function describe({ added, shown }: Sample): string {
  if (!added) return 'is shown, and no order counts for it';
  if (!shown) return 'is not shown';
  return differences(['by the orders', added], ['shown', shown]) ?? '';
}
