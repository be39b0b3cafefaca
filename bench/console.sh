#!/usr/bin/env bash
# What the page costs whoever looks at it, in a real browser against a real daemon:
#   bench/console.sh BUILD [LINES]
# BUILD is the directory of a build with -DDOMED_CONSOLE=ON (bin/, plugins/), LINES how long the log is (10,000,000).
# Only for a machine that does nothing else.  Needs Chromium, and playwright-core, which npm fetches.
set -euo pipefail
build=$(cd "$1" && pwd) lines=${2:-10000000}
here=$(cd "$(dirname "$0")" && pwd)
chromium=$(command -v chromium || command -v chromium-browser) || { echo "skipped: there is no chromium"; exit 77; }
modules=$build/tests/console/modules
if [ ! -e "$modules/node_modules/.package-lock.json" ]; then
  mkdir -p "$modules"
  cp "$here"/../tests/console/page/package*.json "$modules"
  (cd "$modules" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error) || { echo "skipped: playwright-core cannot be had"; exit 77; }
fi
source "$here/../tests/e2e/lib.sh" "$build/bin" "$build/plugins" store-sqlite
export XDG_STATE_HOME=$scratch/xdg
console=
end_console() { [ -n "$console" ] && kill "$console" 2>/dev/null && wait "$console" 2>/dev/null; console=; }
trap 'status=$?; set +e; end_console; (exit $status); cleanup' EXIT
start
mkfifo "$scratch/where"
"$bin/domed-console" --listen 127.0.0.1:0 >"$scratch/where" 2>"$scratch/console-log" & console=$!
read -r address <"$scratch/where" || fail "the console does not start: $(cat "$scratch/console-log")"
port=${address##*:} port=${port%/}
long=$(submit --name long -- seq "$lines")
finish "$long"
mkdir "$scratch/bench"
cp "$here"/console/*.mjs "$scratch/bench"
ln -s "$modules/node_modules" "$scratch/bench/node_modules"
PORT=$port SECRET=$(cat "$XDG_STATE_HOME/domed/console-secret") CHROMIUM=$chromium BIN=$bin LONG=$long LINES=$lines \
  CONSOLE_PID=$console DAEMON_PID=$daemon REPEATS=${REPEATS:-11} SECONDS_LIVE=${SECONDS_LIVE:-20} BROWSERS=${BROWSERS:-500} \
  node "$scratch/bench/measure.mjs" || fail "the console said: $(tail -5 "$scratch/console-log")"
