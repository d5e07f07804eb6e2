#!/bin/sh
# Makes the namespace of Tempost and its search attributes. Can be repeated.
#
#   TEMPORAL_ADDRESS=… ./namespace.sh [NAMESPACE [RETENTION]]     default: tempost, 3 days
#
# With Temporal's CLI (TEMPORAL_CLI names another place), which reads the address and its TLS files from variables of its
# own: TEMPORAL_TLS_SERVER_CA_CERT_PATH, _CLIENT_CERT_PATH, _CLIENT_KEY_PATH, and TEMPORAL_TLS_SERVER_NAME.
set -eu
cli=${TEMPORAL_CLI:-temporal}
namespace=${1:-tempost}
retention=${2:-3d}

# Tries for a minute: a server that has just been started does not answer yet, and a new namespace takes some seconds
# until all of the server knows it. Tries are not counted: each takes seconds when nothing answers at all.
try() {
  give_up_at=$(($(date +%s) + 60))
  until "$@"; do
    [ "$(date +%s)" -lt "$give_up_at" ] || exit 1
    sleep 1
  done
}

make_namespace() {
  "$cli" operator namespace describe -n "$namespace" >/dev/null 2>&1 ||
    "$cli" operator namespace create -n "$namespace" --retention "$retention"
}

try make_namespace
for name in EmailPriority ClientId EmailStatus; do
  try "$cli" operator search-attribute create -n "$namespace" --name "$name" --type Keyword
done
