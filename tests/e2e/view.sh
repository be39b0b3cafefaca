#!/usr/bin/env bash
# Of a log what somebody wants to see: its last lines, what was written since, one stream.
. "$(dirname "$0")/lib.sh"
start
job=$(submit --name counter -- seq 100000)
ctl wait "$job" >/dev/null
expect "the last lines" "99998 99999 100000" "$(ctl logs counter --tail 3 | paste -sd' ')"
expect "of all that is followed" "99999 100000" "$(ctl follow counter --tail 2 | paste -sd' ')"
expect "none of them" "" "$(ctl logs counter -n 0)"
expect "more than there are" 100000 "$(ctl logs counter --tail 1000000 | wc -l)"
expect "events from the last line on" "100000 terminal" \
  "$(ctl follow counter --tail 1 --json | jq -r 'if .type=="log" then .payload.text elif .payload.to then "terminal" else empty end' | paste -sd' ')"
# Not all of it is read: a page of the end, and the range itself.
for _ in 1 2 3; do
  begun=$(date +%s%N)
  ctl logs "$job" --tail 1000 >"$scratch/out"
  took=$((($(date +%s%N) - begun) / 1000000))
  [ $took -lt 50 ] && break
done
expect "a thousand of them" "99001 100000" "$(sed -n '1p;$p' "$scratch/out" | paste -sd' ')"
echo "1000 lines of 100000 took $took ms" >&2

# Lines of both outputs are counted as they stand in the log; a line without its end is one.
mixed=$(submit -- sh -c 'for i in 1 2 3; do echo out $i; sleep 0.05; echo err $i >&2; sleep 0.05; done; printf end')
ctl wait "$mixed" >/dev/null
expect "the last three lines" "out 3|err 3|end" "$(ctl logs "$mixed" --tail 3 | paste -sd'|')"
expect "of one stream" "err 2|err 3" "$(ctl logs "$mixed" --stream stderr --tail 2 | paste -sd'|')"
expect "a follow of it" "err 2|err 3" "$(ctl follow "$mixed" --stream stderr --tail 2 2>&1 >/dev/null | paste -sd'|')"
expect "no other output" "" "$(ctl follow "$mixed" --stream stderr --tail 2 2>/dev/null)"

# By number, and by time.
seq_of() { ctl follow "$mixed" --json | jq -r "select(.payload.text==\"$1\").seq"; }
ts_of() { ctl follow "$mixed" --json | jq -r "select(.payload.text==\"$1\").ts"; }
expect "behind a number" "out 3|err 3|end" "$(ctl logs "$mixed" --since "$(seq_of 'err 2')" | paste -sd'|')"
expect "up to a number" "out 1|err 1" "$(ctl logs "$mixed" --until "$(seq_of 'err 1')" | paste -sd'|')"
expect "from a time on" "out 3|err 3|end" "$(ctl logs "$mixed" --since "$(ts_of 'out 3')" | paste -sd'|')"
expect "up to a time" "out 1|err 1" "$(ctl logs "$mixed" --until "$(ts_of 'err 1')" | paste -sd'|')"
expect "the last up to there" "err 1" "$(ctl logs "$mixed" --until "$(ts_of 'err 1')" --tail 1)"
expect "of the last hour" 7 "$(ctl follow "$mixed" --since 1h 2>&1 | grep -c .)"
expect "before that" "" "$(ctl logs "$mixed" --until 1h)"
expect "all there is until then" 7 "$(ctl logs "$mixed" --until 2999-01-01 | grep -c .)"
code=0; ctl logs "$mixed" --since soon 2>"$scratch/err" || code=$?
grep -q "since 'soon' is no time: write 10m" "$scratch/err" || fail "it says: $(cat "$scratch/err")"
ctl logs "$mixed" -t --tail 1 | grep -qE '^20[0-9-]+T[0-9:.]+Z end$' || fail "no time before the line"
ctl follow "$mixed" -t --tail 1 | grep -qE '^20[0-9-]+T[0-9:.]+Z end$' || fail "no time before the line that is followed"

# What was trimmed is no part of the end.
ctl trim "$mixed" --keep-from "$(seq_of 'out 3')" >/dev/null
expect "what is kept" "out 3|err 3|end" "$(ctl logs "$mixed" --tail 10 2>/dev/null | paste -sd'|')"
# A job that goes on.
mkfifo "$scratch/go"
live=$(submit -- sh -c 'seq 50; read line <"$0"; seq 51 60' "$scratch/go")
until_output "$live" '"text":"50"'
ctl logs "$live" -f --tail 2 >"$scratch/out" & reader=$!
for _ in $(seq 1200); do [ "$(wc -l <"$scratch/out")" = 2 ] && break; sleep 0.1; done
echo go >"$scratch/go"
wait $reader
expect "the end, and what comes" "49 60 12" "$(sed -n '1p;$p' "$scratch/out" | paste -sd' ') $(wc -l <"$scratch/out")"
stop
