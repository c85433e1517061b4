#!/bin/sh
# Brings both of Temporal's databases up to the schema of this release; what is up to date stays as it is. Where they
# are comes from SQL_HOST, SQL_PORT, SQL_USER and SQL_PASSWORD.
set -eu

for database in temporal temporal_visibility; do
  schema=postgresql/v12/${database#temporal_}
  temporal-sql-tool --plugin postgres12 --database "$database" setup-schema -v 0.0
  temporal-sql-tool --plugin postgres12 --database "$database" update-schema --schema-name "$schema"
done
