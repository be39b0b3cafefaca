#!/usr/bin/env bash
# The tour of README.md, pasted into a shell as a newcomer would, in a clone that was just built: every
# command in it works, at once and in this order.  tour.sh SOURCE BUILD
set -euo pipefail
readme=$1/README.md build=$2
scratch=$(mktemp -d)
clone=$scratch/domed
cleanup() {
  [ ! -s "$scratch/pid" ] || kill "$(cat "$scratch/pid")" 2>/dev/null || true
  rm -rf "$scratch"
}
trap cleanup EXIT
mkdir -p "$clone/build" "$scratch/home"
cp -r "$1/config" "$1/.gitignore" "$clone"
ln -s "$build" "$clone/build/quickstart"
cd "$clone"
export HOME=$scratch/home
git init -q && git add . && git -c user.name=a -c user.email=a@b -c commit.gpgsign=false commit -qm tour

# The shell blocks of the section "A tour", as they stand there.
tour=$(awk '/^## /{on = $0 == "## A tour"} on && /^```/{in_block = $0 == "```sh"; next} on && in_block' "$readme")
env -u XDG_RUNTIME_DIR -u XDG_STATE_HOME -u XDG_CONFIG_HOME -u DOMED_ENDPOINT bash >"$scratch/out" 2>"$scratch/err" <<END
$tour
echo \$! >'$scratch/pid'
wait
END
complain() { echo "$1" >&2; echo "$tour" >&2; cat "$scratch/out" "$scratch/err" build/domed.log >&2; exit 1; }
[ ! -s "$scratch/err" ] || complain "the tour does not go by without a word of error"
for expected in '^3$' '^exit 3$' '"seq":1,' '"seq":6,' '^ok: [0-9]+ events' '"commit_sha": "[0-9a-f]{40}"' '"dirty_flag": "false"'; do
  grep -qE "$expected" "$scratch/out" || complain "the tour does not show $expected"
done
[ "$(grep -c '"seq":' "$scratch/out")" -gt 5 ] || complain "the tour shows no events"
