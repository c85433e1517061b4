import type { Knex } from '../connection.ts';

/** What the workers' last examination of all sagas found; no event tells it, so no projection makes these tables. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    create table read.ailing_sagas (
      workflow_id text primary key,
      order_id uuid not null,
      saga text not null,
      step text not null,
      state text not null check (state in ('failing', 'slow')),
      since timestamptz not null,
      expected_ms bigint,
      cause text,
      attempts integer,
      found_at timestamptz not null default now(),
      check ((state = 'slow') = (expected_ms is not null)),
      check ((state = 'failing') = (cause is not null)),
      check ((state = 'failing') = (attempts is not null))
    );
    -- A page of GET /operations/sagas.
    create index ailing_sagas_by_age on read.ailing_sagas (state, since, workflow_id);

    -- One row: which worker examines the sagas next is decided by who moves due_at first.
    create table read.saga_examination (
      only_row boolean primary key default true check (only_row),
      due_at timestamptz not null,
      ended_at timestamptz
    );
    insert into read.saga_examination (due_at) values (now());
  `);
}

export async function down(db: Knex): Promise<void> {
  await db.raw('drop table read.ailing_sagas, read.saga_examination');
}
