#!/usr/bin/env bash
# Output is searched where it is stored, and shown with what stands around it.
. "$(dirname "$0")/lib.sh"
start
. "$(dirname "$0")/screen.sh"
job=$(submit --name numbers -- seq 1000)
ctl wait "$job" >/dev/null
joined() { paste -sd' '; }
# As grep(1) shows it.
seq 1000 >"$scratch/numbers"
same() { expect "logs $*" "$(grep -E "${@:2}" "$1" "$scratch/numbers" | joined)" "$(ctl logs numbers --grep "$1" "${@:2}" | joined)"; }
same '^12'
same '77$'
same 'none of them'
for around in '-C 1' '-C 2' '-A 3' '-B 3' '-A 1 -B 2' '-A 2 -B 1' '-C 4' '-C 5'; do
  same '^[0-9]*5.?$' $around
  same '[37]0$' $around
done
expect "a text" "" "$(ctl logs numbers --grep '^1' --fixed-strings)"
expect "of those a part" "997 998" "$(ctl logs numbers --grep '^99' --since "$(ctl follow numbers --json | jq -r 'select(.payload.text=="996").seq')" --until "$(ctl follow numbers --json | jq -r 'select(.payload.text=="998").seq')" | joined)"
expect "of the last lines" "995 1000" "$(ctl logs numbers --grep '[05]$' --tail 8 | joined)"
expect "a follow" "$(ctl logs numbers --grep '[37]0$' -C 2 | joined)" "$(ctl follow numbers --grep '[37]0$' -C 2 | joined)"
expect "event lines" "100 200" "$(ctl logs numbers --grep '^[12]00$' --json | jq -r .payload.text | joined)"
code=0; ctl logs numbers --grep '(a' 2>"$scratch/err" || code=$?
expect "a pattern that is none" "2 domectl: --grep '(a' is no regular expression of RE2: missing ): (a" "$code $(cat "$scratch/err")"
code=0; ctl logs numbers -C 1 2>"$scratch/err" || code=$?
grep -q -- '-F, -A, -B and -C go with --grep' "$scratch/err" || fail "it says: $(cat "$scratch/err")"

# Of all jobs that a filter finds, those in which it is found.
for word in apple pear; do ctl run --label fruit=yes --name "$word" -- sh -c "echo an $word; echo a stone" >/dev/null; done
apple=$(ctl list --name apple --format '{id}')
expect "of a filter" "==> $apple (apple) <==|an apple" "$(ctl logs --label fruit=yes --grep apple | paste -sd'|')"
expect "of both" 4 "$(ctl logs --label fruit=yes --grep '^a' | grep -c '^a')"

# What a job says is wrong, by how grave it is.
ill=$(submit -- sh -c 'for level in info warning error; do '"$bin"'/domectl append --type error --payload "{\"level\":\"$level\",\"message\":\"it is $level\"}"; done; '"$bin"'/domectl append --type error --payload "{\"code\":7}"; echo output')
finish "$ill"
expect "from a level on" 'warning: it is warning|error: it is error|error: {"code":7}' "$(ctl logs "$ill" --level warning | paste -sd'|')"
expect "the last of them" 'error: {"code":7}' "$(ctl logs "$ill" --level info --tail 1)"
expect "a follow of them" 2 "$(ctl follow "$ill" --level error --json | jq -r .type | grep -c '^error$')"
code=0; ctl logs "$ill" --level error --grep x 2>"$scratch/err" || code=$?
expect "both at once" 2 $code

# One stream, and what is still to come.
mkfifo "$scratch/go"
live=$(submit -- sh -c 'echo an error >&2; sleep 0.2; echo an error; echo ready; read line <"$0"; echo no more errors; echo fine' "$scratch/go")
until_output "$live" '"text":"ready"'
expect "of one stream" "an error" "$(ctl logs "$live" --grep error --stream stderr)"
ctl logs "$live" -f --grep errors -B 1 >"$scratch/out" & reader=$!
echo go >"$scratch/go"
wait $reader
expect "what came" "ready|no more errors" "$(paste -sd'|' "$scratch/out")"
# What matches is red on a terminal.
cat >"$scratch/person" <<SH
export DOMED_ENDPOINT=$DOMED_ENDPOINT TERM=xterm
$bin/domectl logs numbers --grep 99.
echo "that was all"
read line
SH
tm -f /dev/null new-session -d -x 80 -y 24 "sh $scratch/person"
for _ in $(seq 1200); do tm capture-pane -p | grep -q '^that was all' && break; sleep 0.1; done
tm capture-pane -pe | grep -q $'\033\[1m\033\[31m990' || tm capture-pane -pe | grep -q $'\033\[1;31m990' || fail "it is not red: $(tm capture-pane -pe | cat -v)"
stop
