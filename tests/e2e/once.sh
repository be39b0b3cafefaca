#!/usr/bin/env bash
# Jobs that are queued, starting or running while the daemon dies again and again: each runs once.
# DOMED_TEST_JOBS makes it more than 60.
. "$(dirname "$0")/lib.sh"
[ "$store" = store-memory ] && exit 0  # its jobs go with the daemon
start
count=${DOMED_TEST_JOBS:-60} jobs=()
for i in $(seq 1 "$count"); do jobs+=("$(submit --key "job-$i" -- sh -c "echo $i >>$scratch/ran")"); done
for signal in KILL TERM KILL; do
  kill -$signal "$daemon"; wait "$daemon" 2>/dev/null || true
  start
done
ctl wait "${jobs[@]}" >"$scratch/ends" || fail "not all succeeded: $(grep -v succeeded "$scratch/ends")"
expect "runs" "$(seq 1 "$count" | sha256sum)" "$(sort -n "$scratch/ran" | sha256sum)"
stop
start
expect "what is left of the runs" "" "$(ls "$scratch/state/runs")"
stop
