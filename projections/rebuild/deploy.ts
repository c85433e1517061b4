import type { Knex } from '../../db/connection.ts';
import type { Projection } from '../kit/projection.ts';
import type { Applied } from './build.ts';
import { liveGenerations } from './generations.ts';
import { withRebuildLock } from './lock.ts';
import { allAt } from './positions.ts';
import type { Tell } from './progress.ts';
import { swap } from './swap.ts';

/** What has to happen so that the live tables are those of this release. */
export interface Due {
  /** New, or of a higher version than what is live. */
  readonly build: readonly Projection[];
  /** Live, and not in this release any more. */
  readonly retire: readonly string[];
}

/** An older release would undo what a newer one has made. */
class NewerTablesError extends Error {
  override readonly name = 'NewerTablesError';
}

/** @throws NewerTablesError when a newer release has made live tables. */
export async function dueForDeploy(db: Knex, projections: readonly Projection[]): Promise<Due> {
  const live = await liveGenerations(db);
  const newer = projections.flatMap(({ name, version }) => {
    const present = live.get(name)?.version ?? version;
    return present > version ? [`${name} is v${present} there and v${version} here`] : [];
  });
  if (newer.length > 0)
    throw new NewerTablesError(
      `a newer release has made the read tables: ${newer.join(', ')}; deploy that one, or bring back what was live before it with \`npm run rebuild -- <name> --rollback\``,
    );
  return {
    build: projections.filter(({ name, version }) => live.get(name)?.version !== version),
    retire: [...live.keys()].filter((name) => projections.every((projection) => projection.name !== name)),
  };
}

/** Takes projections out of the live tables; they are kept as after any swap. */
export async function retire(read: Knex, names: readonly string[], tell: Tell): Promise<void> {
  await withRebuildLock(read, names, async () => {
    const source = { stream: undefined, begin: allAt(0), outbox: undefined, incomplete: undefined };
    const target = { projections: [], schema: 'read_next' } as const;
    const applied = { sequences: source.begin, headless: new Set<string>(), withheld: [] };
    const prepare = (): Promise<Applied> => Promise.resolve(applied);
    const change = { target, generations: [], retired: names, source, prepare };
    await swap(read, change, { pageSize: 1, tell });
  });
  tell(`${names.join(', ')}: not in this release, and live no more`);
}
