#!/usr/bin/env bash
# What a person sees of jobs: half a screen of one, a list that fits, a log in less.
. "$(dirname "$0")/lib.sh"
export TZ=CET-1
start
. "$(dirname "$0")/screen.sh"
row() { ctl status "$1" | sed -nE "s/^$2 +//p"; }

killed=$(submit --name killer --label a=b --priority 5 -- sh -c 'echo hello; kill -9 $$')
finish "$killed"
expect "how it ended" "failed (signal, SIGKILL): the command was ended by a signal: Killed" "$(row killer state)"
expect "which it is" "$killed (killer)" "$(row killer job)"
expect "its turn" "default, priority 5" "$(row killer queue)"
expect "its label" "a=b" "$(row killer labels)"
grep -qE '^20[0-9-]+ [0-9:]+ CET \([0-9]+s ago\), started after [0-9.]+m?s, took [0-9.]+m?s$' <<<"$(row killer submitted)" || fail "when: $(row killer submitted)"
grep -q '^stdout 1 line (6 B)' <<<"$(row killer output)" || fail "what it wrote: $(row killer output)"
expect "who" "$(ctl whoami --json | jq -r .identity)" "$(row killer by)"
[ "$(ctl status killer | wc -l)" -le 12 ] || fail "more than half a screen: $(ctl status killer)"
ctl status killer --all | grep -q '^digest' || fail "--all does not show all"
held=$(submit --hold -- sh -c 'echo "$DOMED_JOB_ID"')
grep -q 'held until' <<<"$(row "$held" waiting)" || fail "why it waits: $(row "$held" waiting)"
expect "its state" "queued (held)" "$(row "$held" state)"
outside=$(submit --external)
artifact=$(submit -- sh -c "$bin/domectl append --type artifact --payload '{\"kind\":\"binary\",\"path\":\"a.out\",\"bytes\":2048,\"sha256\":\"$(printf '0%.0s' $(seq 64))\"}'; sleep 0")
finish "$artifact"
expect "an artifact" "binary a.out (2.0 KiB)" "$(row "$artifact" artifacts)"

expect "a form of one's own" "killer failed SIGKILL" "$(ctl list --name killer --format '{name} {state} {code}')"
code=0; ctl list --format '{colour}' 2>"$scratch/err" || code=$?
grep -q 'there is no {colour}' "$scratch/err" || fail "it says: $(cat "$scratch/err")"
code=0; ctl list --columns id,colour 2>"$scratch/err" || code=$?
grep -q "there is no 'colour'" "$scratch/err" || fail "it says: $(cat "$scratch/err")"
newest_first=$(ctl list --format '{id}')
expect "the other way round" "$newest_first" "$(ctl list --reverse --format '{id}' | tac)"
expect "the oldest alone" "$killed" "$(ctl list --sort created --reverse --limit 1 --format '{id}')"
expect "what is not over first" "queued held failed succeeded" "$(ctl list --sort state --format '{state}' | paste -sd' ')"
code=0; ctl list --sort colour 2>"$scratch/err" || code=$?
grep -q 'created' "$scratch/err" || fail "it says: $(cat "$scratch/err")"
expect "the list in a pipe has whole ids" "$killed" "$(ctl list --name killer --columns id | tail -n 1)"
expect "in JSON as it was" "$killed" "$(ctl list --name killer --json | jq -r .job_id)"

# Windows of three sizes, with a name that is wide.
submit --name "夜間のとても長い名前のビルドとテスト" -- echo "a command that is far longer than a window of sixty columns is wide, and further than that" >/dev/null
cat >"$scratch/looker" <<SH
export DOMED_ENDPOINT=$DOMED_ENDPOINT TERM=xterm
while read line; do clear; $bin/domectl list; echo "that was \$line"; done
SH
tm -u -f /dev/null new-session -d -x 200 -y 30 "sh $scratch/looker"
for width in 60 100 200; do
  tm resize-window -x $width -y 30
  tm send-keys $width Enter
  until_screen "^that was $width"
  expect "lines at $width" "$(($(ctl list --json | wc -l) + 2))" "$(screen | grep -c .)"
  screen | grep -q "^${killed:0:8}.* failed .*SIGKILL" || [ $width = 60 ] || fail "at $width: $(screen)"
done
tm kill-server

# Paged as it is read.
long=$(submit --name long -- seq 100000)
ctl wait "$long" >/dev/null
cat >"$scratch/reader" <<SH
export DOMED_ENDPOINT=$DOMED_ENDPOINT TERM=xterm
$bin/domectl less long
echo "it gave \$?"
$bin/domectl less nowhere
echo "and \$?"
read line
$bin/domectl less long --tail 2
read line
SH
tm -f /dev/null new-session -d -x 80 -y 24 "sh $scratch/reader"
until_screen '^23$'
expect "the first line" 1 "$(screen | head -n 1)"
tm send-keys G
until_screen '^100000$'
tm send-keys q
until_screen "no job 'nowhere'"
until_screen '^and 1'
tm send-keys Enter
until_screen '^99999$'
expect "of the end alone" "99999 100000" "$(screen | grep -E '^[0-9]+$' | head -n 2 | paste -sd' ')"
tm send-keys q
code=0; ctl less long 2>"$scratch/err" || code=$?
grep -q "'less' needs a terminal" "$scratch/err" || fail "it says: $(cat "$scratch/err")"
tm kill-server

# A line that is drawn step by step, each step an event of its own, is one line.
mkfifo "$scratch/step1" "$scratch/step2"  # one for each: a writer that is not gone yet would end the next read
bar=$(submit --name bar -- sh -c 'printf "10%%\r"; read line <"$0"1; printf "20%%\r"; read line <"$0"2; echo 100%' "$scratch/step")
until_output "$bar" '10%'
echo go >"$scratch/step1"
until_output "$bar" '20%'
cat >"$scratch/reader" <<SH
export DOMED_ENDPOINT=$DOMED_ENDPOINT TERM=xterm
$bin/domectl logs -f bar
echo "it gave \$?"
read line
SH
tm -f /dev/null new-session -d -x 80 -y 24 "sh $scratch/reader"
until_screen '^20%$'
echo go >"$scratch/step2"
until_screen '^it gave 0'
expect "what the screen shows" "100%|it gave 0" "$(screen | grep . | paste -sd'|')"
expect "what a pager gets" "100%" "$(ctl logs bar --for-pager)"
expect "what a pipe gets" 13 "$(ctl logs bar | wc -c)"
ctl cancel "$held" "$outside" >/dev/null
stop
