import { DatabaseError, type ClientBase, type Pool } from 'pg';

// doc: table
export const setAsideTable = `
  create table shop.set_aside (
    order_id bigint primary key,
    item text not null references shop.stock,
    is_given_back boolean not null default false
  );
`;
// end doc

// doc: set-aside
// One statement, so that the row and the stock that it stands for come and go together.
const take = `
  with new as (
    insert into shop.set_aside (order_id, item) values ($1, $2)
    on conflict do nothing
    returning item
  )
  update shop.stock s set free = free - 1 from new where s.item = new.item`;
const CHECK_VIOLATION = '23514';

/** Nothing is taken twice for one order, nor when it was given back before. @returns false when there is none */
export async function setAside(db: Pool | ClientBase, orderId: string, item: string): Promise<boolean> {
  try {
    await db.query(take, [orderId, item]);
    return true;
  } catch (error) {
    if (error instanceof DatabaseError && error.code === CHECK_VIOLATION) return false;
    throw error;
  }
}
// end doc

// doc: give-back
// Waits for a try to set aside that is under way, and leaves later ones nothing to insert.
const fence = `
  insert into shop.set_aside (order_id, item, is_given_back) values ($1, $2, true)
  on conflict do nothing`;
// A statement of its own, because it must see what the fence has waited for.
const giveBackOnce = `
  with mine as (
    update shop.set_aside set is_given_back = true
    where order_id = $1 and not is_given_back
    returning item
  )
  update shop.stock s set free = free + 1 from mine where s.item = mine.item`;

/** May be repeated, and may come before what it undoes: that then takes nothing any more. */
export async function giveBack(pool: Pool, orderId: string, item: string): Promise<void> {
  await pool.query(fence, [orderId, item]);
  await pool.query(giveBackOnce, [orderId]);
}
// end doc
