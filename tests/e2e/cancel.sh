#!/usr/bin/env bash
# A canceled job is gone, with everything that it started, before it says so.
. "$(dirname "$0")/lib.sh"
start
mark="sleep 7$$"
job=$(submit -- sh -c "trap '' TERM; setsid $mark & (env -i setsid $mark &) & $mark & echo ready; wait")
until_output "$job" '"text":"ready"'
ctl cancel "$job" >/dev/null
finish "$job"
expect "state" canceled "$(field "$job" state)"
! pgrep -f "^$mark\$" >/dev/null || fail "something of the tree is left"
head=$(field "$job" head_seq)
ctl cancel "$job" >/dev/null
expect "head after a second cancel" "$head" "$(field "$job" head_seq)"

# A child in the background that keeps the pipe open does not hold the job.
job=$(submit -- sh -c "setsid $mark & echo done")
finish "$job"
expect "state" succeeded "$(field "$job" state)"
! pgrep -f "^$mark\$" >/dev/null || fail "the background child is left"
stop
