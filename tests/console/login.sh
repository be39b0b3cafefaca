#!/usr/bin/env bash
# Who logs in as whom: tokens and certificates, over TLS, at a daemon with roles that is reached over TLS itself.
# login.sh BIN_DIR PLUGIN_DIR STORE
source "$(dirname "$0")/../e2e/lib.sh" "$@"
for program in python3 openssl; do command -v $program >/dev/null || { echo "skipped: no $program"; exit 77; }; done
source "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)

# An authority and whom it knows; another authority that nobody here trusts, which uses the same names.
authority() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" -keyout "$1.key" -out "$1.pem" 2>/dev/null; }
certificate() {  # AUTHORITY FILE NAME EXTENSIONS
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$3" -keyout "$2.key" 2>/dev/null |
    openssl x509 -req -CA "$1.pem" -CAkey "$1.key" -CAcreateserial -days 2 -out "$2.pem" -extfile <(printf "$4") 2>/dev/null
}
cd "$scratch"
authority ca
authority stranger
certificate ca server localhost 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth'
for name in ann eve carl; do certificate ca $name $name 'extendedKeyUsage=clientAuth'; done
certificate ca ann-server ann 'extendedKeyUsage=serverAuth'
certificate stranger forged ann 'extendedKeyUsage=clientAuth'

for name in console boss builds eyes gone; do "$bin/domectl" token new $name --out "$scratch/$name.token"; done >tokens.yaml
chmod 600 tokens.yaml server.key
cat >domed.yaml <<YAML
domed: 1
control:
  listen:
    - {url: "ipc://$scratch/run/control.ipc"}
    - url: "tls+tcp://127.0.0.1:0"
      tls: {cert: server.pem, key: server.key}
      roles: {operator: ["token:console", "token:boss"], submitter: ["token:builds"], reader: ["token:*"]}
events: { listen: ["ipc://$scratch/run/events.ipc"] }
state_dir: $scratch/state
plugin_path: [$plugins]
store: { plugin: $store }
jobs: { allow_ad_hoc: true, cancel_grace: 1s, drain: 300ms }
tokens: tokens.yaml
tools: [ {id: rest, version: "1", title: Rest, description: rests, command: [sleep, "300"]} ]
YAML
start
daemon_port=$(grep -oP 'serves \Ktls\+tcp://127.0.0.1:[0-9]+' log | tail -n 1 | grep -oE '[0-9]+$')
remote=(--endpoint "tls+tcp://localhost:$daemon_port" --ca "$scratch/ca.pem")
theirs=$("$bin/domectl" "${remote[@]}" --token-file builds.token submit --json --tool rest | jq -r .job_id)
others=$(submit -- sleep 300)
doomed=$(submit -- sleep 300)
live=$(submit -- sleep 300)

console_options=("${remote[@]}" --token-file console.token --tls-cert server.pem --tls-key server.key --client-ca ca.pem --operator ann --reader eve)
play() { PORT=$port SCRATCH=$scratch THEIRS=$theirs OTHERS=$others DOOMED=$doomed LIVE=$live python3 "$here/login_test.py" "$1" || fail "see above; the console said: $(tail -5 console-log)"; }
start_console "${console_options[@]}"
[[ $address == https://* ]] || fail "it does not say https: $address"
play roles
# A token that is taken away: its session is nobody's from then on, and what it follows ends.
: >followed
play follows >followed 2>&1 & follower=$!
until grep -q job_id followed; do kill -0 $follower 2>/dev/null || fail "nothing is followed: $(cat followed)"; sleep 0.05; done
sed -i '/name: .gone/d' tokens.yaml
kill -HUP "$daemon"
until grep -q "is read again" log; do kill -0 "$daemon" || fail "the daemon ended"; sleep 0.05; done
play revoked
wait $follower || fail "a follow outlives its token: $(cat followed)"
play guesses
end_console
start_console "${console_options[@]}" --read-only
play read_only

grep -q 'audit {"who":"token:eyes","role":"reader","method":"CancelJob".*"outcome":"E_FORBIDDEN"' log || fail "the daemon's audit does not say who was refused"
grep -q 'audit {"who":"token:boss","role":"operator","method":"CancelJob"' log || fail "the daemon's audit does not say who canceled"
grep -q "token:boss: cancel" console-log || fail "the console does not say who changed something"
grep -q "ann: cancel" console-log || fail "the console does not say whose certificate it was"
for word in $(cat ./*.token xdg/domed/console-secret); do
  grep -qF -- "$word" log console-log && fail "a secret is in a log: ${word:0:4}..."
done
true
