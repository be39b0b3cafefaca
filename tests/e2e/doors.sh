#!/usr/bin/env bash
# Who may come in, and what is made again when it is removed.
. "$(dirname "$0")/lib.sh"

# Exits with the check's status; its text goes to $scratch/check.
check() { "$bin/domed" --check --config "$scratch/$1" >"$scratch/check" 2>&1; }
says() { grep -qF "$1" "$scratch/check" || fail "'$1' is not in: $(cat "$scratch/check")"; }

# A listener that anybody can use is refused, then served aloud.
sed "s|^control:.*|control: { listen: [\"tcp://127.0.0.1:0\"] }|" "$scratch/domed.yaml" >"$scratch/tcp.yaml"
check tcp.yaml && fail "a tcp listener without roles was taken"
says "tcp.yaml:2:21: at tcp://127.0.0.1:0 any user of this machine could connect and run any command"
sed "s|^control:.*|control: { listen: [{url: \"tcp://127.0.0.1:0\", roles: {operator: [anyone]}}] }|" \
  "$scratch/domed.yaml" >"$scratch/tcp.yaml"
check tcp.yaml || fail "a tcp listener with roles was refused"
says "any user of this machine may connect to tcp://127.0.0.1:0 and run any command"

# Nothing that others could replace is used.
mkdir -m 777 "$scratch/open"
sed "s|^state_dir:.*|state_dir: $scratch/open/state|" "$scratch/domed.yaml" >"$scratch/state.yaml"
check state.yaml && fail "a state_dir that others may replace was taken"
says "state_dir could be replaced by others: $scratch/open can be written by others"

# Whatever the umask, what is made is ours alone; a job has the daemon's umask.
umask 000
start
umask 022
[ -z "$(find "$scratch/run" "$scratch/state" \( -type d -o -type f -o -type s \) -perm /077)" ] ||
  fail "open to others: $(find "$scratch/run" "$scratch/state" -perm /077 | xargs ls -ld)"

# The sockets' directory comes back within seconds, and live connections go on.
rm -rf "$scratch/run"
for _ in $(seq 300); do ctl health >/dev/null 2>&1 && break; sleep 0.1; done
ctl health >/dev/null || fail "the removed sockets did not come back"
[ -S "$scratch/run/events.ipc" ] || fail "no socket for events"

if [ "$(id -u)" -ne 0 ] || ! command -v setpriv >/dev/null; then
  echo "SKIPPED: acting as another user needs root and setpriv"
  exit 0
fi
other=(setpriv --reuid=65534 --regid=65534 --clear-groups)
chmod 755 "$scratch"
"${other[@]}" "$bin/domectl" health >"$scratch/check" 2>&1 && fail "another user was let in"
says "permission denied: the directory $scratch/run of uid 0 (root) lets this user, uid 65534"

# A socket that another user laid out gets nothing from us, unless we name that user.
stop
mkdir "$scratch/theirs" && chown 65534 "$scratch/theirs"
sed "s|$scratch/run|$scratch/theirs/run|; s|$scratch/state|$scratch/theirs/state|" "$scratch/domed.yaml" >"$scratch/theirs.yaml"
"${other[@]}" "$bin/domed" --config "$scratch/theirs.yaml" >>"$scratch/log" 2>&1 & daemon=$!
url="ipc://$scratch/theirs/run/control.ipc"
for _ in $(seq 300); do [ -S "$scratch/theirs/run/control.ipc" ] && break; sleep 0.1; done
ctl --endpoint "$url" submit --env PASSWORD=s3cret -- true >"$scratch/check" 2>&1 && fail "we spoke to a stranger"
says "belongs to uid 65534 (nobody), this program runs as uid 0 (root): nothing was sent"
ctl --endpoint "$url" --endpoint-user nobody health >/dev/null || fail "the named user's daemon was not spoken to"
