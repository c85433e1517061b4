/**
 * The next rows of a window that were written by transactions that had not begun at its first snapshot, in order.
 * A function of its own because of the planner: it expects few such rows, gathers them all and sorts them, for each
 * page the whole rest of the window again. Along index outbox_in_order (shard, seq) it is 500 rows for 500 rows.
 */
export const pageFunction = `
  create function :schema:.outbox_begun_page(
    of_shard smallint, from_snapshot pg_snapshot, to_snapshot pg_snapshot, behind bigint, size integer
  ) returns setof :schema:.outbox
  language sql stable set enable_sort = off set enable_seqscan = off set enable_bitmapscan = off as $$
    select * from :schema:.outbox
    where shard = of_shard and seq > behind
      and xid >= pg_snapshot_xmax(from_snapshot) and pg_visible_in_snapshot(xid, to_snapshot)
    order by seq
    limit size
  $$;
`;
