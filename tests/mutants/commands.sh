#!/usr/bin/env bash
# commands.sh SUITE MANIFEST: --disturb and --cleanup run their commands, with the store's options in the environment of
# the latter, and a command that fails fails the run.
set -uo pipefail
suite=$1 manifest=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
run() { "$suite" --plugin "$manifest" --gtest_filter='StoreModel.*:StoreDisturbed.*' --steps 200 "$@" >"$scratch/log" 2>&1; }
complain() { cat "$scratch/log"; echo "$1"; exit 1; }

run --disturb "echo disturbed >>'$scratch/said'" --set base=sqlite \
  --cleanup "echo \"\$DOMED_OPTION_BASE \$DOMED_OPTION_BREAK \$DOMED_OPTION_PATH\" >>'$scratch/cleaned'" ||
  complain "must pass with both commands"
[ "$(grep -c disturbed "$scratch/said")" -ge 5 ] || complain "--disturb was not run now and then"
# Once for each scratch store: the one that is looked at first, and one for each test.
[ "$(sort -u "$scratch/cleaned" | wc -l)" -ge 3 ] || complain "--cleanup was not run for each store"
grep -qvE '^sqlite nothing /.*/path-mutant\.db$' "$scratch/cleaned" && complain "--cleanup has other options than the store: $(cat "$scratch/cleaned")"
for option in disturb cleanup; do
  run --$option 'exit 3' && complain "a --$option command that fails must fail the run"
  grep -q "the --$option command ended with status 3" "$scratch/log" || complain "and is named"
done
echo "both were run, and both were heard"
