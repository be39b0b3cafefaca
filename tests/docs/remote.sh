#!/usr/bin/env bash
# remote.sh SOURCE BIN_DIR PLUGIN_DIR: docs/remote.md as it is written, its two machines being two network namespaces: the
# blocks up to "on ann's machine" in one, the one behind it in the other.
set -euo pipefail
source=$1 bin=$2 plugins=$3
skip() { echo "SKIPPED: $1"; exit 77; }
[ "$(id -u)" = 0 ] || skip "network namespaces need root"
command -v ip >/dev/null || skip "no ip: apt-get install iproute2"
unshare --net --mount true 2>/dev/null || skip "may not make network namespaces here"

scratch=$(mktemp -d)
pids=()
cleanup() {
  status=$?
  [ $status -eq 0 ] || tail -n 50 "$scratch"/*.log "$scratch"/server/domed/domed.log >&2 2>/dev/null || true
  [ -f "$scratch/server/domed/pid" ] && kill "$(cat "$scratch/server/domed/pid")" 2>/dev/null
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
  wait
  rm -rf "$scratch"
  exit $status
}
trap cleanup EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }

# The text's blocks: those before and behind "on ann's machine".
awk '/on ann.s machine:/ {behind=1} /^```sh/ {take=1; next} /^```/ {take=0} take && !behind' "$source/docs/remote.md" >"$scratch/server.sh"
awk '/on ann.s machine:/ {behind=1} /^```sh/ {take=1; next} /^```/ {take=0} take && behind' "$source/docs/remote.md" >"$scratch/client.sh"
grep -q 'domed --config' "$scratch/server.sh" && grep -q 'domectl run' "$scratch/client.sh" || fail "docs/remote.md has no such blocks"

printf '127.0.0.1 localhost\n10.77.0.1 build.example\n' >"$scratch/hosts"
mkdir "$scratch/server" "$scratch/client"
# A namespace lives as long as a process in it does.
unshare --net --mount sleep 600 & pids+=($!)
unshare --net --mount sleep 600 & pids+=($!)
server=${pids[0]} client=${pids[1]}
for pid in "$server" "$client"; do
  for _ in $(seq 100); do [ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/self/ns/net)" ] && break; sleep 0.05; done
done
ip link add "dm$$a" netns "$server" type veth peer name "dm$$b" netns "$client"
in_ns() { nsenter --net --mount --target "$1" "${@:2}"; }
in_ns "$server" sh -c "ip addr add 10.77.0.1/24 dev dm$$a && ip link set dm$$a up && ip link set lo up && mount --bind $scratch/hosts /etc/hosts"
in_ns "$client" sh -c "ip addr add 10.77.0.2/24 dev dm$$b && ip link set dm$$b up && ip link set lo up && mount --bind $scratch/hosts /etc/hosts"

# Of the words only two are replaced: where the plugins of this build are, and what copies between the "machines".
sed -i "s|^state_dir:|plugin_path: [$plugins]\nstate_dir:|" "$scratch/server.sh"
export PATH=$bin:$PATH
in_ns "$server" env HOME="$scratch/server" bash -euo pipefail -c \
  "cd; source $scratch/server.sh; echo \$! >pid" >"$scratch/check.log" 2>&1 || fail "the daemon's side: $(cat "$scratch/check.log")"
grep -q 'whoever shows a certificate called ann that .*ca.pem signed: operator' "$scratch/check.log" ||
  fail "--check does not say who may do what: $(cat "$scratch/check.log")"
in_ns "$client" env HOME="$scratch/client" bash -euo pipefail -c \
  "cd; scp() { cp \"\${@/#build.example:/$scratch/server/}\"; }; source $scratch/client.sh" >"$scratch/client.log" 2>&1 ||
  fail "ann's side: $(cat "$scratch/client.log")"
grep -qx 'cert:ann: reader, producer, submitter, operator' "$scratch/client.log" || fail "whoami: $(cat "$scratch/client.log")"
[ "$(grep -c '^line [123]$' "$scratch/client.log")" = 3 ] || fail "the job's output: $(cat "$scratch/client.log")"

# Somebody whom nobody signed for, and the wrong host, are turned away in words.
ann="env DOMED_CA=$scratch/client/ca.pem DOMED_CERT=$scratch/client/ann.pem DOMED_KEY=$scratch/client/ann.key"
said=$(in_ns "$client" $ann domectl --endpoint tls+tcp://10.77.0.1:7443 --connect-wait 0s list 2>&1) && fail "an address that the certificate does not have was trusted"
[[ $said == *"10.77.0.1"* ]] || fail "the wrong host: $said"
said=$(in_ns "$client" env DOMED_CA="$scratch/client/ca.pem" domectl --endpoint tls+tcp://build.example:7443 --connect-wait 0s list 2>&1) &&
  fail "nobody's certificate was taken"
[[ $said == *certificate* ]] || fail "no certificate: $said"
grep -q "from 10.77.0.2" "$scratch/server/domed/domed.log" || fail "the log does not say who was refused"
echo "docs/remote.md works as it is written"
