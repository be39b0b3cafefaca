// What the page asks of the console (console/console.h).  Answers are the daemon's own.

export interface Job {
  job_id: string;
  run_id?: string;
  log_id: string;
  name?: string;
  state: string;
  reason?: string;
  message?: string;
  exit_code?: number;
  signal?: number;
  held?: boolean;
  paused?: boolean;
  was_paused?: boolean;
  node?: string;
  queue?: string;
  priority?: number;
  depends_on?: string[];
  retry_of?: string;
  retried_by?: string;
  submitter?: string;
  executor?: string;
  tool_id?: string;
  command?: string[];
  labels?: Record<string, string>;
  waiting?: string;
  created_at: string;
  started_at?: string;
  ended_at?: string;
  first_seq: number;
  head_seq: number;
  digest?: string;
  base_digest?: string;
  provenance?: Record<string, unknown> | string;
  provenance_reason?: string;
  provenance_end?: Record<string, unknown>;
  drift?: string;
  drift_reason?: string;
  artifacts?: { kind: string; path: string; sha256?: string }[];
  streams?: Record<string, { bytes: number; lines: number; dropped?: number; sha256?: string }>;
  imported?: { at?: string };
  damaged?: string;
}

export interface Progress {
  value?: number;
  message?: string;
}

export interface DaemonInfo {
  name: string;
  options: string;
  identity?: string;
  roles?: string[];
  version?: string;
  node?: { id: string; name: string };
  features?: string[];
  troubles?: { subject: string; message: string }[];
  trouble?: string;
}

export interface Session {
  csrf: string;
  who: string;
  read_only: boolean;
  version: string;
  daemons: DaemonInfo[];
}

export class Failure extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly fields: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

type Params = Record<string, string | number | undefined>;

export function apiUrl(path: string, params: Params = {}): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) if (value !== undefined && value !== "") query.set(key, String(value));
  const text = query.toString();
  return `/api/${path}${text ? "?" + text : ""}`;
}
export const daemonUrl = (daemon: string, what: string, params: Params = {}): string => apiUrl(`d/${encodeURIComponent(daemon)}/${what}`, params);

async function failure(response: Response): Promise<Failure> {
  try {
    const { error, message, ...fields } = (await response.json()) as { error: string; message: string };
    return new Failure(error, message, fields);
  } catch {
    return new Failure("E_HTTP", `HTTP ${response.status}`);
  }
}

let csrf = "";
let onLogin: () => void = () => {};
export function setSession(token: string, loginWanted: () => void): void {
  csrf = token;
  onLogin = loginWanted;
}

export async function request(url: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { credentials: "same-origin", ...init });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Failure("E_CONSOLE_AWAY", "the console does not answer");
  }
  if (response.ok) return response;
  const problem = await failure(response);
  if (problem.code === "E_LOGIN") onLogin();
  throw problem;
}

export async function getJson<T>(url: string, signal?: AbortSignal): Promise<T> {
  return (await (await request(url, signal ? { signal } : {})).json()) as T;
}

async function post<T>(path: string, body: unknown): Promise<T> {
  const response = await request(`/api/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Domed-Csrf": csrf },
    body: JSON.stringify(body),
  });
  return (await response.json()) as T;
}

export const login = (token: string): Promise<unknown> => post("login", { token });
export const logout = (): Promise<unknown> => post("logout", {});
export type Act = "cancel" | "hold" | "release" | "pause" | "resume" | "retry";
export function act(daemon: string, job_id: string, what: Act, reason?: string): Promise<Record<string, unknown>> {
  const key = what === "retry" ? crypto.getRandomValues(new Uint32Array(4)).join("-") : undefined;
  return post("act", { daemon, job_id, act: what, reason, key });
}

export interface PageHead {
  log_id: string;
  first_seq: number;
  head_seq: number;
  state: string;
  more: boolean;
  final: boolean;
}
// A page of a log: its head, and the event lines as they are kept.
export async function eventPage(daemon: string, params: Params, signal?: AbortSignal): Promise<{ head: PageHead; lines: string[] }> {
  const text = await (await request(daemonUrl(daemon, "events", params), signal ? { signal } : {})).text();
  const lines = text.split("\n");
  lines.pop();
  const head = JSON.parse(lines.shift() ?? "{}") as PageHead;
  return { head, lines };
}

// Server-Sent Events that go on: by the browser itself after a broken connection (Last-Event-ID), and by us where
// it gave up, or heard nothing for a while, as after a sleep.  While the page is hidden for long nothing is held.
export class Stream {
  private source?: EventSource;
  private heard = performance.now();
  private readonly timer: number;
  private hiddenAt = 0;
  private closed = false;
  private pause = 500;
  private retry = 0;

  constructor(
    private readonly url: () => string,
    private readonly handlers: Record<string, (event: MessageEvent<string>) => void>,
    private readonly onState: (connected: boolean) => void,
  ) {
    this.timer = window.setInterval(() => this.look(), 1000);
    document.addEventListener("visibilitychange", this.seen);
    this.open();
  }

  private readonly seen = (): void => {
    if (document.hidden) {
      this.hiddenAt = performance.now();
    } else if (!this.source && !this.closed) {
      this.open();
    }
  };

  private open(): void {
    window.clearTimeout(this.retry);
    this.source?.close();
    this.heard = performance.now();
    const source = (this.source = new EventSource(this.url()));
    const hear = (handle?: (event: MessageEvent<string>) => void) => (event: Event) => {
      if (this.source !== source) return;
      this.heard = performance.now();
      handle?.(event as MessageEvent<string>);
    };
    source.onopen = hear(() => {
      this.pause = 500;
      this.onState(true);
    });
    source.onerror = () => {
      if (this.source !== source || this.closed) return;
      this.onState(false);
      if (source.readyState !== EventSource.CLOSED) return;
      this.source = undefined;
      // It may be that one has to log in: a request of the other kind says so.
      void request("/api/session").catch(() => undefined);
      this.retry = window.setTimeout(() => this.open(), this.pause);
      this.pause = Math.min(this.pause * 2, 5000);
    };
    source.addEventListener("beat", hear());
    for (const [name, handle] of Object.entries(this.handlers)) source.addEventListener(name, hear(handle));
  }

  private look(): void {
    if (this.closed) return;
    if (document.hidden && this.source && performance.now() - this.hiddenAt > 60_000) {
      this.source.close();
      this.source = undefined;
    } else if (this.source && !document.hidden && performance.now() - this.heard > 16_000) {
      this.onState(false);
      this.open();
    }
  }

  close(): void {
    this.closed = true;
    window.clearInterval(this.timer);
    window.clearTimeout(this.retry);
    document.removeEventListener("visibilitychange", this.seen);
    this.source?.close();
    this.source = undefined;
  }
}
