#!/usr/bin/env bash
# The tests of sdk/python, with a fake daemon and with the real one.  python.sh SOURCE BIN_DIR PLUGIN_DIR
set -euo pipefail
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "skipped: needs Python 3.11"; exit 77; }
cd "$1/sdk/python"
# What is built is found; what a user set for his own daemon is not.
unset "${!DOMED_@}"
export DOMED_TEST_BIN=$2 DOMED_TEST_PLUGINS=$3 PYTHONPATH=src:tests PYTHONDONTWRITEBYTECODE=1
exec python3 -m unittest discover -v -s tests
