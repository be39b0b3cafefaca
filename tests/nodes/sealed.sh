#!/usr/bin/env bash
# sealed.sh BIN PLUGINS --set url=URL ...: run by with_postgres.sh.  Nodes with one store_key run each other's jobs, of whose
# values the database shows nothing; one with another key, or none, does not start, and --check misses it.
set -uo pipefail
# shellcheck source=tests/nodes/lib.sh
source "$(dirname "$0")/lib.sh"

for name in a b c d; do
  deployment "$name" 20s
  echo "store_key: all.key" >>"$scratch/$name.yaml"
done
(umask 077; openssl rand -hex 32 >"$scratch/all.key"; openssl rand -hex 32 >"$scratch/own.key")
sed -i 's/all.key/own.key/' "$scratch/c.yaml"
sed -i '/^store_key/d' "$scratch/d.yaml"
says() { "$bin/domed" "$@" >"$scratch/said.log" 2>&1; }
secret=value-of-$$-never-shown

says --check --config "$scratch/d.yaml" || complain "--check refuses a deployment without a key"
grep -q "there is no 'store_key'" "$scratch/said.log" || complain "--check does not miss a key"
says --check --config "$scratch/a.yaml" || complain "--check refuses a key"
key=$(grep -oE 'with the key [0-9a-f]{16}' "$scratch/said.log" | grep -oE '[0-9a-f]{16}') || complain "--check does not tell the key"

start a
start b
node_b=$(cat "$scratch/b/node_id")
job=$(submit a submit --node b --env "A=$secret" -- sh -c 'test ${#A} -gt 10')
ctl a follow "$job" >"$scratch/follow.log" 2>&1
[ "$(ctl a status "$job" --json | jq -r .state)" = succeeded ] || complain "the node b has not its value: $(ctl a status "$job" --json)"
[ "$(ctl a status "$job" --json | jq -r .node)" = "$node_b" ] || complain "it ran elsewhere"

for name in c d; do
  says --config "$scratch/$name.yaml" && complain "the node $name is let in"
  grep -q "sealed with the store key $key" "$scratch/said.log" || complain "the node $name does not say which key it lacks"
  ctl a nodes --json | grep -q "\"$name\"" && complain "the others heard of the node $name"
done

if command -v psql >/dev/null; then
  all=$(psql "$url" -Atc "SELECT encode(bytes, 'escape') FROM domed.fixed") || complain "the table cannot be read"
  grep -q "$secret" <<<"$all" && complain "the value stands in the database"
  grep -q "1:$key:" <<<"$all" || complain "nothing in the database is sealed"
fi
echo "sealed for all but its nodes"
