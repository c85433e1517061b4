import type { ClientBase } from 'pg';

/** The application of docs/retrofit.md, as it was before. */

// doc: schema
export const legacySchema = `
  create schema shop;
  create table shop.stock (
    item text primary key,
    free integer not null check (free >= 0)
  );
  create table shop.orders (
    id bigint generated always as identity primary key,
    customer text not null,
    item text not null references shop.stock,
    total_cents integer not null,
    status text not null default 'NEW',
    internal_note text,
    placed_at timestamptz not null default now()
  );
  insert into shop.stock values ('atlas', 3), ('globe', 0), ('map', 7);
  insert into shop.orders (customer, item, total_cents, status)
  values ('Ada', 'atlas', 2990, 'PAID'), ('Grace', 'globe', 1450, 'NEW'), ('Alan', 'map', 990, 'SHIPPED');
`;
// end doc

// doc: code
export async function placeOrder(
  client: ClientBase,
  customer: string,
  item: string,
  totalCents: number,
): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    'insert into shop.orders (customer, item, total_cents) values ($1, $2, $3) returning id',
    [customer, item, totalCents],
  );
  return rows[0]?.id ?? '';
}

export async function payOrder(client: ClientBase, id: string): Promise<void> {
  await client.query("update shop.orders set status = 'PAID' where id = $1 and status = 'NEW'", [id]);
}

export async function removeOrder(client: ClientBase, id: string): Promise<void> {
  await client.query('delete from shop.orders where id = $1', [id]);
}
// end doc
