#!/usr/bin/env bash
# units.sh SOURCE BUILD CMAKE: systemd finds nothing wrong with our units, sysusers and tmpfiles, and both units keep the
# promises that jobs rest on.
set -euo pipefail
source=$1 build=$2 cmake=$3
skip() { echo "SKIPPED: $1"; exit 77; }
fail() { echo "FAILED: $*" >&2; exit 1; }
command -v systemd-analyze >/dev/null || skip "no systemd-analyze: apt-get install systemd"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$cmake" --install "$build" --prefix "$scratch" --component domed >/dev/null
for unit in system user; do
  file=$scratch/lib/systemd/$unit/domed.service
  for line in Type=notify KillMode=process OOMPolicy=continue WatchdogSec=60 'ExecReload=/bin/sh -c '\''kill -HUP $MAINPID'\'; do
    grep -qxF "$line" "$file" || fail "$unit: no $line"
  done
  grep -q '^ExecStartPre=.*domed --check' "$file" || fail "$unit: starts unchecked"
  # The paths of this installation, which are what a package's are in the system.
  sed -i "s|^\(Exec[A-Za-z]*=\)[^ ]*/bin/domed|\1$scratch/bin/domed|; /^Documentation/d; /^User=\|^Group=/d" "$file"
  XDG_RUNTIME_DIR=$scratch systemd-analyze verify --man=no $([ $unit = user ] && echo --user) "$file" 2>"$scratch/said" || true
  ! grep -E 'domed[.]service|^Failed' "$scratch/said" || fail "$unit: systemd complains"
done
mkdir -p "$scratch/root/etc"
systemd-sysusers --root="$scratch/root" "$scratch/lib/sysusers.d/domed.conf" 2>"$scratch/said" || fail "sysusers: $(cat "$scratch/said")"
grep -q '^domed:.*:/var/lib/domed:/usr/sbin/nologin$' "$scratch/root/etc/passwd" || fail "sysusers: $(cat "$scratch/root/etc/passwd")"
systemd-tmpfiles --root="$scratch/root" --create "$scratch/lib/tmpfiles.d/domed.conf" 2>"$scratch/said" || grep -q 'chown\|permitted' "$scratch/said" ||
  fail "tmpfiles: $(cat "$scratch/said")"
[ "$(stat -c %a "$scratch/root/var/lib/domed")" = 700 ] || fail "tmpfiles made no /var/lib/domed"
echo "units, sysusers and tmpfiles are good"
