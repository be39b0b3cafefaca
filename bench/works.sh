#!/usr/bin/env bash
# One verb of domed-bench at a tiny size: it finds its own results complete (or fails), and
# reports every figure, twice.
set -euo pipefail
bench=$1 plugins=$2 verb=$3
declare -A figures=(
  [store]='store.batches store.single.p50 store.read'
  [pages]='pages.fill pages.tag.worst pages.tags.worst pages.prefix.worst pages.backward.worst pages.backward.large.worst'
  [floor]='floor.sqlite.batches.64jobs floor.sqlite.single.p50 floor.fdatasync.p50 floor.nng.request.p50 floor.nng.publish.p50
    floor.unix.request.p50 floor.unix.oneway.p50'
  [append]='append.pipelined append.single.p50 append.disk'
  [live]='live.1.p50 live.1.p99 live.64.p50'
  ['live --stock']='live.stock.1.p50 live.stock.1.rate'
  [replay]='replay.warm replay.cold resume.first.p50'
  [fanout]='fanout.64'
  [jobs]='jobs.live.10.cpu jobs.live.20.cpu jobs.live.20.daemon.cpu jobs.live.20.p50 jobs.commands'
  [growth]='growth.append.full growth.page.full growth.rss.peak growth.start'
  [restart]='restart'
  [health]='health.64 health.64.daemon.cpu'
  [idle]='idle.memory idle.new.0.p50 idle.new.p50'
  ['peer redis']='peer.redis.single.p50 peer.redis.live.1.p50 peer.redis.live.64.p50'
  ['peer postgres']='peer.postgres.single.p50'
  [tls]='tls.follow.ipc tls.follow.tls+tcp tls.replay.ipc tls.replay.tls+tcp tls.request.ipc.p50 tls.request.tcp.p50
    tls.request.tls+tcp.p50 tls.idle.memory'
  [flood]='flood.health.alone.p50 flood.health.p50 flood.health.flooders flood.append.alone.p50 flood.append.p50 flood.append.flooders'
  [nodes]='nodes.live.same.p50 nodes.live.other.p50 nodes.append.1 nodes.append.3 nodes.append.3.cpu nodes.single.1.p50 nodes.single.3.p50
    nodes.far.1 nodes.far.20'
  [output]='output output.daemon.rss.peak output.runner.rss.peak')
read -ra words <<<"$verb"
# On the server that tests/stores/with_postgres.sh has started.
[ "$verb" != nodes ] || words+=(--store store-postgres --set "url=postgresql:///postgres?host=$DOMED_POSTGRES&user=domed" --set 'schema={fresh}')
out=$("$bench" "${words[@]}" --plugins "$plugins" --scale 0.004 --repeats 2 --json)
for figure in ${figures[$verb]}; do
  jq -e --arg name "$figure" \
    '.figures[] | select(.name == $name) | .values | length >= 1 and all(. >= 0)' \
    <<<"$out" >/dev/null || { echo "no figure $figure in: $out" >&2; exit 1; }
done
