#!/usr/bin/env bash
# Each test that a row of docs/provenance.md names is there: table.sh SOURCE_DIR
set -euo pipefail
cd "$1"
missing=0 named=0
# The rows of "Situations": names in backquotes in the last column, the suite before the first dot.
for name in $(sed -n '/^## Situations/,$p' docs/provenance.md | grep '^|' | sed 's/|$//; s/.*|//' | grep -o '`[^`]*`' | tr -d '`'); do
  named=$((named + 1))
  case $name in
    provenance.*) [ -x "tests/provenance/e2e/$(cut -d. -f2 <<<"$name").sh" ] && continue ;;
    *.\*) grep -qE "TEST(_F|_P)?\(${name%.*}," tests/provenance/*.cpp && continue ;;
    *) grep -qE "TEST(_F|_P)?\([A-Za-z]+, ${name#*.}\)" tests/provenance/*.cpp && continue ;;
  esac
  echo "docs/provenance.md names a test that is not there: $name" >&2
  missing=$((missing + 1))
done
[ "$named" -gt 50 ] || { echo "only $named tests are named" >&2; exit 1; }
exit "$missing"
