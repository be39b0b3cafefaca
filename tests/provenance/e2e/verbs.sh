#!/usr/bin/env bash
# Tools with versions and inputs; statements and their signatures; reproduce; diff-runs.
. "$(dirname "$0")/lib.sh"
repository "$scratch/origin"
git clone -q "$scratch/origin" "$scratch/r"
cat >>"$scratch/domed.yaml" <<YAML
tools:
  - { id: show, command: [cat, a], cwd: $scratch/r, version_command: [sh, -c, "echo show 7"],
      runtimes: { git: [git, --version] }, inputs: ["*"] }
YAML
start
tool() { ctl submit --tool show "$@" | head -n 1 | grep -oE '[0-9a-f]{32}' | head -n 1; }
a=$(tool); finish "$a"
expect "the tool's own version" "show 7" "$(field "$a" provenance.tool_versions.tool.reported_version)"
expect "a runtime's version" "$(command git --version)" "$(field "$a" provenance.tool_versions.runtimes.git)"
expect "the executable" "$(sha256sum <"$(command -v cat)" | cut -c 1-64)" "$(field "$a" provenance.tool_versions.executable.sha256)"
expect "its inputs" "$(cd "$scratch/r" && sha256sum a | sha256sum | cut -c 1-64)" "$(field "$a" provenance.input_files.sha256)"

b=$(tool --label again=1); finish "$b"
ctl diff-runs "$a" "$a" || fail "a run differs from itself"
code=0; ctl diff-runs "$a" "$b" >"$scratch/diff" || code=$?
expect "diff-runs' exit code" 1 "$code"
expect "what differs" "labels labels.again provenance.input_hash" "$(grep -v '^ ' "$scratch/diff" | sort | tr '\n' ' ' | sed 's/ $//')"

# The signature is over the pre-authentication encoding of the very payload.
ctl provenance "$a" --format slsa >"$scratch/statement"
ctl provenance "$a" --format slsa --sign-with 'sha256sum | cut -c 1-64 | tr -d "\n"' --key-id k1 >"$scratch/envelope"
jq -rj .payload "$scratch/envelope" | base64 -d >"$scratch/payload"
expect "the payload" "$(cat "$scratch/statement")" "$(cat "$scratch/payload")"
type=$(jq -r .payloadType "$scratch/envelope")
{ printf 'DSSEv1 %d %s %d ' ${#type} "$type" "$(wc -c <"$scratch/payload")"; cat "$scratch/payload"; } >"$scratch/pae"
expect "the signature" "$(sha256sum <"$scratch/pae" | cut -c 1-64)" "$(jq -r '.signatures[0].sig' "$scratch/envelope" | base64 -d)"
expect "the key" k1 "$(jq -r '.signatures[0].keyid' "$scratch/envelope")"
expect "the predicate" https://slsa.dev/provenance/v1 "$(jq -r .predicateType "$scratch/statement")"
! ctl provenance "$a" --format slsa --sign-with false >"$scratch/out" 2>&1 || fail "a failed signature passed"
! ctl provenance "$a" --sign-with cat 2>/dev/null || fail "something else than a statement was signed"

# What reproduce prints rebuilds the situation, elsewhere and later.
git -C "$scratch/origin" commit -q --allow-empty -m later
ctl reproduce "$a" >"$scratch/script"
mkdir "$scratch/elsewhere"
expect "the output, reproduced" one "$(cd "$scratch/elsewhere" && sh "$scratch/script" 2>"$scratch/err" || cat "$scratch/err")"
expect "the commit, reproduced" "$(field "$a" provenance.commit_sha)" "$(git -C "$scratch/elsewhere/sources" rev-parse HEAD)"
echo two >"$scratch/r/a"; touch "$scratch/r/new"
c=$(tool --key changed); finish "$c"
ctl reproduce "$c" | grep -q '^# - uncommitted changes: 1 changed and 1 untracked' || fail "reproduce hides what it cannot restore"
stop
