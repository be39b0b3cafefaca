#!/usr/bin/env bash
# What the page costs whoever looks at it, in a real browser against a real daemon:
#   bench/console.sh BUILD [LINES]
# BUILD is the directory of a build with -DDOMED_CONSOLE=ON (bin/, plugins/), LINES how long the log is (10,000,000).
# Only for a machine that does nothing else.  Needs Chromium, and playwright-core, which npm fetches.
set -euo pipefail
build=$(cd "$1" && pwd) lines=${2:-10000000}
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../tests/e2e/lib.sh" "$build/bin" "$build/plugins" store-sqlite
source "$here/../tests/console/lib.sh"
need_browser "$build/tests/console/modules"
start
start_console
long=$(submit --name long -- seq "$lines")
finish "$long"
mkdir "$scratch/bench"
cp "$here"/console/*.mjs "$scratch/bench"
ln -s "$modules/node_modules" "$scratch/bench/node_modules"
PORT=$port SECRET=$(cat "$XDG_STATE_HOME/domed/console-secret") CHROMIUM=$chromium BIN=$bin LONG=$long LINES=$lines \
  CONSOLE_PID=$console DAEMON_PID=$daemon REPEATS=${REPEATS:-11} SECONDS_LIVE=${SECONDS_LIVE:-20} BROWSERS=${BROWSERS:-500} \
  node "$scratch/bench/measure.mjs" || fail "the console said: $(tail -5 "$scratch/console-log")"
