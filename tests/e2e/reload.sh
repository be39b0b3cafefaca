#!/usr/bin/env bash
# A deployment that is read again under way: what can change holds at once, what cannot is named, and a file with a
# problem changes nothing.
. "$(dirname "$0")/lib.sh"

cp "$scratch/domed.yaml" "$scratch/before"
# write SED-SCRIPT: the deployment as it was at first, changed.
write() { sed "$1" "$scratch/before" >"$scratch/next" && mv "$scratch/next" "$scratch/domed.yaml"; }
reload() { ctl reload 2>&1; }
start

expect "nothing" "nothing is new" "$(reload)"
write 's|^jobs: .*|jobs: {allow_ad_hoc: false, max_running: 1, queues: {gpu: 1}, cancel_grace: 1s, drain: 300ms}|
$a tools: [{id: hello, command: [echo, hello]}]'
[[ $(reload) == "new: jobs.max_running, jobs.allow_ad_hoc, jobs.queues, tools" ]] || fail "what is taken: $(reload)"
expect "a new tool" hello "$(ctl run --tool hello)"
[[ $(ctl run -- true 2>&1) == *"runs its tools only"* ]] || fail "a command ran although the deployment allows none any more"
ctl submit --queue gpu --tool hello >/dev/null || fail "a new queue takes no job"
ctl health --all --json | jq -e '.capabilities.features | index("ad-hoc") | not' >/dev/null || fail "the features tell otherwise"

# A raised limit lets those go that wait.
write 's|max_running: 1|max_running: 1|; s|^jobs: .*|jobs: {allow_ad_hoc: true, max_running: 1, cancel_grace: 1s, drain: 300ms}|'
reload >/dev/null
first=$(submit -- sleep 100) second=$(submit -- sleep 100)
[[ $(field "$second" state) == queued ]] || fail "the second job runs beside the first"
write 's|^jobs: .*|jobs: {allow_ad_hoc: true, max_running: 2, cancel_grace: 1s, drain: 300ms}|'
kill -HUP "$daemon"
for _ in $(seq 600); do [ "$(field "$second" state)" = running ] && break; sleep 0.05; done
expect "after a raised limit" running "$(field "$second" state)"
ctl cancel "$first" "$second" >/dev/null; finish "$first"; finish "$second"

# What waits for a restart is named, here and in the log, and exit code 1 tells it too.
write 's|^state_dir: .*|state_dir: '"$scratch"'/elsewhere|; s|^jobs: .*|jobs: {allow_ad_hoc: true, max_running: 3}|'
code=0; said=$(reload) || code=$?
expect "the exit code" 1 "$code"
[[ $said == *"not before a restart: state_dir"* ]] || fail "what waits: $said"
grep -q "not before a restart: state_dir" "$scratch/log" || fail "the log does not tell what waits"
[ -e "$scratch/elsewhere" ] && fail "the other state_dir was made"

# A file with problems: all of them, and nothing has changed.
write 's|^jobs: .*|jobs: {max_running: many, allow_ad_hoc: false}|; $a nonsense: true'
code=0; said=$(reload) || code=$?
[ "$code" -ne 0 ] || fail "a bad file was taken"
[[ $said == *"nothing has changed"*"max_running"*"nonsense"* ]] || fail "the problems: $said"
[[ $said != *x0a* ]] || fail "the problems do not stand in lines: $said"
kill -HUP "$daemon"
for _ in $(seq 600); do [ "$(grep -c "nothing has changed" "$scratch/log")" -ge 2 ] && break; sleep 0.05; done
grep -q "domed.yaml:.*max_running" "$scratch/log" || fail "the log does not tell the problems"
expect "after a bad file" here "$(ctl run -- echo here)"
rm "$scratch/domed.yaml"
reload >/dev/null && fail "a file that is gone was taken"
expect "after a file that is gone" here "$(ctl run -- echo here)"
cp "$scratch/before" "$scratch/domed.yaml"
reload >/dev/null || fail "the first deployment is not taken again"
grep -q '"method":"Reload"' "$scratch/log" || fail "a reload is not audited"

# The log: more of it, elsewhere, and moved away under way; nothing that somebody wrote begins a line of it.
told() { for _ in $(seq 200); do grep -q "$1" "$scratch/own.log" && return; sleep 0.05; done; return 1; }  # behind the answer
write '$a log: {level: debug, to: file, file: '"$scratch"'/own.log}'
expect "another place for the log" "new: log.level, log.to, log.file" "$(reload)"
ctl list >/dev/null
grep -q " debug request ListJobs of uid:.*: ok in " "$scratch/own.log" || fail "requests are not told: $(cat "$scratch/own.log")"
ctl status nobody-has-this >/dev/null 2>&1 || true
grep -q " debug request .*: E_NOT_FOUND in " "$scratch/own.log" || fail "errors of requests are not told"
job=$(submit --name twice -- $'no-such\n2026-01-01T00:00:00.000000Z error forged\e[2J'); finish "$job"
told '"job_id":"'"$job"'","state":"failed","name":"twice"' || fail "the job's end is not told"
! grep -aqE $'^2026-01-01|\e' "$scratch/own.log" || fail "a line is forged"
mv "$scratch/own.log" "$scratch/moved.log"
reload >/dev/null
ctl run -- true
told '"state":"succeeded"' || fail "the log is not opened anew"
write '$a log: {to: file, file: '"$scratch"'/nowhere/own.log}'
said=$(reload || true)
[[ $said == *"nothing has changed"*"there is no directory"* ]] || fail "a log that cannot be opened: $said"

# Roles are taken away from somebody who waits: no line reaches them, and they need not wait on.
stop
"$bin/domectl" token new waiter --out "$scratch/token" >"$scratch/tokens.yaml"; chmod 600 "$scratch/tokens.yaml"
write 's|^control: .*|control: {listen: ["ipc://'"$scratch"'/run/control.ipc", {url: "tcp://127.0.0.1:0", roles: {reader: ["token:*"]}}]}|
$a tokens: tokens.yaml'
start
url=$(grep -oP 'serves \Ktcp://127.0.0.1:[0-9]+' "$scratch/log" | tail -n 1)
job=$(submit -- sleep 100)
until_state() { for _ in $(seq 600); do [ "$(field "$1" state)" = "$2" ] && return; sleep 0.05; done; fail "it is not $2"; }
until_state "$job" running
head=$(field "$job" head_seq)
nngcat --req --dial "$url" --raw --recv-timeout 60 --data '{"jsonrpc":"2.0","id":1,"token":"'"$(cat "$scratch/token")"'","method":"StreamJobEvents","params":{"job_id":"'"$job"'","since_seq":'"$head"',"wait_ms":10000}}' >"$scratch/held" & held=$!
polls() { ask '{"jsonrpc":"2.0","id":1,"method":"Health"}' | jq .result.work.held_polls; }
for _ in $(seq 600); do [ "$(polls)" = 2 ] && break; sleep 0.05; done  # the runner's, and that
write 's|^control: .*|control: {listen: ["ipc://'"$scratch"'/run/control.ipc", {url: "tcp://127.0.0.1:0", roles: {reader: ["token:other"]}}]}|
$a tokens: tokens.yaml'
expect "roles are taken away" "new: control.listen: roles" "$(reload | tail -n 1)"
wait "$held" || fail "who waited is not answered"
expect "who waited is told" E_FORBIDDEN "$(jq -r .error.data.error "$scratch/held")"
ctl cancel "$job" >/dev/null; finish "$job"
stop
