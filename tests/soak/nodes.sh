#!/usr/bin/env bash
# nodes.sh BIN PLUGINS [OPTION]...: domed-soak with three nodes on a PostgreSQL of their own; the options are domed-soak's.
# Exit status 77, a skip, where there is no server to start.
set -euo pipefail
[ -n "${DOMED_POSTGRES:-}" ] || exec "$(dirname "$0")/../stores/with_postgres.sh" "$0" "$@"
bin=$1 plugins=$2 options=()
shift 2
# Behind ours come those that lead a suite to the server.
for option; do
  case $option in url=*) unset 'options[-1]'; break ;; esac
  options+=("$option")
done
exec "$bin/domed-soak" --bin "$bin" --plugins "$plugins" --store store-postgres --nodes 3 --server "$DOMED_POSTGRES" "${options[@]}"
