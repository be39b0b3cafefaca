# What the scripts that run three nodes on one PostgreSQL share.  Sourced with their arguments, BIN PLUGINS --set url=URL ...,
# as with_postgres.sh gives them.
bin=$1 plugins=$2 url=
shift 2
for argument; do [[ $argument == url=* ]] && url=${argument#url=}; done
scratch=$(mktemp -d)
programs=$bin # where daemons are started from
declare -A daemon=()
# The runners too, whose daemons were killed: each ends its command when it is told to.
cleanup() {
  for pid in "${daemon[@]}"; do kill "$pid" 2>/dev/null && wait "$pid"; done
  while runners=$(pgrep -f "domed-runner $scratch/"); do
    # shellcheck disable=SC2086
    kill $runners 2>/dev/null
    sleep 0.2
  done
  rm -rf "$scratch"
}
trap cleanup EXIT
complain() { echo "FAILED: $1"; tail -n 100 "$scratch"/*.log; exit 1; }
# deployment NAME LOST_AFTER [JOBS]: writes that of a node; JOBS is more of its section "jobs".
deployment() {
  cat >"$scratch/$1.yaml" <<YAML
domed: 1
node: { name: $1 }
control: { listen: ["ipc://$scratch/$1/control.ipc"] }
events: { listen: ["ipc://$scratch/$1/events.ipc"] }
state_dir: $scratch/$1
plugin_path: ["$plugins"]
cluster: { ttl: 3s, lost_after: $2 }
store: { plugin: store-postgres, options: { url: "$url" } }
jobs: { allow_ad_hoc: true, cancel_grace: 1s${3:+, $3} }
YAML
}
# Starts a daemon and waits until it serves.
start() {
  : >"$scratch/$1.log"
  "$programs/domed" --config "$scratch/$1.yaml" 2>>"$scratch/$1.log" &
  daemon[$1]=$!
  until grep -q ' serves ' "$scratch/$1.log"; do
    kill -0 "${daemon[$1]}" 2>/dev/null || complain "the daemon $1 does not start"
    sleep 0.05
  done
}
murder() { kill -9 "${daemon[$1]}"; wait "${daemon[$1]}" 2>/dev/null; unset "daemon[$1]"; }
ctl() { local name=$1; shift; "$bin/domectl" --endpoint "ipc://$scratch/$name/control.ipc" "$@"; }
submit() { ctl "$@" | head -n 1 | grep -oE '[0-9a-f]{32}' | head -n 1; }
