#!/usr/bin/env bash
# The page in a real browser, against a real daemon.  page.sh BIN_DIR PLUGIN_DIR STORE MODULES TEST [SHOTS]
# TEST: page, each thing that it shows; tasks, what people come for.
# Skipped where there is no Chromium, or where playwright-core is not in the directory MODULES and cannot be had.
source "$(dirname "$0")/../../e2e/lib.sh" "$@"
modules=$4 test=$5
[ -n "${DOMED_BROWSER:-}" ] || { echo "skipped: DOMED_BROWSER=1 tries the page in a browser (scripts/nightly does)"; exit 77; }
chromium=$(command -v chromium || command -v chromium-browser) || { echo "skipped: there is no chromium"; exit 77; }
if [ ! -e "$modules/node_modules/.package-lock.json" ]; then
  mkdir -p "$modules"
  cp "$(dirname "$0")"/package*.json "$modules"
  (cd "$modules" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error) || { echo "skipped: playwright-core cannot be had"; exit 77; }
fi
export XDG_STATE_HOME=$scratch/xdg
console=
end_console() { [ -n "$console" ] && kill "$console" 2>/dev/null && wait "$console" 2>/dev/null; console=; }
trap 'status=$?; set +e; end_console; (exit $status); cleanup' EXIT
start
mkfifo "$scratch/where"
"$bin/domed-console" --listen 127.0.0.1:0 >"$scratch/where" 2>"$scratch/console-log" & console=$!
read -r address <"$scratch/where" || fail "the console does not start: $(cat "$scratch/console-log")"
port=${address##*:} port=${port%/}
cp -r "$(dirname "$0")" "$scratch/test"
ln -s "$modules/node_modules" "$scratch/test/node_modules"
# What the page restarts, it restarts by these.
PORT=$port SECRET=$(cat "$XDG_STATE_HOME/domed/console-secret") CHROMIUM=$chromium BIN=$bin SCRATCH=$scratch SHOTS=${6:-} \
  CONSOLE_PID=$console DAEMON_PID=$daemon node "$scratch/test/${test}_test.mjs" || fail "the page; the console said: $(tail -5 "$scratch/console-log")"
for pid in $(cat "$scratch/pids" 2>/dev/null); do kill "$pid" 2>/dev/null || true; done
