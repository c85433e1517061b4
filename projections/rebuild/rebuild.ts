import type { Knex } from '../../db/connection.ts';
import type { ROLES } from '../../db/roles.ts';
import type { Topology } from '../../domain/topology.ts';
import type { NatsConnection } from '../../messaging/connection.ts';
import type { Projection } from '../kit/projection.ts';
import { createTables, dropTables, finishTables, foldOutbox, foldStream, type Applied } from './build.ts';
import { compare, type Comparison } from './compare.ts';
import { isDifferent } from './differences.ts';
import { generationOf, liveGenerations } from './generations.ts';
import { withRebuildLock } from './lock.ts';
import { livePositions } from './positions.ts';
import { count, createProgress, type Tell } from './progress.ts';
import { tellDifferences } from './report.ts';
import { chooseSource, type Source } from './source.ts';
import { swap } from './swap.ts';

export interface RebuildDeps {
  /** Where the outbox is. */
  readonly write: Knex;
  /** Where the read tables are, as their owner; four connections are in use at most. */
  readonly read: Knex;
  readonly connection: NatsConnection;
  readonly topology: Topology;
  /** Most events that are folded in one transaction. */
  readonly pageSize: number;
  readonly tell: Tell;
  /** Who is given rights on the tables, when not the users of an installation. */
  readonly roles?: Readonly<Record<keyof typeof ROLES, string>> | undefined;
}

export interface RebuildOptions {
  /** Builds and compares, and then drops what was built. */
  readonly checkOnly?: boolean;
  /** Goes on without the orders whose beginning is neither in the stream nor in the outbox. */
  readonly incomplete?: boolean;
  /** Projections that are live and that this release no longer has. */
  readonly retired?: readonly string[];
}

/** Orders would be lost that are live. */
class IncompleteSourceError extends Error {
  override readonly name = 'IncompleteSourceError';
}

/**
 * Builds projections anew beside the live ones, compares, and swaps. Until the swap commits nothing that is live is
 * touched, whatever happens: an interrupted build is begun again by the next one.
 * @returns whether all that was compared is the same
 * @throws IncompleteSourceError
 */
export async function rebuild(
  deps: RebuildDeps,
  projections: readonly Projection[],
  { checkOnly = false, incomplete = false, retired = [] }: RebuildOptions = {},
): Promise<boolean> {
  const { read, tell } = deps;
  const names = projections.map(({ name }) => name);
  return withRebuildLock(read, [...names, ...retired], async () => {
    const live = await liveGenerations(read);
    const source = await chooseSource(
      deps.write,
      deps.connection,
      deps.topology,
      await livePositions(read),
      deps.pageSize,
    );
    const target = { projections, schema: 'read_next' } as const;
    const built = await build(deps, projections, source);
    const comparison = await compare(read, target, new Set(live.keys()), source, built, deps.pageSize);
    for (const { name } of projections) {
      const found = comparison.differences.get(name);
      if (found) tellDifferences(tell, name, found);
      else tell(`${name}: there is nothing live to compare with`);
    }
    const isSame = ![...comparison.differences.values()].flat().some(isDifferent);
    const losses =
      incomplete || checkOnly ? undefined : lossesOf(source, projections, comparison, built.headless);
    if (checkOnly || losses) {
      await dropTables(read, projections);
      if (losses) throw losses;
      return isSame;
    }
    let { applied } = comparison;
    const prepare = async (): Promise<Applied> => (applied = await fold(deps, projections, source, applied));
    await swap(read, { target, generations: projections.map(generationOf), retired, source, prepare }, deps);
    tell(`${names.join(', ')}: live now; what was live before is kept`);
    return isSame;
  });
}

async function build(
  deps: RebuildDeps,
  projections: readonly Projection[],
  source: Source,
): Promise<Applied> {
  const names = projections.map(({ name }) => name).join(', ');
  const startedAt = performance.now();
  deps.tell(
    `${names}: building from ${source.outbox ? 'the outbox, then the stream' : source.stream ? 'the stream' : 'nothing: there are no events yet'}`,
  );
  if (source.incomplete !== undefined) deps.tell(`events are missing: ${source.incomplete}`);
  await createTables(deps.read, projections);
  const target = { projections, schema: 'read_next' } as const;
  const fromOutbox = await foldOutbox(
    deps.read,
    target,
    source,
    createProgress(`${names} (outbox)`, deps.tell),
  );
  const applied = await fold(deps, projections, source, fromOutbox);
  await finishTables(deps.read, projections);
  deps.tell(`${names}: built in ${count(Math.round(performance.now() - startedAt))} ms`);
  return applied;
}

const fold = (
  { read, pageSize, tell }: RebuildDeps,
  projections: readonly Projection[],
  source: Source,
  from: Applied,
): Promise<Applied> =>
  foldStream(read, { projections, schema: 'read_next' }, source, from, {
    pageSize,
    progress: createProgress(projections.map(({ name }) => name).join(', '), tell),
  });

/** Why it must not go on: live rows would be lost or changed because events are missing. */
function lossesOf(
  { incomplete }: Source,
  projections: readonly Projection[],
  { differences }: Comparison,
  headless: ReadonlySet<string>,
): IncompleteSourceError | undefined {
  if (incomplete === undefined) return undefined;
  const losses = projections.flatMap(({ name }) => {
    const found = differences.get(name);
    if (!found)
      return `${name}: it is not live yet, so nothing says how many are missing altogether; of ${count(headless.size)} at least the beginning is`;
    return found
      .filter(({ notCompared, missing, different }) => notCompared !== undefined || missing + different > 0)
      .map(({ table, notCompared, missing, different }) =>
        notCompared === undefined
          ? `${name}: in ${table} ${count(missing)} live rows would be missing and ${count(different)} would hold something else`
          : `${name}: ${table} is not compared: ${notCompared}`,
      );
  });
  if (losses.length === 0) return undefined;
  return new IncompleteSourceError(
    `${losses.join('; ')}. ${incomplete}. Nothing is changed; \`npm run rebuild -- ${projections.map(({ name }) => name).join(' ')} --incomplete\` goes on without them`,
  );
}
