#!/usr/bin/env bash
# Jobs run in their turn: priorities, held jobs, dependencies, named queues, retries, waits.
. "$(dirname "$0")/lib.sh"
sed -i 's/allow_ad_hoc: true/allow_ad_hoc: true, max_running: 1, queues: {builds: 1}/' "$scratch/domed.yaml"
start
mkfifo "$scratch/go"
gate=$(submit -- sh -c 'echo ready; read line <"$0"' "$scratch/go")
until_output "$gate" '"text":"ready"'
say() { echo "echo $1 >>$scratch/order"; }
low=$(submit --priority -5 -- sh -c "$(say low)")
plain=$(submit -- sh -c "$(say plain)")
high=$(submit --priority 5 --queue builds -- sh -c "$(say high)")
held=$(submit --hold -- sh -c "$(say held)")
after=$(submit --after "$low" --priority 50 -- sh -c "$(say after)")
bad=$(submit -- sh -c 'echo words; echo reasons >&2; exit 3')
never=$(submit --after "$bad" --priority 50 -- sh -c "$(say never)")
ctl hold "$plain" --reason "not yet" >/dev/null
expect "a job that was submitted held" true "$(field "$held" held)"
expect "a job that was held later" "true not yet" "$(field "$plain" held) $(ctl follow "$plain" --no-follow --json | jq -r 'select(.type=="held").payload.reason')"
waits() { grep -qF "$2" <<<"$(field "$1" waiting)" || fail "not '$2' but '$(field "$1" waiting)'"; }
later=$(submit --not-before 1h -- true)
waits "$low" "the one slot of the daemon (jobs.max_running) is taken"
waits "$held" "it is held until it is released"
waits "$after" "it needs the success of job $low"
waits "$later" "its time has not come: not before 2"
waits "$(submit --external)" "its producer has not reported yet"
expect "why a job that runs waits" null "$(field "$gate" waiting)"
expect "who has the slot, and how many come first" "$gate 2" "$(field "$low" 'slots_of[0]') $(field "$low" ahead)"
grep -q "^behind *those that run: ${gate:0:8}; 2 jobs that come first$" <<<"$(ctl status "$low")" || fail "domectl status does not say who comes first: $(ctl status "$low")"
grep -q "^ *waiting.*held until" <<<"$(ctl status "$held")" || fail "domectl status does not say why"
ctl cancel "$later" >/dev/null
echo go >"$scratch/go"
ctl wait "$high" "$low" "$after" >/dev/null || fail "not all of them succeeded"
finish "$never"
expect "order" "high low after" "$(tr '\n' ' ' <"$scratch/order" | sed 's/ $//')"
expect "a job whose dependency failed" "failed dependency null" "$(field "$never" state) $(field "$never" reason) $(field "$never" started_at)"
expect "held jobs" "queued queued" "$(field "$plain" state) $(field "$held" state)"
ctl release "$held" >/dev/null
ctl wait "$held" >/dev/null || fail "a released job did not succeed"
expect "events of a held job" "queued held released assigned provenance running" \
  "$(ctl follow "$held" --json | head -n 6 | jq -r 'if .type=="state_change" then .payload.to else .type end' | tr '\n' ' ' | sed 's/ $//')"
expect "those of a queue" "$high" "$(ctl list --queue builds --format '{id}')"
expect "those of none" 0 "$(ctl list --queue default --format '{id}' | grep -c "$high")"
ctl wait --started "$high" >/dev/null || fail "a job that has run has not started"
code=0; ctl wait --started "$never" >/dev/null || code=$?
[ $code -ne 0 ] || fail "a job that never ran has started"
code=0; ctl wait --started "$plain" --timeout 0.2s 2>"$scratch/err" || code=$?
expect "a wait for a start that takes too long" "124 1" "$code $(grep -c 'has not started in time' "$scratch/err")"
code=0; ctl hold "$low" 2>"$scratch/err" || code=$?
grep -q E_INVALID_TRANSITION "$scratch/err" || fail "a finished job was held"
code=0; ctl submit --queue nowhere -- true 2>"$scratch/err" || code=$?
grep -q "there are builds, default" "$scratch/err" || fail "an unknown queue: $(cat "$scratch/err")"

# A retry is a job of its own, once for each key.
rm -f "$scratch/go"; mkfifo "$scratch/go"
gate=$(submit --hold -- sh -c 'read line <"$0"' "$scratch/go")
ctl wait --started "$gate" >"$scratch/out" &
waiter=$!
ctl release "$gate" >/dev/null
wait "$waiter" || fail "the wait for a start failed"
expect "what it says" "$gate running" "$(cat "$scratch/out")"
echo go >"$scratch/go"
finish "$gate"
again=$(ctl retry "$bad" --key again)
expect "the same retry" "$again" "$(ctl retry "$bad" --key again)"
code=0; ctl wait "$again" >"$scratch/out" || code=$?
expect "a wait's exit code" 3 "$code"
expect "retry_of" "$bad" "$(field "$again" retry_of)"
expect "a stream of its log" reasons "$(ctl logs "$again" --stream stderr)"
expect "nothing that is so new" "" "$(ctl logs "$again" --since 2999-01-01T00:00:00Z)"
code=0; ctl wait "$plain" --timeout 0.2s 2>/dev/null || code=$?
expect "a wait that takes too long" 124 "$code"

# What waits, and how, survives a restart.
stop
start
if [ "$store" = store-sqlite ]; then
  expect "after a restart" "queued true" "$(field "$plain" state) $(field "$plain" held)"
  ctl release "$plain" >/dev/null
  ctl wait "$plain" >/dev/null || fail "a job that was held over a restart did not succeed"
fi
stop
