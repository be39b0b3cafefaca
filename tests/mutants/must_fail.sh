#!/usr/bin/env bash
# must_fail.sh TEST COMMAND...: COMMAND must end with status 1, and TEST must be one that failed.
set -uo pipefail
test=$1
shift
output=$("$@" 2>&1)
status=$?
failed=$(sed -n 's/^\[  FAILED  \] \([^ ,]*\).*/\1/p' <<<"$output" | sort -u)
if [ $status -eq 1 ] && grep -qxF -- "$test" <<<"$failed"; then
  echo "found by:" $failed
  exit 0
fi
echo "$output"
echo "must end with status 1 and find $test; ended with $status and found:" $failed
exit 1
