#!/usr/bin/env bash
# A job that fails is tried again, each attempt a job of its own, over restarts of the daemon too.
. "$(dirname "$0")/lib.sh"
start
# It fails twice; the third attempt succeeds.
code=0; ctl run --attempts 5 --backoff 50ms --label "case=third" -- sh -c 'echo x >>"$0"; echo "try $(wc -l <"$0")"; [ $(wc -l <"$0") -ge 3 ]' "$scratch/tries" >"$scratch/out" 2>"$scratch/err" || code=$?
expect "exit code of the last attempt" 0 "$code"
expect "output" "try 1 try 2 try 3" "$(tr '\n' ' ' <"$scratch/out" | sed 's/ $//')"
ctl list --label case=third --json >"$scratch/jobs"
expect "attempts" "succeeded failed failed" "$(jq -r .state "$scratch/jobs" | tr '\n' ' ' | sed 's/ $//')"
expect "attempts left" "3 4 5" "$(jq -r .retry.max_attempts "$scratch/jobs" | tr '\n' ' ' | sed 's/ $//')"
expect "retry_of" "$(sed -n '2,3p' "$scratch/jobs" | jq -r .job_id)" "$(sed -n '1,2p' "$scratch/jobs" | jq -r .retry_of)"
first=$(tail -n 1 "$scratch/jobs" | jq -r .job_id)
expect "what the log says before its end" "retry state_change" "$(ctl follow "$first" --json | tail -n 2 | jq -r .type | tr '\n' ' ' | sed 's/ $//')"

expect "what a wait for the first one tells" "$first succeeded (last attempt: $(head -n 1 "$scratch/jobs" | jq -r .job_id))" "$(ctl wait "$first")"

# No more attempts than it may have, and none of a job that was canceled.
code=0; ctl run --attempts 2 --label case=never -- sh -c 'exit 7' 2>/dev/null || code=$?
expect "exit code" 7 "$code"
expect "attempts" 2 "$(ctl list --label case=never --json | wc -l)"
job=$(submit --attempts 3 --label case=canceled -- sh -c 'trap "exit 1" TERM; echo ready; while :; do sleep 0.05; done')
until_output "$job" '"text":"ready"'
ctl cancel "$job" >/dev/null
finish "$job"
expect "attempts of a canceled job" canceled "$(ctl list --label case=canceled --json | jq -r .state)"

# The next attempt waits for its time, can be canceled, and survives the daemon.
job=$(submit --attempts 2 --backoff 1h -- false)
finish "$job"
next=$(ctl follow "$job" --json | jq -r 'select(.type=="retry").payload.job_id')
if [ "$store" = store-sqlite ]; then kill -9 "$daemon"; wait "$daemon" 2>/dev/null || true; start; fi
until ctl status "$next" >/dev/null 2>&1; do sleep 0.05; done
expect "an attempt whose time has not come" queued "$(field "$next" state)"
ctl cancel "$next" >/dev/null
expect "it canceled" canceled "$(field "$next" state)"

# A cancel of the job that failed is one of its next attempt.
job=$(submit --attempts 2 --backoff 1h -- false)
finish "$job"
next=$(ctl follow "$job" --json | jq -r 'select(.type=="retry").payload.job_id')
expect "what a cancel says" "already failed; its retry, job $next, is canceled" "$(ctl cancel "$job")"
if [ "$store" = store-sqlite ]; then stop; start; fi
expect "the attempt" "canceled null" "$(field "$next" state) $(field "$next" started_at)"
stop
