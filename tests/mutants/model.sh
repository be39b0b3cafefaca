#!/usr/bin/env bash
# model.sh SUITE MANIFEST MUTANT...: the random test finds every MUTANT, and tells it in few words.
set -uo pipefail
suite=$1 manifest=$2
shift 2
for mutant; do
  output=$("$suite" --plugin "$manifest" --set break="$mutant" --seed 1 --steps 1000 \
    --gtest_filter='StoreModel.*' 2>&1)
  status=$?
  count=$(sed -n 's/^shrunk to \([0-9]*\) operations:$/\1/p' <<<"$output")
  if [ $status -ne 1 ] || [ "${count:-99}" -gt 8 ]; then
    echo "$output"
    echo "$mutant: must end with status 1 and a story of at most 8 operations; ended with $status" \
      "and ${count:-none}"
    exit 1
  fi
  echo "$mutant: $count operations"
done
