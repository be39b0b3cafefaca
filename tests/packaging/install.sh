#!/usr/bin/env bash
# install.sh SOURCE BUILD CMAKE: "cmake --install --prefix P" of a build writes nothing outside of P, and what
# lies in P works: the daemon finds its deployment, plugins and runner, and its manual pages are there.
set -euo pipefail
source=$1 build=$2 cmake=$3
scratch=$(mktemp -d)
daemon=
cleanup() { [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true; wait; rm -rf "$scratch"; }
trap cleanup EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }
prefix=$scratch/opt
"$cmake" --install "$build" --prefix "$prefix" >"$scratch/log"
outside=$(sed -nE 's/^-- (Installing|Up-to-date): //p' "$scratch/log" | grep -vF "$prefix/" | grep -vxF "$prefix" || true)
[ -z "$outside" ] || fail "outside of the prefix: $outside"
export HOME=$scratch/home
unset XDG_RUNTIME_DIR XDG_STATE_HOME XDG_CONFIG_HOME DOMED_ENDPOINT || true
mkdir -m 700 "$HOME"
"$prefix/bin/domed" --check >"$scratch/check" || fail "--check"
grep -q "^$prefix/etc/domed/domed.yaml: ok" "$scratch/check" || fail "another deployment: $(cat "$scratch/check")"
"$prefix/bin/domed" 2>"$scratch/daemon" &
daemon=$!
[ "$("$prefix/bin/domectl" run -- echo hello)" = hello ] || fail "no hello: $(cat "$scratch/daemon")"
for file in share/domed/deployment.schema.json share/domed/template/CMakeLists.txt bin/domed-new-plugin lib/systemd/system/domed.service \
  lib/systemd/user/domed.service lib/sysusers.d/domed.conf lib/tmpfiles.d/domed.conf share/bash-completion/completions/domectl; do
  [ -s "$prefix/$file" ] || fail "no $file"
done
if command -v lowdown >/dev/null; then
  for page in man1/domed.1 man1/domectl.1 man1/domed-runner.1 man5/domed.yaml.5 man7/domed-protocol.7 man7/domed-contract.7; do
    [ "$(zcat "$prefix/share/man/$page.gz" | wc -c)" -gt 400 ] || fail "no page $page"
  done
  grep -q 'domectl completion' <(zcat "$prefix/share/man/man1/domectl.1.gz") || fail "a verb is not in domectl(1)"
  grep -q 'jobs.max_running' <(zcat "$prefix/share/man/man5/domed.yaml.5.gz") || fail "a key is not in domed.yaml(5)"
fi
echo "all is below the prefix, and works there"
