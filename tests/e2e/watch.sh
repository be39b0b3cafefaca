#!/usr/bin/env bash
# 'list --watch' shows what there is on any window and does what its keys say; 'attach' takes up a job's terminal.
. "$(dirname "$0")/lib.sh"
sed -i 's/jobs: {/jobs: { max_running: 3,/' "$scratch/domed.yaml"
start
. "$(dirname "$0")/screen.sh"
screen_options=(-u)
# Commands without '--', and what could be meant in two ways.
expect "a command" "hello -n" "$(ctl run --name greeting echo hello -n)"
code=0; ctl run ls --json 2>"$scratch/err" || code=$?
expect "two meanings" 125 $code
grep -q "'--json' behind 'ls' may be meant for it" "$scratch/err" || fail "it says: $(cat "$scratch/err")"

cat >"$scratch/full" <<'SH'
#!/bin/sh
paint() { printf '\033[H\033[2Jtop left\033[12;30Hmiddle\033[20;60H%s' "$(stty size)"; }
trap paint WINCH
stty raw -echo
printf '\033[?1049h'
paint
while key=$(dd bs=1 count=1 2>/dev/null); do
  case $key in
    q) trap - WINCH; break ;;  # a late one would be painted on the screen below
    ?) printf '\033[2;1Hkey %s' "$key" ;;
  esac
done
printf '\033[?1049l'
stty sane
exit 7
SH
for name in 夜間のビルド second; do ctl submit --name "$name" -- sh -c 'while :; do echo tick; sleep 0.2; done' >/dev/null; done
full=$(submit --tty --name full sh "$scratch/full")
ctl submit --name waits --hold true >/dev/null
cat >"$scratch/person" <<SH
export DOMED_ENDPOINT=$DOMED_ENDPOINT TERM=screen
$bin/domectl list --watch
echo "left with \$?"
$bin/domectl attach full
echo "attached \$?"
read line
$bin/domectl attach full
echo "at its end \$?"
read line
SH
tm -f /dev/null new-session -d -x 100 -y 20 "sh $scratch/person"
until_screen '3 running, 1 held, 1 succeeded; by created'
until_screen 'waits: it is held'
for width in 60 200; do
  tm resize-window -x $width -y 20
  until_screen '^q leave'
  until_screen '夜間'
done
tm send-keys Down Down
until_screen '^[0-9a-f]{32}: sh -c while'
tm send-keys p
until_screen '1 paused'
tm send-keys p
until_screen '3 running'
tm send-keys c
until_screen '^cancel [0-9a-f]{8} \(second\)\? \[y/N\]'
tm send-keys y
until_screen '1 canceled'
expect "what was canceled" canceled "$(ctl list --name second --format '{state}')"
tm send-keys /
until_screen '^/_'
tm send-keys 夜間 Enter
until_screen "1 with '夜間'"
tm send-keys Enter
until_screen 'stdout +tick'
tm send-keys C-c
until_screen 'any key goes back'
tm send-keys x
until_screen "1 with '夜間'"
tm send-keys q
# The terminal of a job: painted anew, left, and taken up again.
until_screen '^top left'
tm send-keys x
until_screen '^key x'
tm send-keys Enter '~.'
until_screen '^attached 0'
screen | grep -q '^left with 0' || fail "the list was not left: $(screen)"
screen | grep -q 'come back with: domectl attach' || fail "it does not say how to come back: $(screen)"
tm send-keys Enter
until_screen '^top left'
tm send-keys q
until_screen '^at its end 7'
finish "$full"
code=0; ctl attach full 2>"$scratch/err" || code=$?
expect "without a terminal" 125 $code
stop
