#!/usr/bin/env bash
# Whatever comes in, each gets its own clear error and the daemon goes on serving.
. "$(dirname "$0")/lib.sh"
code=0; ctl health 2>"$scratch/err" || code=$?
[ "$code" -ne 0 ] || fail "domectl found a daemon where there is none"
grep -q "$scratch/run/control.ipc" "$scratch/err" || fail "domectl does not say where it looked"
start
job=$(submit -- true); finish "$job"
expect "unknown job" E_NOT_FOUND "$(error_of '{"jsonrpc":"2.0","id":1,"method":"StreamJobEvents","params":{"job_id":"nobody"}}')"
expect "cursor ahead" E_CURSOR_AHEAD "$(error_of '{"jsonrpc":"2.0","id":1,"method":"StreamJobEvents","params":{"job_id":"'"$job"'","since_seq":1000}}')"
expect "another log" E_LOG_CHANGED "$(error_of '{"jsonrpc":"2.0","id":1,"method":"StreamJobEvents","params":{"job_id":"'"$job"'","log_id":"no"}}')"
expect "malformed" -32700 "$(ask '{"jsonrpc":' | jq .error.code)"
expect "other shape" -32600 "$(ask '[1,2]' | jq .error.code)"
expect "unknown method" E_UNKNOWN_METHOD "$(error_of '{"jsonrpc":"2.0","id":1,"method":"Nope"}')"
expect "unknown parameter" -32602 "$(ask '{"jsonrpc":"2.0","id":1,"method":"Health","params":{"x":1}}' | jq .error.code)"
head -c 10000000 /dev/zero | tr '\0' ' ' >"$scratch/big"
expect "10 MB" E_TOO_LARGE "$(nngcat --req --dial "$DOMED_ENDPOINT" --raw --recv-timeout 15 --file "$scratch/big" | jq -r .error.data.error)"
head -c 4096 /dev/urandom >"$scratch/noise"
expect "noise" E_INVALID_REQUEST "$(nngcat --req --dial "$DOMED_ENDPOINT" --raw --recv-timeout 15 --file "$scratch/noise" | jq -r .error.data.error)"
code=0; ctl status nobody 2>"$scratch/err" || code=$?
grep -q E_NOT_FOUND "$scratch/err" || fail "domectl hides the error's name"
ctl health >/dev/null || fail "the daemon does not answer any more"

# A deployment with seven mistakes prints seven lines with positions.
cat > "$scratch/bad.yaml" <<YAML
domed: 1
control: { listen: ["http://x"] }
events: { listen: ["tcp://0.0.0.0:1"] }
state_dir: $scratch/state2
plugin_path: [$plugins]
store: { plugin: $store, options: { nonsense: 1 } }
jobs: { max_running: many, cancel_grace: 5 parsecs }
retention: { keep_finished: -1d }
colour: blue
YAML
code=0; "$bin/domed" --check --config "$scratch/bad.yaml" >"$scratch/out" 2>&1 || code=$?
expect "--check's exit code" 1 "$code"
expect "problems with positions" 7 "$(grep -cE '^.*bad.yaml:[0-9]+:[0-9]+: ' "$scratch/out")"
stop
