#!/usr/bin/env bash
# Builds sdk/js, and runs its tests with a fake daemon and with the real one.  js.sh SOURCE BUILD build|test BIN_DIR PLUGIN_DIR
#
# Built in a copy: by the TypeScript of its lock, which npm fetches, else by that of the system (Debian: node-typescript).
set -euo pipefail
skip() { echo "skipped: needs $1" && exit 77; }
command -v node >/dev/null || skip 'node'
node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' || skip 'node 18'
source=$(realpath "$1/sdk/js")
mkdir -p "$2"
build=$(realpath "$2")
for part in src tests README.md package.json package-lock.json tsconfig.json build.mjs .npmrc; do
  rm -rf "${build:?}/$part"
  cp -r "$source/$part" "$build/$part"
done
cd "$build"
if ! cmp -s package-lock.json node_modules/.lock; then
  rm -rf node_modules
  if command -v npm >/dev/null && npm ci --ignore-scripts --fetch-retries=0 --fetch-timeout=30000 >npm.log 2>&1; then
    cp package-lock.json node_modules/.lock
  else
    echo "no packages of npm: the TypeScript of the system is to do"
    rm -rf node_modules
  fi
fi
code=0
node build.mjs dist || code=$?
[ "$code" != 77 ] || skip 'TypeScript: npm ci in sdk/js, or the package node-typescript'
[ "$code" = 0 ] || exit "$code"
[ "$3" = test ] || exit 0
# What is built is found; what a user set for his own daemon is not.
unset "${!DOMED_@}"
export DOMED_JS=$build/dist DOMED_TEST_BIN=$4 DOMED_TEST_PLUGINS=$5
exec node --test tests/*.test.mjs
