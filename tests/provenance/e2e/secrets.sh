#!/usr/bin/env bash
# Credentials in a repository's remotes reach no store, stream, status, export or log.
. "$(dirname "$0")/lib.sh"
start
# run NAME REMOTE: a job in a repository with that remote; everything it can be seen by goes to $scratch/seen.
run() {
  repository "$scratch/$1"
  git -C "$scratch/$1" remote add origin "$2"
  git -C "$scratch/$1" config url.https://SECRET-user:SECRET-word@mirror/.insteadOf https://plain/
  job=$(submit --cwd "$scratch/$1" -- git remote)
  finish "$job"
  expect "$1: state" succeeded "$(field "$job" state)"
  { ctl status "$job" --json; ctl follow "$job" --json; ctl list --json; ctl export "$job"
    for format in json slsa text; do ctl provenance "$job" --format $format; done; ctl reproduce "$job"; } >>"$scratch/seen"
  expect "$1: remote" "$3" "$(field "$job" provenance.repo.remote)"
}
run password https://me:SECRET-password@example.org/x/r.git https://example.org/x/r.git
run token https://SECRET-token@example.org/r.git https://example.org/r.git
run query "https://example.org/r.git?key=SECRET-query" https://example.org/r.git
run scp SECRET-scp@example.org:x/r.git ssh://example.org/x/r.git
run ssh ssh://SECRET-ssh:SECRET-pw@example.org:22/r.git ssh://example.org/r.git
run insteadof https://plain/r.git https://plain/r.git
run helper "ext::sh -c echo%SECRET-helper" unknown
run slip "https:/me:SECRET-slip@example.org/r.git" unknown
expect "secrets shown" 0 "$(grep -c SECRET "$scratch/seen" || true)"
stop
expect "secrets kept or logged" "" "$(grep -rl SECRET "$scratch/state" "$scratch/log" || true)"
