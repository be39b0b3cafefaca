import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Job } from "./api";
import { useHere, useKeys, useNow } from "./context";
import { count, dateTime, duration } from "./format";
import { calledJob, nodeName } from "./jobs-page";
import { readJobs, type Reading } from "./many-jobs";
import { readPauses, type Pause } from "./pauses";
import { go, pageUrl, type Place } from "./router";
import { visible } from "./safe";
import { shownState } from "./state";
import { texts } from "./texts";

const kMost = 5000;
const kRow = 18;
const kPeriods: Record<string, number> = { "15m": 900, "1h": 3600, "6h": 21600, "1d": 86400, "7d": 604800 };

interface Bar {
  job: Job;
  from: number;
  to: number;
  row: number; // of all
}
interface Lane {
  node: string;
  begin: number; // its first row
  rows: number;
}

// Bars of one node that overlap go below each other.
function laid(jobs: Job[], now: number): { bars: Bar[]; lanes: Lane[] } {
  const byNode = new Map<string, Job[]>();
  for (const job of jobs) {
    const known = byNode.get(job.node ?? "");
    if (known) known.push(job);
    else byNode.set(job.node ?? "", [job]);
  }
  const bars: Bar[] = [];
  const lanes: Lane[] = [];
  let begin = 0;
  for (const node of [...byNode.keys()].sort()) {
    const free: number[] = []; // when each row is free again
    const own = byNode.get(node)!.map((job) => ({ job, from: Date.parse(job.started_at ?? job.created_at), to: job.ended_at ? Date.parse(job.ended_at) : now }));
    own.sort((a, b) => a.from - b.from);
    for (const one of own) {
      let row = free.findIndex((at) => at <= one.from);
      if (row < 0) row = free.length;
      free[row] = one.to;
      bars.push({ ...one, row: begin + row });
    }
    lanes.push({ node, begin, rows: free.length });
    begin += free.length + 1;
  }
  return { bars, lanes };
}

export function TimelinePage({ place }: { place: Place }) {
  const { daemon } = useHere();
  const now = useNow(2000);
  const period = place.query.get("period") ?? "1h";
  const span = (kPeriods[period] ?? 3600) * 1000;
  const [reading, setReading] = useState<Reading>({ jobs: [], done: false });
  const [range, setRange] = useState<[number, number] | undefined>(); // undefined: up to now
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    document.title = `${texts.timeline} · ${texts.title}`;
    const stop = new AbortController();
    void readJobs(daemon.name, { since: new Date(Date.now() - span).toISOString() }, kMost, stop.signal, setReading);
    const timer = setInterval(() => {
      if (!document.hidden) setTurn((n) => n + 1);
    }, 10_000);
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, [daemon.name, period, turn]);
  const [pauses, setPauses] = useState(new Map<string, Pause[]>());
  useEffect(() => {
    if (!reading.done) return;
    const stop = new AbortController();
    void readPauses(daemon.name, reading.jobs, stop.signal).then((found) => {
      if (!stop.signal.aborted) setPauses(found);
    });
    return () => stop.abort();
  }, [daemon.name, reading]);
  useEffect(() => setRange(undefined), [period]);
  const { bars, lanes } = useMemo(() => laid(reading.jobs, now), [reading, now]);
  // Where nothing was for long, what there is fills the width.
  const earliest = reading.done ? bars.reduce((least, bar) => Math.min(least, bar.from), now) : 0;
  const [from, to] = range ?? [Math.max(now - span, Math.min(earliest - (now - earliest) * 0.03, now - 10_000)), now];
  const zoom = (factor: number, at = 0.5) => {
    const middle = from + (to - from) * at;
    const next = Math.max(1000, Math.min(span * 4, (to - from) * factor));
    setRange([middle - next * at, middle + next * (1 - at)]);
  };
  const shift = (share: number) => setRange([from + (to - from) * share, to + (to - from) * share]);
  useKeys({ "+": () => zoom(0.5), "-": () => zoom(2), ArrowLeft: () => shift(-0.2), ArrowRight: () => shift(0.2), "0": () => setRange(undefined) });
  return (
    <div class="timeline">
      <h1 class="unseen">{texts.timeline}</h1>
      <div class="filters">
        <label>
          <span>{texts.period}</span>
          <select value={period} onChange={(event) => go(pageUrl(daemon.name, "timeline", { period: event.currentTarget.value }), true)}>
            {Object.keys(kPeriods).map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <button onClick={() => zoom(0.5)}>{texts.zoomIn}</button>
        <button onClick={() => zoom(2)}>{texts.zoomOut}</button>
        <button onClick={() => shift(-0.5)}>{texts.earlier}</button>
        <button onClick={() => shift(0.5)}>{texts.later}</button>
        <span class="hint">
          {texts.read(count(reading.jobs.length))} {reading.problem && visible(reading.problem)}
        </span>
      </div>
      <p class="hint">{texts.timelineHint}</p>
      <Chart bars={bars} lanes={lanes} pauses={pauses} from={from} to={to} zoom={zoom} />
    </div>
  );
}

const kSteps = [1, 5, 15, 60, 300, 900, 3600, 10800, 43200, 86400].map((s) => s * 1000);

function Chart(props: { bars: Bar[]; lanes: Lane[]; pauses: Map<string, Pause[]>; from: number; to: number; zoom: (factor: number, at: number) => void }) {
  const { bars, lanes, pauses, from, to, zoom } = props;
  const { daemon } = useHere();
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(1000);
  useEffect(() => {
    const resize = new ResizeObserver(() => setWidth(box.current?.clientWidth ?? 1000));
    resize.observe(box.current!);
    const wheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.shiftKey && Math.abs(event.deltaY) < 1) return;
      event.preventDefault();
      zoom(event.deltaY > 0 ? 1.25 : 0.8, event.offsetX / (box.current?.clientWidth ?? 1));
    };
    box.current!.addEventListener("wheel", wheel, { passive: false });
    const element = box.current!;
    return () => {
      resize.disconnect();
      element.removeEventListener("wheel", wheel);
    };
  }, [from, to]);
  const x = (time: number) => ((time - from) / (to - from)) * width;
  const seen = bars.filter((bar) => bar.to >= from && bar.from <= to);
  const last = lanes.at(-1);
  const height = (last ? last.begin + last.rows : 1) * kRow + 40;
  const y = (row: number) => row * kRow + 38;
  const at = new Map(bars.map((bar) => [bar.job.job_id, bar]));
  const step = kSteps.find((one) => ((to - from) / one) * 110 <= width) ?? kSteps.at(-1)!;
  const ticks: number[] = [];
  for (let time = Math.ceil(from / step) * step; time < to; time += step) ticks.push(time);
  const links = seen.flatMap((bar) => {
    const out = (bar.job.depends_on ?? []).map((id) => ({ from: at.get(id), to: bar, retry: false }));
    if (bar.job.retry_of) out.push({ from: at.get(bar.job.retry_of), to: bar, retry: true });
    return out.filter((link): link is { from: Bar; to: Bar; retry: boolean } => link.from !== undefined);
  });
  return (
    <div class="chart" ref={box} tabIndex={0} role="region" aria-label={texts.timeline}>
      <svg width={width} height={height} role="group" aria-label={texts.timeline}>
        <defs>
          <pattern id="still" width={6} height={6} patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <rect class="still" width={3} height={6} />
          </pattern>
        </defs>
        {ticks.map((time) => (
          <g key={time} class="tick">
            <line x1={x(time)} x2={x(time)} y1={14} y2={height} />
            <text x={x(time) + 3} y={11}>
              {dateTime(new Date(time).toISOString()).slice(step >= 86400_000 ? 0 : 11)}
            </text>
          </g>
        ))}
        {lanes.map((lane) => (
          <text key={lane.node} class="lane" x={4} y={y(lane.begin) - 5}>
            {lane.node ? texts.lanes(visible(nodeName(lane.node, daemon.node))) : texts.noNode}
          </text>
        ))}
        {links.map((link, i) => (
          <path
            key={i}
            class={link.retry ? "link retry" : "link"}
            d={`M${x(link.from.to)} ${y(link.from.row) + 7} C${x(link.from.to) + 20} ${y(link.from.row) + 7} ${x(link.to.from) - 20} ${y(link.to.row) + 7} ${x(link.to.from)} ${y(link.to.row) + 7}`}
          />
        ))}
        {seen.slice(0, 3000).map((bar) => {
          const left = Math.max(-2, x(bar.from));
          const long = Math.max(3, Math.min(width + 2, x(bar.to)) - left);
          const still = (pauses.get(bar.job.job_id) ?? []).map((one) => ({ from: Math.max(one.from, bar.from), to: Math.min(one.to ?? bar.to, bar.to) }));
          const stood = still.reduce((sum, one) => sum + Math.max(0, one.to - one.from), 0);
          const text = `${calledJob(bar.job)}: ${shownState(bar.job)}, ${duration(bar.to - bar.from)}${stood > 0 ? ", " + texts.stoodStill(duration(stood)) : ""}`;
          return (
            <a key={bar.job.job_id} href={pageUrl(daemon.name, "job", { id: bar.job.job_id })} aria-label={text}>
              <rect class={`bar-${["queued", "running", "succeeded", "failed", "canceled"].includes(bar.job.state) ? bar.job.state : "queued"}`} x={left} y={y(bar.row)} width={long} height={kRow - 4} rx={2}>
                <title>{text}</title>
              </rect>
              {still.map((one) => {
                const begin = Math.max(left, x(one.from));
                const end = Math.min(left + long, x(one.to));
                return end > begin && <rect key={one.from} class="paused" fill="url(#still)" x={begin} y={y(bar.row)} width={end - begin} height={kRow - 4} />;
              })}
              {long > 60 && (
                <text class="name" x={left + 4} y={y(bar.row) + 11}>
                  {calledJob(bar.job).slice(0, Math.floor(long / 7))}
                </text>
              )}
            </a>
          );
        })}
      </svg>
    </div>
  );
}
