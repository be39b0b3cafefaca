#!/usr/bin/env bash
# What a command writes arrives byte for byte, with its exit code.
. "$(dirname "$0")/lib.sh"
start

# check NAME EXPECTED_EXIT COMMAND...: run's output and the terminal SHA-256 equal the command's own.
check() {
  name=$1 code=$2; shift 2
  "$@" >"$scratch/expected" 2>/dev/null || true
  got=0; ctl run --label "case=$name" -- "$@" >"$scratch/out" 2>/dev/null || got=$?
  expect "$name: exit code" "$code" "$got"
  cmp "$scratch/expected" "$scratch/out" || fail "$name: other bytes"
  job=$(ctl list --label "case=$name" --json | jq -r '.job_id // .jobs[0].job_id' | head -n 1)
  want=$(sha256sum <"$scratch/expected" | cut -d' ' -f1)
  [ -s "$scratch/expected" ] || want=null  # a stream without a byte may have no total
  got=$(ctl follow "$job" --json | tail -n 1 | jq -r '.payload.streams.stdout | if .bytes == 0 then null else .sha256 end')
  expect "$name: SHA-256 in the terminal event" "$want" "$got"
  ctl verify "$job" >/dev/null || fail "$name: the digest chain is broken"
}
check lines 3 sh -c 'seq 1 20000; exit 3'
check long-line 0 sh -c 'head -c 5000000 /dev/zero | tr "\0" x'
check all-bytes 0 sh -c 'i=0; while [ $i -lt 256 ]; do printf "\\$(printf %o $i)"; i=$((i+1)); done'
check nothing 0 true
check no-last-eol 0 printf 'a\nb\r\n\r\nc'

expect "what is piped in" "a b" "$(printf 'a b' | ctl run --stdin - -- cat)"
expect "a terminal" "yes xterm-256color" "$(TERM=xterm-256color ctl run --tty -- sh -c 'test -t 1 && echo "yes $TERM"' | tr -d '\r')"
echo "a file" >"$scratch/input"
expect "a file to read" "a file" "$(cd "$scratch" && ctl run --stdin input -- cat)"

ctl run -- sh -c 'echo out; echo err >&2; echo out2' >"$scratch/out" 2>"$scratch/err"
expect "stdout of mixed" "out out2" "$(tr '\n' ' ' <"$scratch/out" | sed 's/ $//')"
expect "stderr of mixed" "err" "$(cat "$scratch/err")"
job=$(ctl list --limit 1 --json | jq -r .job_id)
expect "SHA-256 of stderr" "$(sha256sum <"$scratch/err" | cut -d' ' -f1)" "$(field "$job" streams.stderr.sha256)"

code=0; ctl run -- sh -c 'kill -KILL $$' || code=$?
expect "a signal's exit code" 137 "$code"
code=0; ctl run --timeout 0.3s -- sleep 100 || code=$?
expect "a timeout's exit code" 124 "$code"
code=0; ctl run -- /no/such/program 2>/dev/null || code=$?
expect "a missing program's exit code" 127 "$code"
expect "its reason" spawn_error "$(ctl list --json | jq -rs '(.[0].jobs // .)[0].reason')"

# Two producers, the runner and the job itself: either may be first.
job=$(submit -- sh -c 'echo "::progress 0.42 half way"; domectl=$0; "$domectl" append --type progress --payload "{\"value\":0.9}"' "$bin/domectl")
finish "$job"
expect "progress events" "0.42 0.9" "$(ctl follow "$job" --json | jq -r 'select(.type=="progress").payload.value' | sort -n | tr '\n' ' ' | sed 's/ $//')"
stop
