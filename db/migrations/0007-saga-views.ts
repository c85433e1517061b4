import type { Knex } from '../connection.ts';

export async function up(db: Knex): Promise<void> {
  await db.raw(`
    alter table read.order_summary
      add column approval text not null default 'NONE',
      add column stuck_cause text;

    -- The sagas that wait for an operator now; an order waits in one saga at a time.
    create table read.stuck_sagas (
      workflow_id text primary key,
      order_id uuid not null unique,
      saga text not null,
      undo text not null,
      cause text not null,
      code text not null,
      detail text not null,
      attempts integer not null,
      occurrence integer not null,
      since timestamptz not null,
      total_minor bigint not null,
      currency char(3) not null
    );
    -- A page of GET /operations/sagas, and the figures of one cause; those of all causes read every row.
    create index stuck_sagas_by_cause on read.stuck_sagas (cause, since, workflow_id);
  `);
}

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    drop table read.stuck_sagas;
    alter table read.order_summary drop column approval, drop column stuck_cause;
  `);
}
