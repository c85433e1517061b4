/**
 * What may be done with the partitions of an outbox, as functions in its schema, and a record of what was dropped.
 * Partitions belong to the owner of the outbox; the functions run as that owner, with names of its schema only, for
 * whoever is granted them. The installation grants them to nobody.
 */
export const partitionFunctions = `
  -- What is no longer in the outbox, because its partition was dropped.
  create table :schema:.outbox_dropped (
    partition text not null,
    created_before timestamptz not null,
    dropped_at timestamptz not null default now()
  );
  -- Finds the first page since a time.
  create index outbox_journal_by_time on :schema:.outbox_journal (shard, published_at, page);

  -- Partitions with the days that they are for; the default partition with what is in it, nulls when that is nothing.
  create function :schema:.outbox_partitions() returns table (partition text, starts_at timestamptz, ends_at timestamptz)
  language sql stable security definer set search_path = :schema:, pg_temp as $$
    select relname,
      case
        when bound = 'DEFAULT' then (select min(created_at) from outbox_default)
        else coalesce(cast(substring(bound from 'FROM [(]''([^'']+)''[)]') as timestamptz), '-infinity')
      end,
      case
        when bound = 'DEFAULT' then (select max(created_at) from outbox_default)
        else cast(substring(bound from 'TO [(]''([^'']+)''[)]') as timestamptz)
      end
    from pg_inherits
    join pg_class on oid = inhrelid
    cross join lateral pg_get_expr(relpartbound, oid) as bound
    where inhparent = cast('outbox' as regclass)
    order by 2
  $$;

  -- Makes the partition of a day, unless the day has one or has rows in the default partition. Attached, not created
  -- in place: that waits for no writer and holds none up, only readers of the default partition.
  -- Returns its name, null when none was made; fails with lock_not_available when others were in the way.
  create function :schema:.outbox_add_partition(day date) returns text
  language plpgsql security definer set search_path = :schema:, pg_temp set lock_timeout = '200ms' as $$
  declare
    starts timestamptz := cast(day as timestamp) at time zone 'UTC';
    ends timestamptz := cast(day + 1 as timestamp) at time zone 'UTC';
    made text := 'outbox_' || to_char(day, 'YYYYMMDD');
  begin
    perform pg_advisory_xact_lock(hashtext('outbox partitions'));
    if exists (select from outbox_partitions() p where p.starts_at < ends and p.ends_at > starts
        and p.partition <> 'outbox_default')
      or exists (select from outbox_default where created_at >= starts and created_at < ends)
    then
      return null;
    end if;
    execute format('create table %I (like outbox including defaults including comments including storage)', made);
    execute format('alter table outbox attach partition %I for values from (%L) to (%L)', made, starts, ends);
    return made;
  end $$;

  -- Whether all that a shard has in a partition was published by the time that a relay was at this cursor: seen by
  -- snapshot_from, or by snapshot_to up to last_seq. Index outbox_by_transaction (shard, xid) finds the few rows that
  -- snapshot_from does not see.
  create function :schema:.outbox_is_published(
    partition text, shard smallint, snapshot_from pg_snapshot, snapshot_to pg_snapshot, last_seq bigint
  ) returns boolean
  language plpgsql set search_path = :schema:, pg_temp as $$
  declare
    is_published boolean;
  begin
    execute format(
      'select coalesce(bool_and(pg_visible_in_snapshot(xid, $3) and seq <= $4), true) from %I
      where shard = $1 and (xid >= pg_snapshot_xmax($2) or xid = any (array(select pg_snapshot_xip($2))))',
      partition
    ) into is_published using shard, snapshot_from, coalesce(snapshot_to, snapshot_from), coalesce(last_seq, 0);
    return is_published;
  end $$;

  -- Why a partition must stay, null when it may go: something in it is not published, or was created or published
  -- after the cutoff, so that the stream may still lose it. Index outbox_journal_by_time finds what was.
  create function :schema:.outbox_why_kept(name text, cutoff timestamptz) returns text
  language plpgsql set search_path = :schema:, pg_temp as $$
  declare
    relay record;
    last_shard smallint;
    is_parked boolean;
  begin
    if not exists (select from outbox_partitions() p where p.partition = name and p.ends_at <= cutoff) then
      return 'no partition of this name is old enough';
    end if;
    for relay in
      select c.shard, c.snapshot_from, c.snapshot_to, c.last_seq, recent.page as recent_page,
        recent.snapshot_from as recent_from, recent.snapshot_to as recent_to, recent.first_seq as recent_seq
      from outbox_cursor c
      left join lateral (
        select * from outbox_journal j
        where j.shard = c.shard and j.published_at >= cutoff
        order by j.published_at, j.page
        limit 1
      ) recent on true
      order by c.shard
    loop
      if not outbox_is_published(name, relay.shard, relay.snapshot_from, relay.snapshot_to, relay.last_seq) then
        return format('shard %s has not published all of it', relay.shard);
      end if;
      if relay.recent_page is not null and not outbox_is_published(
        name, relay.shard, relay.recent_from, relay.recent_to, relay.recent_seq - 1
      ) then
        return format('shard %s published some of it only lately', relay.shard);
      end if;
    end loop;
    execute format(
      'select exists (
        select from outbox_parked p join %I o on o.shard = p.shard and o.seq = p.seq
        where p.state in (''PARKED'', ''BEHIND'', ''RETRY'')
      )',
      name
    ) into is_parked;
    if is_parked then
      return 'some of it is parked: an operator has to decide';
    end if;
    execute format('select max(shard) from %I', name) into last_shard;
    if last_shard > (select max(shard) from outbox_cursor) then
      return format('no relay publishes shard %s', last_shard);
    end if;
    return null;
  end $$;

  -- Drops a partition unless something in it must stay; empties it when it is the default one.
  -- Looks first, and again when it has the lock under which nobody writes. While it waits for that, for lock_timeout
  -- at most, writers wait behind it. (detach … concurrently cannot be had beside a default partition.)
  -- Returns why the partition was kept, null when it is gone; fails with lock_not_available when others were in the
  -- way.
  create function :schema:.outbox_drop_partition(name text, cutoff timestamptz) returns text
  language plpgsql security definer set search_path = :schema:, pg_temp set lock_timeout = '200ms' as $$
  declare
    ends timestamptz;
    reason text := outbox_why_kept(name, cutoff);
  begin
    if reason is not null then
      return reason;
    end if;
    lock table outbox in access exclusive mode;
    reason := outbox_why_kept(name, cutoff);
    if reason is not null then
      return reason;
    end if;
    select p.ends_at into ends from outbox_partitions() p where p.partition = name;
    execute format(
      'delete from outbox_parked p using %I o where o.shard = p.shard and o.seq = p.seq', name
    );
    if name = 'outbox_default' then
      truncate outbox_default;
    else
      execute format('drop table %I', name);
    end if;
    insert into outbox_dropped (partition, created_before) values (name, ends);
    return null;
  end $$;

  revoke execute on function :schema:.outbox_partitions(), :schema:.outbox_add_partition(date),
    :schema:.outbox_is_published(text, smallint, pg_snapshot, pg_snapshot, bigint),
    :schema:.outbox_why_kept(text, timestamptz),
    :schema:.outbox_drop_partition(text, timestamptz) from public;

  select :schema:.outbox_add_partition(cast(now() at time zone 'UTC' as date) + days) from generate_series(1, 3) as days;
`;
