import { FIRST_XID, GREATEST_SEQ } from '../location.ts';

/** Row columns as both functions return them; the payload as text, which a relay passes on. */
const columns = `
    seq bigint, id uuid, aggregate_type text, aggregate_id text, aggregate_version integer, event_type text,
    payload text, headers jsonb, parked text`;

/**
 * A plan is made once per connection: it takes PostgreSQL longer to plan these than to run them. What it is told
 * about plans leaves it the indexes alone, so that it does not matter how large the outbox was when they were made. What
 * it does not avoid all the same, a sort of a few rows, older releases count as so dear that they would compile it.
 */
const planned = `
  language plpgsql stable
  set plan_cache_mode = force_generic_plan
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
  set jit = off`;

/**
 * How a relay reads windows: what snapshot `to` sees and snapshot `from` did not, that is transactions that had not
 * begun at `from` (xid >= xmax) or were under way then (xip). What has begun since comes along outbox_in_order
 * (shard, seq), 500 rows for 500 rows; what was under way is found by outbox_by_transaction (shard, xid), as it may lie
 * far behind all others where a transaction was open for long. `offset 0` keeps the planner from looking for the
 * least seq, or the first rows, along (shard, seq), which walks over all that is published before it finds one.
 */
export const readingFunctions = `
  -- The next rows of a window behind a seq, in order. Of transactions that had not begun at its first snapshot there is
  -- none up to begun_behind.
  create function :schema:.outbox_window_page(
    of_shard smallint, from_snapshot pg_snapshot, to_snapshot pg_snapshot, behind bigint, begun_behind bigint,
    size integer
  ) returns table (${columns}
  ) ${planned} as $$
  #variable_conflict use_column
  declare
    -- Parked before: only where a relay was set back.
    may_be_parked boolean := exists (select from :schema:.outbox_parked p where p.seq > behind and p.shard = of_shard);
  begin
    return query
    select o.seq, o.id, o.aggregate_type, o.aggregate_id, o.aggregate_version, o.event_type,
      cast(o.payload as text), o.headers,
      case when may_be_parked then (select p.state from :schema:.outbox_parked p where p.seq = o.seq) end
    from (
      (
        select * from :schema:.outbox
        where shard = of_shard and seq > greatest(behind, begun_behind)
          and xid >= pg_snapshot_xmax(from_snapshot) and pg_visible_in_snapshot(xid, to_snapshot)
        order by seq
        limit size
      )
      union all
      (
        select * from (
          select * from :schema:.outbox
          where shard = of_shard and seq > behind
            and xid = any (array(select pg_snapshot_xip(from_snapshot)))
            and pg_visible_in_snapshot(xid, to_snapshot)
          offset 0
        ) under_way
        order by seq
        limit size
      )
    ) o
    order by o.seq
    limit size;
  end $$;

  -- The window from a snapshot up to now: one row with the snapshot of now, the shard's epoch, and what a page needs as
  -- begun_behind; then the first rows, none when nothing became visible.
  create function :schema:.outbox_open_window(of_shard smallint, from_snapshot pg_snapshot, size integer)
  returns table (to_snapshot pg_snapshot, epoch bigint, begun_behind bigint,${columns}
  ) ${planned} as $$
  #variable_conflict use_column
  declare
    first_begun bigint;
    first_under_way bigint;
  begin
    to_snapshot := pg_current_snapshot();
    epoch := (select c.epoch from :schema:.outbox_cursor c where c.shard = of_shard);
    if pg_snapshot_xmax(from_snapshot) <= '${FIRST_XID}' then
      -- No transaction is older: every row is in the window.
      select min(o.seq) into first_begun from :schema:.outbox o where o.shard = of_shard;
    else
      select min(begun.seq) into first_begun
      from (
        select o.seq from :schema:.outbox o
        where o.shard = of_shard and o.xid >= pg_snapshot_xmax(from_snapshot)
        offset 0
      ) begun;
      select min(under_way.seq) into first_under_way
      from (
        select o.seq from :schema:.outbox o
        where o.shard = of_shard and o.xid = any (array(select pg_snapshot_xip(from_snapshot)))
        offset 0
      ) under_way;
    end if;
    -- Behind all rows where none has begun since.
    begun_behind := coalesce(first_begun - 1, ${GREATEST_SEQ});
    return next;
    if first_begun is not null or first_under_way is not null then
      return query
      select null::pg_snapshot, null::bigint, null::bigint, page.*
      from :schema:.outbox_window_page(
        of_shard, from_snapshot, to_snapshot, least(first_begun, first_under_way) - 1, begun_behind, size
      ) page;
    end if;
  end $$;

  comment on function :schema:.outbox_begun_page is 'for relays of the release before';
`;
