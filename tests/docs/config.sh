#!/usr/bin/env bash
# Each deployment of config/: checked as it stands, with certificates and tokens made here, printed and checked
# again; then served, on sockets of this test's own, doing what it is there for.  config.sh SOURCE BIN_DIR PLUGIN_DIR
set -euo pipefail
source=$1 bin=$2 plugins=$3
scratch=$(mktemp -d)
daemon=
cleanup() {
  status=$?
  [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
  wait
  [ $status -eq 0 ] || tail -n 50 "$scratch"/*.log >&2 2>/dev/null || true
  rm -rf "$scratch"
  exit $status
}
trap cleanup EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }

umask 077
export HOME=$scratch/home DOMED_GROUP
DOMED_GROUP=$(id -gn)
unset XDG_RUNTIME_DIR XDG_STATE_HOME XDG_CONFIG_HOME DOMED_ENDPOINT DOMED_ENDPOINT_USER || true
mkdir -p "$HOME" "$scratch/config"
cd "$scratch/config"
cp "$source"/config/*.yaml .
ln -s "$plugins" plugins
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=ca -keyout ca.key -out ca.pem 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout server.key 2>/dev/null |
  openssl x509 -req -CA ca.pem -CAkey ca.key -days 30 -out server.pem \
    -extfile <(printf 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth') 2>/dev/null
openssl rand -hex 32 >store.key
for name in deploy-bot dashboard-1; do "$bin/domectl" token new $name --out $name.token >>tokens.yaml; done

for file in *.yaml; do
  [ $file = tokens.yaml ] && continue
  [ $file = cluster.yaml ] && [ ! -e plugins/store-postgres.so ] && { echo "cluster.yaml is not tried: there is no store-postgres"; continue; }
  "$bin/domed" --check --config $file >../check.log 2>&1 || fail "$file: $(cat ../check.log)"
  "$bin/domed" --print-config --config $file >../print.yaml 2>/dev/null || fail "$file cannot be printed"
  "$bin/domed" --check --config ../print.yaml >../again.log 2>&1 || fail "what is printed of $file: $(cat ../again.log)"
  diff <(sed 's/^.*: ok$//' ../check.log | grep -v "^$file:") <(sed 's/^.*: ok$//' ../again.log | grep -v '^../print.yaml:') ||
    fail "$file means something else when it is printed"
done

# Serves "$1" with everything below the scratch directory; $2 are further edits.
serve() {
  sed -e "s|/run/domed|$scratch/run|; s|/var/lib/domed|$scratch/state|; s|0.0.0.0:[0-9]*|127.0.0.1:0|; s|127.0.0.1:7400|127.0.0.1:0|" "$1" >"served-$1"
  "$bin/domed" --config "served-$1" 2>"../$1.log" &
  daemon=$!
}
stop() { kill "$daemon"; wait "$daemon" || true; daemon=; rm -rf "$scratch/state" "$scratch/run"; }

for file in domed.yaml ci.yaml; do
  serve $file
  [ "$("$bin/domectl" run -- echo hello)" = hello ] || fail "$file: no hello"
  stop
done
export DOMED_ENDPOINT=ipc://$scratch/run/control.ipc
serve system.yaml
[ "$("$bin/domectl" run -- echo hello)" = hello ] || fail "system.yaml: no hello"
stop
serve locked-down.yaml
"$bin/domectl" run -- echo hello >../out 2>&1 && fail "locked-down.yaml runs any command"
grep -q E_POLICY_DENIED ../out || fail "locked-down.yaml: $(cat ../out)"
grep -q '^Filesystem' <<<"$("$bin/domectl" run --tool disk-report)" || fail "locked-down.yaml: no report"
[ "$(printf abc | "$bin/domectl" run --tool import-data --stdin - | cut -c 1-8)" = ba7816bf ] || fail "locked-down.yaml: no sum"
"$bin/domectl" run --tool deploy --task '{"stage":"moon","tag":"v1.0.0"}' >../out 2>&1 && fail "a task that does not fit"
grep -q stage ../out || fail "locked-down.yaml: $(cat ../out)"
export DOMED_TOKEN_FILE=$PWD/deploy-bot.token
bot=$(grep -o 'tcp://127.0.0.1:[0-9]*' ../locked-down.yaml.log | tail -n 1)
[[ $("$bin/domectl" --endpoint "$bot" whoami) == *submitter* ]] || fail "the token is not known"
stop
export DOMED_ENDPOINT=ipc://$HOME/domed/run/control.ipc
serve remote.yaml
[ "$("$bin/domectl" run -- echo hello)" = hello ] || fail "remote.yaml: no hello"
stop
echo "each deployment of config/ is what it says"
