#!/usr/bin/env bash
# nngcat alone submits, reads a page and sees live frames, as docs/protocol.md prints it.
. "$(dirname "$0")/lib.sh"
start
ask '{"jsonrpc":"2.0","id":1,"method":"SubmitJob","params":{"idempotency_key":"demo-1","command":["seq","3"]}}' >"$scratch/reply"
job=$(jq -r .result.job_id "$scratch/reply")
finish "$job"
expect "lines" "1 2 3" "$(ask '{"jsonrpc":"2.0","id":2,"method":"StreamJobEvents","params":{"job_id":"'"$job"'"}}' |
  jq -r '.result.events[] | select(.type=="log").payload.text' | tr '\n' ' ' | sed 's/ $//')"

# Heartbeats and lines of one job, and nothing of one whose id it prefixes.
reply=$(ask '{"jsonrpc":"2.0","id":1,"method":"SubmitJob","params":{"idempotency_key":"e","executor":"external"}}')
job=$(jq -r .result.job_id <<<"$reply") token=$(jq -r .result.producer_token <<<"$reply")
url="ipc://$scratch/run/events.ipc"
nngcat --sub --dial "$url" --subscribe "job/$job
" --raw --recv-timeout 30 --count 1 >"$scratch/whole" & whole=$!
nngcat --sub --dial "$url" --subscribe "job/${job%?}
" --raw --recv-timeout 2 --count 1 >"$scratch/prefix" 2>/dev/null & prefix=$!
for batch in 1 2 3 4 5 6 7 8 9 10; do
  event='{"type":"x-tick","payload":{}}'
  [ $batch = 1 ] && event='{"type":"state_change","payload":{"to":"running"}}'
  ask '{"jsonrpc":"2.0","id":1,"method":"AppendJobEvents","params":{"job_id":"'"$job"'","producer_id":"p","producer_token":"'"$token"'","batch":'$batch',"events":['"$event"']}}' >/dev/null
done
wait $whole || fail "no frame of the job"
wait $prefix 2>/dev/null || true
expect "the topic" "job/$job" "$(head -n 1 "$scratch/whole")"
expect "the frame's log_id" "$(jq -r .result.log_id <<<"$reply")" "$(sed -n 2p "$scratch/whole" | jq -r .log_id)"
[ ! -s "$scratch/prefix" ] || fail "a prefix of the job id got a frame"
stop
