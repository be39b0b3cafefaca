#!/usr/bin/env bash
# A store that says under way that it has lost a part: nothing that the daemon remembers is shown any more, and
# it goes on with what there is.
. "$(dirname "$0")/lib.sh"

mkdir "$scratch/engine"
sed -i "s|^store:.*|store: { plugin: store-mutant, options: { break: stale, disturbed: $scratch/engine/disturbed } }|" "$scratch/domed.yaml"
sed -i "s|^plugin_path:.*|plugin_path: [$plugins, $store]|" "$scratch/domed.yaml"
start
first=$(ctl health --json | jq -r .epoch)
running=$(submit -- sh -c 'echo begun; exec sleep 98765.4321')
until_output "$running" begun
"$bin/domectl" follow "$running" >"$scratch/followed" 2>&1 & follower=$!

touch "$scratch/engine/disturbed"
ctl list >/dev/null 2>&1 || true  # whoever asks the store first hears of it
for _ in $(seq 300); do
  epoch=$(ctl health --json 2>/dev/null | jq -r .epoch) && [ "$epoch" != "$first" ] && break
  sleep 0.1
done
[ "$epoch" != "$first" ] || fail "the store was not opened anew"
grep -qF "the store is not what was opened any more: it is opened anew" "$scratch/log" || fail "nothing was said"

# Of what is lost nothing is shown, nobody waits for it for ever, and nothing of it runs on.
ctl status "$running" >/dev/null 2>&1 && fail "a job of the old life is still shown"
wait $follower && fail "a follower of a job that is lost ended well"
for _ in $(seq 300); do pgrep -f "sleep 98765.4321" >/dev/null || break; sleep 0.1; done
pgrep -f "sleep 98765.4321" >/dev/null && fail "the command of a lost job runs on"
expect "a new job" "it goes on" "$(ctl run -- echo it goes on)"
