// A search over a whole log, by the daemon, as far as it has come.
import { Failure, daemonUrl, getJson } from "./api";

const kMost = 100_000;

export interface Wanted {
  text: string;
  pattern: boolean;
  matchCase: boolean;
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

export function paramsOfSearch(wanted: Wanted): { literal?: string; pattern?: string } {
  if (!wanted.pattern && wanted.matchCase) return { literal: wanted.text };
  const pattern = wanted.pattern ? wanted.text : escaped(wanted.text);
  return { pattern: wanted.matchCase ? pattern : `(?i)${pattern}` };
}

// The same for the lines on the screen; undefined: the browser's expressions have no such thing.
export function regexOf(wanted: Wanted): RegExp | undefined {
  try {
    return new RegExp(wanted.pattern ? wanted.text : escaped(wanted.text), wanted.matchCase ? "g" : "gi");
  } catch {
    return undefined;
  }
}

interface Found {
  matches: number[];
  looked_to: number;
  head_seq: number;
  more: boolean;
}

export class Search {
  readonly matches: number[] = []; // ascending
  lookedTo = 0;
  done = false;
  problem = "";
  private readonly stop = new AbortController();

  constructor(
    private readonly daemon: string,
    private readonly jobId: string,
    readonly wanted: Wanted,
    private readonly onChange: () => void,
  ) {}

  async run(): Promise<void> {
    for (let more = true; more && this.matches.length < kMost; ) {
      try {
        const found = await getJson<Found>(
          daemonUrl(this.daemon, "search", {
            job_id: this.jobId,
            ...paramsOfSearch(this.wanted),
            since_seq: this.lookedTo || undefined,
            limit: 1000,
          }),
          this.stop.signal,
        );
        this.matches.push(...found.matches);
        this.lookedTo = found.looked_to;
        more = found.more;
      } catch (error) {
        if (this.stop.signal.aborted) return;
        if (error instanceof Failure && error.code === "E_BUSY") {
          await new Promise((again) => setTimeout(again, 300));
          continue;
        }
        this.problem = (error as Error).message;
        break;
      }
      this.onChange();
    }
    this.done = true;
    this.onChange();
  }

  // The first match behind "seq" (or before it), around the end.
  from(seq: number, forward: boolean): number | undefined {
    if (this.matches.length === 0) return undefined;
    if (forward) return this.matches.find((at) => at > seq) ?? this.matches[0];
    return this.matches.findLast((at) => at < seq) ?? this.matches.at(-1);
  }

  close(): void {
    this.stop.abort();
  }
}

// As a word, a colour's sequence before it or not.
const kError = "(?i)(^|[^a-z0-9_]|\\x1b\\[[0-9;]*m)(error|fatal|panic|panicked|exception|traceback|failed|failure|assertion)([^a-z0-9_]|$)";
const kNone = /(^|[^0-9])(0|no|without) +(error|fail)/i;

// The first line that tells of an error; undefined: none, or the search was stopped.
export async function firstError(daemon: string, job_id: string, signal: AbortSignal): Promise<number | undefined> {
  for (let since: number | undefined, more = true; more; ) {
    const found = await getJson<Found & { events: { seq: number; payload: { text?: string } }[] }>(
      daemonUrl(daemon, "search", { job_id, pattern: kError, since_seq: since, limit: 20 }),
      signal,
    );
    const good = found.events.find((event) => found.matches.includes(event.seq) && !kNone.test(event.payload.text ?? ""));
    if (good) return good.seq;
    since = found.looked_to;
    more = found.more;
  }
  return undefined;
}
