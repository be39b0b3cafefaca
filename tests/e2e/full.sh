#!/usr/bin/env bash
# A disk without room: everybody is told what is wrong, nothing is lost, and all goes on when there is room.
. "$(dirname "$0")/lib.sh"

if [ "$store" != store-sqlite ]; then echo "SKIPPED: $store keeps nothing on a disk"; exit 0; fi
mkdir "$scratch/state"
if ! mount -t tmpfs -o size=6m,mode=700 tmpfs "$scratch/state" 2>/dev/null; then
  echo "SKIPPED: a small disk of its own needs the right to mount"
  exit 0
fi
leave() {
  status=$?
  set +e
  [ $status -ne 0 ] && tail -50 "$scratch/log" >&2
  touch "$scratch/room"
  rm -f "$scratch/state/ballast"
  kill ${filler:-} ${submitter:-} ${other:-} 2>/dev/null
  end_jobs
  [ -n "$daemon" ] && kill "$daemon" 2>/dev/null && wait "$daemon"
  umount -l "$scratch/state"
  rm -rf "$scratch"
  exit $status
}
trap leave EXIT
said() { for _ in $(seq 200); do grep -qF "$1" "$2" && return; sleep 0.05; done; fail "'$1' is not in: $(cat "$2")"; }

start
mkfifo "$scratch/go"
sleeper=$(submit -- sh -c 'echo ready; read -r line <"'"$scratch"'/go"; echo "it said $line"')
waiting=$(submit --hold -- echo released)
until_output "$sleeper" '"text":"ready"'  # all that its runner writes of it is written
# Whatever room the database makes when it fails is taken at once.
while [ -d "$scratch/state" ] && [ ! -e "$scratch/room" ]; do
  dd if=/dev/zero bs=4k >>"$scratch/state/ballast" 2>/dev/null || sleep 0.02
done & filler=$!

# Who submits is told within two seconds what is waited for, and can be ended.
head -c 500000 /dev/zero >"$scratch/large"  # a small request might still find room
"$bin/domectl" submit --stdin "$scratch/large" -- wc -c 2>"$scratch/told" >"$scratch/late" & submitter=$!
said "trying again: the store failed: $scratch/state/domed.db: database or disk is full" "$scratch/told"
"$bin/domectl" submit --stdin "$scratch/large" -- echo never 2>/dev/null & other=$!
kill -TERM $other
wait $other && fail "TERM did not end a client that waits"
ctl health >"$scratch/health" && fail "health finds nothing wrong"
said "trouble   store, for " "$scratch/health"
expect "lines in the log" 1 "$(grep -c 'error store: .*is full' "$scratch/log")"

# What is queued stays queued; nothing is left of attempts to start it.
expect state queued "$(field "$waiting" state)"
expect leftovers "" "$(find "$scratch/state/runs" -name '*.new')"

touch "$scratch/room"
wait $filler || true
rm "$scratch/state/ballast"
wait $submitter || fail "the submission did not go on"
said "the daemon goes on" "$scratch/told"
said "store: works again, after " "$scratch/log"
ctl health >/dev/null || fail "health is not well again"
ctl release "$waiting"
echo word >"$scratch/go"
for job in "$waiting" "$sleeper" "$(cat "$scratch/late")"; do
  finish "$job"
  expect "state of $job" succeeded "$(field "$job" state)"
  ctl verify "$job" >/dev/null || fail "$job does not verify"
done
expect output $'ready\nit said word' "$(ctl logs "$sleeper")"
