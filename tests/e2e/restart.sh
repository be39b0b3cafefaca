#!/usr/bin/env bash
# Restarts: clean, and by kill -9 in the midst of a job.
. "$(dirname "$0")/lib.sh"
start
refused=$("$bin/domed" --config "$scratch/domed.yaml" 2>&1 || true)
grep -qiE 'in use|served by' <<<"$refused" || fail "a second daemon: $refused"
ctl health >/dev/null || fail "the first daemon does not answer after a second one was refused"
job=$(submit -- echo kept); finish "$job"
stop
start
if [ "$store" = store-memory ]; then
  expect "a log that memory forgot" E_NOT_FOUND "$(error_of '{"jsonrpc":"2.0","id":1,"method":"StreamJobEvents","params":{"job_id":"'"$job"'"}}')"
  stop
  exit 0
fi
expect "output after a restart" kept "$(ctl follow "$job")"

# Daemon and runner die: the job is lost, said aloud, and nothing of it is left.
mark="sleep 8$$"
# (Also what cleared its environment and left the session.)
job=$(submit -- sh -c "env -i setsid $mark & echo ready; exec env -i $mark")
until_output "$job" '"text":"ready"'
runner=$(jq -r .pid "$scratch/state/runs/$(field "$job" run_id)/runner.json")
kill -9 "$daemon" "$runner"; wait "$daemon" 2>/dev/null || true
start  # what is lost is settled before the daemon answers
expect "reason" lost "$(field "$job" reason)"
! pgrep -f "^$mark\$" >/dev/null || fail "the lost job's command is left"
stop

# What the store finds wrong by itself counts as damage, though every record is as it was written.
check_store() { "$bin/domed" --check-store --config "$scratch/domed.yaml" >"$scratch/check" 2>&1; }
check_store || fail "a whole store is called damaged: $(cat "$scratch/check")"
rm "$(find "$scratch" -name '*.db-mark')"
! check_store || fail "an error that the store logs is not counted: $(cat "$scratch/check")"
check_store || fail "it is told once: $(cat "$scratch/check")"
