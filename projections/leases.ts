import type { Knex } from '../db/connection.ts';
import { PARTITIONS } from '../domain/topology.ts';

/** The right to move the checkpoint of a partition, until it is not renewed in time or taken with a higher epoch. */
export interface Lease {
  readonly partition: number;
  readonly epoch: string;
  /** `created` of the stream that was read; null before the first event. */
  readonly streamCreated: string | null;
  /** Sequence of the last message applied, when the lease was taken. */
  readonly streamSequence: number;
}

/** Another projector has a partition, or a rebuild has fenced all of them out. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
}

/** A projector that has not been heard of for this long is dead: others take its partitions. */
const LEASE_MS = 5_000;

export interface Neighbourhood {
  /** Projectors that are alive, this one included. */
  readonly alive: number;
  /** Partitions that nobody has. */
  readonly free: number;
}

// The leases that a projector still has. The rows are locked by partition, because a projector renews them on one
// connection while it applies a page on another.
const held = `
  held as (
    select c.partition
    from read.checkpoints c
    join unnest(cast(:partitions as smallint[]), cast(:epochs as bigint[])) as mine (partition, epoch)
      on c.partition = mine.partition and c.epoch = mine.epoch
    order by c.partition for update of c
  )`;

const beat = `
  with me as (
    insert into read.projectors (owner, seen_at) values (:owner, clock_timestamp())
    on conflict (owner) do update set seen_at = excluded.seen_at
  ), gone as (
    delete from read.projectors where seen_at < now() - cast(:leaseMs as integer) * interval '10 ms'
  ), ${held}, renewed as (
    update read.checkpoints c
    set current_as_of = greatest(c.current_as_of, cast(:asOf as timestamptz)),
      lease_until = clock_timestamp() + cast(:leaseMs as integer) * interval '1 ms'
    from held where c.partition = held.partition
    returning c.partition
  )
  select cast((select count(*) from renewed) as integer) as renewed,
    cast((select count(*) from read.projectors
      where owner <> :owner and seen_at > now() - cast(:leaseMs as integer) * interval '1 ms') as integer) + 1 as alive,
    cast((select count(*) from read.checkpoints
      where lease_until is null or lease_until < now()) as integer) as free`;

/**
 * Says that this projector is alive, renews its leases, and says how fresh their partitions are.
 * @param asOf the partitions hold all that was committed before; undefined while nobody knows
 * @throws LeaseLostError
 */
export async function renewLeases(
  db: Knex,
  owner: string,
  leases: readonly Lease[],
  asOf: Date | undefined,
): Promise<Neighbourhood> {
  const { rows } = await db.raw<{ rows: [Neighbourhood & { renewed: number }] }>(beat, {
    owner,
    ...keysOf(leases),
    asOf: asOf ?? null,
    leaseMs: LEASE_MS,
  });
  const [{ renewed, alive, free }] = rows;
  if (renewed !== leases.length) throw lost(owner);
  return { alive, free };
}

/** What one projector should have, so that all together have everything: it is the same sum for each of them. */
export const shareOf = (alive: number): number => Math.ceil(PARTITIONS / alive);

// Rows that another projector takes at this moment are passed over. What this one had and lost sight of – in a restart
// of the database, or of itself under the same name – is its own, and need not be waited for.
const take = `
  update read.checkpoints c
  set epoch = c.epoch + 1, owner = :owner,
    lease_until = clock_timestamp() + cast(:leaseMs as integer) * interval '1 ms'
  where c.partition in (
    select partition from read.checkpoints
    where lease_until is null or lease_until < now() or (owner = :owner and partition <> all(:held))
    order by partition limit :wanted for update skip locked)
  returning c.partition, c.epoch, c.stream_created as "streamCreated",
    cast(c.stream_sequence as float8) as "streamSequence"`;

/**
 * @param held the leases that this projector has and knows of
 * @returns leases of at most that many partitions more, which nobody else has
 */
export async function takeLeases(
  db: Knex,
  owner: string,
  wanted: number,
  held: readonly Lease[] = [],
): Promise<Lease[]> {
  const { partitions } = keysOf(held);
  const { rows } = await db.raw<{ rows: Lease[] }>(take, {
    owner,
    wanted,
    held: partitions,
    leaseMs: LEASE_MS,
  });
  return rows;
}

// A projector that is paused in the middle of a page holds these rows locked, and nobody could take them: PostgreSQL
// ends its session when the lease would have ended.
//
// A page is committed before it is on the disk, which makes small ones much faster: whoever loses it in a crash of
// PostgreSQL has lost its checkpoints with it, and applies it again from the stream. So that nobody who has not noticed
// the crash goes on behind what was lost, the checkpoints must be where this projector's last page has left them. How
// fresh the views are is committed by another transaction, which is on the disk no earlier than the page before it.
const move = `
  with ${held}
  update read.checkpoints c
  set stream_created = :created, stream_sequence = greatest(c.stream_sequence, :sequence)
  from held
  join unnest(cast(:partitions as smallint[]), cast(:sequences as bigint[])) as left_at (partition, sequence)
    on left_at.partition = held.partition,
  (select set_config('idle_in_transaction_session_timeout', :leaseMs, true),
    set_config('synchronous_commit', 'off', true)) as settings
  where c.partition = held.partition and c.stream_sequence = left_at.sequence`;

/**
 * Moves the checkpoints of all these partitions to one place in the stream; one that is further stays there.
 * @throws LeaseLostError, so that the caller's transaction rolls back
 */
export async function moveCheckpoints(
  trx: Knex.Transaction,
  leases: readonly Lease[],
  created: string,
  sequence: number,
): Promise<void> {
  const { rowCount } = await trx.raw<{ rowCount: number }>(move, {
    created,
    sequence,
    leaseMs: String(LEASE_MS),
    ...keysOf(leases),
    sequences: leases.map(({ streamSequence }) => streamSequence),
  });
  if (rowCount !== leases.length) throw lost('this projector');
}

const lock = `
  with ${held}
  select partition
  from held, (select set_config('idle_in_transaction_session_timeout', :leaseMs, true)) as bounded`;

/** Sees to it, within the caller's transaction, that nobody else takes these partitions before its end. @throws LeaseLostError */
export async function lockLeases(trx: Knex.Transaction, leases: readonly Lease[]): Promise<void> {
  const { rowCount } = await trx.raw<{ rowCount: number }>(lock, {
    leaseMs: String(LEASE_MS),
    ...keysOf(leases),
  });
  if (rowCount !== leases.length) throw lost('this projector');
}

const restart = `
  with ${held}
  update read.checkpoints c
  set stream_created = null, stream_sequence = 0
  from held where c.partition = held.partition`;

/** Sets partitions back to before the first message, of another stream. @throws LeaseLostError */
export async function restartCheckpoints(db: Knex, leases: readonly Lease[]): Promise<void> {
  const { rowCount } = await db.raw<{ rowCount: number }>(restart, keysOf(leases));
  if (rowCount !== leases.length) throw lost('this projector');
}

const release = `
  with ${held}
  update read.checkpoints c
  set owner = null, lease_until = null
  from held where c.partition = held.partition`;

/** Lets other projectors take over at once; what was lost already stays as it is. */
export async function releaseLeases(db: Knex, leases: readonly Lease[]): Promise<void> {
  if (leases.length > 0) await db.raw(release, keysOf(leases));
}

/** Takes a projector that ends out of the count at once. */
export async function leaveProjectors(db: Knex, owner: string): Promise<void> {
  await db('read.projectors').where({ owner }).delete();
}

const keysOf = (leases: readonly Lease[]): { partitions: number[]; epochs: string[] } => ({
  partitions: leases.map(({ partition }) => partition),
  epochs: leases.map(({ epoch }) => epoch),
});

const lost = (who: string): LeaseLostError =>
  new LeaseLostError(
    `${who} has lost a partition: another one has taken it, a rebuild has swapped tables, or PostgreSQL has lost a page in a crash`,
  );
