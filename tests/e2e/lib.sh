# Sourced by every scenario: SCENARIO.sh BIN_DIR PLUGIN_DIR STORE
set -euo pipefail
bin=$1 plugins=$2 store=$3
scratch=$(mktemp -d)
daemon=
export DOMED_ENDPOINT="ipc://$scratch/run/control.ipc"

# Whatever a scenario left goes with it: a runner would wait for its daemon for days.
end_jobs() {
  for job in $(timeout 5 "$bin/domectl" list --limit 1000 --json 2>/dev/null | jq -r 'select(.state=="queued" or .state=="running").job_id'); do
    timeout 5 "$bin/domectl" cancel "$job" >/dev/null 2>&1 || true
    timeout 5 "$bin/domectl" follow "$job" >/dev/null 2>&1 || true
  done
  for process in /proc/[0-9]*; do
    tr '\0' ' ' 2>/dev/null <"$process/cmdline" | grep -qF "domed-runner $scratch/" && kill "${process#/proc/}" 2>/dev/null
  done
}

cleanup() {
  status=$?
  set +e
  end_jobs
  # One that a scenario has stopped would be waited for without end.
  [ -n "$daemon" ] && kill "$daemon" 2>/dev/null && kill -CONT "$daemon" && wait "$daemon" 2>/dev/null
  [ $status -ne 0 ] && [ -f "$scratch/log" ] && tail -200 "$scratch/log" >&2
  rm -rf "$scratch"
  exit $status
}
trap cleanup EXIT

cat > "$scratch/domed.yaml" <<YAML
domed: 1
control: { listen: ["ipc://$scratch/run/control.ipc"] }
events: { listen: ["ipc://$scratch/run/events.ipc"] }
state_dir: $scratch/state
plugin_path: [$plugins]
store: { plugin: $store }
provenance: [ { plugin: provenance-git } ]
jobs: { allow_ad_hoc: true, cancel_grace: 1s, drain: 300ms }
YAML

fail() { echo "FAILED: $*" >&2; exit 1; }
expect() { [ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"; }

# Starts the daemon and returns when it answers.
start() {
  "$bin/domed" --config "$scratch/domed.yaml" >>"$scratch/log" 2>&1 &
  daemon=$!
  for _ in $(seq 600); do
    "$bin/domectl" health >/dev/null 2>&1 && return
    kill -0 "$daemon" 2>/dev/null || fail "the daemon did not start"
    sleep 0.1
  done
  fail "the daemon does not answer"
}
stop() { kill "$daemon"; wait "$daemon"; daemon=; }
ctl() { "$bin/domectl" "$@"; }
field() { ctl status "$1" --json | jq -r ".$2"; }
submit() { ctl submit "$@" | head -n 1 | grep -oE '[0-9a-f]{32}' | head -n 1; }
ask() { nngcat --req --dial "$DOMED_ENDPOINT" --raw --recv-timeout 15 --data "$1"; }
error_of() { ask "$1" | jq -r .error.data.error; }
# Waits for the job's end, by following it.
finish() { ctl follow "$1" >/dev/null 2>&1 || true; }
# Returns once the job has printed what matches, while it goes on.
until_output() {
  mkfifo "$scratch/watch"
  "$bin/domectl" follow "$1" --json >"$scratch/watch" 2>/dev/null & watcher=$!
  grep -m1 -q "$2" <"$scratch/watch" || fail "the job did not print $2"
  kill -9 $watcher 2>/dev/null || true
  wait $watcher 2>/dev/null || true
  rm "$scratch/watch"
}
