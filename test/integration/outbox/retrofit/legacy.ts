import type { ClientBase } from 'pg';

/** The application of docs/retrofit.md, as it was before. */

// doc: schema
export const legacySchema = `
  create schema shop;
  create table shop.orders (
    id bigint generated always as identity primary key,
    customer text not null,
    total_cents integer not null,
    status text not null default 'NEW',
    internal_note text,
    placed_at timestamptz not null default now()
  );
  insert into shop.orders (customer, total_cents, status)
  values ('Ada', 2990, 'PAID'), ('Grace', 1450, 'NEW'), ('Alan', 990, 'SHIPPED');
`;
// end doc

// doc: code
export async function placeOrder(client: ClientBase, customer: string, totalCents: number): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    'insert into shop.orders (customer, total_cents) values ($1, $2) returning id',
    [customer, totalCents],
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
