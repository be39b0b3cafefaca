#!/usr/bin/env bash
# WebSockets: nngcat asks and follows by them as over ipc; and connections that say nothing, more than the daemon has
# descriptors, keep neither others nor a reload out.
. "$(dirname "$0")/lib.sh"
sed -i "s|^control:.*|control: { listen: [\"ipc://$scratch/run/control.ipc\", {url: \"ws://127.0.0.1:0/control\", roles: {operator: [anyone]}}] }|
  s|^events:.*|events: { listen: [\"ipc://$scratch/run/events.ipc\", {url: \"ws://127.0.0.1:0/events\", roles: {reader: [anyone]}}] }|" "$scratch/domed.yaml"
cp "$scratch/domed.yaml" "$scratch/before"
(ulimit -n 1024; exec "$bin/domed" --config "$scratch/domed.yaml") >"$scratch/log" 2>&1 & daemon=$!
ctl --connect-wait 60s health >/dev/null || fail "the daemon does not answer"
control=$(grep -oP 'ws://127.0.0.1:[0-9]+/control' "$scratch/log" | tail -n 1)
events=$(ctl health --all --json | grep -oP 'ws://127.0.0.1:[0-9]+/events' | head -n 1)
[[ $control && $events ]] || fail "nobody tells where it listens"
web() { nngcat --req --dial "$control" --raw --recv-timeout 15 --data "$1"; }

expect "who asks by ws" anyone "$(web '{"jsonrpc":"2.0","id":1,"method":"WhoAmI"}' | jq -r .result.identity)"
nngcat --sub --dial "$events" --subscribe job/ --raw --recv-timeout 30 --count 1 >"$scratch/frame" & frames=$!
for _ in $(seq 600); do
  web '{"jsonrpc":"2.0","id":1,"method":"SubmitJob","params":{"idempotency_key":"'"$RANDOM$RANDOM"'","command":["true"]}}' >"$scratch/reply"
  kill -0 $frames 2>/dev/null || break
done
wait $frames || fail "no frame came by ws"
[[ $(head -n 1 "$scratch/frame") == job/* ]] || fail "the frame: $(head -c 100 "$scratch/frame")"
finish "$(jq -r .result.job_id "$scratch/reply")"
expect "our own client by ws" here "$(ctl --endpoint "$control" run -- echo here)"

# Half of them say nothing, the others half a request.
port=${control#ws://127.0.0.1:} port=${port%%/*}
(
  ulimit -n "$(ulimit -Hn)"
  for i in $(seq 1500); do
    exec {socket}<>"/dev/tcp/127.0.0.1/$port" || exit 1
    ((i % 2)) && { printf 'GET /control HTTP/1.1\r\n' >&"$socket"; } 2>/dev/null
  done
  : >"$scratch/flooded"
  exec sleep 1000
) 2>/dev/null & flood=$!
for _ in $(seq 1200); do [ -e "$scratch/flooded" ] && break; kill -0 $flood 2>/dev/null || break; sleep 0.05; done
[ -e "$scratch/flooded" ] || fail "the flood did not come"
expect "over ipc meanwhile" here "$(timeout 60 "$bin/domectl" run -- echo here)"
expect "by ws meanwhile" anyone "$(web '{"jsonrpc":"2.0","id":1,"method":"WhoAmI"}' | jq -r .result.identity)"
sed 's|^jobs: .*|jobs: {allow_ad_hoc: true, max_running: 3}|' "$scratch/before" >"$scratch/domed.yaml"
[[ $(ctl reload 2>&1) == *"jobs.max_running"* ]] || fail "no reload meanwhile"
kill $flood; wait $flood 2>/dev/null || true
expect "and afterwards" here "$(ctl run -- echo here)"
stop

# What nng leaves open is said.
sed '$a transport: nng' "$scratch/before" >"$scratch/nng.yaml"
said=$("$bin/domed" --check --config "$scratch/nng.yaml" 2>&1)
[ "$(grep -c "bounds no connection before its handshake" <<<"$said")" = 2 ] || fail "domed --check says: $said"
