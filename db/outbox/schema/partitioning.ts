/**
 * The step that makes `outbox` a table partitioned by the day of `created_at`, in UTC.
 *
 * Why the day and not blocks of `seq`: how long rows are kept is a time, so a partition can go the moment that its
 * day is old enough, there are as many partitions as days whatever the load, and a burst cannot outrun partitions
 * made for days to come. The window is found by transaction id, which prunes neither way; it costs a probe of
 * (shard, xid) in each partition: with 12 partitions of 100 000 rows 0.1 ms to run and 0.4 ms to plan, with 40
 * partitions 0.4 and 1.3 ms. A page merges the (shard, seq) of all partitions for 0.2 ms more than one table takes.
 *
 * There is no primary key: it would have to include created_at, and so promise nothing about `seq`, whose one
 * identity numbers all partitions.
 *
 * A row of a day that has no partition goes to outbox_default, so that no insert fails for the lack of one.
 */
export const partitionByDay = `
  -- Two scans of the table: for the newest row, and to attach it.
  set local statement_timeout = 0;
  create function :schema:.outbox_become_partitioned() returns void
  language plpgsql set search_path = :schema:, pg_temp as $$
  declare
    messages text := pg_get_viewdef('outbox_messages');
    next_seq bigint;
    newest timestamptz;
    held record;
  begin
    lock table outbox in access exclusive mode;
    select greatest(max(created_at), now()) into newest from outbox;
    execute format('select last_value + cast(is_called as integer) from %s', pg_get_serial_sequence('outbox', 'seq'))
      into next_seq;
    drop view outbox_messages;

    -- The table that is there becomes the partition of all days up to now, its rows and indexes as they are.
    alter table outbox drop constraint outbox_pkey, alter column seq drop identity;
    alter table outbox rename to outbox_first;
    alter index outbox_by_transaction rename to outbox_first_by_transaction;
    alter index outbox_in_order rename to outbox_first_in_order;

    create table outbox (like outbox_first including defaults including comments including storage)
      partition by range (created_at);
    execute format('alter table outbox alter column seq add generated always as identity (start with %s)', next_seq);
    create index outbox_by_transaction on outbox (shard, xid) include (seq);
    create index outbox_in_order on outbox (shard, seq);
    execute format(
      'alter table outbox attach partition outbox_first for values from (minvalue) to (%L)',
      date_trunc('day', newest, 'UTC') + interval '24 hours'
    );
    create table outbox_default partition of outbox default;

    execute 'create view outbox_messages as ' || messages;
    -- Whoever writes goes on writing; roles are named again only after the migration.
    for held in
      select privilege_type, case grantee when 0 then 'public' else cast(cast(grantee as regrole) as text) end as role
      from pg_class, aclexplode(relacl)
      where oid = cast('outbox_first' as regclass) and grantee <> relowner
    loop
      execute format('grant %s on outbox to %s', held.privilege_type, held.role);
    end loop;
  end $$;
  select :schema:.outbox_become_partitioned();
  drop function :schema:.outbox_become_partitioned();
`;
