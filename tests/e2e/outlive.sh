#!/usr/bin/env bash
# A job outlives its daemon, and so do its output and an open follow; what cannot live on is said aloud.
# DOMED_TEST_LINES and DOMED_TEST_DOWNTIME (in seconds) make it longer.
. "$(dirname "$0")/lib.sh"
start
# A line may have come in pieces.
written() { jq -j 'select(.type=="log").payload | .text + if .eol == false then "" else "\n" end'; }
lines=${DOMED_TEST_LINES:-100000}
mkfifo "$scratch/go" "$scratch/wrote"
mark="sleep 9$$"
job=$(submit -- sh -c 'seq 1 "$0"; echo >"$1"; read line <"$2"; exit 5' "$lines" "$scratch/wrote" "$scratch/go")
other=$(submit -- sh -c "trap '' TERM; (setsid $mark &) & echo ready; exec $mark")
ctl follow "$job" --json >"$scratch/followed" 2>"$scratch/said" & follower=$!
until_output "$other" '"text":"ready"'
until_output "$job" '"text":"20[0-9][0-9]"'
runner=$(jq -r .pid "$scratch/state/runs/$(field "$job" run_id)/runner.json")
runs=$(ls "$scratch/state/runs" | wc -l)
kill -9 "$daemon"; wait "$daemon" 2>/dev/null || true

# It goes on alone, until it has written everything.
read -r <"$scratch/wrote"
sleep "${DOMED_TEST_DOWNTIME:-0}"
start
expect "runs that were under way" 2 "$runs"

if [ "$store" = store-memory ]; then
  code=0; wait $follower || code=$?
  [ $code -ne 0 ] || fail "the follow of a log that is gone ended well"
  grep -q E_NOT_FOUND "$scratch/said" || fail "the follow said: $(cat "$scratch/said")"
  tail --pid="$runner" -f /dev/null
  until [ -z "$(ls "$scratch/state/runs")" ]; do sleep 0.1; done
  ! pgrep -f "^$mark\$" >/dev/null || fail "a job that nobody knows any more runs on"
  stop
  exit 0
fi

echo go >"$scratch/go"
wait $follower || fail "the follow did not survive the daemon"
hash=$(seq 1 "$lines" | sha256sum | cut -d' ' -f1)
expect "SHA-256 of what was followed" "$hash" "$(written <"$scratch/followed" | sha256sum | cut -d' ' -f1)"
expect "SHA-256 in the log" "$hash" "$(field "$job" streams.stdout.sha256)"
expect "lines" "$lines" "$(field "$job" streams.stdout.lines)"
expect "exit code" 5 "$(field "$job" exit_code)"
expect "seqs" "$(seq 1 "$(wc -l <"$scratch/followed")" | sha256sum)" "$(jq -r .seq "$scratch/followed" | sha256sum)"
ctl verify "$job" >/dev/null || fail "the digest chain is broken"
ctl cancel "$other" >/dev/null
finish "$other"
expect "a job that was adopted, canceled" canceled "$(field "$other" state)"
! pgrep -f "^$mark\$" >/dev/null || fail "something of the canceled tree is left"
stop
