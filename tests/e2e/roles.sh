#!/usr/bin/env bash
# Who may do what, with the real programs: tokens over tcp, users and groups over ipc, what others submitted, the audit, and
# a token that is taken away while it is in use.
source "$(dirname "$0")/lib.sh" "$@"
"$bin/domectl" token new builds --out "$scratch/builds.token" >"$scratch/tokens.yaml"
"$bin/domectl" token new eyes --out "$scratch/eyes.token" >>"$scratch/tokens.yaml"
"$bin/domectl" token new old --expires 1ms --out "$scratch/old.token" >>"$scratch/tokens.yaml"
chmod 600 "$scratch/tokens.yaml"
[ "$(stat -c %a "$scratch/builds.token")" = 600 ] || fail "the secret's file is open to others"
grep -qF "$(cat "$scratch/builds.token")" "$scratch/tokens.yaml" && fail "the file of tokens holds a secret"

roles() {  # ROLES-OF-IPC [GROUP [ROLES-OF-EVENTS]]
  cat >"$scratch/domed.yaml" <<YAML
domed: 1
control:
  ${2:+group: $2}
  listen:
    - {url: "ipc://$scratch/run/control.ipc"$1}
    - {url: "tcp://127.0.0.1:0", roles: {submitter: ["token:builds"], reader: ["token:*"]}}
events: { listen: [{url: "ipc://$scratch/run/events.ipc"${3:-}}] }
state_dir: $scratch/state
plugin_path: [$plugins]
store: { plugin: $store }
jobs: { allow_ad_hoc: true, cancel_grace: 1s, drain: 300ms }
tokens: tokens.yaml
tools: [ {id: hello, version: "1", title: Hello, description: says hello, command: [echo, hello]} ]
YAML
}
tcp() { nngcat --req --dial "$(grep -oP 'serves \Ktcp://127.0.0.1:[0-9]+' "$scratch/log" | tail -n 1)" --raw --recv-timeout 15 --data "$1"; }
# METHOD PARAMS [TOKEN-FILE]: the error's name, or "ok".
outcome() {
  local token=
  [ -n "${3:-}" ] && token=",\"token\":\"$(cat "$scratch/$3.token")\""
  tcp "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"$1\",\"params\":$2$token}" | jq -r '.error.data.error // "ok"'
}

roles ""
start
expect "without a token" E_FORBIDDEN "$(outcome ListJobs '{}')"
expect "its health" ok "$(outcome Health '{}')"
expect "its health's keys" "epoch,protocol,time,version" \
  "$(tcp '{"jsonrpc":"2.0","id":1,"method":"Health"}' | jq -r '.result | keys | join(",")')"
expect "with an expired one" E_FORBIDDEN "$(outcome ListJobs '{}' old)"
expect "a reader" ok "$(outcome ListJobs '{}' eyes)"
expect "a reader who submits" E_FORBIDDEN "$(outcome SubmitJob '{"idempotency_key":"k","tool_id":"hello"}' eyes)"
expect "a submitter's tool" ok "$(outcome SubmitJob '{"idempotency_key":"k","tool_id":"hello"}' builds)"
expect "a submitter's command" E_FORBIDDEN "$(outcome SubmitJob '{"idempotency_key":"c","command":["id"]}' builds)"
expect "a submitter's trim" E_FORBIDDEN "$(outcome TrimJob '{"job_id":"x","keep_from_seq":1}' builds)"

mine=$(submit --key k -- echo mine)
job=$(ctl list --submitter token:builds --json | jq -r .job_id)
[ "$mine" != "$job" ] || fail "two submitters share a key"
finish "$job"
line="job {\"job_id\":\"$job\",\"state\":\"succeeded\",\"what\":\"hello\",\"submitter\":\"token:builds\",\"reason\":\"exit\""
for _ in $(seq 200); do grep -q "$line" "$scratch/log" && break; sleep 0.05; done  # behind the answer
grep -q "$line" "$scratch/log" ||
  fail "the log does not tell of the job"
expect "its submitter" token:builds "$(field "$job" submitter)"
expect "the same in its provenance" token:builds "$(field "$job" provenance.submitter)"
expect "another's job" E_FORBIDDEN "$(outcome CancelJob "{\"job_id\":\"$mine\"}" builds)"
expect "one's own job" ok "$(outcome CancelJob "{\"job_id\":\"$job\"}" builds)"
grep -q 'audit {"who":"token:builds","role":"submitter","method":"CancelJob","job_id":"'"$mine"'","outcome":"E_FORBIDDEN"' "$scratch/log" ||
  fail "a refusal is not in the log"
[[ $(ctl whoami) == uid:$(id -u)@*": reader, producer, submitter, operator" ]] || fail "whoami: $(ctl whoami)"

# A reader with the right words for another's job still reads it only.
expect "a forged producer" E_FORBIDDEN \
  "$(outcome AppendJobEvents "{\"job_id\":\"$mine\",\"producer_id\":\"p\",\"producer_token\":\"guess\",\"batch\":1,\"events\":[]}" eyes)"

# A token that is taken away: whoever used it is cut off, others go on; a file that cannot be read changes nothing.
hup() { local before; before=$(grep -c "$1" "$scratch/log" || true); kill -HUP "$daemon"
        for _ in $(seq 600); do [ "$(grep -c "$1" "$scratch/log")" -gt "$before" ] && return; sleep 0.05; done; fail "no word of the reload"; }
sed -i "s|^- {name: .builds.*||" "$scratch/tokens.yaml"
hup "is read again"
expect "a token that is gone" E_FORBIDDEN "$(outcome ListJobs '{}' builds)"
expect "another's goes on" ok "$(outcome ListJobs '{}' eyes)"
echo "no: [list" >>"$scratch/tokens.yaml"
hup "nothing has changed"
expect "after a bad file" ok "$(outcome ListJobs '{}' eyes)"
sed -i "/^no:/d" "$scratch/tokens.yaml"
stop

if [ "$(id -u)" -ne 0 ] || ! command -v setpriv >/dev/null; then
  echo "SKIPPED: acting as other users needs root and setpriv"
  exit 0
fi
# Members of the group get through the door, as submitters or as what "roles" says; others do not get to the door.
chmod 755 "$scratch"
member=(setpriv --reuid=65534 --regid=65534 --groups="$(getent group games | cut -d: -f3)")
other=(setpriv --reuid=65534 --regid=65534 --clear-groups)
say() { "$@" 2>&1 || true; }
as() { DOMED_ENDPOINT_USER=root "${member[@]}" "$bin/domectl" "$@"; }
rm -rf "$scratch/run"
roles "" games
start
[[ $(as whoami) == uid:65534@*": reader, producer, submitter" ]] || fail "a member: $(say as whoami)"
as run --tool hello | grep -qx hello || fail "a member could not run a tool"
[[ $(say as run -- id) == *"needs the role operator: you are uid:65534@"* ]] || fail "a member ran a command: $(say as run -- id)"
[[ $(say as cancel "$(submit -- sleep 1)") == *"was submitted by uid:0@"* ]] || fail "a member canceled what was not theirs"
"${other[@]}" env DOMED_ENDPOINT_USER=root "$bin/domectl" health >"$scratch/check" 2>&1 && fail "another user was let in"
stop
roles ", roles: {reader: [\"group:games\"]}" games
start
[[ $(as whoami) == uid:65534@*": reader" ]] || fail "a member that may read: $(say as whoami)"
[[ $(say as run --tool hello) == *"needs the role submitter"* ]] || fail "a reader ran a tool"
stop
roles ", roles: {operator: [\"user:nobody\"]}" games
start
[[ $(as run -- id -u) == "$(id -u)" ]] || fail "an operator could not run a command as the daemon's user"
stop
roles ", roles: {reader: [\"user:daemon\"]}" games ", roles: {reader: [\"user:daemon\"]}"
start
[[ $(as whoami) == uid:65534@*": no role" ]] || fail "a member without a role: $(say as whoami)"
[[ $(say as list) == *"needs the role reader: you are uid:65534@"* ]] || fail "a member without a role lists: $(say as list)"
nngcat --sub --dial "ipc://$scratch/run/events.ipc" --subscribe daemon --raw --recv-timeout 5 --count 1 >/dev/null ||
  fail "root does not hear the daemon"
"${member[@]}" nngcat --sub --dial "ipc://$scratch/run/events.ipc" --subscribe daemon --raw --recv-timeout 3 --count 1 \
  >"$scratch/heard" 2>/dev/null && fail "a member without a role hears events: $(cat "$scratch/heard")"
grep -q "refused [0-9]* connection(s), the last because it belongs to somebody who has no role here" "$scratch/log" ||
  fail "the log does not say who was refused"
