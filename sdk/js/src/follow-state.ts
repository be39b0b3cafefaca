/**
 * The decisions of a follower, without any input or output.
 *
 * The owner asks `next()`, does it, reports what came of it, and asks again. Pages are the truth; frames only tell that
 * there is something, or save the page where they continue the log exactly (docs/protocol.md, How to follow). Times are
 * milliseconds of the owner's monotonic clock.
 */

import * as crypto from "node:crypto";
import { reachableUrl } from "./endpoint.js";
import { ProtocolError } from "./errors.js";
import { Event } from "./event.js";
import type { EventPage, Frame, Json, Lines } from "./page.js";

export const DAEMON_UNHEARD = 3000;
export const QUIET_FIRST = 2000;
export const QUIET_MOST = 10_000;
export const PAUSE_FIRST = 50;
export const PAUSE_MOST = 2000;
const HELD_POLL_MS = 10_000; // where long polls are all there is
const FALLBACK_POLL_MS = 3000; // where frames may come back
const FIRST_PAGE_BYTES = 64 * 1024; // the first page is to come soon,
const CATCH_UP_EVENTS = 10_000; // and the rest fast: the daemon's most
// A poll that comes back empty sooner was not held: an odd daemon is not asked in a tight loop.
const POLL_SPACING = 200;

/**
 * "page": request a page with `pageParams()`; "subscribe": at `eventsUrl`; "wait": for a frame, until `wakeAt(now)`.
 */
export type Step = "page" | "subscribe" | "wait" | "done";

type Hash = (data: Buffer) => Buffer;
// Newer ones hash at once, without an object for each.
const atOnce = (crypto as unknown as { hash?: (name: string, data: Buffer, encoding: "buffer") => Buffer }).hash;
const sha256: Hash = atOnce ? (data) => atOnce("sha256", data, "buffer") : (data) => crypto.createHash("sha256").update(data).digest();

/** The digest of a log (docs/protocol.md, Digest). */
export class Chain {
  // The digest so far, and behind it room for a line.
  #room = Buffer.alloc(4096);

  constructor(logId: string) {
    sha256(Buffer.from(logId)).copy(this.#room);
  }

  add(lines: Lines, from: number, to: number): void {
    for (let at = from; at < to; at++) {
      const begin = lines.bounds[2 * at];
      const end = lines.bounds[2 * at + 1];
      const size = 32 + end - begin;
      if (size > this.#room.length) this.#room = Buffer.concat([this.#room.subarray(0, 32), Buffer.alloc(size)]);
      lines.bytes.copy(this.#room, 32, begin, end);
      sha256(this.#room.subarray(0, size)).copy(this.#room);
    }
  }

  hex(): string {
    return this.#room.toString("hex", 0, 32);
  }
}

export interface FollowOfState {
  jobId: string;
  since?: number;
  /** Refuse any other; empty: whichever there is. */
  logId?: string;
  tail?: boolean;
  frames?: boolean;
  maxEvents?: number;
  digest?: boolean;
}

export class FollowState {
  readonly jobId: string;
  logId: string;
  cursor: number;
  /** Ended at the terminal event, as opposed to a snapshot's head. */
  terminal = false;
  eventsUrl = "";
  /** Of the events up to the cursor, where it began at 0. */
  chain: Chain | undefined;
  readonly #wantDigest: boolean;
  readonly #tail: boolean;
  #frames: boolean;
  readonly #maxEvents: number;
  #paged = false;
  #mustPage = true;
  #done = false;
  #held = false; // the page now asked for is a long poll
  #snapshotHead: number | undefined;
  #mustSubscribe = false;
  #subscribed = false;
  #epoch = "";
  #asked = 0;
  #retryAt = 0;
  #quietAt = 0;
  #heard = -Infinity;
  #quiet = QUIET_FIRST;
  #pause = PAUSE_FIRST;

  constructor(of: FollowOfState) {
    this.jobId = of.jobId;
    this.logId = of.logId ?? "";
    this.cursor = of.since ?? 0;
    this.#wantDigest = of.digest ?? false;
    this.#tail = of.tail ?? true;
    this.#frames = this.#tail && (of.frames ?? true);
    this.#maxEvents = of.maxEvents ?? 0;
  }

  next(now: number): Step {
    if (this.#done) return "done";
    if (now < this.#retryAt) return "wait";
    if (this.#mustSubscribe) return "subscribe";
    // A page that is due is asked for at once, and never held: what is missing is there already.
    this.#held = !this.#mustPage && this.#polling(now);
    if (this.#mustPage || this.#held || now >= this.#quietAt) {
      this.#asked = now;
      return "page";
    }
    return "wait";
  }

  /** Whether to follow by long polls: from choice, or because nothing is heard. */
  #polling(now: number): boolean {
    return this.#tail && this.#paged && (!this.#subscribed || now - this.#heard >= DAEMON_UNHEARD);
  }

  wakeAt(now: number): number {
    return now < this.#retryAt ? this.#retryAt : Math.min(this.#heard + DAEMON_UNHEARD, this.#quietAt);
  }

  pageParams(): Json {
    const params: Json = { job_id: this.jobId, since_seq: this.cursor };
    if (this.logId) params.log_id = this.logId;
    if (this.#maxEvents) params.max_events = this.#maxEvents;
    else if (this.#paged) params.max_events = CATCH_UP_EVENTS;
    else params.max_bytes = FIRST_PAGE_BYTES;
    if (this.#held) params.wait_ms = this.#frames && this.#subscribed ? FALLBACK_POLL_MS : HELD_POLL_MS;
    return params;
  }

  /** Throws ProtocolError where the page leaves events out. */
  pageCame(page: EventPage, now: number): Event[] {
    // The chain begins with the log: who begins in its midst has no digest before, and gets none.
    if (this.#wantDigest && !this.#paged && this.cursor === 0 && page.firstSeq <= 1) this.chain = new Chain(page.logId);
    if (this.logId && page.logId !== this.logId) throw new ProtocolError(`the daemon's page is of log ${page.logId}, not of ${this.logId}`);
    this.logId = page.logId;
    this.#snapshotHead ??= page.headSeq;
    const first = !this.#paged;
    const quietPage = this.#paged && !this.#mustPage;
    this.#paged = true;
    this.#pause = PAUSE_FIRST;
    const before = this.cursor;
    if (page.lines.bounds.length > 0 && page.lines.first > before + 1) throw this.#wrongPage(before);
    const events = this.#take(page.lines);
    // More, and nothing of it: asked again it would be the same, for ever.
    if (page.more && this.cursor === before) throw this.#wrongPage(before);
    this.#mustPage = page.more;
    if (page.final && this.cursor >= page.headSeq) this.terminal = this.#done = true;
    if (!this.#tail && (this.cursor >= this.#snapshotHead || !page.more)) this.#done = true;
    if (this.#frames) this.#newUrls(page);
    if (this.#held && this.cursor === before && now - this.#asked < POLL_SPACING) this.#retryAt = now + POLL_SPACING;
    // Events that no frame announced: frames get lost, so look often again.
    if (first || this.cursor !== before) this.#quiet = QUIET_FIRST;
    else if (quietPage) this.#quiet = Math.min(this.#quiet * 2, QUIET_MOST);
    this.#quietAt = now + this.#quiet;
    return events;
  }

  #wrongPage(cursor: number): ProtocolError {
    return new ProtocolError(`the daemon's page after seq ${cursor} does not begin with event ${cursor + 1}`);
  }

  /**
   * The one place where events are delivered, from pages and frames alike: each once and in order, whatever came twice or
   * late. The first line's seq is at most cursor + 1.
   */
  #take(lines: Lines): Event[] {
    const { bytes, bounds, first } = lines;
    const skip = Math.max(this.cursor + 1 - first, 0);
    let upto = bounds.length / 2;
    if (!this.#tail && this.#snapshotHead !== undefined) upto = Math.min(upto, this.#snapshotHead - first + 1);
    const events: Event[] = [];
    for (let at = skip; at < upto; at++) {
      const event = new Event(this.logId, first + at, bytes, bounds[2 * at], bounds[2 * at + 1]);
      events.push(event);
      if (!lines.plain && event.isTerminal) {
        this.terminal = this.#done = true;
        break;
      }
    }
    this.cursor += events.length;
    this.chain?.add(lines, skip, skip + events.length);
    return events;
  }

  /**
   * Those of the node that gave the page, which may be another one than before: as they are for who reached that, for two
   * nodes may well say the same "tcp://0.0.0.0:7444".
   */
  #newUrls({ eventsUrls: urls, endpoint }: EventPage): void {
    if (urls.length === 0 || this.#done) return;
    const scheme = endpoint.slice(0, endpoint.indexOf("://") + 3);
    const url = reachableUrl(urls.find((each) => scheme && each.startsWith(scheme)) ?? urls[0], endpoint);
    if (url === this.eventsUrl) return;
    this.eventsUrl = url;
    this.#mustSubscribe = true;
  }

  /** A page could not be had; "wait" is the daemon's wish. */
  pageFailed(now: number, wait: number | undefined): void {
    this.#retryAt = now + (wait ?? this.#pause);
    this.#pause = Math.min(this.#pause * 2, PAUSE_MOST);
    this.#mustPage = true;
  }

  /** What was committed between the last page and now has no frame for us. */
  subscribed(now: number): void {
    this.#mustSubscribe = false;
    this.#subscribed = this.#mustPage = true;
    this.#heard = now;
  }

  /** The events socket is there again: what it said meanwhile is in pages only. */
  reconnected(): void {
    if (this.#subscribed) this.#mustPage = true;
  }

  /** There is no subscribing: goes on with long polls. */
  subscribeFailed(): void {
    this.#mustSubscribe = this.#subscribed = this.#frames = false;
  }

  /** A frame for the job, or the daemon's pulse. */
  frameCame(frame: Frame, now: number): Event[] {
    if (this.#done || !this.#frames) return [];
    this.#heard = now;
    if (frame.epoch && frame.epoch !== this.#epoch) {
      // Another start of the daemon: frames of its last moments may be lost with it.
      if (this.#epoch) this.#mustPage = true;
      this.#epoch = frame.epoch;
    }
    return frame.daemon ? [] : this.#takeFrame(frame, now);
  }

  #takeFrame(frame: Frame, now: number): Event[] {
    this.#quiet = QUIET_FIRST;
    this.#quietAt = now + this.#quiet;
    if (!this.#paged) return [];
    if (frame.logId !== this.logId) {
      this.#mustPage = true; // which names the log, so that the daemon says what happened
      return [];
    }
    const events = frame.lines.bounds.length > 0 && frame.lines.first <= this.cursor + 1 ? this.#take(frame.lines) : [];
    if (frame.head > this.cursor && !this.#done) this.#mustPage = true;
    return events;
  }
}
