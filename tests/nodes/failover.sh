#!/usr/bin/env bash
# failover.sh BIN PLUGINS --set url=URL ...: run by with_postgres.sh.  Three nodes on one store, of which clients know a
# list: a job is followed through all of them while the one that it is followed at is killed, and what is appended goes
# where somebody answers; each event is there once.  A key is one job at all of them.
set -uo pipefail
bin=$1 plugins=$2 url=
shift 2
for argument; do [[ $argument == url=* ]] && url=${argument#url=}; done
scratch=$(mktemp -d)
declare -A daemon=()
cleanup() {
  for pid in "${daemon[@]}"; do kill "$pid" 2>/dev/null && wait "$pid"; done
  rm -rf "$scratch"
}
trap cleanup EXIT
complain() { echo "FAILED: $1"; tail -n 100 "$scratch"/*.log "$scratch"/said; exit 1; }

for name in a b c; do
  cat >"$scratch/$name.yaml" <<YAML
domed: 1
node: { name: $name }
control: { listen: ["ipc://$scratch/$name/control.ipc"] }
events: { listen: ["ipc://$scratch/$name/events.ipc"] }
state_dir: $scratch/$name
plugin_path: ["$plugins"]
cluster: { ttl: 3s, lost_after: 60s }
store: { plugin: store-postgres, options: { url: "$url" } }
jobs: { allow_ad_hoc: true, cancel_grace: 1s }
YAML
done
# Starts a daemon and waits until it serves.
start() {
  : >"$scratch/$1.log"
  "$bin/domed" --config "$scratch/$1.yaml" 2>>"$scratch/$1.log" &
  daemon[$1]=$!
  until grep -q ' serves ' "$scratch/$1.log"; do
    kill -0 "${daemon[$1]}" 2>/dev/null || complain "the daemon $1 does not start"
    sleep 0.05
  done
}
murder() { kill -9 "${daemon[$1]}"; wait "${daemon[$1]}" 2>/dev/null; unset "daemon[$1]"; }
endpoints=ipc://$scratch/a/control.ipc,ipc://$scratch/b/control.ipc,ipc://$scratch/c/control.ipc
all() { "$bin/domectl" --endpoint "$endpoints" "$@"; }
at() { local name=$1; shift; "$bin/domectl" --endpoint "ipc://$scratch/$name/control.ipc" "$@"; }
# Waits until "$scratch/got" has event N.
seen() { until [ "$(wc -l <"$scratch/got")" -ge "$1" ]; do sleep 0.05; done; }
# append FROM TO: one batch for each number, by whoever answers.
append() {
  local i
  for i in $(seq "$1" "$2"); do
    all append "$job" --type log --payload "{\"stream\":\"stdout\",\"text\":\"$i\"}" || complain "batch $i was not taken"
  done
}

for name in a b c; do start "$name"; done

# A key is one job at each node, and so is that of a retry.
job=$(at a submit --json --key once -- false | jq -r .job_id)
at b wait "$job" >/dev/null
again=$(at a retry --key again "$job")
[ "$again" = "$(at b retry --key again "$job")" ] || complain "the key of a retry is two jobs"

# An external job, which is followed, and appended to, at whichever node there is.
export DOMED_PRODUCER_TOKEN
job=$(all submit --json --external)
DOMED_PRODUCER_TOKEN=$(jq -r .producer_token <<<"$job") job=$(jq -r .job_id <<<"$job")
export XDG_RUNTIME_DIR=$scratch
all append "$job" --type state_change --payload '{"to":"running"}'
: >"$scratch/got"
all follow --json "$job" >"$scratch/got" 2>"$scratch/said" &
lines=$!
all follow "$job" >"$scratch/text" 2>"$scratch/said" &
text=$!
append 1 10
seen 10
murder a
append 11 20
seen 20
murder b
append 21 30
seen 30
start a
murder c
append 31 40
all append "$job" --type state_change --payload '{"to":"succeeded"}'
wait "$lines" && wait "$text" || complain "a follower failed"
cmp "$scratch/text" <(seq 40) || complain "not each line once"
[ "$(jq .seq "$scratch/got" | paste -sd' ')" = "$(seq "$(wc -l <"$scratch/got")" | paste -sd' ')" ] || complain "not each event once"
all follow --json --no-follow "$job" | cmp - "$scratch/got" || complain "the follower saw other bytes"
# Which one it goes on at is a matter of who answers first.
grep -q "no more answers from ipc://$scratch/[abc]/control.ipc: going on at ipc://$scratch/[abc]/control.ipc" "$scratch/said" || complain "nothing is said of going on elsewhere"
echo "through three nodes"
