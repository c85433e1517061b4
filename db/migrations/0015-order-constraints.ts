import type { Knex } from '../connection.ts';

/** What no code may write, however wrong it is: a total that is not its lines', an ended order that keeps something. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    alter table orders.orders
      add constraint orders_currency_check check (currency ~ '^[A-Z]{3}$'),
      add constraint orders_ended_check check (
        status not in ('CANCELLED', 'REFUNDED') or (payment <> 'CHARGED' and inventory <> 'RESERVED'));

    -- Once per statement, so that a batch of orders is checked by one query. An order's lines come in one statement.
    create function orders.lines_make_the_total() returns trigger language plpgsql as $$
    declare
      wrong uuid;
    begin
      select added.order_id into wrong
      from (
        select order_id, sum(quantity * unit_price_minor) as total from added_lines group by order_id
      ) added
      join orders.orders o on o.id = added.order_id
      where o.total_minor <> added.total
      limit 1;
      if wrong is not null then
        raise exception 'the lines of order % do not make its total', wrong
          using errcode = 'check_violation', constraint = 'lines_make_the_total';
      end if;
      return null;
    end $$;
    create trigger lines_make_the_total after insert on orders.order_lines
      referencing new table as added_lines
      for each statement execute function orders.lines_make_the_total();
  `);
}

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    drop trigger lines_make_the_total on orders.order_lines;
    drop function orders.lines_make_the_total();
    alter table orders.orders
      drop constraint orders_currency_check,
      drop constraint orders_ended_check;
  `);
}
