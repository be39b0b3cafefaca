#!/usr/bin/env bash
# The suite for all clients finds a client that does not keep the contract, and names the clause.
# broken.sh BIN_DIR PLUGIN_DIR
set -euo pipefail
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "skipped: needs Python 3.11"; exit 77; }
here=$(dirname "$0")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export TMPDIR=$scratch PYTHONDONTWRITEBYTECODE=1
bad=0
while read -r fault named; do
  "$here/suite.py" --bin "$1" --plugins "$2" --plan none --follows 4 --kills 0 --seed 3 --patience 8 -- \
    "$here/broken.py" "$fault" "$here/driver.py" >"$scratch/out" 2>&1 && { echo "$fault was not found"; bad=1; }
  grep -qE "^$named" "$scratch/out" || { echo "$fault: '$named' was not named:"; cat "$scratch/out"; bad=1; }
done <<'END'
repeats ExactlyOnce:
skips ExactlyOnce:
swaps ExactlyOnce:
changes Immutable:
ends Tail:
hashes Digest:
hangs NeverHangs:
hushes problem: none-loser: E_GONE was to be told
END
exit $bad
