import { z } from 'zod';
import type { ParkedCause } from '../../db/outbox/parked-by-cause.ts';
import type { ParkedRow } from '../../db/outbox/parking.ts';
import type { OutboxStatus } from '../../db/outbox/status.ts';

const bigintText = z.string().regex(/^\d+$/);

export const outboxStatusSchema = z
  .object({
    shards: z.array(
      z.object({
        shard: z.int().nonnegative(),
        owner: z.string().nullable().describe('The relay that publishes it; null before the first'),
        epoch: bigintText.describe('Grows with each change of owner'),
        movedAt: z.iso.datetime().describe('When a page of it was last published'),
        rows: z.int().nonnegative().describe('Committed and not yet published'),
        ageSeconds: z.number().describe('Of the oldest such row'),
        parked: z.int().nonnegative().describe('Rows that wait for an operator'),
        waiting: z.int().nonnegative().describe('Rows that wait behind them'),
      }),
    ),
    oldestTransactionSeconds: z.number().nonnegative(),
  })
  .meta({ id: 'OutboxStatus' });

export const parkedRowSchema = z
  .object({
    seq: bigintText.describe('Position in the outbox'),
    id: z.uuid().describe('Of the event'),
    shard: z.int().nonnegative(),
    aggregateType: z.string(),
    aggregateId: z.string(),
    aggregateVersion: z.int().positive(),
    eventType: z.string(),
    cause: z.string(),
    attempts: z.object({ started: z.int().nonnegative(), finished: z.int().nonnegative() }),
    parkedAt: z.iso.datetime(),
    waiting: z.int().nonnegative().describe('Later rows of its aggregate that wait behind it'),
  })
  .meta({ id: 'ParkedRow' });

export const parkedCauseSchema = z
  .object({
    cause: z.string(),
    count: z.int().positive().describe('Rows that wait for an operator'),
    oldestParkedAt: z.iso.datetime(),
  })
  .meta({ id: 'ParkedCause' });

export const parkedRowContentSchema = parkedRowSchema
  .extend({
    payload: z.unknown().describe('Any JSON value'),
    headers: z.record(z.string(), z.string()),
  })
  .meta({ id: 'ParkedRowContent' });

/** Times as JSON has them. */
export const toOutboxStatusView = ({
  shards,
  oldestTransactionSeconds,
}: OutboxStatus): z.output<typeof outboxStatusSchema> => ({
  shards: shards.map((shard) => ({ ...shard, movedAt: shard.movedAt.toISOString() })),
  oldestTransactionSeconds,
});

export const toParkedRowView = <R extends ParkedRow>(row: R): Omit<R, 'parkedAt'> & { parkedAt: string } => ({
  ...row,
  parkedAt: row.parkedAt.toISOString(),
});

export const toParkedCauseView = ({
  oldestParkedAt,
  ...cause
}: ParkedCause): z.output<typeof parkedCauseSchema> => ({
  ...cause,
  oldestParkedAt: oldestParkedAt.toISOString(),
});
