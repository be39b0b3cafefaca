#!/usr/bin/env bash
# The page in a real browser, against a real daemon.  page.sh BIN_DIR PLUGIN_DIR STORE MODULES TEST [SHOTS]
# TEST: page, each thing that it shows; tasks, what people come for.
# Skipped where there is no Chromium, or where playwright-core is not in the directory MODULES and cannot be had.
source "$(dirname "$0")/../../e2e/lib.sh" "$@"
modules=$4 test=$5
[ -n "${DOMED_BROWSER:-}" ] || { echo "skipped: DOMED_BROWSER=1 tries the page in a browser (scripts/nightly does)"; exit 77; }
source "$(dirname "$0")/../lib.sh"
need_browser "$modules"
start
start_console
cp -r "$(dirname "$0")" "$scratch/test"
ln -s "$modules/node_modules" "$scratch/test/node_modules"
# What the page restarts, it restarts by these.
PORT=$port SECRET=$(cat "$XDG_STATE_HOME/domed/console-secret") CHROMIUM=$chromium BIN=$bin SCRATCH=$scratch SHOTS=${6:-} \
  CONSOLE_PID=$console DAEMON_PID=$daemon node "$scratch/test/${test}_test.mjs" || fail "the page; the console said: $(tail -5 "$scratch/console-log")"
for pid in $(cat "$scratch/pids" 2>/dev/null); do kill "$pid" 2>/dev/null || true; done
