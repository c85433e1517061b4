import type { Knex } from '../connection.ts';

export async function up(db: Knex): Promise<void> {
  await db.raw(`
    alter table read.order_summary
      add column shipment text not null default 'NONE',
      add column carrier text,
      add column tracking_number text;
    alter table read.sales add column refunded integer not null default 0;
    alter table read.sales_totals add column refunded integer not null default 0;
  `);
}

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    alter table read.sales_totals drop column refunded;
    alter table read.sales drop column refunded;
    alter table read.order_summary drop column shipment, drop column carrier, drop column tracking_number;
  `);
}
