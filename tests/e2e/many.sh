#!/usr/bin/env bash
# Several jobs are followed at once, line by line, each with its name; until all are over.
. "$(dirname "$0")/lib.sh"
start
mkfifo "$scratch/a" "$scratch/b"
a=$(submit --name build --label g=1 -- sh -c 'echo from a; read line <"$0"; printf "half"; echo " a line"; printf end' "$scratch/a")
b=$(submit --name test --label g=1 -- sh -c 'echo from b; read line <"$0"; echo oops >&2; exit 3' "$scratch/b")
until_output "$a" 'from a'
until_output "$b" 'from b'
ctl follow build test >"$scratch/out" 2>"$scratch/err" & one=$!
ctl follow --label g=1 --json >"$scratch/lines" & two=$!
ctl follow build test --exit-code >/dev/null 2>&1 & three=$!
for _ in $(seq 1200); do [ "$(grep -c 'from' "$scratch/out")" = 2 ] && break; sleep 0.1; done
echo go >"$scratch/b"
finish "$b"
kill -0 $one || fail "it ended although one job goes on"
echo go >"$scratch/a"
wait $one || fail "it failed: $(cat "$scratch/err")"
wait $two
code=0; wait $three || code=$?
expect "the code of the first that failed" 3 $code
expect "lines, each whole" "build | end
build | from a
build | half a line
test  | from b" "$(sort "$scratch/out")"
expect "the other stream" "test  | oops" "$(grep '|' "$scratch/err")"
expect "all event lines" "$(cat <(ctl follow build --json) <(ctl follow test --json) | sort)" "$(sort "$scratch/lines")"

# A name that two have is told apart; one that is not there does not begin.
again=$(submit --name build -- echo new)
finish "$again"
ctl follow "$a" "$again" "$again" >"$scratch/out"
grep -qx 'build | from a' "$scratch/out" || fail "the first: $(cat "$scratch/out")"
expect "the second, once" "build~${again:0:4} | new" "$(grep new "$scratch/out")"
code=0; ctl follow build nowhere 2>"$scratch/err" || code=$?
grep -q "no job 'nowhere'" "$scratch/err" || fail "it says: $(cat "$scratch/err")"
expect "a search in several" "build | from a|test  | from b" "$(ctl follow "$a" test --grep from | sort | paste -sd'|')"

# Whatever comes.
mkfifo "$scratch/c"
there=$(submit --name new0 -- sh -c 'echo hello 0; read line <"$0"' "$scratch/c")
ctl follow --all >"$scratch/out" 2>/dev/null & all=$!
for _ in $(seq 1200); do grep -q "hello 0" "$scratch/out" && break; sleep 0.1; done
for i in 1 2 3; do
  submit --name "new$i" -- echo "hello $i" >/dev/null
  for _ in $(seq 1200); do grep -q "hello $i" "$scratch/out" && break; sleep 0.1; done
done
kill -TERM $all
code=0; wait $all || code=$?
expect "who was ended" 143 $code
echo go >"$scratch/c"
finish "$there"
expect "those that came" "new0       | hello 0|new1       | hello 1|new2       | hello 2|new3       | hello 3" "$(paste -sd'|' "$scratch/out")"
stop
