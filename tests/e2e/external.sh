#!/usr/bin/env bash
# A job that another process reports, with repeated and refused batches.
. "$(dirname "$0")/lib.sh"
start
git init -q "$scratch/repo"
git -C "$scratch/repo" -c user.name=a -c user.email=a@b commit -q --allow-empty -m first
reply=$(ask '{"jsonrpc":"2.0","id":1,"method":"SubmitJob","params":{"idempotency_key":"x","executor":"external","cwd":"'"$scratch/repo"'"}}')
job=$(jq -r .result.job_id <<<"$reply") token=$(jq -r .result.producer_token <<<"$reply")
append() { ask '{"jsonrpc":"2.0","id":1,"method":"AppendJobEvents","params":{"job_id":"'"$job"'","producer_id":"p","producer_token":"'"$token"'","batch":'"$1"',"events":['"$2"']}}'; }
running='{"type":"state_change","payload":{"to":"running"}}'
line='{"type":"log","payload":{"stream":"stdout","text":"hello"}}'
append 1 "$running,$line" >/dev/null
expect "a repeated batch" true "$(append 1 "$running,$line" | jq .result.replayed)"
expect "other content" E_BATCH_MISMATCH "$(append 1 "$line" | jq -r .error.data.error)"
expect "a gap" E_BATCH_GAP "$(append 3 "$line" | jq -r .error.data.error)"
append 2 '{"type":"state_change","payload":{"to":"succeeded"}}' >/dev/null
expect "a sealed log" E_SEALED "$(append 3 "$line" | jq -r .error.data.error)"
expect "its commit" "$(git -C "$scratch/repo" rev-parse HEAD)" "$(field "$job" provenance.commit_sha)"
expect "its dirty flag" false "$(field "$job" provenance.dirty_flag)"
expect "output" hello "$(ctl follow "$job")"

# Its producer does not answer a cancel: after cancel_grace the kernel ends it.
reply=$(ask '{"jsonrpc":"2.0","id":1,"method":"SubmitJob","params":{"idempotency_key":"y","executor":"external"}}')
job=$(jq -r .result.job_id <<<"$reply") token=$(jq -r .result.producer_token <<<"$reply")
append 1 "$running" >/dev/null
ctl cancel "$job" >/dev/null
finish "$job"
expect "state" canceled "$(field "$job" state)"
expect "provenance without a cwd" unknown "$(field "$job" provenance.commit_sha)"
stop
