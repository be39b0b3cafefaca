/** Producers: batches of events, appended to one job's log, each exactly once. */

import type { Asked, Reply } from "./channel.js";
import type { Client } from "./client.js";
import { BatchGap, DomedError, ProtocolError, TimedOut, TooLarge, Unreachable } from "./errors.js";
import { PAUSE_FIRST, PAUSE_MOST } from "./follow-state.js";
import { ackOf, newId, toJson, type Ack } from "./model.js";
import { resultOf, type Json } from "./page.js";

const MOST_EVENTS = 1024; // of a batch; the daemon's most are 4096 and 448 KiB
const MOST_BYTES = 256 * 1024;
const MOST_TEXT = 16 * 1024; // of one log event; longer lines go in pieces
const MOST_WINDOW = 64;
const MOST_REQUEST = 1024 * 1024 - 4096;
const LINGER = 20; // how long an event waits for others to share its batch
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** An event as a producer writes it; "t": when it happened, in microseconds since 1970. */
export interface EventInput {
  type: string;
  payload: Json;
  t?: number;
}

/** The `log` events of one line: its pieces say that no line feed followed, the last one as "eol" says. */
export function logEvents(stream: string, data: Buffer, eol = true): EventInput[] {
  const events: EventInput[] = [];
  for (let at = 0; ; ) {
    let end = data.length;
    if (end - at > MOST_TEXT) {
      end = at + MOST_TEXT;
      while (end > at + MOST_TEXT - 4 && (data[end] & 0xc0) === 0x80) end--; // not within a character
    }
    const payload: Json = { stream, ...textOf(data.subarray(at, end)) };
    if (end < data.length || !eol) payload.eol = false;
    events.push({ type: "log", payload });
    if (end === data.length) return events;
    at = end;
  }
}

function textOf(bytes: Buffer): Json {
  try {
    return { text: UTF8.decode(bytes) };
  } catch {
    return { b64: bytes.toString("base64") };
  }
}

interface Slot {
  batch: number;
  body: string;
  size: number;
  asked: Asked | undefined;
  begun: number; // all batches before this were acknowledged when it was sent
  notBefore: number;
  pause: number;
  ack: Ack | undefined;
}

export interface ProducerOptions {
  producerId?: string;
  firstBatch?: number;
  /** So many batches are on their way at a time; at most 64. */
  window?: number;
  /** So many batches, and bytes of them, are held before `append` waits. */
  queue?: number;
  queueBytes?: number;
  /** How long one reply may take, in milliseconds. */
  replyTimeout?: number;
  /** For how many milliseconds nothing may be acknowledged before the producer ends; without it: for as long as it takes. */
  giveUp?: number;
  /** Say of each event when it happened. */
  times?: boolean;
  /** Every so many milliseconds: tell the daemon that the producer is there, and hear of a cancel. */
  poll?: number;
  /** Called with each Ack, in the order of batches. */
  onAck?: (ack: Ack) => void;
}

/**
 * Appends batches to one job's log, each exactly once; made by `Client.producer`.
 *
 * A batch's number and bytes are frozen before its first send; the same bytes go out again after a lost reply, a lost
 * connection, a daemon's restart or a retryable error, for as long as it takes, to whichever node answers. The daemon need
 * not be there when a producer is made. `end()` waits until everything is acknowledged.
 */
export class Producer {
  readonly jobId: string;
  readonly producerId: string;
  /** The last acknowledgement, in the order of batches. */
  lastAck: Ack | undefined;
  /** A reply said that somebody asked to cancel the job. */
  cancelRequested = false;
  readonly #client: Client;
  readonly #token: string;
  readonly #options: ProducerOptions;
  readonly #window: number;
  readonly #queue: number;
  readonly #queueBytes: number;
  readonly #replyTimeout: number;
  #next: number;
  #slots: Slot[] = [];
  #bytes = 0;
  #gathered: string[] = [];
  #gatheredBytes = 0;
  #linger: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #poller: NodeJS.Timeout | undefined;
  #waiters: (() => void)[] = [];
  #refusal: DomedError | undefined;
  #refusedAt = 0;
  #ended = false;
  #closed = false;
  #lastReply = 0;

  /** Not for callers: see `Client.producer`. */
  constructor(client: Client, jobId: string, token: string, options: ProducerOptions) {
    this.jobId = jobId;
    this.producerId = options.producerId ?? newId();
    this.#client = client;
    this.#token = token;
    this.#options = options;
    this.#next = options.firstBatch ?? 1;
    this.#window = Math.min(Math.max(options.window ?? 16, 1), MOST_WINDOW);
    this.#queue = options.queue ?? 64;
    this.#queueBytes = options.queueBytes ?? 16 * 1024 * 1024;
    this.#replyTimeout = options.replyTimeout ?? 10_000;
    if (options.poll !== undefined) this.#pollLater(options.poll);
  }

  // Batches.

  /**
   * Freezes the next batch and queues it; resolves to its number. Waits while the queue is full. Rejects with the refusal,
   * such as Sealed, once there is one.
   */
  async append(events: readonly EventInput[]): Promise<number> {
    await this.#sendGathered();
    return this.appendText(toJson(events.map((each) => this.#timed(each))));
  }

  /** The same of a JSON array that is written already. */
  async appendText(events: string): Promise<number> {
    while (!this.#hasRoom(events.length)) await this.#changed();
    return this.#add(events);
  }

  /** Appends one event, in a batch that it shares with others that come in the same moment. */
  async emit(type: string, payload: Json, t?: number): Promise<void> {
    const text = toJson(this.#timed(t === undefined ? { type, payload } : { type, payload, t }));
    const size = text.length * 2; // in UTF-8 rarely more
    if (this.#gathered.length >= MOST_EVENTS || this.#gatheredBytes + size > MOST_BYTES) await this.#sendGathered();
    this.#throwRefusal();
    this.#gathered.push(text);
    this.#gatheredBytes += size;
    this.#linger ??= setTimeout(() => this.#lingerOver(), LINGER);
  }

  /** A line of output, or several; with `eol: false` nothing follows the last one's text. */
  async log(text: string | Uint8Array, options: { stream?: string; eol?: boolean } = {}): Promise<void> {
    const data = Buffer.from(text as string);
    for (let at = 0; ; ) {
      const feed = data.indexOf(0x0a, at);
      const line = data.subarray(at, feed < 0 ? data.length : feed);
      for (const each of logEvents(options.stream ?? "stdout", line, feed >= 0 || options.eol !== false)) await this.emit(each.type, each.payload);
      if (feed < 0) return;
      at = feed + 1;
    }
  }

  /** From 0 to 1. */
  progress(value: number, message?: string): Promise<void> {
    return this.emit("progress", { value, message });
  }

  artifact(kind: string, path: string, sha256?: string): Promise<void> {
    return this.emit("artifact", { kind, path, sha256 });
  }

  error(payload: Json): Promise<void> {
    return this.emit("error", payload);
  }

  /** A change of the job's state: `running`, `succeeded`, `failed`, `canceled`. */
  state(to: string, fields: Json = {}): Promise<void> {
    return this.emit("state_change", { to, ...fields });
  }

  /** Waits until everything is acknowledged. Rejects with the refusal once there is one, with TimedOut after "timeout" milliseconds. */
  async flush(timeout?: number): Promise<void> {
    const deadline = performance.now() + (timeout ?? Infinity);
    await this.#sendGathered(deadline);
    while (this.#slots.length > 0 || (this.#refusal && !this.#ended)) {
      this.#throwRefusal();
      await this.#changed(deadline);
    }
    this.#throwRefusal();
  }

  /** Waits until everything is acknowledged, and stops. */
  async end(timeout?: number): Promise<void> {
    try {
      await this.flush(timeout);
    } finally {
      this.close();
    }
  }

  /** How many batches are not acknowledged. */
  get pending(): number {
    return this.#slots.length;
  }

  /** What ended the producer, such as Sealed, Unauthorized or Gone. */
  get refusal(): DomedError | undefined {
    return this.#ended ? this.#refusal : undefined;
  }

  /** Stops at once; what was not acknowledged may or may not have arrived. */
  close(): void {
    this.#closed = true;
    for (const timer of [this.#timer, this.#linger, this.#poller]) clearTimeout(timer);
    for (const slot of this.#slots) slot.asked?.cancel(new Unreachable("the producer was closed"));
    this.#wake();
  }

  // Within.

  /** In all events of a batch or in none. */
  #timed(each: EventInput): EventInput {
    return this.#options.times && each.t === undefined ? { ...each, t: Date.now() * 1000 } : each;
  }

  #throwRefusal(): void {
    if (this.#ended && this.#refusal) throw this.#refusal;
    if (this.#closed) throw new Unreachable("the producer was closed");
  }

  #changed(deadline = Infinity): Promise<void> {
    return new Promise((resolve, reject) => {
      const left = deadline - performance.now();
      const timer = left < 2 ** 31 ? setTimeout(() => reject(new TimedOut(`${this.#slots.length} batches are not acknowledged`)), left) : undefined;
      this.#waiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter();
  }

  #hasRoom(more: number): boolean {
    this.#throwRefusal();
    if (this.#refusal) return false;
    return this.#slots.length === 0 || (this.#slots.length < this.#queue && this.#bytes + more <= this.#queueBytes);
  }

  #lingerOver(): void {
    this.#linger = undefined;
    if (this.#gathered.length === 0 || this.#closed || this.#refusal) return;
    if (this.#hasRoom(this.#gatheredBytes)) this.#add(this.#takeGathered());
    // Behind a full queue it waits for whoever comes next, or for an answer.
    else this.#linger = setTimeout(() => this.#lingerOver(), LINGER);
  }

  #takeGathered(): string {
    clearTimeout(this.#linger);
    this.#linger = undefined;
    const text = `[${this.#gathered.join(",")}]`;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    return text;
  }

  async #sendGathered(deadline = Infinity): Promise<void> {
    while (this.#gathered.length > 0) {
      if (this.#hasRoom(this.#gatheredBytes)) {
        this.#add(this.#takeGathered());
        return;
      }
      await this.#changed(deadline);
    }
  }

  /** Frozen here: the number and the bytes never change again. */
  #add(events: string): number {
    const batch = this.#next;
    const head = toJson({ job_id: this.jobId, producer_id: this.producerId, producer_token: this.#token, batch });
    const body = `${head.slice(0, -1)},"events":${events}}`;
    const size = Buffer.byteLength(body);
    if (size > MOST_REQUEST) throw new TooLarge(`batch ${batch} has ${size} bytes: the most of a request is 1 MiB`);
    this.#next++;
    if (this.#slots.length === 0) this.#lastReply = performance.now();
    this.#slots.push({ batch, body, size, asked: undefined, begun: 0, notBefore: 0, pause: 0, ack: undefined });
    this.#bytes += size;
    this.#pump();
    return batch;
  }

  /** Sends what may be sent now. */
  #pump(): void {
    if (this.#ended || this.#closed) return;
    clearTimeout(this.#timer);
    const now = performance.now();
    const patienceEnds = this.#slots.length > 0 ? this.#lastReply + (this.#options.giveUp ?? Infinity) : Infinity;
    if (now >= patienceEnds) return this.#refuse(this.#slots[0].batch, new Unreachable("no acknowledgement for so long, and the producer gave up"));
    let wake = patienceEnds;
    let first = true; // that is not acknowledged
    for (const slot of this.#slots.slice(0, this.#window)) {
      if (this.#refusal && slot.batch >= this.#refusedAt) break;
      if (slot.ack) continue;
      // Tried again, it goes alone: those behind it would wait for it in the daemon, and take the place it needs. So it
      // also waits for the answers to those before it.
      const again = slot.pause > 0;
      if (again && !first) break;
      first = false;
      if (slot.notBefore > now) {
        wake = Math.min(wake, slot.notBefore);
        break;
      }
      if (!slot.asked) this.#send(slot);
      if (again) break;
    }
    if (wake < Infinity) this.#timer = setTimeout(() => this.#pump(), wake - now + 1);
  }

  #send(slot: Slot): void {
    slot.begun = this.#slots[0].batch;
    const asked = this.#client.ask("AppendJobEvents", slot.body, this.#replyTimeout);
    slot.asked = asked;
    asked.reply.then(
      (reply) => this.#answered(slot, reply),
      (error: unknown) => this.#answered(slot, error as Error),
    );
  }

  #answered(slot: Slot, reply: Reply | Error): void {
    slot.asked = undefined;
    if (this.#closed || this.#ended || slot.ack) return;
    try {
      if (reply instanceof Error) throw reply;
      this.#lastReply = performance.now();
      slot.ack = ackOf(slot.batch, this.#client.read(reply, resultOf));
      this.cancelRequested ||= slot.ack.cancelRequested;
    } catch (error) {
      if (!(error instanceof DomedError)) this.#refuse(slot.batch, new ProtocolError(`the daemon sent an acknowledgement that is none: ${error}`));
      else if (error.retryable) this.#againLater(slot, error);
      else this.#refuse(slot.batch, error);
    }
    this.#deliver();
    this.#pump();
  }

  #againLater(slot: Slot, error: DomedError): void {
    const now = performance.now();
    if (!(error instanceof Unreachable)) this.#lastReply = now;
    let wait = Math.max(error.retryAfter ?? PAUSE_FIRST, Math.min(slot.pause * 2, PAUSE_MOST));
    slot.pause = wait;
    const expected = error.number("expected");
    if (error instanceof BatchGap && expected !== undefined) {
      // An acknowledged batch should be there; one acknowledged since is.
      if (expected < slot.begun) {
        const message =
          `the daemon asks for batch ${expected}, which is not here any more: the log lost acknowledged batches, or the ` +
          "first batch queued was not the next one";
        return this.#refuse(slot.batch, new BatchGap(message, { ...error.fields, retryable: false }));
      }
      const missing = this.#slots.find((each) => each.batch === expected);
      if (missing) missing.notBefore = now;
      wait = PAUSE_FIRST;
    }
    slot.notBefore = now + wait;
  }

  /** The first in the order of batches is what happened; those behind it are its consequences. */
  #refuse(batch: number, error: DomedError): void {
    if (!this.#refusal || batch < this.#refusedAt) {
      this.#refusal = error;
      this.#refusedAt = batch;
    }
    this.#deliver();
  }

  #deliver(): void {
    let acknowledged = 0;
    while (this.#slots[acknowledged]?.ack) {
      const slot = this.#slots[acknowledged++];
      this.#bytes -= slot.size;
      this.lastAck = slot.ack;
    }
    const done = this.#slots.splice(0, acknowledged);
    if (this.#refusal && this.#slots.length > 0 && this.#slots[0].batch >= this.#refusedAt) {
      this.#ended = true;
      clearTimeout(this.#timer);
      for (const slot of this.#slots) slot.asked?.cancel(new Unreachable("the producer ended"));
    }
    for (const slot of done) if (slot.ack) this.#options.onAck?.(slot.ack);
    this.#wake();
  }

  /** It alone keeps no process alive. */
  #pollLater(every: number): void {
    this.#poller = setTimeout(() => void this.#poll(every), every);
    this.#poller.unref();
  }

  async #poll(every: number): Promise<void> {
    const params = { job_id: this.jobId, producer_id: this.producerId, producer_token: this.#token, events: [] };
    try {
      const reply = await this.#client.ask("AppendJobEvents", toJson(params), this.#replyTimeout).reply;
      const result = this.#client.read(reply, resultOf);
      this.cancelRequested ||= result.cancel_requested === true;
    } catch {
      // told to the batches, which cannot do without an answer
    }
    if (!this.#closed && !this.#ended) this.#pollLater(every);
  }
}
