#!/usr/bin/env bash
# The daemon dies, or is told to cancel, while a job's start waits for what is found out about it:
# the command runs once, or never, and the log says how it came to that.
. "$(dirname "$0")/lib.sh"
# A git that waits for a word, for as long as there is a pipe to wait at.
mkfifo "$scratch/go"
cat >"$scratch/git" <<SH
#!/bin/sh
[ -p "$scratch/go" ] && { echo >>"$scratch/asked"; read line <"$scratch/go"; }
exec $(command -v git) "\$@"
SH
chmod +x "$scratch/git"
sed -i "s|provenance-git }|provenance-git, timeout: 60s, options: { git: $scratch/git, timeout: 50s } }|" "$scratch/domed.yaml"
open_gate() { mv "$scratch/go" "$scratch/gone"; : >"$scratch/gone"; }
close_gate() { mv "$scratch/gone" "$scratch/go"; rm -f "$scratch/asked"; }
until_asked() { for _ in $(seq 600); do [ -s "$scratch/asked" ] && return; sleep 0.1; done; fail "nothing was looked at"; }
until_runner() { # RUN: its runner lives, and waits
  for _ in $(seq 600); do [ -s "$scratch/state/runs/$1/spool" ] && return; sleep 0.1; done
  fail "no runner came up"
}
words() { # JOB: the events of its log, one word each
  ctl follow "$1" --json 2>/dev/null | jq -r 'if .type=="state_change" then .payload.to
    elif .type=="assigned" then (if .payload.node then "assigned" else "back" end) else .type end' | paste -sd' '
}
mv "$scratch/go" "$scratch/gone"
start
node=$(cat "$scratch/state/node_id")

job=$(submit -- sh -c "echo >>$scratch/ran"); finish "$job"
expect "a start" "queued assigned provenance running succeeded" "$(words "$job" | sed 's/ stream_end//g; s/ provenance_end//')"
expect "where it ran" "$node" "$(field "$job" node)"

# A cancel meanwhile ends it, and nothing is executed.
close_gate
job=$(submit -- sh -c "echo >>$scratch/never")
until_asked
until_runner "$(field "$job" run_id)"
expect "while it is looked at" queued "$(field "$job" state)"
expect "a hold" E_INVALID_TRANSITION "$(error_of '{"jsonrpc":"2.0","id":1,"method":"HoldJob","params":{"job_id":"'"$job"'"}}')"
ctl cancel "$job" >/dev/null
expect "canceled" "queued assigned cancel_requested canceled" "$(words "$job")"
run=$(field "$job" run_id)
open_gate
for _ in $(seq 600); do [ -e "$scratch/state/runs/$run" ] || break; sleep 0.1; done
[ ! -e "$scratch/state/runs/$run" ] || fail "the directory of a run that never began is left"
[ ! -e "$scratch/never" ] || fail "a canceled job was executed"
if [ "$store" = store-memory ]; then stop; exit 0; fi

# The daemon dies meanwhile, and the runner lives: it is adopted.
close_gate
rm -f "$scratch/ran"
job=$(submit -- sh -c "echo >>$scratch/ran")
until_asked
until_runner "$(field "$job" run_id)"
kill -9 "$daemon"; wait "$daemon" 2>/dev/null || true
open_gate
start
finish "$job"
expect "adopted" "queued assigned provenance running succeeded" "$(words "$job" | sed 's/ stream_end//g; s/ provenance_end//')"
expect "runs" 1 "$(wc -l <"$scratch/ran")"

# Both die: nothing was executed, so it is taken back, and runs.
close_gate
rm -f "$scratch/ran"
job=$(submit -- sh -c "echo >>$scratch/ran")
until_asked
until_runner "$(field "$job" run_id)"
kill -9 "$daemon" "$(jq -r .pid "$scratch/state/runs/$(field "$job" run_id)/runner.json")"; wait "$daemon" 2>/dev/null || true
open_gate
start
finish "$job"
expect "taken back" "queued assigned back assigned provenance running succeeded" "$(words "$job" | sed 's/ stream_end//g; s/ provenance_end//')"
expect "runs" 1 "$(wc -l <"$scratch/ran")"
stop
