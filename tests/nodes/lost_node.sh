#!/usr/bin/env bash
# lost_node.sh BIN PLUGINS --set url=URL ...: run by with_postgres.sh.  What becomes of the jobs of a node:
#   rolled    all three are restarted, one after the other, while commands run: nothing is lost, nothing is ended
#   killed    a daemon is killed, its runners live, and it comes back: they go on
#   dead      the whole machine is gone, with jobs that run, jobs that are claimed and jobs that wait: no queued job waits for
#             it, the claimed ones run elsewhere, the running ones are lost or tried again, and nothing is left of them
# RUNNING, CLAIMED and QUEUED say how many jobs (20, 10 and 100).
set -uo pipefail
# shellcheck source=tests/nodes/lib.sh
source "$(dirname "$0")/lib.sh"
running=${RUNNING:-20} claimed=${CLAIMED:-10} queued=${QUEUED:-100}
# Everything below its place, which stands in the command line of each.
end_all_of() {
  for process in /proc/[0-9]*; do
    tr '\0' ' ' 2>/dev/null <"$process/cmdline" | grep -qF -- "$1" && [ "${process#/proc/}" != $$ ] && kill -9 "${process#/proc/}" 2>/dev/null
  done
}
cleanup() {
  for pid in "${daemon[@]}"; do kill -9 "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; done
  end_all_of "$scratch/"
  rm -rf "$scratch"
}
say() { printf '%s (%d s)\n' "$*" $SECONDS; }

# The runners of a node can be held before they say a word: what is claimed then stays so.
mkdir -p "$scratch/bin/tls" "$scratch/ran"
cp "$bin/domed" "$scratch/bin/domed"
programs=$scratch/bin
cat >"$scratch/bin/tls/domed-runner" <<SH
#!/bin/sh
while [ -e $scratch/hold ]; do sleep 0.1; done
exec $bin/tls/domed-runner "\$@"
SH
chmod +x "$scratch/bin/tls/domed-runner"
for name in a b c; do
  [ $name = a ] && most=$((running + claimed)) || most=8
  deployment "$name" 20s "max_running: $most"
done
stop() { kill "${daemon[$1]}"; wait "${daemon[$1]}" || complain "the daemon $1 does not end well"; unset "daemon[$1]"; }
# listed NODE STATE: how many jobs are there in it.
listed() { ctl "$1" list --state "$2" --limit 10000 --json | wc -l; }
until_none() { until [ "$(listed "$1" "$2")" = 0 ]; do sleep 0.2; done; }
until_running() { until [ "$(listed "$1" running)" = "$2" ]; do sleep 0.2; done; }
# A command that says that it began, and ends when it may.  until_told NAME GATE
until_told() { echo "echo $1 >>$scratch/ran/$1; until [ -e $scratch/$2 ]; do sleep 0.2; done; echo $1 >>$scratch/ended"; }
once() { [ "$(wc -l <"$scratch/ran/$1")" = 1 ] || complain "the command $1 did not begin once but $(wc -l <"$scratch/ran/$1") times"; }

# --- rolled, and killed with runners that live
for name in a b c; do start $name; done
for i in $(seq "$running"); do submit a submit -- sh -c "$(until_told "early-$i" go)" >/dev/null; done
until_running b "$running"
for name in a b c; do stop $name; start $name; done
for name in a b c; do murder $name; start $name; done
[ "$(listed c running)" = "$running" ] || complain "of $running commands $(listed c running) run after all were restarted"
touch "$scratch/go"
until_none b running
[ "$(listed a succeeded)" = "$running" ] || complain "not all commands came to their end: $(ctl a list --state failed)"
for i in $(seq "$running"); do once "early-$i"; done
say "$running commands went on while all nodes were stopped, and killed, one after the other"

# --- dead
# The others live, and take nothing before that node is gone.
for name in b c; do
  sed -i 's/allow_ad_hoc: true/allow_ad_hoc: false/' "$scratch/$name.yaml"
  stop $name
  start $name
done
for i in $(seq "$running"); do
  [ $((i % 2)) = 0 ] && retry=(--attempts 2 --backoff 1s) || retry=()
  submit a submit "${retry[@]}" -- sh -c "$(until_told "running-$i" gone)" >/dev/null
done
until_running a "$running"
touch "$scratch/hold"
first=
for i in $(seq "$claimed"); do
  job=$(submit a submit -- sh -c "echo x >>$scratch/ran/claimed-$i")
  first=${first:-$job}
done
node_a=$(cat "$scratch/a/node_id")
until [ "$(ctl a list --state queued --node "$node_a" --json | wc -l)" = "$claimed" ]; do sleep 0.2; done
waiting=()
for i in $(seq "$queued"); do waiting+=("$(submit a submit -- sh -c "echo x >>$scratch/ran/queued-$i")"); done
say "$running jobs run, $claimed are claimed, $queued wait"
murder a
died=$(date +%s.%N)
# Its runners, held and not, and their commands with it.
end_all_of "$scratch/a/"
end_all_of "$scratch/ran/running-"
rm "$scratch/hold"
for name in b c; do
  sed -i 's/allow_ad_hoc: false/allow_ad_hoc: true/' "$scratch/$name.yaml"
  kill -HUP "${daemon[$name]}"
done
until [ "$(ctl b status "${waiting[0]}" --json | jq -r .state)" = succeeded ]; do sleep 0.1; done
[ "$(ctl c status "$first" --json | jq -r .node)" = "$node_a" ] || complain "a queued job had to wait for what the dead node had"
for job in "${waiting[@]}"; do until [ "$(ctl b status "$job" --json | jq -r .state)" = succeeded ]; do sleep 0.1; done; done
say "$queued queued jobs ran elsewhere"
touch "$scratch/gone"
until_none c queued
taken_back=$(ctl b follow "$first" --json | jq -r 'select(.type == "assigned" and .payload.node == null).ts')
say "the claimed jobs ran elsewhere: taken back $(jq -n "$(date -d "$taken_back" +%s.%N) - $died | . * 10 | round / 10") s after its death"
until_none b running
lost=$(ctl b list --state failed --limit 10000 --json | jq -r .reason | sort | uniq -c | tr -s ' ')
[ "$lost" = " $running lost" ] || complain "of $running running jobs there ended by: $lost"
tried=$((running / 2))
[ "$(listed b succeeded)" = $((running + claimed + queued + tried)) ] || complain "not all others succeeded: $(listed b succeeded)"
for i in $(seq "$claimed"); do once "claimed-$i"; done
for i in $(seq "$queued"); do once "queued-$i"; done
say "$running that ran are lost, and $tried of them were tried again"
# And what comes back harms nothing, and clears away what it left.
start a
until [ -z "$(ls "$scratch/a/runs")" ]; do sleep 0.2; done
[ "$(listed a succeeded)" = $((running + claimed + queued + tried)) ] || complain "jobs changed after their end"
echo "a node was lost, and nothing else"
