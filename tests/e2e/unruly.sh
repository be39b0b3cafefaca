#!/usr/bin/env bash
# Jobs that misbehave cost themselves only: the daemon answers, and nothing of them is left.
. "$(dirname "$0")/lib.sh"
sed -i 's/allow_ad_hoc: true/allow_ad_hoc: true, max_output: 64KiB/' "$scratch/domed.yaml"
start
mark="sleep 6$$"
healthy() {
  expect "$1: another job" fine "$(ctl run -- echo fine)"
  [ "$(ls /proc/"$daemon"/fd | wc -l)" -lt 200 ] || fail "$1: the daemon leaks descriptors"
}

# It forks until it is 255 processes, half of them in sessions of their own; all ignore TERM.
cat >"$scratch/bomb" <<SH
#!/bin/sh
trap '' TERM
[ "\$1" -gt 0 ] || exec $mark
"\$0" \$((\$1 - 1)) &
setsid "\$0" \$((\$1 - 1)) &
[ "\$1" -lt 7 ] || echo lit
wait
SH
chmod +x "$scratch/bomb"
job=$(submit -- "$scratch/bomb" 7)
until_output "$job" '"text":"lit"'
healthy "a fork bomb"
ctl cancel "$job" >/dev/null
finish "$job"
expect "a fork bomb" canceled "$(field "$job" state)"
! pgrep -f "^$mark\$|^/bin/sh $scratch/bomb" >/dev/null || fail "something of the fork bomb is left"

# It writes for ever, far more than it may.
job=$(submit -- yes)
until_output "$job" output_limit
healthy "a job that fills its limit"
ctl cancel "$job" >/dev/null
finish "$job"
expect "a job that fills its limit" "canceled 65536" "$(field "$job" state) $(field "$job" streams.stdout.bytes)"
[ "$(field "$job" streams.stdout.dropped)" -gt 0 ] || fail "what was dropped is not counted"

# It closes what it was given, and goes on.
mkfifo "$scratch/go"
job=$(submit -- sh -c 'echo before; exec <&- >&- 2>&-; read line <"$0"; exit 3' "$scratch/go")
until_output "$job" before
until [ "$(ls /proc/"$(jq -r .pid "$scratch/state/runs/$(field "$job" run_id)/child.json")"/fd | wc -l)" = 0 ]; do sleep 0.05; done
healthy "a job without descriptors"
echo go >"$scratch/go"
finish "$job"
expect "a job without descriptors" "failed exit 3" "$(field "$job" state) $(field "$job" reason) $(field "$job" exit_code)"
stop
