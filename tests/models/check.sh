#!/usr/bin/env bash
# check.sh MODEL.pml: searches all states of a model with spin.  Lines of its first comment say what is looked for:
#   ! holds [OPTION...]      nothing is wrong, and there is no step that is never taken
#   ! ends [OPTION...]       nothing goes round for ever
#   ! refuted VARIANT WHY    with -DVARIANT, which leaves a guard out, something is wrong
set -uo pipefail
model=$(realpath "$1")
command -v spin >/dev/null || { echo 'skipped: spin is not installed'; exit 77; }
command -v "${CC:=cc}" >/dev/null || { echo "skipped: $CC is not installed"; exit 77; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
bad=0
complain() { echo "FAILED: $1"; bad=1; }
# search "COMPILE OPTIONS" "SEARCH OPTIONS" SPIN OPTIONS...: what was found is in the file "found".
search() {
  rm -f pan pan.* ./*.trail
  spin -a "${@:3}" "$model" >made 2>&1 && $CC -w -O1 $1 -o pan pan.c >>made 2>&1 || { cat made; exit 1; }
  ./pan -E -m1000000 -w22 $2 >found 2>&1
  # A search that was cut short has shown nothing.
  grep -q 'depth too small\|out of memory\|interrupted' found && { cat found; exit 1; }
  grep -q 'errors: ' found || { cat found; exit 1; }
}
errors() { sed -nE 's/.*errors: ([0-9]+).*/\1/p' found; }
tell() { spin -t -p -g "$@" "$model" 2>/dev/null | tail -60; }

# What the lines with this word say.
said() { sed -nE '/\*\//q; s/^ \*! '"$1"'( (.*))?$/\2/p' "$model"; }

states=none
while read -r options; do
  search -DSAFETY "" $options
  states=$(sed -nE 's/ *([0-9.e+]+) states, stored.*/\1/p' found)
  [ "$(errors)" = 0 ] || { complain "it does not hold:"; cat found; tell $options; }
  never=$(grep 'state [0-9]*, "' found | grep -v '"-end-"') && complain "these steps are never taken: $never"
done < <(said holds)
while read -r options; do
  search -DNP -l $options
  [ "$(errors)" = 0 ] || { complain "it can go round for ever:"; tell $options; }
done < <(said ends)
refuted=0
while read -r variant why; do
  search -DSAFETY "" "-D$variant"
  if [ "$(errors)" = 0 ]; then complain "$variant is not noticed: $why"; else refuted=$((refuted + 1)); fi
done < <(said refuted)
{ [ "$states" != none ] && [ "$refuted" -ge 8 ]; } || complain "too little was looked for: $states states, $refuted variants"
[ $bad = 1 ] || echo "$(basename "$model"): holds in $states states, and $refuted variants without a guard do not"
exit $bad
