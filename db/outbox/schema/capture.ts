// Counts versions for aggregates that do not, and makes events of a captured table's changes. The trigger function
// runs with its owner's rights, so that whoever writes to the table needs none: it trusts no search path, and nobody
// else may attach it to a table. Its time zone is fixed because timestamps in payloads are written in it.
export const createCapture = `
  create table :schema:.outbox_versions (
    aggregate_type text not null,
    aggregate_id text not null,
    version integer not null,
    primary key (aggregate_type, aggregate_id)
  );

  -- The row stays locked until the transaction ends, so that the next writer's version and number come after.
  create function :schema:.outbox_next_version(of_type text, of_id text) returns integer
  language sql as $body$
    insert into :schema:.outbox_versions as v values (of_type, of_id, 1)
    on conflict (aggregate_type, aggregate_id) do update set version = v.version + 1
    returning version
  $body$;

  -- shardOf in shard.ts is the same function.
  create function :schema:.outbox_shard(aggregate_id text, shards integer) returns integer
  language sql immutable as $body$
    select (get_byte(hash, 0) * 256 + get_byte(hash, 1)) % shards
    from (select sha256(convert_to(aggregate_id, 'UTF8')) as hash) h
  $body$;

  create function :schema:.outbox_payload(row_data jsonb, columns jsonb) returns jsonb
  language sql immutable as $body$
    select coalesce(jsonb_object_agg(name, row_data -> name), '{}') from jsonb_array_elements_text(columns) as name
  $body$;

  create function :schema:.outbox_record(mapping jsonb, operation text, row_data jsonb) returns void
  language plpgsql as $body$
  declare
    kind constant text := mapping ->> 'aggregateType';
    id constant text := row_data ->> (mapping ->> 'idColumn');
    event_type constant text := mapping -> 'events' ->> operation;
    version integer;
  begin
    if event_type is null then
      return;
    end if;
    version := :schema:.outbox_next_version(kind, id);
    insert into :schema:.outbox
      (id, shard, aggregate_type, aggregate_id, aggregate_version, event_type, payload, headers)
    values (
      gen_random_uuid(), :schema:.outbox_shard(id, cast(mapping ->> 'shards' as integer)), kind, id, version,
      event_type, :schema:.outbox_payload(row_data, mapping -> 'payloadColumns'), '{}'
    );
  end
  $body$;

  -- An update that changes the id is the end of one aggregate and the beginning of another.
  create function :schema:.outbox_capture() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp set timezone = 'UTC' as $body$
  declare
    mapping constant jsonb := cast(tg_argv[0] as jsonb);
    before constant jsonb := to_jsonb(old);
    after constant jsonb := to_jsonb(new);
  begin
    if before ->> (mapping ->> 'idColumn') = after ->> (mapping ->> 'idColumn') then
      if mapping -> 'updateColumns' is null
        or :schema:.outbox_payload(before, mapping -> 'updateColumns')
          <> :schema:.outbox_payload(after, mapping -> 'updateColumns')
      then
        perform :schema:.outbox_record(mapping, 'update', after);
      end if;
      return null;
    end if;
    if before is not null then
      perform :schema:.outbox_record(mapping, 'delete', before);
    end if;
    if after is not null then
      perform :schema:.outbox_record(mapping, 'insert', after);
    end if;
    return null;
  end
  $body$;

  revoke all on function :schema:.outbox_capture from public;
`;
