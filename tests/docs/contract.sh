#!/usr/bin/env bash
# docs/contract.md: every test and every fault plan that it names exists, and every
# clause that histories are checked for has its section.  contract.sh SOURCE BUILD SOAK
set -euo pipefail
doc=$1/docs/contract.md
tests=$(ctest --test-dir "$2" -N | sed -nE 's/^ *Test +#[0-9]+: //p')
plans=$("$3" --help)
# Paragraphs that begin with a word: its names in backticks, one a line.
named() { awk -v word="$1: " 'BEGIN { RS = "" } index($0, word) == 1' "$doc" | grep -oE '`[A-Za-z0-9_.-]+`' | tr -d '`' | sort -u; }
bad=0
is_test() { grep -qE "(^|/)${1//./\\.}(/|$)" <<<"$tests"; }
complain() { echo "$doc names $1: there is no such $2"; bad=1; }
for name in $(named Tests); do
  is_test "$name" || complain "$name" test
done
for name in $(named 'Held under'); do
  is_test "$name" || grep -qE "[ ,]$name(,|$)" <<<"$plans" || [ "$name" = domectl ] || complain "$name" 'test or fault plan'
done
for clause in $(grep -oE '^const std::vector<Clause>|\{"[A-Za-z]+",' "$1/tests/history/clause.cpp" | grep -oE '"[A-Za-z]+"' | tr -d '"'); do
  grep -q "^### $clause$" "$doc" || complain "no section for $clause" clause
done
[ "$(named Tests | wc -l)" -gt 40 ] || { echo "the names were not found in $doc"; bad=1; }
exit $bad
