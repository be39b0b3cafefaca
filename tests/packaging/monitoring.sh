#!/usr/bin/env bash
# Metrics and probes over HTTP, and what comes with domed for who watches it: monitoring.sh BIN PLUGINS STORE FOLDER
folder=$4
. "$(dirname "$0")/../e2e/lib.sh"
echo 'metrics: {listen: "127.0.0.1:0"}' >>"$scratch/domed.yaml"
start
place=$(grep -oE 'http://127.0.0.1:[0-9]+' "$scratch/log" | head -n 1)
port=${place##*:}
# get PATH [HOST]: the answer, as a program without a library asks.
get() {
  exec 3<>"/dev/tcp/127.0.0.1/$port"
  printf 'GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$1" "${2:-127.0.0.1:$port}" >&3
  tr -d '\r' <&3
  exec 3<&-
}
[[ $(get /healthz) == "HTTP/1.1 200 OK"*ok ]] || fail "healthz: $(get /healthz)"
[[ $(get /readyz) == "HTTP/1.1 200 OK"*ok ]] || fail "readyz: $(get /readyz)"
[[ $(get /metrics evil.example) == "HTTP/1.1 403"* ]] || fail "a foreign page gets metrics"
[[ $(get /nothing) == "HTTP/1.1 404"* ]] || fail "a page that is not there: $(get /nothing)"

# Something of everything, so that each name is there.
ctl run -- true; ctl run -- false || true
mkdir -p "$scratch/empty"; ctl run --cwd "$scratch/empty" -- true
held=$(submit --hold -- true); waits=$(submit --after "$held" -- true)
ctl status no-such-job >/dev/null 2>&1 || true
running=$(submit -- sleep 100)
"$bin/domectl" follow "$running" >/dev/null 2>&1 & follower=$!
for _ in $(seq 600); do get /metrics | grep -q '^domed_jobs_running 1' && break; sleep 0.05; done
get /metrics | sed '1,/^$/d' >"$scratch/metrics"
expect "the same as GetMetrics, name by name" "$(ctl metrics | grep '^# TYPE' | sort)" "$(grep '^# TYPE' "$scratch/metrics" | sort)"
grep -q '^domed_jobs_queued{queue="default"} 2' "$scratch/metrics" || fail "the queue: $(grep queued "$scratch/metrics")"
grep -q '^domed_jobs_ended_total{state="failed",reason="exit"} 1' "$scratch/metrics" || fail "ends: $(grep ended "$scratch/metrics")"
grep -q '^domed_collector_duration_seconds_count{collector="provenance-git"} [1-9]' "$scratch/metrics" || fail "collectors"
grep -q '^domed_request_duration_seconds_count{method="SubmitJob"} [1-9]' "$scratch/metrics" || fail "requests"
grep -q '^domed_request_errors_total{method="[A-Za-z]*",error="E_NOT_FOUND"} [1-9]' "$scratch/metrics" || fail "errors"
grep -q '^domed_build_info{version="' "$scratch/metrics" || fail "build info"

# A dashboard or an alert about a metric that no daemon has would be silent for ever.
jq -e '.panels | length > 10' "$folder/domed-dashboard.json" >/dev/null || fail "the dashboard is none"
known=" $(awk '/^# TYPE/ {print $3; if ($4 == "histogram") print $3 "_bucket " $3 "_count " $3 "_sum"}' "$scratch/metrics" | tr '\n' ' ')domed_collector_failures_total "
for name in $(grep -ohE '\b(domed|process)_[a-z_]+' "$folder"/*); do
  [[ $name == domed_dashboard || $known == *" $name "* ]] || fail "$name is told by no daemon"
done

kill $follower; ctl cancel "$running" "$held" "$waits" >/dev/null 2>&1 || true
sed 's/127.0.0.1:0/0.0.0.0:9464/' "$scratch/domed.yaml" >"$scratch/wide.yaml"
{ "$bin/domed" --check --config "$scratch/wide.yaml" 2>&1 || true; } | grep -q "must be an address of loopback" || fail "any address is taken"
promtool=$(command -v promtool) || { echo "SKIPPED: promtool of Debian's prometheus checks the rest"; exit 0; }
"$promtool" check metrics <"$scratch/metrics" || fail "promtool does not like the metrics"
"$promtool" check rules "$folder/domed-alerts.yml" || fail "promtool does not like the rules"
