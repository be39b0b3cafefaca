#!/usr/bin/env bash
# A job with a terminal looks and feels as if its program ran right here.
. "$(dirname "$0")/lib.sh"
start
. "$(dirname "$0")/screen.sh"
cat >"$scratch/full" <<'SH'
#!/bin/sh
paint() { printf '\033[H\033[2Jtop left\033[12;30Hmiddle\033[20;60H%s' "$(stty size)"; }
trap paint WINCH
stty raw -echo
printf '\033[?1049h'
paint
while key=$(dd bs=1 count=1 2>/dev/null); do
  case $key in
    q) break ;;
    ?) printf '\033[2;1Hkey %s' "$key" ;;
  esac
done
printf '\033[?1049l'
stty sane
exit 7
SH
chmod +x "$scratch/full"
cat >"$scratch/person" <<SH
export DOMED_ENDPOINT=$DOMED_ENDPOINT
echo before
$bin/domectl run --tty -- $scratch/full
echo "it gave \$?"
$bin/domectl run --tty -- sh -c 'for i in 1 2 3; do printf "\\rstep %s of 3" \$i; done; echo; echo over'
$bin/domectl run --tty -- sh -c 'echo "name?"; read name; echo "hi \$name"; exec cat'
echo "left with \$?"
read line
SH
tm -f /dev/null new-session -d -x 80 -y 24 "sh $scratch/person"
until_screen '24 80$'
expect "the first line" "top left" "$(screen | sed -n 1p)"
expect "a place on the screen" "                             middle" "$(screen | sed -n 12p)"
tm send-keys x
until_screen '^key x'
tm resize-window -x 100 -y 30
tm send-keys y  # the shell looks at its traps after that
until_screen '30 100$'
tm send-keys q
until_screen '^name\?'
expect "the screen afterwards" "before|it gave 7|step 3 of 3|over|name?" "$(screen | sed '/^$/d' | paste -sd'|')"
tm send-keys Ann Enter
until_screen '^hi Ann'
tm send-keys Enter '~.'
until_screen '^left with 130'
screen | grep -q 'resume with: domectl follow' || fail "it does not say how to resume: $(screen)"
job=$(ctl list --state running --json | jq -r .job_id)
# A progress bar fits the window, and leaves nothing behind when the window gets narrower.
cat >"$scratch/bar" <<SH
#!/bin/sh
$bin/domectl append --type progress --payload '{"value":0.5,"message":"a message that is far longer than this window is wide, and further"}'
until [ -e $scratch/narrow ]; do sleep 0.05; done
$bin/domectl append --type progress --payload '{"value":0.6,"message":"a message that is far longer than this window is wide, and further"}'
until [ -e $scratch/over ]; do sleep 0.05; done
echo the end
SH
cat >"$scratch/looker" <<SH
export DOMED_ENDPOINT=$DOMED_ENDPOINT
cd /
$bin/domectl run -- sh $scratch/bar
echo "it gave \$?"
job=\$($bin/domectl submit -- sh -c 'printf "10%%\\r20%%\\r30%%\\n\\033[31mred\\033[0m \\033[2Jclear\\n"; exit 3')
$bin/domectl follow \$job
$bin/domectl logs \$job
echo "that was all"
read line
SH
tm new-window "sh $scratch/looker"
tm resize-window -x 60 -y 30
until_screen '^\[#+-+\]  50% a message'
tm resize-window -x 30 -y 30
touch "$scratch/narrow"
until_screen '^\[#+'
touch "$scratch/over"
until_screen '^it gave 0'
expect "the screen after a bar" "the end|it gave 0" "$(screen | sed '/^$/d' | head -n 2 | paste -sd'|')"
tm resize-window -x 90 -y 30
until_screen '^that was all'
expect "what was overwritten, and what steers" "30%|red \\x1b[2Jclear" "$(screen | grep -B2 '^that was' | head -n 2 | paste -sd'|')"
screen | grep -qE '^[0-9:.]+ stdout +30%$' || fail "the follow: $(screen)"
expect "lines of provenance at the end" 1 "$(screen | grep -c provenance_end)"
ctl cancel "$job" >/dev/null
finish "$job"
expect "the job that was left alone" canceled "$(field "$job" state)"
stop
