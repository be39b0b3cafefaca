#!/usr/bin/env bash
# with_postgres.sh [--disturb] COMMAND...: runs COMMAND with a PostgreSQL of its own, on a socket in a
# directory of its own, as a user without rights (nobody, where we are root).  COMMAND is the suite and
# gets the options that lead it there; with --disturb the server crashes, restarts and throws everybody
# out in turn while it runs.  Exit status 77, a skip, where there is no server to start.
set -uo pipefail
disturb=
[ "${1:-}" = --disturb ] && { disturb=yes; shift; }

bin=
for candidate in "$(pg_config --bindir 2>/dev/null)" /usr/lib/postgresql/*/bin; do
  [ -x "$candidate/initdb" ] && [ -x "$candidate/postgres" ] && bin=$candidate
done
[ -n "$bin" ] || { echo "skipped: no PostgreSQL server is installed (Debian: postgresql; scripts/setup postgres)"; exit 77; }

as_nobody=()
if [ "$(id -u)" -eq 0 ]; then
  command -v setpriv >/dev/null || { echo "skipped: PostgreSQL refuses root, and there is no setpriv"; exit 77; }
  as_nobody=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
fi
place=$(mktemp -d /tmp/domed-postgres-XXXXXX)
[ ${#as_nobody[@]} -eq 0 ] || chown nobody "$place"
# From there: a user without rights may not be where we are.
control() (cd "$place" && "${as_nobody[@]}" "$bin/pg_ctl" -D "$place/data" -l "$place/log" "$@" </dev/null >/dev/null)
stop() {
  [ ! -e "$place/data/postmaster.pid" ] || control -m immediate stop
  [ ! -d "$place/standby.data" ] || (cd "$place" && "${as_nobody[@]}" "$bin/pg_ctl" -D "$place/standby.data" -m immediate stop </dev/null >/dev/null)
  rm -rf "$place"
}
trap stop EXIT
trap 'exit 130' INT TERM

(cd "$place" && "${as_nobody[@]}" "$bin/initdb" -D "$place/data" -A trust -U domed --no-locale -E UTF8 >/dev/null) || exit 1
# What is durable is left as it is: it is what the store declares.
cat >>"$place/data/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$place'
max_connections = 200
shared_buffers = 64MB
CONF
control -w start || { cat "$place/log"; exit 1; }

# In turn: a crash, a restart, and everybody thrown out.
cat >"$place/disturb" <<SH
#!/bin/sh
set -e
cd '$place'
turn=\$(cat turn 2>/dev/null || echo 0)
echo \$(((turn + 1) % 3)) >turn
pg_ctl() { ${as_nobody[*]} '$bin/pg_ctl' -D '$place/data' -l '$place/log' "\$@" </dev/null >/dev/null; }
case \$turn in
0) pg_ctl -w -m immediate restart ;;
1) pg_ctl -w -m fast restart ;;
2) '$bin/psql' -qAt -h '$place' -U domed postgres -c "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'" >/dev/null ;;
esac
SH
chmod +x "$place/disturb"

# Stops and starts it: "control -m immediate stop".
cat >"$place/control" <<SH
#!/bin/sh
cd '$place' && exec ${as_nobody[*]} '$bin/pg_ctl' -D '$place/data' -l '$place/log' -w "\$@" </dev/null >/dev/null
SH
chmod +x "$place/control"
# Makes a standby that the server waits for with every commit ("standby make", at port 5433 of the same directory); kills the
# server, and has the standby take its place ("standby promote").
cat >"$place/standby" <<SH
#!/bin/sh
set -e
cd '$place'
as_nobody() { ${as_nobody[*]} "\$@" </dev/null >/dev/null; }
case \$1 in
make)
  as_nobody '$bin/pg_basebackup' -D '$place/standby.data' -h '$place' -U domed -R -X stream -c fast
  printf 'port = 5433\n' >>standby.data/postgresql.conf
  as_nobody '$bin/pg_ctl' -D '$place/standby.data' -l '$place/standby.log' -w start
  '$bin/psql' -qAt -h '$place' -U domed postgres -c "ALTER SYSTEM SET synchronous_standby_names = '*'" -c 'SELECT pg_reload_conf()' >/dev/null
  ;;
promote)
  as_nobody '$bin/pg_ctl' -D '$place/data' -w -m immediate stop
  as_nobody '$bin/pg_ctl' -D '$place/standby.data' -w promote
  ;;
esac
SH
chmod +x "$place/standby"
export DOMED_POSTGRES=$place

# Undisturbed the server is slow at most, as a busy machine has it.
[ -n "$disturb" ] && patience= || patience=60s
psql="'$bin/psql' -q -h '$place' -U domed postgres"
"$@" --set "url=postgresql:///postgres?host=$place&user=domed" --set 'schema={fresh}' \
  --cleanup "PGOPTIONS='-c client_min_messages=error' $psql -c \"DROP SCHEMA IF EXISTS \\\"\$DOMED_OPTION_SCHEMA\\\" CASCADE\"" \
  ${disturb:+--disturb "$place/disturb"} ${patience:+--set "patience=$patience"}
status=$?
[ $status -eq 0 ] || tail -n 40 "$place/log"
exit $status
