#!/usr/bin/env bash
# What several daemons on one store cannot do is refused in words, by --check and at the start.  refusals.sh BIN PLUGINS
set -uo pipefail
bin=$1 plugins=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
complain() { echo "FAILED: $1"; cat "$scratch/said"; exit 1; }
# refused WORDS STORE JOBS CLUSTER
refused() {
  cat >"$scratch/domed.yaml" <<YAML
domed: 1
control: { listen: ["ipc://$scratch/run/control.ipc"] }
events: { listen: ["ipc://$scratch/run/events.ipc"] }
state_dir: $scratch/state
plugin_path: ["$plugins"]
store: { plugin: $2 }
jobs: $3
cluster: $4
YAML
  for how in --check ""; do
    timeout 60 "$bin/domed" $how --config "$scratch/domed.yaml" >"$scratch/said" 2>&1 && complain "it is taken"
    grep -qF "$1" "$scratch/said" || complain "it does not say '$1'"
  done
}
refused "only one daemon can act on it" store-sqlite "{}" "{}"
refused "lost_after is" store-memory "{}" "{lost_after: 20s}"
echo "refused in words"
