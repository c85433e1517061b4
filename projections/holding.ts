import { setTimeout as pause } from 'node:timers/promises';
import type { Knex } from '../db/connection.ts';
import {
  leaveProjectors,
  lockLeases,
  moveCheckpoints,
  releaseLeases,
  renewLeases,
  restartCheckpoints,
  shareOf,
  takeLeases,
  type Lease,
  type Neighbourhood,
} from './leases.ts';

const RENEW_MS = 250;

/** The partitions that a projector has, kept by renewing their leases until it is closed. */
export interface Holding {
  leases(): readonly Lease[];
  /** Whether partitions are to be taken or given away. @throws LeaseLostError, or why a lease could not be renewed */
  isUnbalanced(): boolean;
  /** Takes partitions that nobody has, or gives away what is more than this projector's share. */
  balance(): Promise<void>;
  /** Resolves after the next look at the other projectors, or when aborted. */
  nextLook(signal: AbortSignal): Promise<void>;
  /** Moves all checkpoints forward within the transaction that applies the page. @throws LeaseLostError */
  move(trx: Knex.Transaction, to: { created: string; sequence: number }): Promise<void>;
  /** Keeps them until the end of a transaction that moves no checkpoint. @throws LeaseLostError */
  lock(trx: Knex.Transaction): Promise<void>;
  /** Called when a transaction that moves them has committed. */
  moved(to: { created: string; sequence: number }): void;
  /** Begins at the beginning of another stream. @throws LeaseLostError */
  restart(): Promise<void>;
  /** Gives all away, so that others go on at once. */
  close(): Promise<void>;
}

/** @param asOf what these partitions hold everything of, told with each renewal */
export async function holdPartitions(
  db: Knex,
  owner: string,
  asOf: (leases: readonly Lease[]) => Date | undefined,
): Promise<Holding> {
  let leases: readonly Lease[] = [];
  let failure: { readonly error: unknown } | undefined;
  let around: Neighbourhood = await renewLeases(db, owner, [], undefined);
  /** The renewal that is under way. */
  let renewing: Promise<unknown> = Promise.resolve();
  const stopping = new AbortController();
  const isStopping = (): boolean => stopping.signal.aborted;
  const keeping = keep();

  return {
    leases: () => leases,
    isUnbalanced: () => {
      if (failure) throw failure.error;
      const share = shareOf(around.alive);
      return leases.length > share || (leases.length < share && around.free > 0);
    },
    balance: async () => {
      const share = shareOf(around.alive);
      if (leases.length > share) {
        const surplus = leases.slice(share);
        leases = leases.slice(0, share);
        // One that was sent with the surplus in it, and came after the release, would hold it for nobody. The next one
        // begins without; if this one fails, isUnbalanced tells.
        await Promise.allSettled([renewing]);
        await releaseLeases(db, surplus);
      } else if (leases.length < share) {
        const taken = await takeLeases(db, owner, share - leases.length, leases);
        leases = [...leases, ...taken].sort((a, b) => a.partition - b.partition);
      }
      around = { ...around, free: 0 }; // until the next look
    },
    nextLook: async (signal) => {
      const seen = around;
      while (around === seen && !failure && !signal.aborted) await pause(RENEW_MS / 5);
    },
    move: (trx, { created, sequence }) => moveCheckpoints(trx, leases, created, sequence),
    lock: (trx) => lockLeases(trx, leases),
    moved: ({ created, sequence }) => {
      leases = leases.map((lease) => ({
        ...lease,
        streamCreated: created,
        streamSequence: Math.max(lease.streamSequence, sequence),
      }));
    },
    restart: async () => {
      await restartCheckpoints(db, leases);
      leases = leases.map((lease) => ({ ...lease, streamCreated: null, streamSequence: 0 }));
    },
    close: async () => {
      stopping.abort();
      await keeping;
      await releaseLeases(db, leases);
      await leaveProjectors(db, owner);
    },
  };

  async function keep(): Promise<void> {
    while (!isStopping() && !failure) {
      try {
        await pause(RENEW_MS, undefined, { signal: stopping.signal });
        const renewal = renewLeases(db, owner, leases, asOf(leases));
        renewing = renewal;
        around = await renewal;
      } catch (error) {
        if (!isStopping()) failure = { error };
      }
    }
  }
}
