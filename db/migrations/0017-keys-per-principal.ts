import type { Knex } from '../connection.ts';

/**
 * Two principals may use one key. Keys that are there belong to nobody: nobody was known to send them, and none of
 * the new ones is taken for one of theirs.
 */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    alter table orders.idempotency_keys
      add column subject text not null default '',
      drop constraint idempotency_keys_pkey,
      add primary key (subject, key);
    alter table orders.idempotency_keys alter column subject drop default;
    create index idempotency_keys_by_age on orders.idempotency_keys (created_at);
  `);
}

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    drop index orders.idempotency_keys_by_age;
    delete from orders.idempotency_keys where subject <> '';
    alter table orders.idempotency_keys
      drop constraint idempotency_keys_pkey,
      drop column subject,
      add primary key (key);
  `);
}
