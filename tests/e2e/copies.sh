#!/usr/bin/env bash
# Copies that people make: an export on a terminal cannot steer it, and whatever ends a copy leaves nothing half written.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || { echo "SKIPPED: no python3"; exit 0; }
on_terminal() { python3 -c 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))' "$@" </dev/null; }

start
hostile=$'a\xc2\x9b31m\xe2\x80\xaex\xe2\x80\xa8y'  # C1, a mark that turns what is read, a line separator
job=$(submit -- echo "$hostile"); finish "$job"
ctl export "$job" >"$scratch/piped"
ctl export "$job" -o "$scratch/filed"
cmp "$scratch/piped" "$scratch/filed" || fail "an export differs by where it goes"
LC_ALL=C grep -qP '\xe2\x80\xae' "$scratch/piped" || fail "a piped export has other bytes than the log"
on_terminal "$bin/domectl" export "$job" | tr -d '\r' >"$scratch/shown"
! LC_ALL=C grep -qP '[\x80-\x9f]' "$scratch/shown" || fail "an export steers a terminal: $(cat -v "$scratch/shown")"
cmp <(jq -S . "$scratch/piped") <(jq -S . "$scratch/shown") || fail "an export on a terminal is another one"
# What is no log is escaped wherever it goes.
for said in "$(ctl status "$job" --json)" "$(ctl list --json)"; do
  grep -qF '\u2028' <<<"$said" || fail "JSON without the command: $said"
  ! LC_ALL=C grep -qP '\xe2\x80' <<<"$said" || fail "JSON that some readers would break: $said"
done

if [ "$store" = store-sqlite ]; then
  on_terminal "$bin/domectl" backup - >"$scratch/shown" && fail "a backup goes to a terminal"
  grep -q "for a file" "$scratch/shown" || fail "a backup on a terminal: $(cat -v "$scratch/shown")"
fi

# The daemon answers nothing: whatever ends who waits, nothing is left.
mkdir "$scratch/copies"
left() { find "$scratch/copies" -mindepth 1; }
kill -STOP "$daemon"
for what in backup "export $job -o"; do
  for signal in INT TERM HUP PIPE QUIT USR1 USR2 RTMIN; do
    # shellcheck disable=SC2086
    env --default-signal "$bin/domectl" $what "$scratch/copies/copy" 2>/dev/null & copier=$!
    if [ "$what" = backup ]; then
      for _ in $(seq 600); do [ -n "$(left)" ] && break; sleep 0.02; done
      [ -n "$(left)" ] || fail "$what makes no file"
    fi
    kill -"$signal" "$copier"
    wait "$copier" && fail "$what by SIG$signal ends well"
    [ -z "$(left)" ] || fail "$what by SIG$signal leaves $(left)"
  done
done
kill -CONT "$daemon"
stop
