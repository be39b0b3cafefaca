#!/usr/bin/env bash
# bitstate.sh [MINUTES]: three nodes in takeover.pml, and two blows.  Their states are too many to keep each: spin
# marks them as bits of 1 GiB, and so passes over a few.  It goes on for an hour, or for so many minutes.
set -euo pipefail
model=$(dirname "$(realpath "$0")")/takeover.pml
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
spin -a -DNODES=3 -DBUDGET=2 "$model"
${CC:-cc} -w -O2 -DSAFETY -DBITSTATE -o pan pan.c
status=0
timeout --signal=INT "${1:-60}m" ./pan -E -m1000000 -w33 -k3 >found 2>&1 || status=$?
cat found
if [ -e takeover.pml.trail ]; then
  spin -t -p -g -DNODES=3 -DBUDGET=2 "$model" | tail -100
  exit 1
fi
[ $status = 0 ] || [ $status = 124 ] || exit $status
