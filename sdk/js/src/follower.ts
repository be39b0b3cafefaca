/** A follow of one job, with its connections. */

import type { Asked, Mailbox, Reply } from "./channel.js";
import type { Client } from "./client.js";
import { DigestMismatch, DomedError, InvalidRequest, ProtocolError, TimedOut, Unreachable } from "./errors.js";
import type { Event } from "./event.js";
import { FollowState } from "./follow-state.js";
import { Outcome, Position, toJson } from "./model.js";
import { readFrame, readPage, type Json } from "./page.js";

const SNAPSHOT_PATIENCE = 15_000; // a snapshot shows what there is now: it does not wait for a daemon to come back
const SUBSCRIBE_PATIENCE = 100; // how long a page may wait for frames to come

export interface FollowOptions {
  /** Begin behind that seq. */
  since?: number;
  /** Begin where another follower stood (its `position`, or that as a text), in that log and no other. */
  resume?: Position | string;
  /** Refuse another log. */
  logId?: string;
  /** False: end at the head there is now. */
  tail?: boolean;
  /** False: by long polls alone. */
  frames?: boolean;
  /** Compare the digest of what came with the daemon's, and throw DigestMismatch (where it begins at 0). */
  verify?: boolean;
  /** Of one page. */
  maxEvents?: number;
  /** After so many milliseconds: TimedOut. */
  timeout?: number;
  /** Ends the follow, without an error, when it is aborted. */
  signal?: AbortSignal;
}

/**
 * The job's events, each once and in order, until its end, over whatever happens to connections and daemons; made by
 * `Client.follow`.
 *
 * Iterate it once: over events, or over `batches()` of them, which is faster. Rejects with what tells of a loss: NotFound,
 * Gone, LogChanged, CursorAhead, Compacted.
 */
export class Follower implements AsyncIterable<Event> {
  readonly jobId: string;
  /** `terminal` or `snapshot`, once it has ended; undefined before, and after a stop or an error. */
  end: "terminal" | "snapshot" | undefined;
  readonly #client: Client;
  readonly #state: FollowState;
  readonly #tail: boolean;
  readonly #verify: boolean;
  readonly #framesAnyway: boolean;
  readonly #began = performance.now();
  readonly #deadline: number;
  readonly #signal: AbortSignal | undefined;
  readonly #aborted = (): void => this.close();
  #seen: number;
  #last: Event | undefined;
  #mailbox: Mailbox | undefined;
  #mailboxUrl = "";
  #reconnects = 0;
  #ahead: { params: string; asked: Asked } | undefined;
  #closed = false;
  #stopWaiting: (why: DomedError) => void = () => undefined;

  /** Not for callers: see `Client.follow`. */
  constructor(client: Client, jobId: string, options: FollowOptions) {
    const position = typeof options.resume === "string" ? Position.parse(options.resume) : options.resume;
    const since = position?.seq ?? options.since ?? 0;
    if (!Number.isSafeInteger(since) || since < 0) throw new InvalidRequest(`'since' is the seq of an event, not ${since}`);
    this.jobId = jobId;
    this.#client = client;
    this.#tail = options.tail ?? true;
    this.#verify = options.verify ?? false;
    this.#deadline = options.timeout === undefined ? Infinity : this.#began + options.timeout;
    this.#seen = since;
    this.#state = new FollowState({
      jobId, since, logId: position?.logId ?? options.logId, tail: this.#tail, frames: options.frames, maxEvents: options.maxEvents,
      digest: this.#verify,
    });
    this.#framesAnyway = options.frames === true;
    this.#signal = options.signal;
    this.#signal?.addEventListener("abort", this.#aborted, { once: true });
    if (this.#signal?.aborted) this.close();
  }

  /** Of the last event that was given out: what another follower can resume from. */
  get position(): Position {
    return new Position(this.#state.logId, this.#seen);
  }

  /** The seq of the last event that was given out. */
  get cursor(): number {
    return this.#seen;
  }

  get logId(): string {
    return this.#state.logId;
  }

  /** Of all events up to the last one, where "verify" was asked for and it began at 0. */
  get digest(): string | undefined {
    return this.#state.chain?.hex();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Event, void, undefined> {
    for await (const batch of this.#batches())
      for (const event of batch) {
        this.#seen = event.seq;
        yield event;
      }
  }

  /** Events as they come, several at a time. */
  async *batches(): AsyncGenerator<Event[], void, undefined> {
    for await (const batch of this.#batches()) {
      this.#seen = batch[batch.length - 1].seq;
      yield batch;
    }
  }

  async *#batches(): AsyncGenerator<Event[], void, undefined> {
    this.#client.began(this);
    try {
      for (let batch = await this.#next(); batch; batch = await this.#next()) yield batch;
    } finally {
      this.close();
    }
  }

  /** Follows to the end, and tells how the job ended and what it wrote. */
  async outcome(): Promise<Outcome> {
    const output = new Map<string | undefined, Buffer[]>([["stdout", []], ["stderr", []]]);
    for await (const batch of this.batches())
      for (const event of batch) if (event.type === "log") output.get(event.stream)?.push(event.output);
    const last = this.#last;
    if (!last?.isTerminal) throw new ProtocolError(`the follow of job ${this.jobId} ended without its terminal event`);
    const [stdout, stderr] = [...output.values()].map((pieces) => Buffer.concat(pieces));
    return new Outcome(this.jobId, last.logId, last.seq, last.payload, stdout, stderr);
  }

  /** Ends the follow; the job goes on. */
  close(): void {
    this.#closed = true;
    this.#client.ended(this);
    this.#signal?.removeEventListener("abort", this.#aborted);
    this.#ahead?.asked.cancel(new Unreachable("the follow was ended"));
    this.#ahead = undefined;
    if (this.#mailbox) this.#client.leave(this.#mailboxUrl, this.#mailbox);
    this.#mailbox = undefined;
    this.#stopWaiting(new Unreachable("the follow was ended"));
  }

  /** The next events, at least one; undefined at the end. */
  async #next(): Promise<Event[] | undefined> {
    const state = this.#state;
    while (!this.#closed && this.end === undefined) {
      const framed = this.#frames();
      if (framed.length > 0) return this.#given(framed);
      const now = performance.now();
      const step = state.next(now);
      if (step === "done") {
        await this.#finish();
        return undefined;
      }
      if (now >= this.#deadline) throw new TimedOut(`job ${this.jobId} did not end within the time that was given`);
      if (step === "page") {
        const events = await this.#page();
        if (events.length > 0) return this.#given(events);
      } else if (step === "subscribe") {
        await this.#subscribe();
      } else {
        await this.#frameOrTime();
      }
    }
    return undefined;
  }

  #given(events: Event[]): Event[] {
    this.#last = events[events.length - 1];
    return events;
  }

  /** What came meanwhile. */
  #frames(): Event[] {
    const box = this.#mailbox;
    if (!box) return [];
    if (box.reconnects !== this.#reconnects) {
      this.#reconnects = box.reconnects;
      this.#state.reconnected();
    }
    for (let message = box.take(); message; message = box.take()) {
      const frame = readFrame(message);
      const events = frame ? this.#state.frameCame(frame, performance.now()) : [];
      if (events.length > 0) return events;
    }
    return [];
  }

  /** One attempt: when to repeat is the state's decision. */
  async #page(): Promise<Event[]> {
    const state = this.#state;
    try {
      const reply = await this.#pageReply();
      const page = this.#client.read(reply, readPage);
      this.#client.troubleOver();
      page.endpoint = reply.url;
      if (!this.#framesAnyway && !this.#client.mayTakeFrames(reply.url)) page.eventsUrls = [];
      const events = state.pageCame(page, performance.now());
      // On its way while these events are looked at.
      if (page.more && state.next(performance.now()) === "page") this.#ahead = this.#ask(state.pageParams());
      return events;
    } catch (error) {
      if (this.#closed) return [];
      if (!(error instanceof DomedError) || !error.retryable || neverThere(error)) throw error;
      const now = performance.now();
      if (now >= this.#deadline) return []; // told by the caller
      if (!this.#tail && now - this.#began >= SNAPSHOT_PATIENCE) throw error;
      this.#client.met(error);
      state.pageFailed(now, error.retryAfter);
      return [];
    }
  }

  async #pageReply(): Promise<Reply> {
    const params = this.#state.pageParams();
    let page = this.#ahead;
    this.#ahead = undefined;
    // The state may want another page than was guessed, as when a frame brought the lines meanwhile.
    if (page && page.params !== toJson(params)) {
      page.asked.cancel(new Unreachable("another page is wanted"));
      page = undefined;
    }
    page ??= this.#ask(params);
    this.#stopWaiting = page.asked.cancel;
    try {
      return await page.asked.reply;
    } finally {
      this.#stopWaiting = () => undefined;
    }
  }

  #ask(params: Json): { params: string; asked: Asked } {
    const held = typeof params.wait_ms === "number" ? params.wait_ms : 0;
    const left = Math.max(this.#deadline - performance.now(), 1);
    const text = toJson(params);
    return { params: text, asked: this.#client.ask("StreamJobEvents", text, Math.min(this.#client.replyTimeout + held, left)) };
  }

  async #subscribe(): Promise<void> {
    const state = this.#state;
    if (this.#mailbox) this.#client.leave(this.#mailboxUrl, this.#mailbox);
    this.#mailbox = undefined;
    try {
      const subscription = this.#client.subscription(state.eventsUrl);
      this.#mailboxUrl = state.eventsUrl;
      this.#mailbox = subscription.add([`job/${this.jobId}`, "daemon"]);
      await subscription.awaitUp(SUBSCRIBE_PATIENCE);
    } catch (error) {
      if (!(error instanceof DomedError)) throw error;
      return state.subscribeFailed();
    }
    if (this.#closed) return;
    this.#reconnects = this.#mailbox.reconnects;
    state.subscribed(performance.now());
  }

  async #frameOrTime(): Promise<void> {
    const now = performance.now();
    const box = this.#mailbox;
    const until = Math.min(this.#state.wakeAt(now), this.#deadline);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.max(until - now, 0));
      const wake = (): void => {
        clearTimeout(timer);
        resolve();
      };
      this.#stopWaiting = wake;
      if (box) box.came = wake;
    });
    this.#stopWaiting = () => undefined;
    if (box) box.came = () => undefined;
  }

  async #finish(): Promise<void> {
    this.end = this.#state.terminal ? "terminal" : "snapshot";
    const digest = this.digest;
    this.close();
    if (!this.#verify || digest === undefined) return;
    const status = await this.#client.status(this.jobId);
    if (status.log_id === this.logId && status.head_seq === this.#state.cursor && status.digest !== digest)
      throw new DigestMismatch(`the ${this.#state.cursor} events of job ${this.jobId} come to the digest ${digest}, the daemon's is ${status.digest}`);
  }
}

export function neverThere(error: DomedError): boolean {
  return error instanceof Unreachable && error.neverThere;
}
