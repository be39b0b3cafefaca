// Many jobs, page by page, each read once while the page lives: what has ended does not change.
import { daemonUrl, getJson, type Job } from "./api";
import { kTerminal } from "./lines";

const kept = new Map<string, Job>();
const kKept = 100_000;

export interface Reading {
  jobs: Job[];
  done: boolean;
  problem?: string;
}

// Newest first, until "most"; tells after each page.
export async function readJobs(daemon: string, params: Record<string, string | undefined>, most: number, signal: AbortSignal, tell: (reading: Reading) => void): Promise<void> {
  const jobs: Job[] = [];
  for (let page: string | undefined, first = true; first || (page && jobs.length < most); first = false) {
    let found: { jobs: Job[]; next_page?: string };
    try {
      found = await getJson(daemonUrl(daemon, "jobs", { ...params, limit: 1000, page }), signal);
    } catch (error) {
      if (!signal.aborted) tell({ jobs, done: true, problem: (error as Error).message });
      return;
    }
    if (kept.size > kKept) kept.clear();
    for (const job of found.jobs) {
      const key = `${daemon} ${job.job_id}`;
      const known = kept.get(key);
      jobs.push(known ?? job);
      if (!known && kTerminal.has(job.state)) kept.set(key, job);
    }
    page = found.next_page;
    tell({ jobs: [...jobs], done: !page || jobs.length >= most });
  }
}
