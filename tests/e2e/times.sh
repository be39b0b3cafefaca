#!/usr/bin/env bash
# When it happened, not when the daemon heard of it; and an external job whose producer is silent.
. "$(dirname "$0")/lib.sh"
start
now() { date +%s%6N; }
micros() { date -d "$1" +%s%6N; }

# Each poll is the producer's word; what is measured is whether this machine let us speak in time.
external=$(ctl submit --external --expires 4s --json)
silent=$(jq -r .job_id <<<"$external") token=$(jq -r .producer_token <<<"$external")
say() { ask '{"jsonrpc":"2.0","id":1,"method":"AppendJobEvents","params":{"job_id":"'"$silent"'","producer_id":"p","producer_token":"'"$token"'",'"$1"'}}'; }
begun=$(now) last=$begun longest=0
say '"batch":1,"events":[{"type":"state_change","payload":{"to":"running"}}]' >/dev/null
while [ $(($(now) - begun)) -lt 6000000 ]; do
  state=$(say '"events":[]' | jq -r .result.state)
  gap=$(($(now) - last)) last=$(now)
  [ "$gap" -le "$longest" ] || longest=$gap
  sleep 0.2
done
[ "$longest" -ge 3500000 ] || expect "a producer that polls" running "$state"
finish "$silent"
expect "a producer that is silent" lost "$(field "$silent" reason)"
field "$silent" message | grep -q 'was not heard for 4 s' || fail "it says: $(field "$silent" message)"
! ctl submit --expires 4s -- true 2>"$scratch/said" || fail "a command has no producer that is silent"

# A job goes on writing, and ends, while there is no daemon.
[ "$store" != store-memory ] || { stop; exit 0; }
mkfifo "$scratch/go"
job=$(submit -- sh -c 'echo before; read line <"$0"; echo during; exit 3' "$scratch/go")
until_output "$job" '"text":"before"'
spool="$scratch/state/runs/$(field "$job" run_id)/spool"
kill -9 "$daemon"; wait "$daemon" 2>/dev/null || true
died=$(now)
echo go >"$scratch/go"
until grep -q '"to":"failed"' "$spool"; do sleep 0.05; done
ended=$(now)
sleep "${DOMED_TEST_DOWNTIME:-2}"
back=$(now)
start
finish "$job"
ctl follow "$job" --json >"$scratch/lines"
between() { [ "$2" -ge "$3" ] && [ "$2" -le "$4" ] || fail "$1: $2 is not between $3 and $4"; }
line=$(grep '"text":"during"' "$scratch/lines")
between "the line was written" "$(jq .t <<<"$line")" "$died" "$ended"
[ "$(micros "$(jq -r .ts <<<"$line")")" -ge "$back" ] || fail "nobody can have heard it before: $line"
between "the job ended" "$(micros "$(field "$job" ended_at)")" "$died" "$ended"
between "logs -t" "$(micros "$(ctl logs -t "$job" | grep during | cut -d' ' -f1)")" "$died" "$ended"
ctl verify "$job" >/dev/null || fail "the digest chain is broken"
ctl export "$job" >"$scratch/export"
expect "what is exported" "$(cat "$scratch/lines")" "$(tail -n +2 "$scratch/export")"
stop
