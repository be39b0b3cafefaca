#!/usr/bin/env bash
# Who may come over TLS is changed under way: certificates are revoked as docs/remote.md has it, files get other names,
# another authority gets other roles, and a file that cannot be used changes nothing.
source "$(dirname "$0")/lib.sh" "$@"
command -v openssl >/dev/null || { echo "SKIPPED: no openssl"; exit 0; }

cd "$scratch"
authority() {  # NAME
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" -subj "/CN=$1" -days 30 2>/dev/null
  mkdir "$1" && touch "$1/index" && echo 01 >"$1/number"
  printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s/index\ncrlnumber=%s/number\ndefault_md=sha256\ndefault_crl_days=30\n' "$1" "$1" >"$1/conf"
}
issue() {  # AUTHORITY FILE NAME USAGE
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$2.key" -out "$2.csr" -subj "/CN=$3" 2>/dev/null
  printf 'extendedKeyUsage=%s\nsubjectAltName=DNS:localhost\n' "$4" >"$2.ext"
  [ "$4" = clientAuth ] && sed -i '/^subjectAltName/d' "$2.ext"
  openssl x509 -req -in "$2.csr" -CA "$1.pem" -CAkey "$1.key" -CAcreateserial -days 30 -extfile "$2.ext" -out "$2.pem" 2>/dev/null
  chmod 600 "$2.key"
}
lists() { openssl ca -config "$1/conf" -gencrl -keyfile "$1.key" -cert "$1.pem" -out "$1.crl" 2>/dev/null; }
revoke() { openssl ca -config "$1/conf" -revoke "$2.pem" -keyfile "$1.key" -cert "$1.pem" 2>/dev/null; }
authority first; authority second
issue first server server serverAuth; issue first next server serverAuth
issue first ann ann clientAuth; issue first bob bob clientAuth; issue second eve eve clientAuth

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
deploy() {  # FILES-OF-TLS ROLES [FILE-OF-TOKENS]
  cat >domed.yaml <<YAML
domed: 1
control:
  listen:
    - "ipc://$scratch/run/control.ipc"
    - {url: "tls+tcp://127.0.0.1:$port", tls: {$1}, roles: {$2}}
    - {url: "tcp://127.0.0.1:0", roles: {${3:+operator: ["token:*"], }reader: [anyone]}}
events: { listen: ["ipc://$scratch/run/events.ipc"] }
state_dir: $scratch/state
plugin_path: [$plugins]
store: { plugin: $store }
jobs: { allow_ad_hoc: true }
${3:+tokens: $3}
YAML
}
as() { DOMED_CA=first.pem DOMED_CERT=$1.pem DOMED_KEY=$1.key "$bin/domectl" --endpoint "tls+tcp://localhost:$port" --connect-wait 0s "${@:2}" 2>&1; }
reload() { ctl reload 2>&1; }
told() { reload | tail -n 1; }  # behind the warnings
refused() { ! as "$1" list >said || fail "$1 is served: $(cat said)"; grep -q certificate said || fail "$1 is told: $(cat said)"; }

deploy 'cert: server.pem, key: server.key, client_ca: first.pem' 'operator: ["cert:*"]'
start
as ann run -- true || fail "ann is not served"
job=$(ctl submit -- sh -c 'echo here; sleep 100' | grep -oE '[0-9a-f]{32}' | head -n 1)
as bob follow "$job" >held & follower=$!
for _ in $(seq 600); do grep -q here held && break; sleep 0.05; done

# Revoked, as it is written: a list that was not named before.
revoke first bob; lists first
deploy 'cert: server.pem, key: server.key, client_ca: first.pem, crl: first.crl' 'operator: ["cert:*"]'
expect "a list is named" "new: control.listen: tls" "$(told)"
grep -q "disconnected 'bob': its certificate 'CN=bob' is revoked by $scratch/first.crl" log || fail "bob's connection goes on"
refused bob
as ann list >/dev/null || fail "ann is not served any more"
kill "$follower" 2>/dev/null || true; wait "$follower" || true

# Files of other names; the old ones are gone, and what is revoked is read all the same.
deploy 'cert: next.pem, key: next.key, client_ca: first.pem, crl: first.crl' 'operator: ["cert:*"]'
rm server.pem server.key
revoke first ann; lists first
expect "other names" "new: control.listen: tls" "$(told)"
refused ann

# A file that cannot be used: nothing has changed, not even what is not of TLS.
deploy 'cert: next.pem, key: next.key, client_ca: nobody.pem' 'reader: ["cert:*"]'
sed -i 's/allow_ad_hoc: true/allow_ad_hoc: false/' domed.yaml
said=$(reload) && fail "a missing file is taken"
[[ $said == *"nothing has changed"*nobody.pem* ]] || fail "a missing file: $said"
ctl run -- true || fail "part of a bad deployment is taken"
refused ann

# Another authority with other roles: the old one's are nobody, the new one's are what is written.
deploy 'cert: next.pem, key: next.key, client_ca: second.pem' 'operator: ["cert:eve"]'
expect "another authority" "new: control.listen: tls, control.listen: roles" "$(told)"
refused bob
as eve run -- true || fail "eve is not served"

# The same of tokens: those of the first file are nobody's once another one is named.
for name in one two; do "$bin/domectl" token new "$name" --out "$name.token" >"$name.yaml"; chmod 600 "$name.yaml"; done
tcp() { DOMED_TOKEN_FILE=$1.token "$bin/domectl" --endpoint "$(grep -oP 'serves \Ktcp://127.0.0.1:[0-9]+' log | tail -n 1)" whoami 2>&1 || true; }
deploy 'cert: next.pem, key: next.key, client_ca: second.pem' 'operator: ["cert:eve"]' one.yaml
reload >/dev/null
[[ $(tcp one) == *operator* ]] || fail "a token of the first file: $(tcp one)"
deploy 'cert: next.pem, key: next.key, client_ca: second.pem' 'operator: ["cert:eve"]' two.yaml
expect "another file of tokens" "new: tokens" "$(told)"
[[ $(tcp one) != *operator* ]] || fail "a token of a file that is not named any more: $(tcp one)"
[[ $(tcp two) == *operator* ]] || fail "a token of the new file: $(tcp two)"

# A listener that waits for a restart keeps its roles, and so whose names they are.
deploy 'cert: next.pem, key: next.key, client_ca: second.pem' 'operator: ["cert:*"]'
reload >/dev/null
refused ann
was=$port port=$((port + 1))
cat first.pem >>second.pem
deploy 'cert: next.pem, key: next.key, client_ca: second.pem' 'reader: ["cert:*"]'
said=$(reload || true)
grep -q 'so do the authorities of its' <<<"$said" || fail "it is not said that the authorities wait: $said"
port=$was
refused ann
as eve list >/dev/null || fail "eve is not served any more"
stop
