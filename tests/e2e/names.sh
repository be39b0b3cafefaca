#!/usr/bin/env bash
# Jobs are called by what is short enough to type, one by one or by what they have in common.
. "$(dirname "$0")/lib.sh"
sed -i 's/allow_ad_hoc: true/allow_ad_hoc: true, max_running: 1/' "$scratch/domed.yaml"
start
. "$(dirname "$0")/screen.sh"
id() { ctl status "$1" --json | jq -r .job_id; }

first=$(submit --name nightly -- echo one)
second=$(submit --name nightly --label k=v -- echo two)
third=$(submit -- sh -c 'echo three; exit 3')
ctl wait "$first" "$second" "$third" >/dev/null || true
expect "a job by its beginning" "$first" "$(id "${first:0:10}")"
expect "a job by its name" "$second" "$(id nightly)"
expect "the last" "$third $second" "$(id @last) $(id @last~1)"
expect "its name" nightly "$(field nightly name)"
expect "what it wrote" two "$(ctl logs nightly)"
expect "its events" two "$(ctl follow nightly)"
code=0; ctl wait @last >"$scratch/out" || code=$?
expect "a wait for it" "3 @last failed" "$code $(cat "$scratch/out")"
expect "in JSON" "$third" "$(ctl wait @last --json | jq -r .job_id)"
ctl verify nightly | grep -q '^ok' || fail "verify does not take a name"
ctl export nightly -o "$scratch/copy"
expect "an export's name" nightly "$(head -n 1 "$scratch/copy" | jq -r .record.name)"
ctl delete nightly >/dev/null
expect "the newest of that name now" "$first" "$(id nightly)"

code=0; ctl status nothing 2>"$scratch/err" || code=$?
expect "a job that is not there" 1 "$code"
grep -q "E_NOT_FOUND: no job 'nothing': it is no id" "$scratch/err" || fail "it says: $(cat "$scratch/err")"
code=0; ctl status 00112233445566778899aabbccddeeff 2>"$scratch/err" || code=$?
expect "an id that is not there" 1 "$code"
hex=$(submit --name 00112233445566778899aabbccddeeff -- true)
expect "a name that looks like an id" "$hex" "$(id 00112233445566778899aabbccddeeff)"

# Several at once: one that fails does not keep the others.
finish "$hex"
code=0; ctl status "$first" nowhere "$third" --json >"$scratch/out" 2>"$scratch/err" || code=$?
expect "those that are there" "1 $first $third" "$code $(jq -r .job_id "$scratch/out" | paste -sd' ')"
expect "their output" "==> $first <==|one||==> @last~1 <==|three" "$(ctl logs "$first" @last~1 | paste -sd'|')"

# By what they have in common.  Without a terminal nobody is asked.
mkfifo "$scratch/go"
gate=$(submit -- sh -c 'echo ready; read line <"$0"' "$scratch/go")
until_output "$gate" '"text":"ready"'
for i in 1 2 3; do submit --name "many" --label group=a -- true >/dev/null; done
other=$(submit --label group=b -- true)
expect "listed by name" 3 "$(ctl list --name many --json | wc -l)"
ctl hold --label group=a >"$scratch/out"
expect "held" 3 "$(grep -c '^held' "$scratch/out")"
expect "another" null "$(field "$other" held)"
code=0; ctl cancel "$other" --label group=a 2>"$scratch/err" || code=$?
grep -q "either JOBs, or --label" "$scratch/err" || fail "both were taken: $(cat "$scratch/err")"
code=0; ctl cancel 2>"$scratch/err" || code=$?
grep -q "no JOB: name one or several" "$scratch/err" || fail "none was taken: $(cat "$scratch/err")"
# On a terminal somebody is.
cat >"$scratch/person" <<SH
export DOMED_ENDPOINT=$DOMED_ENDPOINT
$bin/domectl cancel --name many
$bin/domectl cancel --name many
echo "it gave \$?"
read line
SH
tm -f /dev/null new-session -d -x 120 -y 24 "sh $scratch/person"
until_screen 'cancel 3 jobs: .* \(many\), .*\? \[y/N\]'
tm send-keys n Enter
until_screen 'nothing was done'
expect "jobs that were spared" 3 "$(ctl list --name many --state queued --json | wc -l)"
tm send-keys y Enter
until_screen '^it gave 0'
expect "jobs that were not" 3 "$(ctl list --name many --state canceled --json | wc -l)"
echo go >"$scratch/go"
ctl wait --label group=b >/dev/null || fail "the other one did not succeed"
expect "a filter that finds nothing" "domectl: there is no such job" "$(ctl retry --name many 2>&1)"
again=$(ctl retry --state failed)
expect "what failed, tried again" "$third" "$(field "$again" retry_of)"
ctl delete --state canceled --until 0s --yes >/dev/null
expect "those that are left of them" 0 "$(ctl list --state canceled --json | wc -l)"
# Labels add up, as other filters do.
both=$(submit --label k=v --label l=w -- true)
finish "$both"
expect "those that have two labels" "$both" "$(ctl list --label k=v --label l=w --format '{id}')"
expect "by a part of its command" "$third" "$(ctl list --match 'ECHO three; exit' --format '{id}' | tail -n 1)"
expect "events without output" "none 1" "$(ctl follow "$both" --no-output --json | grep '"type":"log"' || echo none) $(ctl follow "$both" --no-output | grep -c 'state_change *succeeded')"
expect "no job has both" "" "$(ctl list --label k=v --label l=x --format '{id}')"
expect "since an hour ago" "$(ctl list --json | wc -l)" "$(ctl list --since -1h --json | wc -l)"
expect "an id and no more" "$(ctl run --detach --name left -- true)" "$(id left)"
finish left
stop
