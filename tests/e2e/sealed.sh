#!/usr/bin/env bash
# What a deployment with a store_key keeps shows no secret on disk, and reads as ever; without the key, or with another one, the
# daemon says which it wants; a key is followed by another.
. "$(dirname "$0")/lib.sh"
said() { "$@" 2>&1 || true; }
key() { (umask 077; openssl rand -hex 32 >"$scratch/$1.key"); }
use() { sed -i '/^store_key:/d' "$scratch/domed.yaml"; [ -z "${1:-}" ] || echo "store_key: $1.key" >>"$scratch/domed.yaml"; }
check() { said "$bin/domed" --check --config "$scratch/domed.yaml"; }
on_disk() { grep -rqaF -- "$1" "$scratch"/state/*.db*; }
key first; key second
secret=value-of-$$-never-shown input=input-of-$$-never-shown

# Without a key all stands there, so that the search below means something.
start
open=$(submit --hold --env "A=open-$secret" -- true)
stop
on_disk "open-$secret" || fail "nothing is found on disk, not even what is not sealed"
use first
id=$(check | grep -oE 'with the key [0-9a-f]{16}' | grep -oE '[0-9a-f]{16}') || fail "--check does not say by which key: $(check)"
start
job=$(printf %s "$input" | ctl submit --stdin - --env "A=$secret" -- sh -c 'echo "it is $A"; cat' | grep -oE '[0-9a-f]{32}' | head -n 1)
waits=$(submit --hold --env "A=$secret" -- sh -c 'echo "still $A"')
finish "$job"
ctl logs "$job" | grep -q "it is $secret" || fail "the command has not the value: $(ctl logs "$job")"
ctl logs "$job" | grep -q "$input" || fail "the command has not its input"
again=$(ctl retry "$job" | grep -oE '[0-9a-f]{32}' | tail -n 1)
finish "$again"
ctl logs "$again" | grep -q "it is $secret" || fail "the retry has not the value"
ctl release "$open" >/dev/null; finish "$open"
expect "a job of before the key" succeeded "$(field "$open" state)"
ctl export "$job" | grep -q sealed && fail "an export has what is sealed"
stop
# Output is not sealed: what the commands wrote is not looked for.
for text in "\"A\":\"$secret" "$(printf %s "$input" | base64)"; do ! on_disk "$text" || fail "'$text' stands on disk"; done
on_disk '{"sealed":"1:'"$id:" || fail "nothing on disk is sealed"
"$bin/domed" --check-store --config "$scratch/domed.yaml" 2>&1 | grep -q "records are sealed with the store key $id" || fail "--check-store does not count by key"

# Without it, and with another one.
for other in "" second; do
  use $other
  said timeout 30 "$bin/domed" --config "$scratch/domed.yaml" | grep -q "sealed with the store key $id.*'store_key'" || fail "'$other': the daemon does not say which key it wants"
  said "$bin/domed" --check-store --config "$scratch/domed.yaml" | grep -q "'domed.store'.*$id" || fail "--check-store takes what it cannot open"
done

# One follows the other; what waits wants both.
(umask 077; cat "$scratch/second.key" "$scratch/first.key" >"$scratch/both.key")
use both
start
stop
use second
start
expect "a job whose key is gone" E_STORE "$(error_of '{"jsonrpc":"2.0","id":1,"method":"ReleaseJob","params":{"job_id":"'"$waits"'"}}')"
ctl list --json | grep "$waits" | grep -q "$id" || fail "a list does not say which key it wants"
[ "$(ctl follow "$job" --json | wc -l)" -gt 4 ] || fail "its log cannot be read"
expect "another job" hello "$(ctl run -- echo hello)"
stop
use both
start
ctl release "$waits" >/dev/null
finish "$waits"
ctl logs "$waits" | grep -q "still $secret" || fail "it does not run when its key is back"

# Who else may read the file may have read it.
chmod 640 "$scratch/both.key"
check | grep -q "lets others in: chmod 600" || fail "--check takes a key that others can read"
