/** Functions as tools: each call is an external job, its prints and exceptions are the job's events. */

import { AsyncLocalStorage } from "node:async_hooks";
import { StringDecoder } from "node:string_decoder";
import { Client } from "./client.js";
import { DomedError } from "./errors.js";
import { toJson } from "./model.js";
import type { Json } from "./page.js";
import type { Producer } from "./producer.js";

const POLL = 500;
const MOST_RESULT = 48 * 1024; // of the JSON of a result or a stack: an event may have 64 KiB

/** Thrown within a tool to end it as canceled (`Run.check`). */
export class Canceled extends Error {
  override readonly name = "Canceled";
}

export interface ToolOptions {
  /** Whom to report to; without it: the user's own daemon. */
  client?: Client;
  name?: string;
  /** The deployment's tool that this is. */
  toolId?: string;
  labels?: Record<string, string>;
  /** False: what it prints is the job's alone. */
  echo?: boolean;
  /** The job is `lost` where this process says nothing for so many seconds; the client says something often enough. */
  expires?: number;
  /** For how many milliseconds the end of a call waits for a daemon that is away. */
  patience?: number;
}

/** A call of a tool, as its function sees it: `currentRun()`. */
export class Run {
  readonly jobId: string;
  /** What the daemon refused; the function goes on, and nothing more is reported. */
  refusal: DomedError | undefined;
  /** @internal */
  readonly echo: boolean;
  readonly #producer: Producer;
  readonly #partial = { stdout: "", stderr: "" };
  readonly #decoders = { stdout: new StringDecoder(), stderr: new StringDecoder() };

  /** @internal */
  constructor(jobId: string, producer: Producer, echo: boolean) {
    this.jobId = jobId;
    this.echo = echo;
    this.#producer = producer;
  }

  /** From 0 to 1. */
  progress(value: number, message?: string): Promise<void> {
    return this.report((producer) => producer.progress(value, message));
  }

  artifact(kind: string, path: string, sha256?: string): Promise<void> {
    return this.report((producer) => producer.artifact(kind, path, sha256));
  }

  /** Any event that a producer may write; one's own types begin with `x-`. */
  emit(type: string, payload: Json): Promise<void> {
    return this.report((producer) => producer.emit(type, payload));
  }

  get cancelRequested(): boolean {
    // A daemon that has waited for too long says it by a refusal.
    return this.#producer.cancelRequested || this.refusal?.fields.state === "canceled";
  }

  /** Throws Canceled where somebody asked to cancel the job. */
  check(): void {
    if (this.cancelRequested) throw new Canceled(`somebody asked to cancel job ${this.jobId}`);
  }

  /** @internal Whole lines; the rest waits for its end. */
  write(stream: Stream, chunk: string | Uint8Array): void {
    const text = typeof chunk === "string" ? chunk : this.#decoders[stream].write(Buffer.from(chunk));
    const lines = (this.#partial[stream] + text).split("\n");
    this.#partial[stream] = lines.pop() ?? "";
    if (lines.length > 0) void this.report((producer) => producer.log(lines.join("\n"), { stream }));
  }

  /** @internal */
  writeRest(): void {
    for (const stream of ["stdout", "stderr"] as const) {
      const text = this.#partial[stream] + this.#decoders[stream].end();
      if (text) void this.report((producer) => producer.log(text, { stream, eol: false }));
      this.#partial[stream] = "";
    }
  }

  /** @internal A function is not ended by what becomes of its report. */
  async report(what: (producer: Producer) => Promise<void>): Promise<void> {
    if (this.refusal) return;
    try {
      await what(this.#producer);
    } catch (error) {
      if (!(error instanceof DomedError)) throw error;
      if (this.refusal) return;
      this.refusal = error;
      process.emitWarning(`job ${this.jobId} is not reported any further: ${error.code}: ${error.message}`, "DomedWarning");
    }
  }
}

type Stream = "stdout" | "stderr";

const runs = new AsyncLocalStorage<Run>();

/** The run of the tool that is being called here. */
export function currentRun(): Run {
  const run = runs.getStore();
  if (!run) throw new Error("no tool is being called here: wrap the function with tool()");
  return run;
}

let routed = 0;
const real: { stdout?: typeof process.stdout.write; stderr?: typeof process.stderr.write } = {};

/**
 * While tools are called, what their own code prints is theirs, in whatever callback or promise they print it; everybody
 * else's goes on as it did.
 */
function route(): void {
  if (routed++ > 0) return;
  for (const name of ["stdout", "stderr"] as const) {
    const stream = process[name];
    const write = stream.write;
    real[name] = write;
    stream.write = function (this: NodeJS.WriteStream, chunk: string | Uint8Array, ...rest: unknown[]): boolean {
      const run = runs.getStore();
      run?.write(name, chunk);
      if (!run || run.echo) return (write as (...all: unknown[]) => boolean).call(stream, chunk, ...rest);
      const written = rest.find((each) => typeof each === "function") as (() => void) | undefined;
      if (written) process.nextTick(written);
      return true;
    } as typeof stream.write;
  }
}

function unroute(): void {
  if (--routed > 0) return;
  for (const name of ["stdout", "stderr"] as const) {
    const write = real[name];
    if (write) process[name].write = write;
  }
}

/** The arguments: one plain object is the task itself; what JSON cannot hold is there as text. */
function taskOf(args: readonly unknown[]): Json {
  const only = args.length === 1 ? args[0] : undefined;
  const task = typeof only === "object" && only !== null && Object.getPrototypeOf(only) === Object.prototype ? only : { args };
  const text = shortJson(task);
  return text === undefined ? { args: args.map((each) => String(each).slice(0, 1000)) } : (JSON.parse(text) as Json);
}

function shortJson(value: unknown): string | undefined {
  try {
    const text = toJson(value);
    return Buffer.byteLength(text) <= MOST_RESULT ? text : undefined;
  } catch {
    return undefined;
  }
}

/** Text as the protocol can carry it: halves of characters are replaced. */
function carried(text: string, most: number): string {
  return Buffer.from(text.slice(-most)).toString();
}

/**
 * Turns a function, plain or `async`, into a tool: each call is an external job.
 *
 * The arguments are the job's task; what it prints are its `log` events (and, with "echo", still printed); what it returns
 * is an `x-result` event; an exception is an `error` event and the job fails, and it is thrown to the caller as ever. Within
 * it, `currentRun()` reports progress and artifacts, and tells of a cancel. Every job has the label `function`, beside
 * "labels". What is called always returns a promise.
 */
export function tool<A extends unknown[], R>(fn: (...args: A) => R | Promise<R>, options: ToolOptions = {}): (...args: A) => Promise<R> {
  let client = options.client;
  return async (...args) => {
    client ??= new Client();
    const { run, producer } = await begin(client, options, options.name ?? (fn.name || "function"), taskOf(args));
    route();
    let result: R;
    try {
      result = await runs.run(run, async () => await fn(...args));
    } catch (error) {
      unroute();
      await failed(run, producer, error, options);
      throw error;
    }
    unroute();
    await succeeded(run, producer, result, options);
    return result;
  };
}

async function begin(client: Client, options: ToolOptions, name: string, task: Json): Promise<{ run: Run; producer: Producer }> {
  const { expires } = options;
  const job = await client.submit({
    external: true,
    tool: options.toolId,
    task,
    labels: { function: name, ...options.labels },
    expires,
    // Provenance is of where the code lies, as far as the daemon can see that.
    cwd: client.endpoint.startsWith("ipc:") ? process.cwd() : undefined,
  });
  // Often enough to hear of a cancel well within the daemon's cancel_grace.
  const poll = expires === undefined ? POLL : Math.min(POLL, (expires * 1000) / 3);
  const producer = client.producer(job.jobId, job.producerToken ?? "", { poll });
  const run = new Run(job.jobId, producer, options.echo !== false);
  await run.report((each) => each.state("running"));
  return { run, producer };
}

async function succeeded(run: Run, producer: Producer, result: unknown, options: ToolOptions): Promise<void> {
  run.writeRest();
  const text = result === undefined ? undefined : shortJson(result);
  if (text !== undefined) await run.emit("x-result", { value: JSON.parse(text) });
  await finish(run, producer, "succeeded", {}, options);
}

async function failed(run: Run, producer: Producer, error: unknown, options: ToolOptions): Promise<void> {
  run.writeRest();
  const type = error instanceof Error ? error.name : typeof error;
  const message = carried((error instanceof Error ? error.message : String(error)).slice(0, 1000), 1000);
  const canceled = error instanceof Canceled;
  if (!canceled) {
    const stack = carried(error instanceof Error ? (error.stack ?? "") : "", MOST_RESULT / 4);
    await run.emit("error", { error: "exception", type, message, traceback: stack });
  }
  await finish(run, producer, canceled ? "canceled" : "failed", { message: message ? `${type}: ${message}` : type }, options);
}

async function finish(run: Run, producer: Producer, state: string, fields: Json, options: ToolOptions): Promise<void> {
  await run.report((each) => each.state(state, fields));
  await run.report((each) => each.flush(options.patience ?? 60_000));
  producer.close();
}
