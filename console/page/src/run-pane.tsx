import { useEffect, useRef, useState } from "preact/hooks";
import { daemonUrl, getJson, type Job } from "./api";
import { useHere } from "./context";
import { count, dateTime } from "./format";
import { calledJob, commandText, nodeName } from "./jobs-page";
import { pageUrl } from "./router";
import { visible } from "./safe";
import { StateMark } from "./state";
import { texts } from "./texts";
import type { VerifyJob, VerifyState } from "./verify-worker";
import workerUrl from "./verify-worker?worker&url";

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

// A record as people read it: names and values, what is unknown with its reason.
export function Tree({ value }: { value: Json | undefined }) {
  if (value === undefined || value === null) return <span class="hint">{texts.unknown}</span>;
  if (typeof value !== "object") return <span class="value">{visible(String(value))}</span>;
  if (Array.isArray(value))
    return (
      <ul class="values">
        {value.slice(0, 200).map((one, i) => (
          <li key={i}>
            <Tree value={one} />
          </li>
        ))}
      </ul>
    );
  const keys = Object.keys(value).filter((key) => !(key.endsWith("_reason") && key.slice(0, -7) in value));
  return (
    <dl class="facts-list">
      {keys.map((key) => (
        <div key={key}>
          <dt>{visible(key)}</dt>
          <dd>
            <Tree value={value[key]} />
            {value[`${key}_reason`] !== undefined && <span class="hint"> ({visible(String(value[`${key}_reason`]))})</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function pick(record: Record<string, unknown>, keys: string[]): Record<string, Json> {
  const out: Record<string, Json> = {};
  for (const key of keys) for (const name of [key, `${key}_reason`]) if (record[name] !== undefined) out[name] = record[name] as Json;
  return out;
}

export function RunPane({ job }: { job: Job }) {
  const { daemon } = useHere();
  const [raw, setRaw] = useState(false);
  const record = typeof job.provenance === "object" ? job.provenance : undefined;
  return (
    <div class="run">
      <section>
        <h2>{texts.outcome}</h2>
        <dl class="facts-list">
          <div>
            <dt>{texts.command.length ? "command" : ""}</dt>
            <dd>
              <code>{visible(commandText(job))}</code>
            </dd>
          </div>
          {(["reason", "message", "exit_code", "signal", "queue", "priority", "executor", "run_id", "job_id", "log_id"] as const).map(
            (key) =>
              job[key] !== undefined && (
                <div key={key}>
                  <dt>{key}</dt>
                  <dd>{visible(String(job[key]))}</dd>
                </div>
              ),
          )}
          {(["created_at", "started_at", "ended_at"] as const).map(
            (key) =>
              job[key] && (
                <div key={key}>
                  <dt>{key}</dt>
                  <dd>{dateTime(job[key])}</dd>
                </div>
              ),
          )}
          {job.node && (
            <div>
              <dt>node</dt>
              <dd>
                {visible(nodeName(job.node, daemon.node))} <span class="hint">{visible(job.node)}</span>
              </dd>
            </div>
          )}
        </dl>
        {job.streams && <Tree value={job.streams as Json} />}
      </section>
      <Story job={job} />
      <Verify job={job} />
      <section>
        <h2>{texts.provenance}</h2>
        {job.drift === "true" && <p class="banner">{texts.drift}</p>}
        {record ? (
          <>
            <h3>repo</h3>
            <Tree
              value={pick(record, ["repo", "commit_sha", "ref", "describe", "commit_time", "dirty_flag", "changed_files", "untracked_files", "diff_sha256", "submodules", "flags"])}
            />
            <h3>tools</h3>
            <Tree value={pick(record, ["tool_versions"])} />
            <h3>environment</h3>
            <Tree value={pick(record, ["env_fingerprint", "env_fingerprint_hash"])} />
            <h3>input</h3>
            <Tree value={pick(record, ["input_hash", "input_files", "contract_hashes", "submitter"])} />
          </>
        ) : (
          <p>
            {texts.unknown} <span class="hint">{visible(job.provenance_reason ?? "")}</span>
          </p>
        )}
        {job.provenance_end && (
          <>
            <h3>drift</h3>
            <Tree value={job.provenance_end as Json} />
          </>
        )}
        <button aria-expanded={raw} onClick={() => setRaw(!raw)}>
          {texts.raw}
        </button>
        {raw && (
          <pre class="raw" tabIndex={0}>
            {JSON.stringify(job, null, 2).split("\n").map(visible).join("\n")}
          </pre>
        )}
      </section>
      {job.artifacts && job.artifacts.length > 0 && (
        <section>
          <h2>{texts.artifacts}</h2>
          <Tree value={job.artifacts as unknown as Json} />
        </section>
      )}
    </div>
  );
}

// Retries are one story: back to the first attempt, and on to the last.
function Story({ job }: { job: Job }) {
  const { daemon } = useHere();
  const [attempts, setAttempts] = useState<Job[]>([job]);
  const [needed, setNeeded] = useState<Job[]>([]);
  useEffect(() => {
    let gone = false;
    const status = (job_id: string) => getJson<Job>(daemonUrl(daemon.name, "job", { job_id }));
    const tell = async () => {
      const story = [job];
      try {
        while (story[0]!.retry_of && story.length < 100) story.unshift(await status(story[0]!.retry_of));
      } catch {
        // It is not there any more.
      }
      try {
        while (story.at(-1)!.retried_by && story.length < 100) story.push(await status(story.at(-1)!.retried_by!));
      } catch {
        // Likewise, or not there yet.
      }
      if (!gone) setAttempts(story);
      const before: Job[] = [];
      for (const id of (job.depends_on ?? []).slice(0, 50)) before.push(await status(id).catch(() => ({ ...job, job_id: id, state: texts.unknown, name: undefined, tool_id: undefined, command: [] })));
      if (!gone) setNeeded(before);
    };
    void tell();
    return () => {
      gone = true;
    };
  }, [daemon.name, job.job_id, job.state]);
  const list = (jobs: Job[]) => (
    <ol>
      {jobs.map((one) => (
        <li key={one.job_id}>
          <StateMark job={one} />{" "}
          {one.job_id === job.job_id ? <b>{calledJob(one)}</b> : <a href={pageUrl(daemon.name, "job", { id: one.job_id })}>{calledJob(one)}</a>}{" "}
          <span class="hint">
            {dateTime(one.created_at)} {visible(one.reason ?? "")}
          </span>
        </li>
      ))}
    </ol>
  );
  return (
    <>
      {attempts.length > 1 && (
        <section>
          <h2>{texts.attempts}</h2>
          {list(attempts)}
        </section>
      )}
      {needed.length > 0 && (
        <section>
          <h2>{job.state === "queued" ? texts.waitsFor : texts.waitedFor}</h2>
          {list(needed)}
        </section>
      )}
    </>
  );
}

// The browser allows no script by a text but through this, and this none but ours.
interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL: (url: string) => string }): { createScriptURL(url: string): string };
}
const trusted = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy("domed", {
  createScriptURL: (url) => {
    if (url !== workerUrl) throw new TypeError("not a script of this page");
    return url;
  },
});

function Verify({ job }: { job: Job }) {
  const { daemon } = useHere();
  const [state, setState] = useState<VerifyState | undefined>();
  const worker = useRef<Worker>();
  useEffect(() => () => worker.current?.terminate(), []);
  const begin = () => {
    worker.current?.terminate();
    const one = (worker.current = new Worker(trusted ? trusted.createScriptURL(workerUrl) : workerUrl, { type: "module" }));
    one.onmessage = (event: MessageEvent<VerifyState>) => setState(event.data);
    setState({ checked: 0 });
    one.postMessage({
      url: daemonUrl(daemon.name, "events", { job_id: job.job_id, log_id: job.log_id }),
      logId: job.log_id,
      base: job.base_digest,
      first: job.first_seq,
      head: job.head_seq,
    } satisfies VerifyJob);
  };
  const all = job.head_seq - job.first_seq + 1;
  const good = state?.digest !== undefined && state.digest === job.digest;
  return (
    <section class="verify">
      <h2>{texts.sealed}</h2>
      <p>
        <code>{visible(job.digest ?? "")}</code>
      </p>
      <button onClick={begin}>{texts.verify}</button>
      <p role="status" data-verified={state?.digest ? String(good) : undefined}>
        {state?.problem && visible(state.problem)}
        {state && !state.digest && !state.problem && texts.verifying(count(state.checked), Math.floor((100 * state.checked) / Math.max(1, all)))}
        {state?.digest && (good ? (job.ended_at ? texts.verified(count(all)) : texts.verifiedSoFar(count(all))) : texts.notVerified)}
      </p>
      {state?.digest && (
        <p class="hint">
          {texts.ours}: <code>{state.digest}</code>
        </p>
      )}
    </section>
  );
}
