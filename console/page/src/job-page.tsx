import { useEffect, useState } from "preact/hooks";
import { Failure, act, daemonUrl, getJson, type Act, type Job } from "./api";
import { ComparePane } from "./compare";
import { may, useHere, useKeys, useNow } from "./context";
import { dateTime, duration } from "./format";
import { calledJob } from "./jobs-page";
import { LogPane } from "./log-pane";
import { kTerminal } from "./lines";
import { go, pageUrl, type Place } from "./router";
import { RunPane } from "./run-pane";
import { quoted, visible } from "./safe";
import { shownState, StateMark } from "./state";
import { texts } from "./texts";

export function JobPage({ place }: { place: Place }) {
  const { daemon } = useHere();
  const id = place.query.get("id") ?? "";
  const tab = place.query.get("tab") ?? "log";
  const [job, setJob] = useState<Job | undefined>();
  const [problem, setProblem] = useState<Failure | undefined>();
  const [turn, setTurn] = useState(0);
  const again = () => setTurn((n) => n + 1);
  useEffect(() => {
    let gone = false;
    const load = async () => {
      try {
        const found = await getJson<Job>(daemonUrl(daemon.name, "job", { job_id: id }));
        if (gone) return;
        setJob(found);
        setProblem(undefined);
        document.title = `${calledJob(found)} · ${shownState(found)} · ${texts.title}`;
      } catch (error) {
        if (!gone) setProblem(error as Failure);
      }
    };
    void load();
    return () => {
      gone = true;
    };
  }, [daemon.name, id, turn]);
  // What the log does not tell, such as why a queued job waits.
  const ended = job !== undefined && kTerminal.has(job.state);
  useEffect(() => {
    if (ended) return;
    const timer = setInterval(() => {
      if (!document.hidden) again();
    }, 5000);
    return () => clearInterval(timer);
  }, [ended]);
  useKeys({ u: () => go(pageUrl(daemon.name, "jobs")) });
  if (problem && !job)
    return (
      <div class="notice" role="alert">
        <h1>{visible(id)}</h1>
        <p>{visible(problem.message)}</p>
      </div>
    );
  if (!job) return <p class="notice">{texts.loading}</p>;
  const tabs = [
    ["log", texts.log],
    ["run", texts.run],
    ["compare", texts.compare],
  ] as const;
  return (
    <div class="job">
      <Head job={job} changed={again} />
      <nav class="tabs" aria-label={texts.run}>
        {tabs.map(([name, text]) => (
          <a key={name} href={pageUrl(daemon.name, "job", { id, tab: name === "log" ? undefined : name })} aria-current={tab === name ? "page" : undefined}>
            {text}
          </a>
        ))}
      </nav>
      {tab === "run" ? <RunPane job={job} /> : tab === "compare" ? <ComparePane job={job} place={place} /> : <LogPane job={job} place={place} changed={again} />}
    </div>
  );
}

function Head({ job, changed }: { job: Job; changed: () => void }) {
  const { daemon } = useHere();
  const now = useNow();
  const took = job.started_at ? duration((job.ended_at ? Date.parse(job.ended_at) : now) - Date.parse(job.started_at)) : "";
  const why = [job.reason && job.state !== "succeeded" ? job.reason : "", job.exit_code !== undefined ? texts.exitCode(String(job.exit_code)) : "", job.signal !== undefined ? texts.signal(String(job.signal)) : ""]
    .filter(Boolean)
    .join(", ");
  return (
    <div class="head">
      <h1>
        <StateMark job={job} /> {calledJob(job)}
      </h1>
      <p class="facts">
        {why && <span>{visible(why)}</span>}
        {took && <span>{took}</span>}
        <span>{dateTime(job.created_at)}</span>
        {job.submitter && <span>{visible(job.submitter)}</span>}
        {Object.entries(job.labels ?? {}).map(([key, value]) => (
          <a class="label" key={key} href={pageUrl(daemon.name, "jobs", { label: `${key}=${value}` })}>
            {visible(`${key}=${value}`)}
          </a>
        ))}
        {job.waiting && <span>{visible(job.waiting)}</span>}
        {job.message && <span>{visible(job.message)}</span>}
      </p>
      <Acts job={job} changed={changed} />
    </div>
  );
}

const kActs: Record<Act, string> = { cancel: texts.cancel, hold: texts.hold, release: texts.release, pause: texts.pause, resume: texts.resume, retry: texts.retry };

// What can be done with it now, whoever may.  Of what runs elsewhere nothing can be made to stand still.
function possibleActs(job: Job, features: string[]): Act[] {
  if (kTerminal.has(job.state)) return ["retry"];
  if (job.state === "queued") return [job.held ? "release" : "hold", "cancel"];
  const pauses = job.executor !== "external" && features.includes("pause");
  return pauses ? [job.paused ? "resume" : "pause", "cancel"] : ["cancel"];
}

function Acts({ job, changed }: { job: Job; changed: () => void }) {
  const here = useHere();
  const { daemon } = here;
  const [asked, setAsked] = useState<Act | undefined>();
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState("");
  const possible = possibleActs(job, daemon.features ?? []);
  const own = job.submitter !== undefined && job.submitter === daemon.identity;
  const allowed = may(here, "operator") || (own && may(here, "submitter"));
  const line = (what: Act) => `domectl ${daemon.options}${what} ${quoted(job.job_id)}${reason && what !== "retry" ? ` --reason ${quoted(reason)}` : ""}`;
  const run = async (what: Act) => {
    setProblem("");
    try {
      const result = await act(daemon.name, job.job_id, what, reason);
      setAsked(undefined);
      if (what === "retry" && typeof result.job_id === "string") return go(pageUrl(daemon.name, "job", { id: result.job_id }));
      changed();
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  const why = here.session.read_only ? texts.readOnly : texts.needs((daemon.roles ?? []).at(-1) ?? texts.unknown);
  return (
    <div class="acts">
      {possible.map((what) => (
        <button key={what} disabled={!allowed} title={allowed ? line(what) : undefined} onClick={() => setAsked(asked === what ? undefined : what)} aria-expanded={asked === what}>
          {kActs[what]}
        </button>
      ))}
      {!allowed && <span class="hint">{why}</span>}
      {asked && (
        <form
          class="sure"
          onSubmit={(event) => {
            event.preventDefault();
            void run(asked);
          }}
        >
          <p>{texts.sure(kActs[asked])}</p>
          {asked !== "retry" && <input aria-label={texts.reason} placeholder={texts.reason} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />}
          <button class="primary">{texts.yes}</button>
          <button type="button" onClick={() => setAsked(undefined)}>
            {texts.no}
          </button>
          <p class="hint">
            {texts.command}: <code>{line(asked)}</code>
          </p>
          <p role="alert">{visible(problem)}</p>
        </form>
      )}
    </div>
  );
}
