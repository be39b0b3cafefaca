# What scenarios with a console share: its start and its end. For scripts, behind e2e/lib.sh.
export XDG_STATE_HOME=$scratch/xdg
console=
end_console() { [ -n "$console" ] && kill "$console" 2>/dev/null && wait "$console" 2>/dev/null; console=; }
trap 'status=$?; set +e; end_console; (exit $status); cleanup' EXIT
# Starts it with these options, where it was before, and knows its address and port.
start_console() {
  mkfifo "$scratch/where"
  "$bin/domed-console" --listen "127.0.0.1:${port:-0}" "$@" >"$scratch/where" 2>>"$scratch/console-log" & console=$!
  read -r address <"$scratch/where" || fail "the console does not start: $(cat "$scratch/console-log")"
  rm "$scratch/where"
  export CONSOLE=$console
  port=${address##*:} port=${port%/}
}
# A browser, and what drives it in the directory "modules"; else a skip.
need_browser() {
  modules=$1
  chromium=$(command -v chromium || command -v chromium-browser) || { echo "skipped: there is no chromium"; exit 77; }
  [ -e "$modules/node_modules/.package-lock.json" ] && return
  mkdir -p "$modules"
  cp "$(dirname "${BASH_SOURCE[0]}")"/page/package*.json "$modules"
  (cd "$modules" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error) || { echo "skipped: playwright-core cannot be had"; exit 77; }
}
