#!/usr/bin/env bash
# Followers that are stopped or come and go get every event once, in order, and end by themselves.
. "$(dirname "$0")/lib.sh"
start
mkfifo "$scratch/go"
job=$(submit -- sh -c 'seq 1 3000; read line <"$0"; seq 3001 6000' "$scratch/go")

"$bin/domectl" follow "$job" --json >"$scratch/steady" & steady=$!
"$bin/domectl" follow "$job" --json >"$scratch/stopped" & stopped=$!
kill -STOP $stopped
# One that leaves and resumes ten times, wherever it happens to be.
(
  : >"$scratch/resumed"
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    since=$(wc -l <"$scratch/resumed")
    ctl follow "$job" --json --since "$since" 2>/dev/null | head -n $((RANDOM % 400 + 1)) >>"$scratch/resumed" || true
  done
  since=$(wc -l <"$scratch/resumed")
  ctl follow "$job" --json --since "$since" >>"$scratch/resumed"
) & resumed=$!
echo go >"$scratch/go"
wait $steady || fail "the steady follower"
kill -CONT $stopped
wait $stopped || fail "the stopped follower"
wait $resumed || fail "the resuming follower"
cmp "$scratch/steady" "$scratch/stopped" || fail "the stopped follower got other events"
cmp "$scratch/steady" "$scratch/resumed" || fail "the resuming follower got other events"
expect "seqs" "$(seq 1 "$(wc -l <"$scratch/steady")" | sha256sum)" "$(jq -r .seq "$scratch/steady" | sha256sum)"
expect "the last event" succeeded "$(tail -n 1 "$scratch/steady" | jq -r .payload.to)"
ctl follow "$job" --json --polls | cmp - "$scratch/steady" || fail "long polls alone gave other events"

# A follower's copy can be checked, also once the daemon has trimmed what it begins with.
verifies() { "$bin/domectl" verify "$1" >/dev/null; }
sed '5s/"text":"/"text":"x/' "$scratch/steady" >"$scratch/changed"
verifies "$scratch/steady" || fail "a follower's copy is called wrong"
ask '{"jsonrpc":"2.0","id":1,"method":"TrimJob","params":{"job_id":"'"$job"'","keep_from_seq":100}}' >/dev/null
verifies "$scratch/steady" || fail "a copy of what was trimmed is called wrong"
! verifies "$scratch/changed" || fail "a changed copy is called right"
verifies "$job" || fail "the trimmed log is called wrong"

# Short jobs, each followed from its start: each follow ends with the terminal event.
for i in $(seq 1 40); do
  job=$(submit --key "short-$i" -- true)
  expect "job $i ends" succeeded "$(ctl follow "$job" --json | tail -n 1 | jq -r .payload.to)"
done
stop
