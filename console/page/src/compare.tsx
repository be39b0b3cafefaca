import { useEffect, useState } from "preact/hooks";
import { daemonUrl, getJson, type Job } from "./api";
import { useHere } from "./context";
import { dateTime, duration } from "./format";
import { calledJob, commandText } from "./jobs-page";
import { go, pageUrl, type Place } from "./router";
import { visible } from "./safe";
import { StateMark } from "./state";
import { texts } from "./texts";

// A job as names and values, one a line.
function flat(value: unknown, name: string, out: Map<string, string>): void {
  if (value !== null && typeof value === "object" && !Array.isArray(value)) {
    for (const [key, one] of Object.entries(value)) flat(one, name ? `${name}.${key}` : key, out);
  } else {
    out.set(name, typeof value === "string" ? value : JSON.stringify(value));
  }
}

function facts(job: Job): Map<string, string> {
  const out = new Map<string, string>();
  out.set("state", job.state);
  out.set("command", commandText(job));
  if (job.started_at && job.ended_at) out.set("took", duration(Date.parse(job.ended_at) - Date.parse(job.started_at)));
  for (const key of ["reason", "exit_code", "signal", "labels", "node", "queue", "submitter", "streams"] as const) if (job[key] !== undefined) flat(job[key], key, out);
  if (typeof job.provenance === "object") flat(job.provenance, "", out);
  return out;
}

// The last good one of the same kind: of the same labels rather than of another branch, and from before.
function lastGood(job: Job, others: Job[]): Job | undefined {
  const shared = (one: Job): number => Object.entries(job.labels ?? {}).filter(([key, value]) => one.labels?.[key] === value).length;
  const good = others.filter((one) => one.state === "succeeded");
  const before = good.filter((one) => one.created_at < job.created_at);
  // The newest are first, and stay so among equals.
  return (before.length ? before : good).toSorted((a, b) => shared(b) - shared(a))[0];
}

export function ComparePane({ job, place }: { job: Job; place: Place }) {
  const { daemon } = useHere();
  const other = place.query.get("with");
  const [others, setOthers] = useState<Job[] | undefined>();
  const [against, setAgainst] = useState<Job | undefined>();
  const [only, setOnly] = useState(true);
  const choose = (id: string) => go(pageUrl(daemon.name, "job", { id: job.job_id, tab: "compare", with: id }), true);
  useEffect(() => {
    let gone = false;
    const find = async () => {
      const same = job.tool_id ? { tool_id: job.tool_id } : job.name ? { name: job.name } : {};
      const { jobs } = await getJson<{ jobs: Job[] }>(daemonUrl(daemon.name, "jobs", { ...same, limit: 200 }));
      if (gone) return;
      // Of a command without a name: what runs the same program.
      const found = jobs.filter((one) => one.job_id !== job.job_id && (job.tool_id || job.name || one.command?.[0] === job.command?.[0]));
      setOthers(found);
      const good = lastGood(job, found) ?? found[0];
      if (!other && good) choose(good.job_id);
    };
    void find();
    return () => {
      gone = true;
    };
  }, [daemon.name, job.job_id]);
  useEffect(() => {
    if (!other) return;
    let gone = false;
    void getJson<Job>(daemonUrl(daemon.name, "job", { job_id: other })).then(
      (found) => !gone && setAgainst(found),
      () => !gone && setAgainst(undefined),
    );
    return () => {
      gone = true;
    };
  }, [daemon.name, other]);
  if (others && others.length === 0 && !other) return <p class="notice">{texts.noOther}</p>;
  const mine = facts(job);
  const theirs = against ? facts(against) : new Map<string, string>();
  const names = [...new Set([...mine.keys(), ...theirs.keys()])].filter((name) => !only || mine.get(name) !== theirs.get(name));
  return (
    <div class="run">
      <p class="filters">
        <label>
          <span>{texts.compareWith}</span>
          <select value={other ?? ""} onChange={(event) => choose(event.currentTarget.value)}>
            {other && !others?.some((one) => one.job_id === other) && <option value={other}>{visible(other)}</option>}
            {(others ?? []).map((one) => (
              <option key={one.job_id} value={one.job_id}>
                {[one.state, dateTime(one.created_at), calledJob(one), ...Object.entries(one.labels ?? {}).map(([key, value]) => visible(`${key}=${value}`))].join(" · ")}
              </option>
            ))}
          </select>
        </label>
        <label>
          <input type="checkbox" checked={only} onChange={(event) => setOnly(event.currentTarget.checked)} /> {texts.onlyDifferences}
        </label>
      </p>
      {against && (
        <div class="wide" tabIndex={0} role="region" aria-label={texts.compare}>
          <table class="differences">
            <thead>
              <tr>
                <th scope="col">{texts.differs}</th>
                <th scope="col">
                  <StateMark job={job} /> {calledJob(job)} <span class="hint">{dateTime(job.created_at)}</span>
                </th>
                <th scope="col">
                  <StateMark job={against} /> <a href={pageUrl(daemon.name, "job", { id: against.job_id })}>{calledJob(against)}</a>{" "}
                  <span class="hint">{dateTime(against.created_at)}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {names.map((name) => (
                <tr key={name} class={mine.get(name) === theirs.get(name) ? "" : "differs"}>
                  <th scope="row">{visible(name)}</th>
                  <td>{visible(mine.get(name) ?? "–")}</td>
                  <td>{visible(theirs.get(name) ?? "–")}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}
