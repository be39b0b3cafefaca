#!/usr/bin/env bash
# Nothing that is kept or shown of a job holds its secrets: not what it writes, however it is cut, not what it appends,
# no status, listing, provenance, export, spool, log or process list.
. "$(dirname "$0")/lib.sh"
export API_KEY=hunter22-$$ TOOL_KEY=of-the-tool-$$
pattern=4711-$$
cat >>"$scratch/domed.yaml" <<YAML
mask: ["card ([0-9-]+)"]
tools:
  - {id: keyed, command: [sh, -c, 'echo tool \$\$KEY'], secret_env: {KEY: "\${TOOL_KEY}"}}
YAML
start
# What a command that fails says.
said() { "$@" 2>&1 || true; }

said ctl submit --secret-env "API_KEY=x" -- true | grep -q "others can read a command line" || fail "a secret on a command line is taken"
said ctl submit --secret-env NOT_THERE -- true | grep -q "no such variable" || fail "a variable that is not there is taken"
API_KEY=short said ctl submit --secret-env API_KEY -- true | grep -q "too few to be masked" || fail "a short secret is taken"

cat >"$scratch/job" <<'SH'
echo "plain $API_KEY"
echo "error $API_KEY" >&2
head -c 65530 /dev/zero | tr '\0' . ; echo "$API_KEY"
echo "token $DOMED_PRODUCER_TOKEN"
echo "card $CARD here"
printf '{"type":"x-told","payload":{"%s":["%s","%s"]}}\n' "$API_KEY" "$API_KEY" "$DOMED_PRODUCER_TOKEN" | "$1" append -f - >/dev/null || echo "append failed"
echo ready
read -r line <"$2"
SH
mkfifo "$scratch/go"
before=$(ctl run --tool keyed)
expect "a tool's secret" "tool ***" "$before"
job=$(submit --secret-env API_KEY --env CARD="$pattern" -- sh "$scratch/job" "$bin/domectl" "$scratch/go")
until_output "$job" '"text":"ready"'
# While it runs: what lies on disk, and what others see of its processes.
runs=$(cat "$scratch"/state/runs/*/* 2>/dev/null | tr '\0' '\n') || true
for process in /proc/[0-9]*; do { tr '\0' ' ' <"$process/cmdline" || true; } 2>/dev/null; echo; done >"$scratch/ps"
echo go >"$scratch/go"
finish "$job"
expect "its end" succeeded "$(field "$job" state)"
ctl logs "$job" >"$scratch/output" 2>&1
grep -q "^plain \*\*\*$" "$scratch/output" || fail "the output: $(cut -c1-200 "$scratch/output")"
grep -q "^error \*\*\*$" "$scratch/output" || fail "the other stream: $(cut -c1-200 "$scratch/output")"
grep -q "^card \*\*\* here$" "$scratch/output" || fail "the deployment's pattern: $(cut -c1-200 "$scratch/output")"
grep -q "append failed" "$scratch/output" && fail "the job could not append"
expect "what it appended" '{"***":["***","***"]}' "$(ctl follow "$job" --json | jq -c 'select(.type=="x-told").payload')"
ctl verify "$job" >/dev/null || fail "digests and totals are not of what is kept"
[ "$(ctl follow "$job" --json | jq -s 'map(select(.type=="state_change"))[-1].payload.masked')" = 8 ] ||
  fail "the end counts: $(ctl follow "$job" --json | tail -n 1)"
retried=$(ctl retry "$job" | grep -oE '[0-9a-f]{32}' | tail -n 1)
until_output "$retried" '"text":"plain \*\*\*"'
echo go >"$scratch/go"; finish "$retried"

ctl export "$job" >"$scratch/export"
{
  echo "$runs"; cat "$scratch/ps" "$scratch/log" "$scratch/output" "$scratch/export"
  ctl follow "$job" --json; ctl status "$job" --json; ctl status "$job" --all; ctl list --json; ctl provenance "$job"
  ctl tools keyed --json; ctl tools --json; ctl health --all --json; ctl metrics
  "$bin/domed" --config "$scratch/domed.yaml" --print-config
} >"$scratch/all"
for secret in "$API_KEY" "$TOOL_KEY"; do ! grep -n "$secret" "$scratch/all" | cut -c1-300 | grep . || fail "a secret shows"; done
field "$job" secret_env | grep -q API_KEY || fail "the status does not name the variable"

# A deployment whose secret is too short, or whose pattern is none, is refused; a reload takes other patterns.
sed 's/"\${TOOL_KEY}"/abc/' "$scratch/domed.yaml" >"$scratch/short.yaml"
said "$bin/domed" --check --config "$scratch/short.yaml" | grep -q "too few to be masked" || fail "--check takes a short secret"
sed 's/^mask: .*/mask: ["a*"]/' "$scratch/domed.yaml" >"$scratch/wrong.yaml"
said "$bin/domed" --check --config "$scratch/wrong.yaml" | grep -q "matches the empty text" || fail "--check takes a pattern that is none"
sed -i 's/^mask: .*/mask: ["iban ([A-Z0-9]+)"]/' "$scratch/domed.yaml"
expect "a reload" "new: mask" "$(ctl reload)"
expect "other patterns" "iban *** card 1" "$(ctl run -- echo iban DE02 card 1)"

# A copy elsewhere has the masks and the names, and cannot be run again without the values.
stop
sed -i "s|^state_dir: .*|state_dir: $scratch/elsewhere|" "$scratch/domed.yaml"
start
ctl import "$scratch/export" >/dev/null || fail "the export cannot be imported"
ctl verify "$job" >/dev/null || fail "the copy does not verify"
expect "the copy's count" 8 "$(field "$job" masked)"
expect "the copy's names" '["API_KEY"]' "$(ctl status "$job" --json | jq -c .secret_env)"
said ctl retry "$job" | grep -q "without the values of its variables CARD, API_KEY" || fail "a copy is run again without its values"
