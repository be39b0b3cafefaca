#!/usr/bin/env bash
# A daemon that drains lets what runs come to its end, and starts nothing more.
. "$(dirname "$0")/lib.sh"
sed -i 's/allow_ad_hoc: true/allow_ad_hoc: true, max_running: 1, shutdown: drain/' "$scratch/domed.yaml"
start
mkfifo "$scratch/go"
first=$(submit -- sh -c 'echo ready; read line <"$0"; touch "$1"' "$scratch/go" "$scratch/ended")
second=$(submit -- touch "$scratch/ran")
until_output "$first" '"text":"ready"'
kill "$daemon"
until grep -q "waiting for the running jobs" "$scratch/log"; do sleep 0.05; done
echo go >"$scratch/go"
wait "$daemon"; daemon=
[ -e "$scratch/ended" ] || fail "the daemon did not wait for the job"
[ ! -e "$scratch/ran" ] || fail "a queued job was started while draining"

# A second signal ends the drain; the job goes on.
start
if [ "$store" = store-sqlite ]; then
  expect "the end" succeeded "$(field "$first" state)"
  ctl wait "$second" >/dev/null || fail "the queued job was not run by the next daemon"
  third=$(submit -- sh -c 'echo ready; read line <"$0"' "$scratch/go")
  until_output "$third" '"text":"ready"'
  kill "$daemon"
  until [ "$(grep -c "waiting for the running jobs" "$scratch/log")" = 2 ]; do sleep 0.05; done
  kill "$daemon"
  wait "$daemon"; daemon=
  start
  echo go >"$scratch/go"
  ctl wait "$third" >/dev/null || fail "the job did not survive the daemon"
fi

# It waits for no collector, however much time that may take.
stop
mkdir "$scratch/slow"
cat >"$scratch/slow/git" <<SH
#!/bin/sh
case "\$*" in *version*) exec $(command -v git) --version ;; esac
echo \$\$ >$scratch/git
exec /bin/sleep 1000
SH
chmod +x "$scratch/slow/git"
sed -i 's/provenance-git }/provenance-git, options: { timeout: 5m } }/; s/shutdown: drain/shutdown: leave/' "$scratch/domed.yaml"
PATH=$scratch/slow:$PATH start
job=$(submit -- true)
until [ -s "$scratch/git" ]; do sleep 0.05; done
stop
kill "$(cat "$scratch/git")"
start
if [ "$store" = store-sqlite ]; then
  ctl wait "$job" >/dev/null || fail "a job that was not started by one daemon was not by the next"
  expect "its provenance" no "$(ctl status "$job" --json | jq -r '.provenance.commit_sha_reason // "" | if test("waited") then "yes" else "no" end')"
fi

# What was left out of the audit is told at the end; a change when it is committed, and not when a
# daemon that is killed meanwhile would have answered.
for _ in 1 2 3; do
  expect "a cancel of nothing" E_NOT_FOUND "$(error_of '{"jsonrpc":"2.0","id":1,"method":"CancelJob","params":{"job_id":"nothing"}}')"
done
stop
grep -q '"outcome":"failed","untold":2' "$scratch/log" || fail "what was left out is lost"
start
ctl submit --wait 10s --key waits -- sleep 1000 >/dev/null 2>&1 & waits=$!
until grep -q '"method":"SubmitJob".*"outcome":"ok"' <(tail -n 5 "$scratch/log"); do
  kill -0 $waits 2>/dev/null || fail "a submit that waits is not told when it is committed"
  sleep 0.05
done
kill -9 "$daemon"; wait "$daemon" 2>/dev/null || true; daemon=
kill $waits 2>/dev/null || true; wait $waits 2>/dev/null || true
start

# Nothing that lies in the current directory is used unless a deployment says so.
mkdir -p "$scratch/checkout/plugins"
printf 'name: evil\n' >"$scratch/checkout/plugins/evil.yaml"
! (cd "$scratch/checkout" && "$bin/domed" --list-plugins | grep evil) || fail "--list-plugins looks here"
! (cd "$scratch/checkout" && "$bin/domed" --explain evil >/dev/null 2>&1) || fail "--explain looks here"

# --check shows every library that cannot be used, each with its place.
mkdir "$scratch/broken"
for name in "$store" provenance-git; do
  cp "$plugins/$name.yaml" "$scratch/broken"
  echo rubbish >"$scratch/broken/$name.so"
done
sed "s#^plugin_path: .*#plugin_path: [$scratch/broken]#" "$scratch/domed.yaml" >"$scratch/broken.yaml"
code=0; "$bin/domed" --check --config "$scratch/broken.yaml" >"$scratch/out" 2>&1 || code=$?
expect "--check's exit code" 1 "$code"
expect "unusable libraries" 2 "$(grep -cE '^.*broken.yaml:[0-9]+:[0-9]+: ' "$scratch/out")"
sed 's/^state_dir/sate_dir/' "$scratch/domed.yaml" >"$scratch/bad.yaml"
code=0; "$bin/domed" --config "$scratch/bad.yaml" >"$scratch/out" 2>&1 || code=$?
head -n 1 "$scratch/out" | grep -qE "^$scratch/bad.yaml:[0-9]+:[0-9]+: " || fail "the first line is $(head -n 1 "$scratch/out")"
stop
