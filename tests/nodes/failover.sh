#!/usr/bin/env bash
# failover.sh BIN PLUGINS --set url=URL ...: run by with_postgres.sh.  Three nodes on one store, of which clients know a
# list: a job is followed through all of them while the one that it is followed at is killed, and what is appended goes
# where somebody answers; each event is there once.  A key is one job at all of them.  A command, too, asks who answers.
set -uo pipefail
# shellcheck source=tests/nodes/lib.sh
source "$(dirname "$0")/lib.sh"

for name in a b c; do deployment "$name" 60s; done
endpoints=ipc://$scratch/a/control.ipc,ipc://$scratch/b/control.ipc,ipc://$scratch/c/control.ipc
all() { "$bin/domectl" --endpoint "$endpoints" "$@"; }
# Waits until "$scratch/got" has event N.
seen() { until [ "$(wc -l <"$scratch/got")" -ge "$1" ]; do sleep 0.05; done; }
# append FROM TO: one batch for each number, by whoever answers.
append() {
  local i
  for i in $(seq "$1" "$2"); do
    all append "$job" --type log --payload "{\"stream\":\"stdout\",\"text\":\"$i\"}" || complain "batch $i was not taken"
  done
}

for name in a b c; do start "$name"; done

# A key is one job at each node, and so is that of a retry.
job=$(ctl a submit --json --key once -- false | jq -r .job_id)
ctl b wait "$job" >/dev/null
again=$(ctl a retry --key again "$job")
[ "$again" = "$(ctl b retry --key again "$job")" ] || complain "the key of a retry is two jobs"

# An external job, which is followed, and appended to, at whichever node there is.
export DOMED_PRODUCER_TOKEN
job=$(all submit --json --external)
DOMED_PRODUCER_TOKEN=$(jq -r .producer_token <<<"$job") job=$(jq -r .job_id <<<"$job")
export XDG_RUNTIME_DIR=$scratch
all append "$job" --type state_change --payload '{"to":"running"}'
: >"$scratch/got"
all follow --json "$job" >"$scratch/got" 2>"$scratch/json.log" &
lines=$!
all follow "$job" >"$scratch/text" 2>"$scratch/said.log" &
text=$!
append 1 10
seen 10
murder a
append 11 20
seen 20
murder b
append 21 30
seen 30
start a
murder c
append 31 40
all append "$job" --type state_change --payload '{"to":"succeeded"}'
wait "$lines" && wait "$text" || complain "a follower failed"
cmp "$scratch/text" <(seq 40) || complain "not each line once"
[ "$(jq .seq "$scratch/got" | paste -sd' ')" = "$(seq "$(wc -l <"$scratch/got")" | paste -sd' ')" ] || complain "not each event once"
all follow --json --no-follow "$job" | cmp - "$scratch/got" || complain "the follower saw other bytes"
# Which one it goes on at is a matter of who answers first: it leaves the first, then always the one that it went to, and is
# at the only one that lives in the end.
moves=$(sed -nE "s#^domectl: no more answers from ipc://$scratch/([abc])/control.ipc: going on at ipc://$scratch/([abc])/control.ipc\$#\\1 \\2#p" "$scratch/said.log")
awk -v at=a '$1 != at { exit 1 } { at = $2; moves++ } END { exit !(moves >= 2 && at == "a") }' <<<"$moves" || complain "where it went on: $moves"

# What a command appends by itself, while its own node is dead.
start b
until [ "$(ctl a nodes --json | jq '.nodes[] | select(.name == "b") | .unrenewed_ms < 3000 and .endpoints != []')" = true ]; do sleep 0.1; done
job=$(ctl a submit --json --node a -- sh -c "
  until [ -e $scratch/dead ]; do sleep 0.05; done
  XDG_RUNTIME_DIR=$scratch exec $bin/domectl append --type x-said --payload '{}'" | jq -r .job_id)
until [ "$(ctl a status --json "$job" | jq -r .state)" = running ]; do sleep 0.05; done
murder a
touch "$scratch/dead"
ctl b wait "$job" >/dev/null || complain "a command could not append while its node was dead"
[ "$(ctl b follow --json --no-follow "$job" | jq -r .type | grep -cx x-said)" = 1 ] || complain "what a command appended is not there once"
echo "through three nodes"
