#!/usr/bin/env bash
# support.sh BUILD CMAKE CXX LAUNCHER FLAGS: installs BUILD's component "dev" to a scratch
# prefix, makes a collector, which uses domed::support, builds it against that and nothing else, has the suite judge
# it, and has BUILD's daemon ask it about a job: the record holds the hash of what the program said.
set -euo pipefail
build=$1 cmake=$2 cxx=$3 launcher=$4 flags=$5
scratch=$(mktemp -d)
daemon=
cleanup() {
  [ -z "$daemon" ] || { kill "$daemon"; wait "$daemon" || true; }
  rm -rf "$scratch"
}
trap cleanup EXIT

"$cmake" --install "$build" --prefix "$scratch/installed" --component dev >"$scratch/log"
"$build/bin/domectl" new-plugin provenance node --directory "$scratch/plugin"
"$cmake" -G Ninja -S "$scratch/plugin" -B "$scratch/build" -DCMAKE_PREFIX_PATH="$scratch/installed" \
  -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_CXX_COMPILER_LAUNCHER="$launcher" -DCMAKE_CXX_FLAGS="$flags"
"$cmake" --build "$scratch/build"
ctest --test-dir "$scratch/build" --output-on-failure

cat >"$scratch/domed.yaml" <<YAML
domed: 1
control: { listen: ["ipc://$scratch/control.ipc"] }
events: { listen: ["ipc://$scratch/events.ipc"] }
state_dir: $scratch/state
plugin_path: ["$scratch/build", "$build/plugins"]
store: { plugin: store-memory }
provenance: [{ plugin: provenance-node }]
jobs: { allow_ad_hoc: true }
YAML
"$build/bin/domed" --config "$scratch/domed.yaml" 2>"$scratch/daemon.log" &
daemon=$!
ctl() { "$build/bin/domectl" --endpoint "ipc://$scratch/control.ipc" "$@"; }
job=$(ctl submit --json --cwd / -- true | jq -r .job_id)
ctl follow "$job" >/dev/null
expected=$(uname -n | sha256sum | cut -d' ' -f1)
found=$(ctl status "$job" --json | jq -r .provenance.env_fingerprint.hostname_hash)
[ "$found" = "$expected" ] || { echo "hostname_hash: expected $expected, found $found"; cat "$scratch/daemon.log"; exit 1; }
