/** What is asked for, and what a daemon answers, with types. */

import { randomUUID } from "node:crypto";
import { InvalidRequest } from "./errors.js";
import { TERMINAL_STATES } from "./event.js";
import type { Json } from "./page.js";

/** JSON as the protocol takes it. Throws InvalidRequest for what it cannot carry. */
export function toJson(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value, (_, each: unknown) => {
      if (typeof each === "number" && !Number.isFinite(each)) throw new TypeError(`${each} is no number of JSON`);
      return each;
    });
  } catch (error) {
    throw new InvalidRequest(`the request cannot be written as JSON: ${(error as Error).message}`);
  }
  if (text === undefined) throw new InvalidRequest("the request cannot be written as JSON: it is a function or undefined");
  // JSON.stringify writes halves of characters as escapes, and nothing else of that form.
  if (/(?<!\\)(?:\\\\)*\\ud[89a-f]/.test(text)) throw new InvalidRequest("the request holds text that is not UTF-8, which the protocol cannot carry");
  return text;
}

/** Where a follower stands: the last event that it was given, and of which log. As a text: `LOG_ID@SEQ`. */
export class Position {
  readonly logId: string;
  readonly seq: number;

  constructor(logId: string, seq: number) {
    this.logId = logId;
    this.seq = seq;
  }

  toString(): string {
    return `${this.logId}@${this.seq}`;
  }

  static parse(text: string): Position {
    const match = /^(.*)@(\d{1,15})$/s.exec(text);
    if (!match) throw new InvalidRequest(`'${text}' is no position of a follower: it is LOG_ID@SEQ`);
    return new Position(match[1], Number(match[2]));
  }
}

/** What SubmitJob takes (docs/protocol.md, SubmitJob). What is left out is left to the daemon. */
export interface Request {
  /** The program and its arguments; no shell. */
  command?: readonly string[];
  /** The id of a tool, instead of a command. */
  tool?: string;
  task?: Json;
  /** The idempotency key: the same key and request name the same job. Without it: a new one. */
  key?: string;
  clientId?: string;
  /** What people call the job. */
  name?: string;
  /** Another program, such as this one, reports the job. */
  external?: boolean;
  cwd?: string;
  env?: Record<string, string>;
  /** Seconds after which the command is ended. */
  timeout?: number;
  /** External jobs: for how many seconds the producer may be silent. */
  expires?: number;
  labels?: Record<string, string>;
  limits?: Json;
  /** Bytes that the command reads, or the absolute path of a file on the daemon's machine. */
  stdin?: Uint8Array | string;
  /** Of a terminal for the command. */
  tty?: { rows: number; columns: number };
  priority?: number;
  queue?: string;
  dependsOn?: readonly string[];
  hold?: boolean;
  notBefore?: Date | string;
  retry?: Json;
  constraints?: Json;
  profile?: unknown;
  acceptImported?: boolean;
  /** For how many milliseconds, 10,000 at most, the answer may wait for the job's end (the feature `submit_wait`). */
  wait?: number;
  /** Parameters that this client does not know, as they are. */
  extra?: Json;
}

/** The parameters of SubmitJob. A key is made where there is none: call it once a submit. */
export function submitParams(request: Request): Json {
  if (request.command !== undefined && !Array.isArray(request.command))
    throw new InvalidRequest("a command is a list of arguments, such as ['sh', '-c', 'echo hello']");
  const { stdin } = request;
  const input = typeof stdin === "string" ? { path: stdin } : stdin && { b64: Buffer.from(stdin).toString("base64") };
  return {
    idempotency_key: request.key ?? newId(),
    client_id: request.clientId,
    name: request.name,
    command: request.command,
    tool_id: request.tool,
    task: request.task,
    executor: request.external ? "external" : undefined,
    cwd: request.cwd,
    env: request.env,
    timeout_s: request.timeout,
    expires_s: request.expires,
    labels: request.labels,
    limits: request.limits,
    stdin: input,
    tty: request.tty,
    priority: request.priority,
    queue: request.queue,
    depends_on: request.dependsOn,
    hold: request.hold,
    not_before: timeText(request.notBefore),
    retry: request.retry,
    constraints: request.constraints,
    profile: request.profile,
    accept_imported: request.acceptImported,
    wait_ms: request.wait,
    ...request.extra,
  };
}

export function newId(): string {
  return randomUUID().replaceAll("-", "");
}

export function timeText(time: Date | string | undefined): string | undefined {
  return time instanceof Date ? time.toISOString() : time;
}

/** The answer of SubmitJob. */
export interface Submitted {
  jobId: string;
  runId: string;
  logId: string;
  state: string;
  replayed: boolean;
  eventsUrls: string[];
  /** Of external jobs. */
  producerToken: string | undefined;
  /** How it ended, and its exit code: where the answer waited for the end, and that came in time. */
  reason: string | undefined;
  exitCode: number | undefined;
}

export function submittedOf(result: Json): Submitted {
  return {
    jobId: String(result.job_id),
    runId: String(result.run_id),
    logId: String(result.log_id),
    state: String(result.state),
    replayed: result.replayed === true,
    eventsUrls: Array.isArray(result.events_urls) ? result.events_urls.map(String) : [],
    producerToken: typeof result.producer_token === "string" ? result.producer_token : undefined,
    reason: typeof result.reason === "string" ? result.reason : undefined,
    exitCode: typeof result.exit_code === "number" ? result.exit_code : undefined,
  };
}

/** The answer of GetJobStatus, or one job of a list, with the protocol's own names. */
export interface Status extends Json {
  job_id: string;
  log_id: string;
  state: string;
  first_seq: number;
  head_seq: number;
  digest: string;
  name?: string;
  reason?: string;
  message?: string;
  exit_code?: number;
  signal?: number;
  labels?: Record<string, string>;
  created_at?: string;
  started_at?: string;
  ended_at?: string;
}

export function isOver(status: { state: string }): boolean {
  return TERMINAL_STATES.has(status.state);
}

/** What ListJobs selects by. */
export interface Filter {
  state?: string;
  /** `KEY=VALUE`. */
  label?: string;
  name?: string;
  tool?: string;
  submitter?: string;
  node?: string;
  since?: Date | string;
  until?: Date | string;
}

/** One page of ListJobs, newest first; it may be short, even empty, where `nextPage` goes on. */
export interface JobPage {
  jobs: Status[];
  nextPage: string | undefined;
}

/** What the daemon answered to a batch. */
export interface Ack {
  batch: number;
  firstSeq: number;
  headSeq: number;
  state: string;
  replayed: boolean;
  cancelRequested: boolean;
}

export function ackOf(batch: number, result: Json): Ack {
  return {
    batch,
    firstSeq: Number(result.first_seq ?? 0),
    headSeq: Number(result.head_seq ?? 0),
    state: String(result.state ?? ""),
    replayed: result.replayed === true,
    cancelRequested: result.cancel_requested === true,
  };
}

/** How a job ended, and what it wrote. */
export class Outcome {
  readonly jobId: string;
  readonly logId: string;
  readonly headSeq: number;
  readonly state: string;
  readonly reason: string | undefined;
  readonly message: string | undefined;
  readonly exitCode: number | undefined;
  readonly signal: number | undefined;
  readonly stdout: Buffer;
  readonly stderr: Buffer;

  constructor(jobId: string, logId: string, headSeq: number, terminal: Json, stdout: Buffer, stderr: Buffer) {
    this.jobId = jobId;
    this.logId = logId;
    this.headSeq = headSeq;
    this.state = String(terminal.to);
    this.reason = terminal.reason as string | undefined;
    this.message = terminal.message as string | undefined;
    this.exitCode = terminal.exit_code as number | undefined;
    this.signal = terminal.signal as number | undefined;
    this.stdout = stdout;
    this.stderr = stderr;
  }

  get succeeded(): boolean {
    return this.state === "succeeded";
  }

  /** Throws JobFailed where the job did not succeed. */
  check(): this {
    if (this.succeeded) return this;
    const how = this.exitCode === undefined ? (this.reason ?? "") : `exit code ${this.exitCode}`;
    throw new JobFailed(`job ${this.jobId} ${this.state} (${how})${this.message ? `: ${this.message}` : ""}`, this);
  }
}

/** A job that was to succeed did not; `outcome` says how it ended. */
export class JobFailed extends Error {
  readonly outcome: Outcome;

  constructor(message: string, outcome: Outcome) {
    super(message);
    this.name = "JobFailed";
    this.outcome = outcome;
  }
}

