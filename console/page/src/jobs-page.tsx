import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Failure, Stream, daemonUrl, getJson, type Job, type Progress } from "./api";
import { useHere, useKeys, useNow } from "./context";
import { age, count, dateTime, duration, whenOf } from "./format";
import { kTerminal } from "./lines";
import { go, pageUrl, type Place } from "./router";
import { quoted, shortened, visible } from "./safe";
import { daemonState, kStates, shownState, StateMark } from "./state";
import { texts } from "./texts";

const kRow = 34; // pixels, as style.css has it
const kFilters = ["state", "label", "name", "tool_id", "submitter", "node", "queue", "since", "until"] as const;
type Filter = Partial<Record<(typeof kFilters)[number], string>>;

export function filterOf(query: URLSearchParams): Filter {
  const out: Filter = {};
  for (const key of kFilters) {
    const value = query.get(key);
    if (value) out[key] = value;
  }
  return out;
}

// As the daemon takes it.
export function paramsOf(filter: Filter): Record<string, string | undefined> {
  const now = Date.now();
  return {
    ...filter,
    state: daemonState(filter.state),
    queue: undefined, // which no daemon filters by
    since: filter.since ? (whenOf(filter.since, now) ?? filter.since) : undefined,
    until: filter.until ? (whenOf(filter.until, now) ?? filter.until) : undefined,
  };
}

const isIn = (state: string | undefined, job: Job): boolean => !state || state === job.state || state === shownState(job);
// What somebody else runs waits in none.
const queueOf = (job: Job): string => (job.executor === "external" ? "" : (job.queue ?? "default"));
const isLeft = (job: Job, filter: Filter): boolean => isIn(filter.state, job) && (!filter.queue || filter.queue === queueOf(job));

function fits(job: Job, filter: Filter): boolean {
  if (!isLeft(job, filter)) return false;
  if (filter.name && job.name !== filter.name) return false;
  if (filter.tool_id && job.tool_id !== filter.tool_id) return false;
  if (filter.submitter && job.submitter !== filter.submitter) return false;
  if (filter.node && job.node !== filter.node) return false;
  if (filter.label) {
    const at = filter.label.indexOf("=");
    if (job.labels?.[filter.label.slice(0, at)] !== filter.label.slice(at + 1)) return false;
  }
  const params = paramsOf(filter);
  if (params.since && Date.parse(job.created_at) < Date.parse(params.since)) return false;
  return !(params.until && Date.parse(job.created_at) > Date.parse(params.until));
}

export const commandText = (job: Job): string => (job.command ?? []).map(quoted).join(" ");
export const calledJob = (job: Job): string => visible(job.name ?? job.tool_id ?? (shortened(commandText(job), 80) || job.job_id.slice(0, 8)));

interface JobsFound {
  jobs: Job[];
  next_page?: string;
}
// The next jobs of the filter: a page of the daemon's may have none that are held, paused or of a queue.
async function pageOfJobs(daemon: string, filter: Filter, page: string | undefined, signal?: AbortSignal): Promise<JobsFound> {
  for (;;) {
    const found = await getJson<JobsFound>(daemonUrl(daemon, "jobs", { ...paramsOf(filter), limit: 200, page }), signal);
    found.jobs = found.jobs.filter((job) => isLeft(job, filter));
    if (found.jobs.length > 0 || !found.next_page) return found;
    page = found.next_page;
  }
}

// A list that is kept by the board: the pages that were asked for, and what changes.
function useJobs(daemon: string, filter: Filter) {
  const [jobs, setJobs] = useState<Job[]>([]);
  const [progress, setProgress] = useState<Record<string, Progress>>({});
  const [next, setNext] = useState<string | undefined>();
  const [problem, setProblem] = useState("");
  const [connected, setConnected] = useState(true);
  const [loaded, setLoaded] = useState(false);
  const key = JSON.stringify(filter);
  const loading = useRef(false);
  const load = async (page?: string, signal?: AbortSignal) => {
    loading.current = true;
    try {
      const found = await pageOfJobs(daemon, filter, page, signal);
      setJobs((known) => (page ? merged(known, found.jobs, filter) : found.jobs));
      setNext(found.next_page);
      setProblem("");
      setLoaded(true);
    } catch (error) {
      if (!signal?.aborted) setProblem((error as Failure).message);
    } finally {
      loading.current = false;
    }
  };
  useEffect(() => {
    const stop = new AbortController();
    setLoaded(false);
    void load(undefined, stop.signal);
    const stream = new Stream(
      () => daemonUrl(daemon, "live"),
      {
        jobs: (event) => {
          const news = JSON.parse(event.data) as { jobs: Job[]; progress: Record<string, Progress> };
          if (news.jobs.length) setJobs((known) => merged(known, news.jobs, filter));
          if (Object.keys(news.progress).length) setProgress((known) => ({ ...known, ...news.progress }));
        },
        refresh: () => void load(undefined, stop.signal),
        connection: (event) => setConnected((JSON.parse(event.data) as { connected: boolean }).connected),
      },
      (there) => {
        // What happened while it was away was not told.
        if (there && !seen.current) void load(undefined, stop.signal);
        seen.current = there;
        setConnected(there);
      },
    );
    return () => {
      stop.abort();
      stream.close();
    };
  }, [daemon, key]);
  const seen = useRef(true);
  const more = () => {
    if (next && !loading.current) void load(next);
  };
  return { jobs, progress, more, hasMore: !!next, problem, connected, loaded };
}

function merged(known: Job[], news: Job[], filter: Filter): Job[] {
  const byId = new Map(known.map((job) => [job.job_id, job]));
  for (const job of news) {
    if (fits(job, filter)) byId.set(job.job_id, job);
    else byId.delete(job.job_id);
  }
  return [...byId.values()].sort((a, b) => (a.created_at < b.created_at ? 1 : a.created_at > b.created_at ? -1 : a.job_id < b.job_id ? 1 : -1));
}

export function JobsPage({ place }: { place: Place }) {
  const { daemon } = useHere();
  const filter = useMemo(() => filterOf(place.query), [place.query.toString()]);
  const { jobs, progress, more, hasMore, problem, connected, loaded } = useJobs(daemon.name, filter);
  const set = (change: Filter) => go(pageUrl(daemon.name, "jobs", { ...filter, ...change }), true);
  useEffect(() => {
    document.title = `${texts.jobs} · ${texts.title}`;
  }, []);
  return (
    <div class="jobs">
      <h1 class="unseen">{texts.jobs}</h1>
      <Filters filter={filter} set={set} />
      {problem && (
        <p class="banner" role="alert">
          {visible(problem)}
        </p>
      )}
      {!connected && <p class="banner">{texts.away}</p>}
      {loaded && jobs.length === 0 ? <p class="notice">{texts.noJobs}</p> : <Table jobs={jobs} progress={progress} more={more} />}
      <p class="foot" aria-live="polite">
        {texts.jobsShown(count(jobs.length), hasMore)}
        <span class={connected ? "dot on" : "dot"} /> {connected ? texts.connected : ""}
      </p>
    </div>
  );
}

function Filters({ filter, set }: { filter: Filter; set: (change: Filter) => void }) {
  const { daemon } = useHere();
  const find = useRef<HTMLInputElement>(null);
  const [missed, setMissed] = useState("");
  useKeys({ "/": () => find.current?.focus() });
  const search = async (event: Event) => {
    event.preventDefault();
    const text = find.current!.value.trim();
    if (!text) return;
    if (/^[^=\s]+=/.test(text)) return set({ label: text });
    try {
      const { job_id } = await getJson<{ job_id: string }>(daemonUrl(daemon.name, "find", { text }));
      go(pageUrl(daemon.name, "job", { id: job_id }));
    } catch (error) {
      if ((error as Failure).code === "E_AMBIGUOUS" || (error as Failure).code === "E_NOT_FOUND") set({ name: text });
      setMissed((error as Failure).message);
    }
  };
  const field = (key: keyof Filter, text: string, hint = "") => (
    <label>
      <span>{text}</span>
      <input
        key={filter[key] ?? ""}
        defaultValue={filter[key] ?? ""}
        placeholder={hint}
        size={10}
        onChange={(event) => set({ [key]: event.currentTarget.value.trim() || undefined })}
      />
    </label>
  );
  const any = Object.keys(filter).length > 0;
  return (
    <div class="filters">
      <form role="search" onSubmit={search}>
        <label>
          <span>{texts.find}</span>
          <input ref={find} type="search" placeholder={texts.findHint} size={30} />
        </label>
      </form>
      <label>
        <span>{texts.state}</span>
        <select value={filter.state ?? ""} onChange={(event) => set({ state: event.currentTarget.value || undefined })}>
          <option value="">{texts.anyState}</option>
          {kStates.map((state) => (
            <option key={state}>{state}</option>
          ))}
        </select>
      </label>
      <details open={any && Object.keys(filter).some((key) => key !== "state")}>
        <summary>
          {texts.label}, {texts.name.toLowerCase()}, {texts.tool.toLowerCase()}…
        </summary>
        <div class="fields">
          {field("label", texts.label, "KEY=VALUE")}
          {field("name", texts.name)}
          {field("tool_id", texts.tool)}
          {field("submitter", texts.submitter)}
          {field("node", texts.node)}
          {field("queue", texts.queue)}
          {field("since", texts.since, "2h")}
          {field("until", texts.until, "2026-01-31")}
        </div>
      </details>
      {any && (
        <button onClick={() => go(pageUrl(daemon.name, "jobs"), true)}>{texts.clear}</button>
      )}
      <span role="status" class="hint">
        {visible(missed)}
      </span>
    </div>
  );
}

function Table({ jobs, progress, more }: { jobs: Job[]; progress: Record<string, Progress>; more: () => void }) {
  const { daemon } = useHere();
  const now = useNow();
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 800 });
  const [chosen, setChosen] = useState<string | undefined>();
  const waiting = useWaiting(daemon.name, jobs, view);
  useEffect(() => {
    const element = scroller.current!;
    const look = () => setView({ top: element.scrollTop, height: element.clientHeight });
    look();
    element.addEventListener("scroll", look, { passive: true });
    const resize = new ResizeObserver(look);
    resize.observe(element);
    return () => {
      element.removeEventListener("scroll", look);
      resize.disconnect();
    };
  }, []);
  useEffect(() => {
    if (view.top + view.height > (jobs.length - 30) * kRow) more();
  }, [view, jobs.length]);
  const at = jobs.findIndex((job) => job.job_id === chosen);
  const choose = (index: number) => {
    const to = Math.max(0, Math.min(jobs.length - 1, index));
    setChosen(jobs[to]?.job_id);
    const element = scroller.current!;
    if (to * kRow < element.scrollTop) element.scrollTop = to * kRow;
    else if ((to + 2) * kRow > element.scrollTop + element.clientHeight) element.scrollTop = (to + 2) * kRow - element.clientHeight;
  };
  const open = () => {
    if (at >= 0) go(pageUrl(daemon.name, "job", { id: jobs[at]!.job_id }));
  };
  useKeys({
    j: () => choose(at + 1),
    k: () => choose(at - 1),
    ArrowDown: () => choose(at + 1),
    ArrowUp: () => choose(at - 1),
    g: () => choose(0),
    G: () => choose(jobs.length - 1),
    Enter: open,
  });
  const begin = Math.max(0, Math.floor(view.top / kRow) - 5);
  const end = Math.min(jobs.length, Math.ceil((view.top + view.height) / kRow) + 5);
  const heads = [texts.state, texts.name, texts.tool, texts.submitter, texts.node, texts.age, texts.took, texts.progress];
  return (
    <div
      class="table"
      role="grid"
      aria-label={texts.jobs}
      aria-rowcount={jobs.length + 1}
      aria-activedescendant={at >= 0 ? `job-${at}` : undefined}
      tabIndex={0}
      ref={scroller}
    >
      <div class="line head" role="row" aria-rowindex={1}>
        {heads.map((head) => (
          <span role="columnheader" key={head}>
            {head}
          </span>
        ))}
      </div>
      <div class="lines" role="presentation" style={{ height: `${jobs.length * kRow}px` }}>
        {jobs.slice(begin, end).map((job, i) => (
          <Line
            key={job.job_id}
            job={job}
            index={begin + i}
            chosen={job.job_id === chosen}
            now={now}
            progress={progress[job.job_id]}
            waiting={waiting[job.job_id]}
          />
        ))}
      </div>
    </div>
  );
}

function Line(props: { job: Job; index: number; chosen: boolean; now: number; progress?: Progress; waiting?: string }) {
  const { job, index, chosen, now, progress, waiting } = props;
  const { daemon } = useHere();
  const end = job.ended_at ? Date.parse(job.ended_at) : now;
  const took = job.started_at ? duration(end - Date.parse(job.started_at)) : "";
  const running = job.state === "running";
  const labels = Object.entries(job.labels ?? {});
  return (
    <div
      class={chosen ? "line chosen" : "line"}
      role="row"
      id={`job-${index}`}
      aria-rowindex={index + 2}
      aria-selected={chosen}
      style={{ transform: `translateY(${index * kRow}px)` }}
    >
      <span role="gridcell">
        <StateMark job={job} />
      </span>
      <span role="gridcell" class="what">
        <a href={pageUrl(daemon.name, "job", { id: job.job_id })} title={visible(commandText(job).slice(0, 500))}>
          {calledJob(job)}
        </a>{" "}
        {labels.slice(0, 4).map(([key, value]) => (
          <a class="label" key={key} href={pageUrl(daemon.name, "jobs", { label: `${key}=${value}` })}>
            {visible(shortened(`${key}=${value}`, 40))}
          </a>
        ))}
      </span>
      <span role="gridcell">{visible(job.tool_id ?? "")}</span>
      <span role="gridcell">{visible(job.submitter ?? "")}</span>
      <span role="gridcell" title={visible(job.node ?? "")}>
        {visible(nodeName(job.node, daemon.node))}
      </span>
      <span role="gridcell" title={dateTime(job.created_at)}>
        {age(job.created_at, now)}
      </span>
      <span role="gridcell">{took}</span>
      <span role="gridcell" class="progress">
        {running && progress?.value !== undefined ? (
          <Bar progress={progress} />
        ) : kTerminal.has(job.state) ? (
          <span class="hint">{job.exit_code ? texts.exitCode(String(job.exit_code)) : job.reason && job.state !== "succeeded" ? visible(job.reason) : ""}</span>
        ) : (
          <span class="hint" title={visible(waiting ?? "")}>
            {visible(waiting ?? "")}
          </span>
        )}
      </span>
    </div>
  );
}

export const nodeName = (node: string | undefined, here: { id: string; name: string } | undefined): string =>
  !node ? "" : here && here.id === node ? here.name : node.slice(0, 8);

export function Bar({ progress }: { progress: Progress }) {
  const share = Math.max(0, Math.min(1, progress.value ?? 0));
  const percent = Math.floor(share * 100);
  return (
    <span class="bar" title={visible(progress.message ?? "")}>
      <progress max={1} value={share} aria-label={texts.progress} /> {percent} % {visible(shortened(progress.message ?? "", 60))}
    </span>
  );
}

// Why a queued job waits stands in its own status alone: asked for those that are seen.
function useWaiting(daemon: string, jobs: Job[], view: { top: number; height: number }): Record<string, string> {
  const [known, setKnown] = useState<Record<string, string>>({});
  const begin = Math.floor(view.top / kRow);
  const ids = jobs
    .slice(begin, begin + Math.ceil(view.height / kRow))
    .filter((job) => job.state === "queued")
    .slice(0, 20)
    .map((job) => job.job_id);
  useEffect(() => {
    if (ids.length === 0) return;
    let gone = false;
    const ask = async () => {
      for (const id of ids) {
        if (gone || document.hidden) return;
        try {
          const job = await getJson<Job>(daemonUrl(daemon, "job", { job_id: id }));
          if (!gone) setKnown((all) => ({ ...all, [id]: job.waiting ?? texts.waiting }));
        } catch {
          // It is asked again.
        }
      }
    };
    void ask();
    const timer = setInterval(() => void ask(), 5000);
    return () => {
      gone = true;
      clearInterval(timer);
    };
  }, [daemon, ids.join(",")]);
  return known;
}
