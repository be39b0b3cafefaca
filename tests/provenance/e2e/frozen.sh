#!/usr/bin/env bash
# What a job was made from stays as it was seen: after later commits, a restart, and in another store.
. "$(dirname "$0")/lib.sh"
start
repository "$scratch/r"
commit=$(git -C "$scratch/r" rev-parse HEAD)
job=$(submit --cwd "$scratch/r" -- sh -c 'echo two >>a')
finish "$job"
ctl status "$job" --json >"$scratch/before"
expect "the commit" "$commit" "$(field "$job" provenance.commit_sha)"
expect "the dirty flag at the start" false "$(field "$job" provenance.dirty_flag)"
expect "drift" true "$(field "$job" drift)"
expect "what moved" '["changed_files","diff_sha256","dirty_flag"]' "$(ctl status "$job" --json | jq -c '.provenance_end.moved|sort')"
ctl provenance "$job" | grep '^moved .*"changed_files"' >/dev/null || fail "what moved is not shown"
[ "$(field "$job" provenance.env_fingerprint_hash | wc -c)" = 65 ] || fail "no fingerprint"
for i in $(seq 100); do git -C "$scratch/r" commit -q --allow-empty -m "$i"; done
ctl status "$job" --json | cmp - "$scratch/before" || fail "later commits changed the status"
if [ "$store" = store-sqlite ]; then
  stop; start
  ctl status "$job" --json | cmp - "$scratch/before" || fail "a restart changed the status"
fi
ctl export "$job" -o "$scratch/export"
stop
other=store-memory; [ "$store" = store-memory ] && other=store-sqlite
sed -i "s/^store: .*/store: { plugin: $other }/; s#^state_dir: .*#state_dir: $scratch/other#" "$scratch/domed.yaml"
start
ctl import "$scratch/export" >/dev/null
ctl status "$job" --json | jq -cj "del(.imported)" | cmp - <(jq -cj . "$scratch/before") ||
  fail "another store has another status, its mark aside"
ctl verify "$job" >/dev/null || fail "another store has another log"
stop
