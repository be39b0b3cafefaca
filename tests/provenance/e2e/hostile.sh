#!/usr/bin/env bash
# A repository that names programs wherever it can, and a git that hangs: the job runs, nothing else does.
. "$(dirname "$0")/lib.sh"
start
r=$scratch/r
repository "$r"
marker=$scratch/marker
printf '#!/bin/sh\necho "$0 $*" >>%s\n' "$marker" >"$scratch/pwn"; chmod +x "$scratch/pwn"
printf 'a filter=evil diff=evil\n' >"$r/.gitattributes"
git -C "$r" add -A; git -C "$r" commit -q -m attributes; git -C "$r" tag v1
for hook in post-index-change pre-commit post-checkout reference-transaction fsmonitor-watchman; do
  cp "$scratch/pwn" "$r/.git/hooks/$hook"
done
for key in core.fsmonitor core.pager core.sshCommand core.askPass core.editor core.gitProxy credential.helper diff.external \
    diff.evil.command diff.evil.textconv filter.evil.clean filter.evil.process gpg.program uploadpack.packObjectsHook \
    alias.status alias.describe alias.cat-file pager.describe remote.origin.uploadpack core.alternateRefsCommand; do
  git -C "$r" config "$key" "$scratch/pwn"
done
git -C "$r" config alias.rev-parse "!$scratch/pwn"
echo changed >"$r/a"
rm -f "$marker"
before=$(sha256sum "$r/.git/index"; stat -c '%i %y' "$r/.git/index")
job=$(submit --cwd "$r" -- true); finish "$job"
expect "state" succeeded "$(field "$job" state)"
[ ! -e "$marker" ] || fail "something ran: $(cat "$marker")"
expect "the index" "$before" "$(sha256sum "$r/.git/index"; stat -c '%i %y' "$r/.git/index")"
expect "dirty" unknown "$(field "$job" provenance.dirty_flag)"
expect "the tag" v1 "$(field "$job" provenance.describe)"
git -C "$r" diff >/dev/null 2>&1 || true
[ -e "$marker" ] || fail "the traps are none: git did not spring them"
stop

# git hangs: the job starts when the collector's time is over, and says so.
printf '#!/bin/sh\nfor w; do [ "$w" = version ] && { echo git version 2.39.5; exit; }; done\nexec /bin/sleep 1000\n' >"$scratch/slow"
chmod +x "$scratch/slow"
sed -i "s#plugin: provenance-git }#plugin: provenance-git, options: { git: $scratch/slow, timeout: 300ms } }#" "$scratch/domed.yaml"
start
job=$(submit --cwd "$r" -- true); finish "$job"
expect "state" succeeded "$(field "$job" state)"
expect "commit" unknown "$(field "$job" provenance.commit_sha)"
case $(field "$job" provenance.commit_sha_reason) in timed\ out*|*did\ not\ answer*) ;; *) fail "another reason: $(ctl status "$job")" ;; esac
expect "its fingerprint all the same" string "$(field "$job" provenance.env_fingerprint.os\|type)"
stop
sed -i "s#git: $scratch/slow#git: /no/such/git#" "$scratch/domed.yaml"
start
job=$(submit --cwd "$r" --label a=b -- true); finish "$job"
expect "state without git" succeeded "$(field "$job" state)"
case $(field "$job" provenance.tool_versions.git_reason) in git\ is\ not\ installed*) ;; *) fail "another reason: $(ctl status "$job")" ;; esac
stop
