#!/usr/bin/env bash
# A short run of the suite for all clients.  try.sh CLIENT BIN_DIR PLUGIN_DIR [OPTION]...
set -euo pipefail
skip() { echo "skipped: needs $1" && exit 77; }
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || skip 'Python 3.11'
here=$(dirname "$0")
case $1 in
  cpp) driver=("$2/client-driver") ;;
  python) driver=("$here/driver.py") ;;
  plain) driver=("$here/driver.py" plain) ;;
  js)
    command -v node >/dev/null || skip node
    [ -e "${DOMED_JS:-$here/../../sdk/js/dist}/index.js" ] || skip "the built client for JavaScript: the test sdk.js, or sdk/js/build.mjs, makes it"
    driver=(env "DOMED_JS=${DOMED_JS:-}" node "$here/driver.mjs") ;;  # the suite takes DOMED_* away
  shell)
    command -v nngcat >/dev/null || skip nngcat
    command -v jq >/dev/null || skip jq
    driver=("$here/driver.sh") ;;
esac
export PYTHONDONTWRITEBYTECODE=1
exec "$here/suite.py" --bin "$2" --plugins "$3" --follows 4 --kills 1 "${@:4}" -- "${driver[@]}"
