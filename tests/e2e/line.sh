#!/usr/bin/env bash
# What the command line says, and that it is so.
. "$(dirname "$0")/lib.sh"
start
# Runs a command, keeps what it says in out and err and its exit code in code.
try() { code=0; "$@" >"$scratch/out" 2>"$scratch/err" || code=$?; }
said() { grep -qE -- "$1" "$scratch/err" || fail "it does not say '$1': $(cat "$scratch/err")"; }
# Waits for a process of ours to end, and no longer than a reader waits for an answer.
ends() {
  for _ in $(seq 80); do
    kill -0 "$1" 2>/dev/null || { code=0; wait "$1" || code=$?; return; }
    sleep 0.1
  done
  kill -9 "$1"
  fail "$2 does not end"
}

job=$(submit --label '[k]=[v]' --env '[A=1,B=2]' -- env)
finish "$job"
expect "a label in brackets" "$job" "$(ctl list --label '[k]=[v]' --json | jq -r .job_id)"
expect "a variable in brackets" "[A=1,B=2]" "$(ctl logs "$job" | grep -F '[A')"

# Every output that cannot be written is a failure.
verbs=("status $job" "list" "logs $job" "follow $job" "follow $job --json" "wait $job" "export $job"
  "provenance $job" "reproduce $job" "health" "verify $job" "submit -- true" "run -- echo x" "--help" "--version")
if mknod "$scratch/full" c 1 7 2>/dev/null && true 2>/dev/null >"$scratch/full"; then
  for verb in "${verbs[@]}"; do
    code=0; ctl $verb >"$scratch/full" 2>"$scratch/err" || code=$?
    [ $code -ne 0 ] || fail "$verb to a full disk is a success"
    said 'cannot write the output: No space left'
  done
  code=0; ctl export "$job" -o "$scratch/full" 2>"$scratch/err" || code=$?
  expect "an export to a full device" 1 $code
  [ -c "$scratch/full" ] || fail "the export replaced a device"
  code=0; ctl token new x --out "$scratch/full" 2>"$scratch/err" || code=$?
  expect "a token to a full device" 1 $code
  [ -c "$scratch/full" ] || fail "the token replaced a device"
else
  echo "SKIPPED: a full device cannot be made here"
fi
for verb in "${verbs[@]}"; do
  code=0; ctl $verb >&- 2>"$scratch/err" || code=$?
  [ $code -ne 0 ] || fail "$verb to a closed output is a success"
  said 'it is closed'
done
try ctl --json status none
expect "an error as JSON" E_NOT_FOUND "$(jq -r .error "$scratch/err")"
try ctl --json list --limit 0
expect "a usage error as JSON" E_USAGE "$(jq -r .error "$scratch/err")"
try ctl follow "$job" --since 99
said '^domectl: E_CURSOR_AHEAD: there is no such event yet: the newest one is'

# A follow that is cut by a full disk is resumed to the same bytes.
long=$(submit -- seq 20000)
finish "$long"
ctl follow "$long" --json >"$scratch/whole"
code=0; (trap '' XFSZ; ulimit -f 64; ctl follow "$long" --json >"$scratch/cut" 2>"$scratch/err") || code=$?
expect "a follow whose file is full" 1 $code
since=$(grep -oE -- '--since [0-9]+' "$scratch/err" | cut -d' ' -f2)
[ "$since" -gt 0 ] || fail "the resume line names no event: $(cat "$scratch/err")"
{ head -n "$since" "$scratch/cut"; ctl follow "$long" --json --since "$since"; } | cmp - "$scratch/whole"
expect "what was written after the event that it names" "$since" "$(wc -l <"$scratch/cut")"

# Signals that are ignored at the start stay ignored.
for signal in HUP INT TERM; do
  (trap '' $signal; exec "$bin/domectl" run -- sh -c "until [ -e '$scratch/go$signal' ]; do sleep 0.05; done; echo ok") >"$scratch/out" 2>&1 & watcher=$!
  until [ "$(ctl list --state running --json | jq -r .job_id | wc -l)" = 1 ]; do sleep 0.1; done
  kill -$signal $watcher
  touch "$scratch/go$signal"
  wait $watcher || fail "$signal ended a run that ignores it: $(cat "$scratch/out")"
done

# A reader that leaves is noticed, and no mistake.
silent=$(submit -- sh -c 'echo first; exec sleep 600')
for verb in "follow" "logs -f"; do
  mkfifo "$scratch/pipe"
  "$bin/domectl" $verb "$silent" >"$scratch/pipe" 2>"$scratch/err" & watcher=$!
  head -n 1 <"$scratch/pipe" >/dev/null
  ends $watcher "$verb of a silent job without a reader"
  expect "the code without a reader" 141 $code
  expect "what $verb says of it" "" "$(cat "$scratch/err")"
  rm "$scratch/pipe"
done
(trap '' PIPE; exec "$bin/domectl" run -- seq 100000) 2>"$scratch/err" | head -n 1 >/dev/null || true
expect "what run says of a reader that leaves" "" "$(cat "$scratch/err")"

# What a job is tried again as counts, under the name that was asked for.
again=$(submit --attempts 2 -- sh -c "[ -e '$scratch/second' ] && exit 0; touch '$scratch/second'; exit 3")
try ctl follow "$again" --exit-code
expect "the code of the last attempt" 0 $code
try ctl wait "$again"
expect "the job that wait names" "$again" "$(cut -d' ' -f1 "$scratch/out")"
expect "the same as JSON" "$again" "$(ctl wait "$again" --json | jq -r .job_id)"

# Output of several pieces has a time at the beginning of each line, and nowhere else.
pieces=$(submit -- sh -c 'printf "a"; sleep 0.6; printf "b"; sleep 0.6; echo; printf "x"; sleep 0.6; echo e >&2')
finish "$pieces"
expect "lines of logs -t" "ab|x|e" "$(ctl logs -t "$pieces" | sed 's/^20[^ ]* //' | paste -sd'|')"
ctl trim "$long" --keep-from 15000 >"$scratch/out"
expect "what trim says" "the oldest event kept is 15000" "$(cat "$scratch/out")"
try ctl logs "$long"
expect "logs of a trimmed job" 0 $code
expect "its last line" 20000 "$(tail -n 1 "$scratch/out")"
said 'the events 1 to 14999 were trimmed'
try ctl logs "$job" --stream stdou
expect "logs of no stream" 2 $code
said "did you mean 'stdout'"

# Processes that stay behind are spoken of.
try ctl run -- sh -c 'sleep 2 & echo over'
said 'processes in the background kept stdout open'

# Nothing of a job steers a terminal.
evil=$(submit --label "$(printf 'l\033[2J')=v" -- "$(printf 'no\033[2J\302\233such')")
finish "$evil"
for verb in "wait $evil" "status $evil" "list --limit 1" "reproduce $evil" "diff-runs $job $evil"; do
  ctl $verb 2>&1 | LC_ALL=C grep -q "$(printf '\033\\|\302\233')" && fail "$verb prints control sequences"
done

# HUP and TERM are blocked, as they are read from a descriptor.
takes_signals() { grep -q '^SigBlk:.*400[13]$' "/proc/$1/status"; }
# Whoever interrupts does not wait for a daemon that is stopped.
for verb in "follow $silent" "logs -f $silent" "wait $silent" "run -- sleep 600" "export $silent -o $scratch/e" "status $silent"; do
  kill -STOP "$daemon"
  "$bin/domectl" $verb >"$scratch/out" 2>"$scratch/err" & watcher=$!
  [[ $verb = status* ]] || until takes_signals $watcher; do sleep 0.1; done
  kill -TERM $watcher
  [[ $verb = run* ]] && until grep -q 'once more' "$scratch/err"; do sleep 0.1; done && kill -TERM $watcher
  begin=$(date +%s)
  ends $watcher "$verb"
  [ $(($(date +%s) - begin)) -le 5 ] || fail "$verb ends late"
  [[ $verb = follow* ]] && said "resume with: domectl follow $silent"
  [[ $verb = run* ]] && said 'with --key [0-9a-f]+ finds it'
  kill -CONT "$daemon"
done
[ -z "$(ls -A "$scratch" | grep domectl-)" ] || fail "an export leaves a part"
"$bin/domectl" run -- sh -c 'echo running; exec sleep 600' >"$scratch/out" 2>"$scratch/err" & watcher=$!
until grep -q running "$scratch/out"; do sleep 0.1; done
kill -STOP "$daemon"
kill -TERM $watcher
until grep -q 'once more' "$scratch/err"; do sleep 0.1; done
kill -TERM $watcher
ends $watcher "a run whose daemon is stopped"
expect "its code" 130 $code
said 'no longer watching; resume with: domectl follow [0-9a-f]+ --since'
kill -CONT "$daemon"

# A daemon that is away is spoken of, once, and so is its return.
"$bin/domectl" wait "$silent" >/dev/null 2>"$scratch/wait" & waiting=$!
until ls -l "/proc/$waiting/fd" 2>/dev/null | grep -q socket:; do sleep 0.1; done
"$bin/domectl" logs -f "$silent" >"$scratch/out" 2>"$scratch/logs" & reading=$!
until grep -q first "$scratch/out"; do sleep 0.1; done
kill -KILL "$daemon"; wait "$daemon" || true
until grep -q 'no answer from the daemon' "$scratch/logs" && grep -q 'no answer from the daemon' "$scratch/wait"; do
  kill -0 $reading && kill -0 $waiting || fail "they did not wait for the daemon: $(cat "$scratch/logs" "$scratch/wait")"
  sleep 0.1
done
if [ "$store" = store-memory ]; then  # a new one knows nothing of the job
  kill $reading $waiting
  exit 0
fi
start
until grep -q 'the daemon is back' "$scratch/logs" && grep -q 'the daemon is back' "$scratch/wait"; do sleep 0.1; done
expect "what logs says" 2 "$(wc -l <"$scratch/logs")"
ctl cancel "$silent" >/dev/null
wait $reading $waiting || true
stop

# A daemon that is just starting is waited for, where that is not asked not to be.
try ctl --connect-wait soon health
said "--connect-wait 'soon' is not a time"
try ctl --connect-wait 0s health
said '^domectl: E_UNREACHABLE: no daemon answers at .*: start one with'
"$bin/domectl" --connect-wait 100s health >"$scratch/out" & early=$!
"$bin/domectl" --connect-wait 100s follow "$silent" --json >"$scratch/follow" & follower=$!
start
wait $early || fail "it did not wait for the daemon"
wait $follower || true
expect "what it followed" "$(ctl follow "$silent" --json | sha256sum)" "$(sha256sum <"$scratch/follow")"
stop
