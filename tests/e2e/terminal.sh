#!/usr/bin/env bash
# A job with a terminal looks and feels as if its program ran right here.
. "$(dirname "$0")/lib.sh"
start
tm() { tmux -L "domed-$$" "$@"; }
end() { code=$?; tm kill-server 2>/dev/null; (exit $code); cleanup; }
trap end EXIT
screen() { tm capture-pane -p "$@"; }
# Waits until the screen shows what matches.
until_screen() {
  for _ in $(seq 300); do
    screen | grep -qE "$1" && return
    sleep 0.1
  done
  fail "the screen does not show $1: $(screen)"
}
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
ctl cancel "$job" >/dev/null
finish "$job"
expect "the job that was left alone" canceled "$(field "$job" state)"
stop
