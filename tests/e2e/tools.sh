#!/usr/bin/env bash
# A tool takes its arguments from the task, which must fit; nothing else runs where it may not.
. "$(dirname "$0")/lib.sh"
sed -i 's/allow_ad_hoc: true/allow_ad_hoc: false/' "$scratch/domed.yaml"
cat >>"$scratch/domed.yaml" <<'YAML'
tools:
  - id: say
    command: [sh, -c, 'printf "%s|" "$@"; cat "$DOMED_TASK_FILE"; printf "%s\n" "$DOMED_TASK_JSON"', say, "{{task.word}}", "--n={{task.n:-1}}"]
    input_schema:
      type: object
      required: [word]
      properties: { word: { type: string, maxLength: 20 }, n: { type: integer, minimum: 1 } }
      additionalProperties: false
  - id: free
    command: [sh, -c, 'echo "$#"']
YAML
start

refusal() { "$bin/domectl" run "$@" 2>&1 >/dev/null && fail "$* was taken" || true; }
expect "a task's values" 'a $(b)|--n=1|{"word":"a $(b)"}
{"word":"a $(b)"}' "$(ctl run --tool say --task '{"word":"a $(b)"}')"
expect "the command shown" '["say","a","--n=3"]' \
  "$(ctl run --tool say --task '{"word":"a","n":3}' >/dev/null; ctl list --limit 1 --json | jq -c '.command[3:]')"
for task in '{}' '{"word":3}' '{"word":"a","n":0}' '{"word":"a","m":1}'; do
  grep -q "E_INVALID_REQUEST.*'say' refuses the task: task\." <<<"$(refusal --tool say --task "$task")" || fail "$task"
done
grep -q "task.word is required" <<<"$(refusal --tool say)" || fail "no task where one is needed"
expect "a tool without a schema" 0 "$(ctl run --tool free)"
expect "a tool that is not there" 1 "$(refusal --tool nothing | grep -c E_NOT_FOUND)"
expect "an ad-hoc command" 1 "$(refusal -- true | grep -c E_POLICY_DENIED)"
expect "what domectl shows" '["word"]' "$(ctl tools say --json | jq -c .input_schema.required)"
stop
