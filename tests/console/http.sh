#!/usr/bin/env bash
# The console as whoever talks HTTP to it sees it: who gets in, what is refused, and that what it gives is the
# daemon's own.  http.sh BIN_DIR PLUGIN_DIR STORE
source "$(dirname "$0")/../e2e/lib.sh" "$@"
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
source "$(dirname "$0")/lib.sh"
start
"$bin/domed-console" --listen 0.0.0.0:0 2>"$scratch/said" && fail "it listens beyond this machine without TLS"
grep -q -- --tls-cert "$scratch/said" || fail "it does not say what to do: $(cat "$scratch/said")"
# Without one that listens there it gives the secret to nobody.
"$bin/domed-console" --login-link --listen 127.0.0.1:1 >"$scratch/said" 2>&1 && fail "it gives the secret to whoever listens there next"
grep -q "no console listens" "$scratch/said" || fail "it does not say why: $(cat "$scratch/said")"
start_console
secret=$(cat "$XDG_STATE_HOME/domed/console-secret")
expect "only its user reads the secret" 600 "$(stat -c %a "$XDG_STATE_HOME/domed/console-secret")"
grep -q "$secret" "$scratch/console-log" && fail "the secret is in the log"
[[ $address == *login* ]] && fail "the secret is in an output that is no terminal"
link=$("$bin/domed-console" --login-link --listen "127.0.0.1:$port")
expect "the address that logs in" "http://127.0.0.1:$port/#login=$secret" "$link"
# Two that begin at once have one secret.
mkdir "$scratch/xdg2"
for i in 1 2 3 4 5 6; do XDG_STATE_HOME=$scratch/xdg2 "$bin/domed-console" --login-link --listen "127.0.0.1:$port" >"$scratch/link$i" 2>&1 & links[i]=$!; done
for i in 1 2 3 4 5 6; do wait "${links[i]}" || fail "a console that begins beside others: $(cat "$scratch/link$i")"; done
expect "their secrets" 1 "$(cat "$scratch"/link? | sort -u | wc -l)"
# Nor where another account listens.
if [ "$(id -u)" = 0 ]; then
  mkfifo "$scratch/theirs"
  python3 -c 'import os, signal, socket
os.setuid(65534)
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
signal.pause()' >"$scratch/theirs" & other=$!
  read -r their_port <"$scratch/theirs"
  "$bin/domed-console" --login-link --listen "127.0.0.1:$their_port" >"$scratch/said" 2>&1 || true
  kill "$other"
  grep -q "user 65534 listens" "$scratch/said" || fail "it does not say who: $(cat "$scratch/said")"
  grep -q "$secret" "$scratch/said" && fail "another account is given the secret"
fi

job=$(submit --name 'a <b>name</b>' --label team=x -- sh -c 'seq 1 2000; echo oh no: error >&2; exit 3')
finish "$job"
live=$(submit -- sh -c 'echo begun; exec sleep 300')
CONSOLE_PORT=$port CONSOLE_SECRET=$secret JOB=$job LIVE=$live BIN=$bin python3 "$(dirname "$0")/http_test.py" all || fail "see above"

# Logged in stays logged in when it starts again, and a browser that comes back goes on where it was.
end_console
start_console
CONSOLE_PORT=$port CONSOLE_SECRET=$secret JOB=$job LIVE=$live BIN=$bin python3 "$(dirname "$0")/http_test.py" kept || fail "see above"

# The daemon dies and comes back in the middle of a follow.
: >"$scratch/through"
slow=$(submit -- sh -c 'for i in $(seq 1 60); do echo "line $i"; sleep 0.1; done')
CONSOLE_PORT=$port CONSOLE_SECRET=$secret JOB=$slow BIN=$bin python3 "$(dirname "$0")/http_test.py" through >"$scratch/through" & reader=$!
until grep -q 'line 5"' "$scratch/through"; do kill -0 $reader 2>/dev/null || fail "the follow ended: $(cat "$scratch/through")"; sleep 0.05; done
kill -9 "$daemon"; wait "$daemon" 2>/dev/null || true
until grep -q '"connected":false' "$scratch/through"; do kill -0 $reader 2>/dev/null || fail "the follow ended without its daemon"; sleep 0.05; done
start
wait $reader || fail "a follow over the daemon's death: $(tail -5 "$scratch/through")"
ctl logs "$slow" --json >"$scratch/truth"
grep '^{' "$scratch/through" | jq -c 'select(.type=="log")' >"$scratch/got"
cmp <(jq -c . "$scratch/truth") "$scratch/got" || fail "not every line once, in order"
grep -q '"connected":true' "$scratch/through" || fail "it is not said that the daemon is back"

# It only shows.
end_console
start_console --read-only
CONSOLE_PORT=$port CONSOLE_SECRET=$secret JOB=$job LIVE=$live BIN=$bin python3 "$(dirname "$0")/http_test.py" read_only || fail "see above"
grep -q "$secret" "$scratch/console-log" && fail "the secret is in the log"

# Over ipc the system says who asks, which is the console, whatever word a browser sent.
for endpoints in "$DOMED_ENDPOINT,tcp://127.0.0.1:1" "tcp://127.0.0.1:1,$DOMED_ENDPOINT"; do
  end_console
  start_console --endpoint "$endpoints"
  CONSOLE_PORT=$port CONSOLE_SECRET=$secret JOB=$job BIN=$bin python3 "$(dirname "$0")/http_test.py" stranger || fail "see above"
done
ctl cancel "$live" >/dev/null
