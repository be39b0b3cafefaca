#!/usr/bin/env bash
# What a job can write about its run, or another's, neither fools nor wedges the daemon.
. "$(dirname "$0")/lib.sh"
umask 027
start
expect "the daemon's umask" 0027 "$(ctl run -- sh -c umask)"
mark="sleep 7$$"
runs=$scratch/state/runs
of() { echo "$runs/$(field "$1" run_id)"; }
sleep 300 >/dev/null 2>&1 & innocent=$!

# A job names an innocent process as its command, and ends its own runner.
job=$(submit -- sh -c 'echo ready; exec '"$mark")
until_output "$job" '"text":"ready"'
! grep -rq producer_token "$(of "$job")" || fail "a file of the run holds a token"
pid=$(jq -r .pid "$(of "$job")/runner.json")
[ "$(tr '\0' '\n' <"/proc/$pid/environ" | grep -c '^HOME=')" = 0 ] || fail "the runner has the daemon's environment"
jq --argjson pid $innocent --argjson start "$(cut -d' ' -f22 /proc/$innocent/stat)" \
  '.pid = $pid | .start_time = $start | .pgid = $pid' "$(of "$job")/child.json" >"$scratch/forged"
mv "$scratch/forged" "$(of "$job")/child.json"
cp "$(of "$job")/child.json" "$(of "$job")/runner.json"
kill -9 "$pid"
finish "$job"
expect "a job whose runner was killed" lost "$(field "$job" reason)"
kill -0 $innocent || fail "an innocent process was killed"
! pgrep -f "^$mark\$" >/dev/null || fail "the job's own command is left"

# A runner that is stopped, with a stranger's hand on its lock, keeps its job from nothing.
job=$(submit -- sh -c 'echo ready; exec '"$mark")
timed=$(submit --timeout 5s -- sh -c "trap '' TERM; echo ready; $mark")
until_output "$job" '"text":"ready"'
until_output "$timed" '"text":"ready"'
(flock 9; exec sleep 300) 9<>"$(of "$job")/lock" >/dev/null 2>&1 & holder=$!
for each in "$job" "$timed"; do kill -STOP "$(jq -r .pid "$(of "$each")/runner.json")"; done
ctl cancel "$job" >/dev/null
finish "$job"; finish "$timed"
expect "a job whose runner is stopped, canceled" "canceled cancel" "$(field "$job" state) $(field "$job" reason)"
expect "a job whose runner is stopped, at its timeout" "failed timeout" "$(field "$timed" state) $(field "$timed" reason)"
! pgrep -f "^$mark\$" >/dev/null || fail "something of a mute runner's job is left"
kill $holder

# Everything in runs/ is planted, of a run that lives and of one that does not.
if [ "$store" != store-memory ]; then
  job=$(submit -- sh -c 'echo ready; exec '"$mark") other=$(submit -- sh -c 'echo ready; exec '"$mark")
  until_output "$job" '"text":"ready"'
  until_output "$other" '"text":"ready"'
  kill -9 "$daemon" "$(jq -r .pid "$(of "$job")/runner.json")"; wait "$daemon" 2>/dev/null || true
  for each in "$runs"/*; do
    rm -f "$each"/*
    for name in spec.json child.json spool log task.json; do mkfifo "$each/$name"; done
    ln -s /dev/zero "$each/runner.json"
    mkdir "$each/lock"
  done
  mkfifo "$runs/fifo" "$scratch/state/boot.new"; ln -s /dev/zero "$runs/zero"
  rm -f "$scratch/state/boot"; mkfifo "$scratch/state/boot"
  start
  expect "a job whose directory was planted" "failed lost" "$(field "$job" state) $(field "$job" reason)"
  expect "one whose runner lives" running "$(field "$other" state)"
  ctl cancel "$other" >/dev/null
  finish "$other"
  expect "one whose runner lives, canceled" canceled "$(field "$other" state)"
  ! pgrep -f "^$mark\$" >/dev/null || fail "something is left behind planted files"
fi
expect "the daemon" fine "$(ctl run -- echo fine)"
kill $innocent
stop
