#!/usr/bin/env bash
# second_daemon.sh BIN PLUGINS --set url=URL ...: run by with_postgres.sh.  Two daemons and one store: the second is
# refused by the name of the first and harms nothing; the first, killed, is back at once and has its run; when it is
# stopped the second takes its place at once.
set -uo pipefail
bin=$1 plugins=$2 url=
shift 2
for argument; do [[ $argument == url=* ]] && url=${argument#url=}; done
scratch=$(mktemp -d)
pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null && wait "$pid"; done
  rm -rf "$scratch"
}
trap cleanup EXIT
complain() { echo "FAILED: $1"; cat "$scratch"/*.log; exit 1; }

for name in first second; do
  cat >"$scratch/$name.yaml" <<YAML
domed: 1
control: { listen: ["ipc://$scratch/$name/control.ipc"] }
events: { listen: ["ipc://$scratch/$name/events.ipc"] }
state_dir: $scratch/$name
plugin_path: ["$plugins"]
store: { plugin: store-postgres, options: { url: "$url" } }
jobs: { allow_ad_hoc: true }
YAML
done
# Starts a daemon and waits until it serves.
start() {
  : >"$scratch/$1.log"
  "$bin/domed" --config "$scratch/$1.yaml" 2>"$scratch/$1.log" &
  daemon=$!
  pids+=("$daemon")
  until grep -q ' serves ' "$scratch/$1.log"; do
    kill -0 "$daemon" 2>/dev/null || complain "the $1 daemon does not start"
    sleep 0.05
  done
}
ctl() { local name=$1; shift; "$bin/domectl" --endpoint "ipc://$scratch/$name/control.ipc" "$@"; }
state() { ctl "$1" status "$job" --json | jq -r .state; }

start first
job=$(ctl first submit -- sleep 1000)
until [ "$(state first)" = running ]; do sleep 0.05; done

"$bin/domed" --config "$scratch/second.yaml" 2>"$scratch/second.log" && complain "the second daemon was let in"
node=$(cat "$scratch/first/node_id")
grep -q "the store is in use by the daemon of the node $node" "$scratch/second.log" ||
  complain "the second daemon does not say who has the store"
[ "$(state first)" = running ] || complain "the second daemon ended the command of the first"

kill -9 "$daemon"
wait "$daemon" 2>/dev/null
start first
[ "$(state first)" = running ] || complain "the run was not taken up again"
ctl first cancel "$job" >/dev/null
until [ "$(state first)" = canceled ]; do sleep 0.05; done
kill "$daemon"
wait "$daemon" || complain "the first daemon did not end well"

start second
[ "$(state second)" = canceled ] || complain "the second daemon does not show the job"
echo "one at a time"
