#!/usr/bin/env bash
# must_fail.sh TEST COMMAND...: COMMAND must end with status 1, and TEST must be one that failed.
# 77 where this machine does not let it see what is wrong.
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
if [ $status -eq 0 ] && grep -q '^not seen: ' <<<"$output"; then
  echo "skipped: this machine does not show what $test looks for"
  exit 77
fi
echo "must end with status 1 and find $test; ended with $status and found:" $failed
exit 1
