import type { Knex } from '../db/connection.ts';

/** How far a projector is: written in the same transaction as the rows. */
export interface Checkpoint {
  /** `created` of the stream that was read; null before the first event. */
  readonly streamCreated: string | null;
  /** Sequence of the last message applied. */
  readonly streamSequence: number;
}

/** The right to move a checkpoint, until it is not renewed in time or taken over with a higher epoch. */
export interface Lease {
  readonly projector: string;
  readonly epoch: string;
}

/** Another projector took over. */
class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
}

const LEASE_MS = 10_000;

interface CheckpointRow {
  epoch: string;
  stream_created: string | null;
  stream_sequence: string;
}

// The upsert's row lock lets one of several projectors that come at once have the lease.
const acquire = `
  insert into read.checkpoints as c (projector, stream_sequence, epoch, owner, lease_until)
  values (:projector, 0, 1, :owner, now() + cast(:leaseMs as integer) * interval '1 ms')
  on conflict (projector) do update
    set epoch = c.epoch + 1, owner = excluded.owner, lease_until = excluded.lease_until
    where c.lease_until is null or c.lease_until < now()
  returning epoch, stream_created, stream_sequence`;

/** @returns undefined while another projector has the lease. */
export async function acquireLease(
  db: Knex,
  projector: string,
  owner: string,
): Promise<{ lease: Lease; checkpoint: Checkpoint } | undefined> {
  const { rows } = await db.raw<{ rows: CheckpointRow[] }>(acquire, { projector, owner, leaseMs: LEASE_MS });
  const [row] = rows;
  if (!row) return undefined;
  return {
    lease: { projector, epoch: row.epoch },
    checkpoint: { streamCreated: row.stream_created, streamSequence: Number(row.stream_sequence) },
  };
}

const move = `
  update read.checkpoints
  set stream_created = :streamCreated, stream_sequence = :streamSequence
  where projector = :projector and epoch = :epoch`;

/** @throws LeaseLostError, so that the caller's transaction rolls back. */
export async function moveCheckpoint(db: Knex, lease: Lease, checkpoint: Checkpoint): Promise<void> {
  const { rowCount } = await db.raw<{ rowCount: number }>(move, { ...lease, ...checkpoint });
  if (rowCount !== 1) throw new LeaseLostError(`another projector has the lease of ${lease.projector}`);
}

const renew = `
  update read.checkpoints
  set current_as_of = greatest(current_as_of, cast(:asOf as timestamptz)),
    lease_until = now() + cast(:leaseMs as integer) * interval '1 ms'
  where projector = :projector and epoch = :epoch`;

/** @param asOf the views hold all that was committed before. @throws LeaseLostError */
export async function renewLease(db: Knex, lease: Lease, asOf: Date | undefined): Promise<void> {
  const { rowCount } = await db.raw<{ rowCount: number }>(renew, {
    ...lease,
    asOf: asOf ?? null,
    leaseMs: LEASE_MS,
  });
  if (rowCount !== 1) throw new LeaseLostError(`another projector has the lease of ${lease.projector}`);
}

/** Lets the next projector take over at once. */
export async function releaseLease(db: Knex, { projector, epoch }: Lease): Promise<void> {
  await db('read.checkpoints').where({ projector, epoch }).update({ owner: null, lease_until: null });
}
