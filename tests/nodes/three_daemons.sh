#!/usr/bin/env bash
# three_daemons.sh BIN PLUGINS --set url=URL ...: run by with_postgres.sh.  Three nodes on one store: a start ends nothing of
# the others; jobs are spread and run once; a follower, a cancel and a need are served by any node; a daemon that is killed
# and comes back has its runs; while it stays away they go on at another; what dies with it is lost.
set -uo pipefail
# shellcheck source=tests/nodes/lib.sh
source "$(dirname "$0")/lib.sh"

for name in a b c; do deployment "$name" 20s "max_running: 8, queues: { one: 1 }"; done
sed -i 's/^jobs: {/jobs: { serve: [default, gpu],/' "$scratch/c.yaml"
field() { ctl "$1" status "$2" --json | jq -r ".$3"; }
# until_is NODE JOB FIELD VALUE: waits as long as the test may last.
until_is() { until [ "$(field "$1" "$2" "$3")" = "$4" ]; do sleep 0.1; done; }
runs() { pgrep -f -- "$1" >/dev/null; }

start a
node_a=$(cat "$scratch/a/node_id")
mark=$(basename "$scratch")
job=$(submit a submit -- bash -c "exec -a $mark-first sleep 1000")
until_is a "$job" state running

# A start ends nothing of the others.
start b
start c
sleep 1
[ "$(field b "$job" state)" = running ] || complain "the start of another node ended a job"
[ "$(field c "$job" node)" = "$node_a" ] || complain "the job is not the first node's"
runs "$mark-first" || complain "its command does not run any more"

# Spread, and once each.
: >"$scratch/ran"
jobs=()
for i in $(seq 30); do jobs+=("$(submit a submit -- sh -c "sleep 0.5; echo $i >>$scratch/ran")"); done
for one in "${jobs[@]}"; do until_is b "$one" state succeeded; done
[ "$(sort -u "$scratch/ran" | wc -l)" = 30 ] && [ "$(wc -l <"$scratch/ran")" = 30 ] || complain "not every command ran once"
[ "$(for one in "${jobs[@]}"; do field c "$one" node; done | sort -u | wc -l)" -gt 1 ] || complain "one node ran them all"

# What the third one hears of the others it tells how late.
until grep -qE '^watch +the newest notice was [0-9.]+m?s old when it came' <<<"$(ctl c health)"; do sleep 0.1; done
ctl c health --json | jq -e '.watch.lag_ms >= 0 and .passed_over.jobs == 0' >/dev/null || complain "health of c: $(ctl c health --json)"

# A queue's limit holds for all together: who runs has the directory to itself.
jobs=()
for name in a b c a b c; do
  jobs+=("$(submit $name submit --queue one -- sh -c "mkdir $scratch/lock || echo >$scratch/two; sleep 0.2; rmdir $scratch/lock")")
done
for one in "${jobs[@]}"; do until_is b "$one" state succeeded; done
[ -e "$scratch/two" ] && complain "two jobs of a queue with one slot ran at once"
# For a queue that one node serves, and for one node.
one=$(submit a submit --queue gpu -- true)
until_is a "$one" state succeeded
[ "$(field a "$one" node)" = "$(cat "$scratch/c/node_id")" ] || complain "the queue gpu is served by another node"
ctl a submit --queue cpu -- true 2>"$scratch/said.log" && complain "a queue that nobody serves is taken"
grep -q "no node that lives serves the queue 'cpu': there are default, gpu" "$scratch/said.log" || complain "a queue that nobody serves"
for node in b "$(cat "$scratch/b/node_id")"; do
  one=$(submit c submit --node "$node" -- true)
  until_is a "$one" state succeeded
  [ "$(field a "$one" node)" = "$(cat "$scratch/b/node_id")" ] || complain "a job for $node ran elsewhere"
done
one=$(submit a submit --node nobody -- true)
[ "$(field b "$one" waiting)" = "it is for the node nobody, which has never been here: it waits for that" ] || complain "waiting: $(field b "$one" waiting)"
ctl a cancel "$one" >/dev/null

# A node that drains takes nothing, and is told so wherever one asks.
grep -q "a drains" <<<"$(ctl b nodes drain a)" || complain "the node a does not drain"
[ "$(ctl a health --json | jq .work.draining)" = true ] || complain "the health of a draining node does not say so"
jobs=()
for name in a b a b; do jobs+=("$(submit $name submit -- true)"); done
for one in "${jobs[@]}"; do
  until_is b "$one" state succeeded
  [ "$(field b "$one" node)" != "$node_a" ] || complain "a draining node took a job"
done
grep -q "takes jobs again" <<<"$(ctl a nodes undrain a)" || complain "the node a drains for ever"
grep -q "may go on for 1h" <<<"$(ctl b nodes drain c --back-in 1h)" || complain "the node c does not say that it will be back"
ctl b nodes undrain c >/dev/null
[ "$(ctl c nodes --json | jq '.nodes[] | select(.name == "c") | .back_in_s > 3000')" = true ] || complain "a promise is taken back"
[[ $(ctl a nodes forget b --name b 2>&1) == *lives* ]] || complain "a node that lives is forgotten"

# Settings of all nodes: checked as a deployment is, taken by all, in the place of what deployments say.
cat >"$scratch/all.yaml" <<YAML
domed: 1
cluster: { ttl: 4s, lost_after: 30s }
retention: { keep_jobs: 5000 }
mask: ["hush-[a-z]+"]
YAML
printf 'domed: 1\nretention: { keep_job: 1 }\nmask: ["("]\n' >"$scratch/wrong.yaml"
ctl a cluster apply "$scratch/wrong.yaml" 2>"$scratch/said.log" && complain "wrong settings are applied"
grep -q "wrong.yaml:2:14: unknown key 'keep_job' in retention" "$scratch/said.log" && grep -q 'wrong.yaml:3:8: mask' "$scratch/said.log" ||
  complain "what is wrong with settings"
[ "$(ctl b cluster show)" = "# nothing was applied: each node's own deployment holds" ] || complain "wrong settings hold"
ctl a cluster apply "$scratch/all.yaml" >/dev/null || complain "settings are not applied"
ctl b cluster apply --revision 0 "$scratch/all.yaml" 2>"$scratch/said.log" && complain "settings are lost under others"
grep -q 'they are of revision 1, not 0' "$scratch/said.log" || complain "what became of the settings"
[ "$(ctl c cluster show | tail -n +2)" = "$(cat "$scratch/all.yaml")" ] || complain "settings are shown otherwise"
until [ "$(ctl a nodes --json | jq '[.nodes[] | .settings] == [1,1,1]')" = true ]; do sleep 0.2; done
one=$(submit c submit --node b -- echo hush-hush)
until_is c "$one" state succeeded
[ "$(ctl a logs "$one")" = '***' ] || complain "the mask of all nodes does not hold: $(ctl a logs "$one")"
ctl a nodes --json | jq -e '[.nodes[].ttl_ms] == [3000,3000,3000]' >/dev/null || complain "times change under way"
grep -q 'a.yaml:7:17: cluster.ttl does not hold: the settings of all nodes say it, revision 1' <<<"$("$bin/domed" --check --config "$scratch/a.yaml" 2>&1)" ||
  complain "--check: $("$bin/domed" --check --config "$scratch/a.yaml" 2>&1)"
grep -q 'this node acts on revision 1 of the settings of all nodes' "$scratch/c.log" || complain "the log does not tell of settings"

# Limits of queues among them: in the place of the deployments', at once wherever jobs wait; a lower one ends nothing, and of
# a queue that is taken away the jobs wait.
# limit LIMITS: applied, and taken by all.
limit() {
  { cat "$scratch/all.yaml"; echo "jobs: { queues: $1 }"; } >"$scratch/limits.yaml"
  ctl a cluster apply "$scratch/limits.yaml" >"$scratch/said.log" || complain "limits are not applied"
  until_all_act_on "$(grep -oE '[0-9]+' "$scratch/said.log" | head -n 1)"
}
until_all_act_on() { until [ "$(ctl a nodes --json | jq --argjson n "$1" '[.nodes[] | .settings] == [$n,$n,$n]')" = true ]; do sleep 0.1; done; }
running() { ctl a list --queue "$1" --state running --json | wc -l; }
{ cat "$scratch/all.yaml"; echo 'jobs: { max_running: 4, queues: { wide: 2 } }'; } >"$scratch/wrong.yaml"
ctl a cluster apply "$scratch/wrong.yaml" 2>"$scratch/said.log" && complain "what is each node's own is applied to all"
grep -q "wrong.yaml:5:9: jobs.max_running is each node's own" "$scratch/said.log" || complain "what is not of all nodes"
limit '{ one: 1, wide: 2 }'
grep -q "b.yaml:9:.*: jobs.queues does not hold: the settings of all nodes say it, revision 2" <<<"$("$bin/domed" --check --config "$scratch/b.yaml" 2>&1)" ||
  complain "--check: $("$bin/domed" --check --config "$scratch/b.yaml" 2>&1)"
jobs=()
for name in a b a b; do
  jobs+=("$(submit $name submit --queue wide -- sh -c "until [ -e $scratch/wide ]; do sleep 0.1; done")")
done
until [ "$(running wide)" = 2 ]; do sleep 0.1; done
limit '{ one: 1, wide: 3 }'
until [ "$(running wide)" = 3 ]; do sleep 0.1; done
limit '{ one: 1, wide: 1 }'
[ "$(running wide)" = 3 ] || complain "a lower limit ends what runs"
limit '{ one: 1 }'
touch "$scratch/wide"
for one in "${jobs[@]}"; do
  until [[ "$(field b "$one" state)" = succeeded || "$(field b "$one" waiting)" == *"does not serve the queue 'wide'"* ]]; do sleep 0.1; done
  [ "$(field b "$one" state)" = succeeded ] || waits=$one
done
[[ -n "${waits-}" && "$(field a "$waits" state)" = queued ]] || complain "what waited in a queue that is gone was started"
ctl a submit --queue wide -- true 2>"$scratch/said.log" && complain "a queue that is gone is taken"
limit '{ one: 1, wide: 1 }'
until_is c "$waits" state succeeded
# A deployment may say others, as long as the settings say them.
sed -i 's/one: 1/one: 2/' "$scratch/b.yaml"
kill "${daemon[b]}"; wait "${daemon[b]}"; start b
ctl a cluster apply "$scratch/all.yaml" 2>"$scratch/said.log" && complain "nodes would hold to different limits"
grep -q 'jobs.queues is left out, and the deployments of nodes say others: that of b one: 2, that of this one one: 1' "$scratch/said.log" ||
  complain "what deployments say of limits"
sed -i 's/one: 2/one: 1/' "$scratch/b.yaml"
kill "${daemon[b]}"; wait "${daemon[b]}"; start b
ctl a cluster apply "$scratch/all.yaml" >/dev/null || complain "nodes of the same limits need settings"

# A follower, a need and a cancel at other nodes.
chatty=$(submit a submit -- sh -c 'for i in 1 2 3; do echo line $i; sleep 0.3; done')
need=$(submit b submit --after "$chatty" -- true)
[ "$(ctl c follow "$chatty" 2>/dev/null | grep -c '^line')" = 3 ] || complain "a follower at another node misses lines"
until_is c "$need" state succeeded
ctl c cancel "$job" >/dev/null
until_is b "$job" state canceled
runs "$mark-first" && complain "the canceled command runs on"

# Killed, and back: its run is its own, and goes on.
for name in b c; do kill "${daemon[$name]}"; wait "${daemon[$name]}"; unset "daemon[$name]"; done
job=$(submit a submit -- bash -c "until [ -e $scratch/go ]; do sleep 0.1; done; echo done")
until_is a "$job" state running
start b
murder a
start a
touch "$scratch/go"
until_is b "$job" state succeeded

# Killed for good, with runs of which one runner lives, and one is gone with its command, as when a machine dies; and jobs
# that wait.
kill "${daemon[b]}"; wait "${daemon[b]}"; unset "daemon[b]"
start b
start c
# A runner knows of the others what its node knew of them: one that was just started tells where it is with its next renewal.
until [ "$(ctl a nodes --json | jq '[.nodes[] | select(.unrenewed_ms < 3000 and (.endpoints | length) > 0)] | length')" = 3 ]; do sleep 0.1; done
: >"$scratch/told"
# at_a COMMAND...: a job that runs at the first node, whoever else would have taken it.
at_a() {
  while :; do
    job=$(submit a submit -- "$@")
    until_is a "$job" state running
    [ "$(field a "$job" node)" = "$node_a" ] && return
    ctl a cancel "$job" >/dev/null
    until_is a "$job" state canceled
  done
}
at_a bash -c "tail -n +1 -f $scratch/told & exec -a $mark-living sleep 1000"
living=$job
at_a bash -c "exec -a $mark-last sleep 1000"
runner=$(pgrep -f "domed-runner $scratch/a/runs/$(field a "$job" run_id)")
kill -STOP "$runner"
murder a
pkill -9 -f -- "$mark-last"
kill -9 "$runner"
waiting=$(submit b submit -- true)
until_is c "$waiting" state succeeded
[ "$(field c "$job" state)" = running ] || complain "the run is lost before its time"
echo elsewhere >>"$scratch/told"
until grep -q elsewhere <<<"$(ctl c logs "$living")"; do sleep 0.2; done
until_is c "$job" state failed
[ "$(field b "$job" reason)" = lost ] || complain "the job is not lost but $(field b "$job" reason)"
[ "$(field b "$living" state)" = running ] || complain "a run that another node hears is over"
runs "$mark-living" || complain "its command does not run any more"

# And what comes back later harms nothing, and has its own again.  While others live by the times of before, so does it.
start a
grep -q 'hold when all nodes were stopped' "$scratch/a.log" || complain "nothing is said of the times"
ctl a nodes --json | jq -e '[.nodes[].ttl_ms] | unique == [3000]' >/dev/null || complain "a node came back by other times"
[ "$(field a "$job" reason)" = lost ] || complain "the job changed after its end"
echo back >>"$scratch/told"
until grep -q back <<<"$(ctl a logs "$living")"; do sleep 0.2; done
ctl b cancel "$living" >/dev/null
until_is a "$living" state canceled
runs "$mark-living" && complain "the canceled command runs on"
until [ -z "$(ls "$scratch/a/runs")" ]; do sleep 0.2; done

# Gone for good: it is forgotten when its lease is over, by its name.
murder a
ctl b nodes forget a --name "not a" 2>/dev/null && complain "a node is forgotten by a wrong name"
until echo a | ctl b nodes forget a 2>"$scratch/said.log"; do grep -qi 'lease' "$scratch/said.log" || complain "forget: $(cat "$scratch/said.log")"; sleep 0.2; done
until [ "$(ctl c nodes --json | jq '.nodes | length')" = 2 ]; do sleep 0.1; done

# When all were stopped the new ones hold.
for name in "${!daemon[@]}"; do kill "${daemon[$name]}"; wait "${daemon[$name]}"; unset "daemon[$name]"; done
sleep 4
start b
start a
ctl a nodes --json | jq -e '[.nodes[] | select(.name != "c") | .ttl_ms] == [4000,4000]' >/dev/null || complain "the new times do not hold: $(ctl a nodes --json)"

# Shorter ones do not while something runs that was told of the longer; and do when nothing does.
sed 's/lost_after: 30s/lost_after: 12s/' "$scratch/all.yaml" >"$scratch/shorter.yaml"
ctl a cluster apply "$scratch/shorter.yaml" >/dev/null || complain "shorter times are not applied"
job=$(submit a submit -- bash -c "until [ -e $scratch/shorter ]; do sleep 0.1; done")
until_is a "$job" state running
for name in "${!daemon[@]}"; do kill "${daemon[$name]}"; wait "${daemon[$name]}"; unset "daemon[$name]"; done
sleep 5
start b
grep -q 'hold when all nodes are started while nothing runs: a job runs or is being started by longer ones (ttl 4.0s, lost_after 30.0s)' "$scratch/b.log" ||
  complain "nothing is said of times that are kept"
start a
ctl a nodes --json | jq -e '[.nodes[] | select(.name != "c") | .lost_after_ms] == [30000,30000]' >/dev/null ||
  complain "shorter times hold for what was told of longer ones: $(ctl a nodes --json)"
touch "$scratch/shorter"
until_is a "$job" state succeeded
for name in "${!daemon[@]}"; do kill "${daemon[$name]}"; wait "${daemon[$name]}"; unset "daemon[$name]"; done
sleep 5
start a
ctl a nodes --json | jq -e '[.nodes[] | select(.name == "a") | .lost_after_ms] == [12000]' >/dev/null || complain "shorter times never hold: $(ctl a nodes --json)"
echo "three nodes, one store"
