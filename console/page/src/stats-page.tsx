import { useEffect, useMemo, useState } from "preact/hooks";
import type { Job } from "./api";
import { useHere } from "./context";
import { count, dateTime, duration, percentile, whenOf } from "./format";
import { readJobs, type Reading } from "./many-jobs";
import { go, pageUrl, type Place } from "./router";
import { commandText } from "./jobs-page";
import { shortened, visible } from "./safe";
import { texts } from "./texts";

const kMost = 50_000;
const kGroups = 12;
const kSlots = 24;
const kOutcomes = ["succeeded", "failed", "canceled", "running", "queued"];

interface Group {
  name: string;
  jobs: Job[];
  durations: number[]; // ascending, milliseconds
  queued: number[];
}

function groupsOf(jobs: Job[], by: string): Group[] {
  const nameOf = (job: Job) =>
    by === "tool" ? (job.tool_id ?? (job.command?.[0] ? shortened(commandText(job), 40) : texts.without)) : by === "name" ? (job.name ?? texts.without) : (job.labels?.[by.slice(6)] ?? texts.without);
  const byName = new Map<string, Job[]>();
  for (const job of jobs) {
    const name = nameOf(job);
    const known = byName.get(name);
    if (known) known.push(job);
    else byName.set(name, [job]);
  }
  const numbers = (list: Job[], from: "created_at" | "started_at", to: "started_at" | "ended_at") =>
    list
      .filter((job) => job[from] && job[to])
      .map((job) => Date.parse(job[to]!) - Date.parse(job[from]!))
      .sort((a, b) => a - b);
  return [...byName.entries()]
    .map(([name, list]) => ({ name, jobs: list, durations: numbers(list, "started_at", "ended_at"), queued: numbers(list, "created_at", "started_at") }))
    .sort((a, b) => b.jobs.length - a.jobs.length);
}

export function StatsPage({ place }: { place: Place }) {
  const { daemon } = useHere();
  const by = place.query.get("by") ?? "tool";
  const since = place.query.get("since") ?? "7d";
  const [reading, setReading] = useState<Reading>({ jobs: [], done: false });
  const [stopped, setStopped] = useState<AbortController>();
  useEffect(() => {
    document.title = `${texts.statistics} · ${texts.title}`;
    const stop = new AbortController();
    setStopped(stop);
    setReading({ jobs: [], done: false });
    void readJobs(daemon.name, { since: whenOf(since, Date.now()) }, kMost, stop.signal, setReading);
    return () => stop.abort();
  }, [daemon.name, since]);
  const labels = useMemo(() => [...new Set(reading.jobs.flatMap((job) => Object.keys(job.labels ?? {})))].sort().slice(0, 50), [reading]);
  const groups = useMemo(() => groupsOf(reading.jobs, by), [reading, by]);
  const set = (change: Record<string, string>) => go(pageUrl(daemon.name, "stats", { by, since, ...change }), true);
  return (
    <div class="stats">
      <h1 class="unseen">{texts.statistics}</h1>
      <div class="filters">
        <label>
          <span>{texts.by}</span>
          <select value={by} onChange={(event) => set({ by: event.currentTarget.value })}>
            <option value="tool">{texts.byTool}</option>
            <option value="name">{texts.byName}</option>
            {labels.map((label) => (
              <option key={label} value={`label:${label}`}>{`${texts.byLabel} ${visible(label)}`}</option>
            ))}
          </select>
        </label>
        <label>
          <span>{texts.since}</span>
          <select value={since} onChange={(event) => set({ since: event.currentTarget.value })}>
            {["1h", "1d", "7d", "30d", "365d"].map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <span role="status">{texts.read(count(reading.jobs.length))}</span>
        {!reading.done && (
          <>
            <progress aria-label={texts.loading} />
            <button
              onClick={() => {
                stopped?.abort();
                setReading({ ...reading, done: true });
              }}
            >
              {texts.stop}
            </button>
          </>
        )}
        {reading.problem && <span role="alert">{visible(reading.problem)}</span>}
      </div>
      <div class="wide" tabIndex={0} role="region" aria-label={texts.statistics}>
        <table class="numbers">
          <thead>
            <tr>
              <th scope="col">{by.startsWith("label:") ? visible(by.slice(6)) : by}</th>
              <th scope="col">{texts.runs}</th>
              <th scope="col">{texts.outcomes}</th>
              {["p50", "p90", "p99"].map((p) => (
                <th scope="col" key={p}>{`${texts.durations} ${p}`}</th>
              ))}
              {["p50", "p90"].map((p) => (
                <th scope="col" key={p}>{`${texts.queueTime} ${p}`}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {groups.slice(0, 200).map((group) => (
              <tr key={group.name}>
                <th scope="row">{visible(shortened(group.name, 60))}</th>
                <td>{count(group.jobs.length)}</td>
                <td>
                  <Outcomes jobs={group.jobs} />
                </td>
                {[0.5, 0.9, 0.99].map((share) => (
                  <td key={share}>{number(percentile(group.durations, share))}</td>
                ))}
                {[0.5, 0.9].map((share) => (
                  <td key={share}>{number(percentile(group.queued, share))}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <h2>{texts.overTime}</h2>
      <div class="charts">
        {groups.slice(0, kGroups).map((group) => (
          <OverTime key={group.name} group={group} />
        ))}
      </div>
    </div>
  );
}

const number = (milliseconds: number): string => (Number.isNaN(milliseconds) ? "" : duration(milliseconds));

function Outcomes({ jobs }: { jobs: Job[] }) {
  const parts = kOutcomes.map((state) => ({ state, n: jobs.filter((job) => job.state === state).length })).filter((part) => part.n > 0);
  const text = parts.map((part) => `${part.n} ${part.state}`).join(", ");
  let at = 0;
  return (
    <span title={text}>
      <svg class="outcomes" viewBox={`0 0 ${jobs.length} 10`} preserveAspectRatio="none" role="img" aria-label={text}>
        {parts.map((part) => {
          const rect = <rect key={part.state} class={`bar-${part.state}`} x={at} y={0} width={part.n} height={10} />;
          at += part.n;
          return rect;
        })}
      </svg>
      <span class="hint"> {text}</span>
    </span>
  );
}

// The median and the 90th percentile of each slot, and what failed in it.
function OverTime({ group }: { group: Group }) {
  const times = group.jobs.map((job) => Date.parse(job.created_at));
  const from = times.reduce((a, b) => Math.min(a, b), Infinity);
  const to = times.reduce((a, b) => Math.max(a, b), from + 1);
  const slots = Array.from({ length: kSlots }, () => [] as Job[]);
  for (const job of group.jobs) slots[Math.min(kSlots - 1, Math.floor(((Date.parse(job.created_at) - from) / (to - from)) * kSlots))]!.push(job);
  const values = slots.map((jobs) => {
    const sorted = jobs
      .filter((job) => job.started_at && job.ended_at)
      .map((job) => Date.parse(job.ended_at!) - Date.parse(job.started_at!))
      .sort((a, b) => a - b);
    return { median: percentile(sorted, 0.5), ninety: percentile(sorted, 0.9), failed: jobs.filter((job) => job.state === "failed").length, n: jobs.length };
  });
  const most = Math.max(1, ...values.map((value) => value.ninety || 0));
  const w = 300;
  const h = 80;
  const x = (i: number) => (i + 0.5) * (w / kSlots);
  const y = (value: number) => h - (value / most) * (h - 12);
  return (
    <figure>
      <figcaption>
        {visible(shortened(group.name, 60))} <span class="hint">{`${texts.durations} p50, p90 · ≤ ${duration(most)}`}</span>
      </figcaption>
      <svg viewBox={`0 0 ${w} ${h + 14}`} role="img" aria-label={`${texts.overTime}: ${visible(group.name)}`}>
        {values.map((value, i) =>
          value.n === 0 ? null : (
            <g key={i}>
              <title>{`${value.n}: p50 ${number(value.median)}, p90 ${number(value.ninety)}, ${value.failed} failed`}</title>
              {!Number.isNaN(value.median) && <rect class="ninety" x={x(i) - 4} width={8} y={y(value.ninety)} height={h - y(value.ninety)} />}
              {!Number.isNaN(value.median) && <rect class="median" x={x(i) - 4} width={8} y={y(value.median)} height={h - y(value.median)} />}
              {value.failed > 0 && <circle class="bar-failed" cx={x(i)} cy={h + 7} r={Math.min(6, 2 + value.failed)} />}
            </g>
          ),
        )}
      </svg>
      <p class="hint">
        {dateTime(new Date(from).toISOString())} – {dateTime(new Date(to).toISOString())}
      </p>
    </figure>
  );
}
