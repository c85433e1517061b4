#!/bin/sh
# Run once by the PostgreSQL image, on an empty data folder: a login per process and the databases. What each login
# may do with tables is granted by the migration (db/roles.ts), which makes them.
set -eu

psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --set migrate="$MIGRATE_DB_PASSWORD" \
  --set command_api="$COMMAND_API_DB_PASSWORD" \
  --set query_api="$QUERY_API_DB_PASSWORD" \
  --set worker="$WORKER_DB_PASSWORD" \
  --set projector="$PROJECTOR_DB_PASSWORD" \
  --set temporal="$TEMPORAL_DB_PASSWORD" <<'SQL'
create role orders_migrate login password :'migrate';
create role orders_command_api login password :'command_api';
create role orders_query_api login password :'query_api';
create role orders_worker login password :'worker';
create role orders_projector login password :'projector';
create role temporal login password :'temporal';

create database durable_orders owner orders_migrate;
create database temporal owner temporal;
create database temporal_visibility owner temporal;

revoke all on database durable_orders, temporal, temporal_visibility from public;
grant connect on database durable_orders
  to orders_command_api, orders_query_api, orders_worker, orders_projector;
SQL
