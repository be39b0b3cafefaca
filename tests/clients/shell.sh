#!/usr/bin/env bash
# sdk/sh/domed-follow shows what domectl shows, resumes, tells losses by their names, and outlives its daemon.
# shell.sh BIN_DIR PLUGIN_DIR STORE DOMED_FOLLOW (a store that outlives its daemon)
# shellcheck disable=SC2016,SC2154
if ! command -v nngcat >/dev/null || ! command -v jq >/dev/null; then echo "skipped: needs nngcat and jq" && exit 77; fi
follow=$4
. "$(dirname "$0")/../e2e/lib.sh"
start
job=$(submit -- sh -c 'echo one; printf "\377bin\n"; printf "ß\ttab\n" >&2; echo "\\\"q\""; sleep 0.2; printf "\000no line feed"; exit 7')
for way in "" --json; do
  "$follow" $way "$job" >"$scratch/out" 2>"$scratch/err"
  ctl follow $way "$job" >"$scratch/out2" 2>"$scratch/err2" || true
  cmp "$scratch/out" "$scratch/out2" || fail "other output $way"
  cmp "$scratch/err" "$scratch/err2" || fail "other errors $way"
done
code() { "$follow" "$@" >/dev/null 2>"$scratch/err" && echo 0 || echo $?; }
expect "the job's exit code" 7 "$(code --exit-code "$job")"
expect "an ended follow's" 0 "$(code "$job")"
expect "a wrong use" 1 "$(code --nonsense)"

# A loss has a name.
refused() { expect "$1" 3 "$(code "${@:2}")"; grep -q "$1" "$scratch/err" || fail "not told: $1"; }
refused E_CURSOR_AHEAD --since 999 "$job"
refused E_LOG_CHANGED --log 00 "$job"
refused E_NOT_FOUND nobody
DOMED_ENDPOINT=ipc:///nowhere/x expect "no daemon" 4 "$(DOMED_ENDPOINT=ipc:///nowhere/x code --connect-wait 0 "$job")"

# Where it was is kept in a file, and what it had already does not come again.
all=$(ctl follow "$job" --json | wc -l)
echo "$(field "$job" log_id) 5" >"$scratch/position"
expect "events behind the fifth" $((all - 5)) "$("$follow" --json --state "$scratch/position" "$job" | wc -l)"
expect "the position" "$(field "$job" log_id) $all" "$(cat "$scratch/position")"
expect "nothing more" "" "$("$follow" --state "$scratch/position" "$job")"

# Many pages; a daemon that is killed in the midst of a live job.
job=$(submit -- sh -c 'for i in $(seq 60); do seq $((i * 100 - 99)) $((i * 100)); sleep 0.05; done')
"$follow" "$job" >"$scratch/out" 2>"$scratch/err" & follower=$!
sleep 0.7
kill -9 "$daemon"
wait "$daemon" 2>/dev/null || true
sleep 2.5
start
wait $follower || fail "the follow ended with $?: $(cat "$scratch/err")"
ctl follow "$job" | cmp - "$scratch/out" || fail "other output over a restart"
seq 6000 | cmp - "$scratch/out" || { ctl status "$job" | tail -20; ctl follow --json "$job" | tail -n 4; fail "the job has other output"; }

# A daemon that is away is told, and that it is back.
kill -9 "$daemon"
wait "$daemon" 2>/dev/null || true
"$follow" --connect-wait 60 "$job" >/dev/null 2>"$scratch/err" & follower=$!
for _ in $(seq 200); do grep -q "waiting: no daemon answers" "$scratch/err" && break; sleep 0.1; done
grep -q "waiting: no daemon answers" "$scratch/err" || fail "not told that there is no daemon: $(cat "$scratch/err"; ps -ef | grep -F "$job" | head -5)"
start
wait $follower || fail "the follow ended with $?: $(cat "$scratch/err")"
grep -q "answers again" "$scratch/err" || fail "not told that the daemon is back"
stop
