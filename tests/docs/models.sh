#!/usr/bin/env bash
# docs/nodes.md and tests/models/: each step of the models has its row in the table, each row is a step, and each function
# that the page names is in the file that it names; the page counts the variants right.  models.sh SOURCE
set -euo pipefail
cd "$1"
doc=docs/nodes.md
bad=0
complain() { echo "$1"; bad=1; }
steps=$(grep -ohE '/\* step [a-z_]+' tests/models/*.pml | sed 's/.* //' | sort -u)
rows=$(sed -nE 's/^\| `([a-z_]+)` \| [^|]*\|[^|]*\|[^|]*\|$/\1/p' $doc | sort -u)
for step in $(comm -23 <(echo "$steps") <(echo "$rows")); do complain "$doc has no row for the step '$step'"; done
for row in $(comm -13 <(echo "$steps") <(echo "$rows")); do complain "no model has the step '$row' of $doc"; done
functions=0
while IFS=': ' read -r file name; do
  functions=$((functions + 1))
  for at in kernel/$file $file missing; do [ ! -e "$at" ] || break; done
  grep -qE "(^|[^A-Za-z0-9_])$name\(" "$at" 2>/dev/null || complain "$doc names $name of $file, which is not there"
done < <(grep -oE '`[a-z_]+/[a-z_]+\.(cpp|h): [a-z_]+`' $doc | tr -d '`')
[ "$functions" -gt 20 ] || complain "only $functions functions were found in $doc"
variants=$(cat tests/models/*.pml | grep -c '^ \*! refuted ')
grep -q "of $variants variants without a guard" $doc || complain "$doc does not say that there are $variants variants"
exit $bad
