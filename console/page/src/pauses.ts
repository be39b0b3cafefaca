// When runs stood still: their logs say it, by events that are few among all others.
import { eventPage, type Job } from "./api";
import { kTerminal } from "./lines";

export interface Pause {
  from: number;
  to?: number; // undefined: it stands still
}

interface Known {
  log_id: string;
  seq: number; // read up to here
  pauses: Pause[];
}

// A log of more events than this is not read for it, and of so many runs at a time.
const kMostEvents = 50_000;
const kMostRuns = 100;
const known = new Map<string, Known>();

async function readOn(daemon: string, job: Job, of: Known, signal: AbortSignal): Promise<void> {
  for (let more = of.seq < job.head_seq; more; ) {
    const page = await eventPage(daemon, { job_id: job.job_id, log_id: of.log_id, since_seq: of.seq, max_events: 10_000 }, signal);
    for (const line of page.lines) {
      if (!line.includes('"type":"paused"') && !line.includes('"type":"resumed"')) continue;
      const { type, ts } = JSON.parse(line) as { type: string; ts: string };
      const last = of.pauses.at(-1);
      if (type === "paused") of.pauses.push({ from: Date.parse(ts) });
      else if (type === "resumed" && last) last.to = Date.parse(ts);
    }
    of.seq += page.lines.length;
    more = page.head.more && page.lines.length > 0;
  }
}

// Of those of "jobs" that were ever paused, by their ids; each log is read once, and on from there.
export async function readPauses(daemon: string, jobs: Job[], signal: AbortSignal): Promise<Map<string, Pause[]>> {
  const out = new Map<string, Pause[]>();
  for (const job of jobs.filter((one) => one.was_paused && one.head_seq - one.first_seq < kMostEvents).slice(0, kMostRuns)) {
    const key = `${daemon} ${job.job_id} ${job.log_id}`;
    const of = known.get(key) ?? { log_id: job.log_id, seq: job.first_seq - 1, pauses: [] };
    try {
      await readOn(daemon, job, of, signal);
      known.set(key, of);
    } catch {
      // What is away is asked for again with the next look.
      if (signal.aborted) return out;
    }
    out.set(job.job_id, of.pauses.map((pause) => (kTerminal.has(job.state) && !pause.to ? { ...pause, to: Date.parse(job.ended_at ?? "") } : pause)));
  }
  return out;
}
