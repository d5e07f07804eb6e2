#!/bin/sh
# Makes Temporal's two databases, or brings them to the schema of the tool's version. Can be repeated.
#
#   SQL_HOST=127.0.0.1 SQL_PORT=5000 SQL_USER=temporal SQL_PASSWORD=… ./schema.sh
#
# The tool is temporal-sql-tool of the server's release; SQL_TOOL names another place.
set -eu
export SQL_PLUGIN=postgres12_pgx
for name in temporal visibility; do
  db=temporal
  [ "$name" = temporal ] || db=temporal_visibility
  "${SQL_TOOL:-temporal-sql-tool}" --db "$db" create-database
  "${SQL_TOOL:-temporal-sql-tool}" --db "$db" setup-schema -v 0.0 # leaves a newer version as it is
  "${SQL_TOOL:-temporal-sql-tool}" --db "$db" update-schema --schema-name "postgresql/v12/$name"
done
