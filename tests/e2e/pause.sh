#!/usr/bin/env bash
# A paused job stands still with all that it started, over a restart too, and can be ended as it is.
. "$(dirname "$0")/lib.sh"
start
state_of() { sed 's/.*) //' "/proc/$1/stat" | cut -c1; }
# Stopped, or waiting in the kernel, in the midst of a vfork, for a child that is.
is_still() {
  [ "$(state_of "$1")" = T ] && return
  [ "$(state_of "$1")" = D ] || return 1
  for child in $(cat "/proc/$1/task/$1/children"); do [ "$(state_of "$child")" = T ] && return; done
  return 1
}
# Waits until the processes stand still, or do not.
until_still() { for pid in $pids; do until is_still "$pid"; do sleep 0.02; done; done; }
until_going() { for pid in $pids; do while is_still "$pid"; do sleep 0.02; done; done; }
pids_of() { ctl logs "$1" | head -n 2; }

job=$(submit --name ticking -- sh -c "setsid sh -c 'echo \$\$; echo two; while :; do sleep 0.05; done' & echo \$\$; until [ -e $scratch/go ]; do sleep 0.05; done; kill \$!; echo over")
until_output "$job" '"text":"two"'
until [ "$(ctl logs "$job" | grep -c '^[0-9]')" = 2 ]; do sleep 0.05; done
pids=$(ctl logs "$job" | grep '^[0-9]')
expect "what pause says" "paused $job" "$(ctl pause ticking --reason lunch)"
until_still
ctl pause ticking >/dev/null
expect "events of it" "paused lunch" "$(ctl follow "$job" --no-follow --json | jq -r 'select(.type=="paused") | .type + " " + .payload.reason')"
expect "the list" paused "$(ctl list --format '{state}')"
expect "those that are paused" "$job" "$(ctl list --state paused --format '{id}')"
expect "those that are held" "" "$(ctl list --state held --format '{id}')"
ctl status ticking | grep -q '^state *running (paused)' || fail "the status: $(ctl status ticking)"
if [ "$store" = store-sqlite ]; then
  kill -9 "$daemon"; wait "$daemon" || true
  start
  until_still
  expect "after a restart" true "$(field "$job" paused)"
fi
touch "$scratch/go"
expect "what resume says" "resumed $job" "$(ctl resume --name ticking)"
until_going
finish "$job"
expect "the end" "succeeded null" "$(field "$job" state) $(field "$job" paused)"
expect "its last words" over "$(ctl logs "$job" --tail 1)"
{ ctl resume "$job" 2>&1 || true; } | grep -q 'E_INVALID_TRANSITION.*is over' || fail "a job that is over goes on"

# One that is paused is canceled as it is, and is asked first.
job=$(submit -- sh -c "trap 'echo bye; exit 3' TERM; echo \$\$; while :; do sleep 0.05; done")
until_output "$job" '"log"'
pids=$(ctl logs "$job")
ctl pause "$job" >/dev/null
until_still
ctl cancel "$job" >/dev/null
finish "$job"
expect "the end of a paused job" "canceled bye" "$(field "$job" state) $(ctl logs "$job" --stream stdout --tail 1)"

# Of a filter, those that run and are not paused already.
job=$(submit --label a=b -- sh -c 'echo up; read x')
held=$(submit --label a=b --hold -- true)
finish "$job"
expect "what a filter finds" "" "$(ctl pause --label a=b 2>/dev/null)"
{ ctl pause "$held" 2>&1 || true; } | grep -q 'hold it' || fail "it does not say what to do with a queued job"
stop

# It keeps its slot however long that is: who waits for it is told so, and a cancel gives it back.
sed -i 's|^jobs: .*|jobs: { allow_ad_hoc: true, cancel_grace: 1s, drain: 300ms, queues: {one: 1} }|' "$scratch/domed.yaml"
start
job=$(submit --queue one --name keeper -- sh -c 'echo ready; sleep 100')
until_output "$job" '"text":"ready"'
ctl pause "$job" >/dev/null
next=$(submit --queue one -- echo next)
expect "who waits" "the one slot of the queue 'one' is taken" "$(field "$next" waiting)"
if [ "$store" != store-memory ]; then
  stop; start
  expect "after a restart, who waits" "queued true" "$(field "$next" state) $(field "$job" paused)"
fi
ctl cancel "$job" >/dev/null
expect "who waited" next "$(ctl follow "$next")"
stop
