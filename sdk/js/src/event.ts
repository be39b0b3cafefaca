/** Events: a line as the daemon sent it, decoded where it is looked at. */

import { ProtocolError } from "./errors.js";

export const TERMINAL_STATES: ReadonlySet<unknown> = new Set(["succeeded", "failed", "canceled"]);

const STATE_CHANGE = Buffer.from('"type":"state_change"');

interface Decoded {
  job_id: string;
  seq: number;
  ts: string;
  t?: number;
  type: string;
  payload: Record<string, unknown>;
}

/**
 * One event of a job's log.
 *
 * `line` is the event line's own bytes, of which a digest is; everything else is read from it when it is asked for. Equal
 * (`logId`, `seq`) means equal bytes, for ever. An event keeps the message alive that it came in: who keeps few of many
 * copies what he wants of them.
 */
export class Event {
  readonly logId: string;
  readonly seq: number;
  readonly #bytes: Buffer;
  readonly #begin: number;
  readonly #end: number;
  #decoded: Decoded | undefined;

  constructor(logId: string, seq: number, bytes: Buffer, begin = 0, end = bytes.length) {
    this.logId = logId;
    this.seq = seq;
    this.#bytes = bytes;
    this.#begin = begin;
    this.#end = end;
  }

  /** The line's bytes, without a line feed. */
  get line(): Buffer {
    return this.#bytes.subarray(this.#begin, this.#end);
  }

  /** How many bytes the line has. */
  get size(): number {
    return this.#end - this.#begin;
  }

  get jobId(): string {
    return this.#decode().job_id;
  }

  /** When the daemon took the event, as it wrote it: UTC with microseconds. */
  get ts(): string {
    return this.#decode().ts;
  }

  /** When it happened by its producer's clock, in microseconds since 1970, where that differs. */
  get t(): number | undefined {
    return this.#decode().t;
  }

  /** When it happened: by its producer's clock where that said so, else `ts`. To the millisecond, as dates are. */
  get time(): Date {
    return this.t === undefined ? new Date(this.ts) : new Date(this.t / 1000);
  }

  get type(): string {
    return this.#decode().type;
  }

  /** The payload, decoded; the same object each time. */
  get payload(): Record<string, unknown> {
    return this.#decode().payload;
  }

  /** Whether this is the event that ends the job; nothing ever follows it. */
  get isTerminal(): boolean {
    // Few lines hold these bytes, and only those are taken apart.
    if (this.#decoded === undefined && !this.line.includes(STATE_CHANGE)) return false;
    return this.type === "state_change" && TERMINAL_STATES.has(this.payload.to);
  }

  /** Of a `log` event: `stdout`, `stderr`, or what its producer called it. */
  get stream(): string | undefined {
    const stream = this.payload.stream;
    return typeof stream === "string" ? stream : undefined;
  }

  /** The bytes of a stream that a `log` event stands for, its line feed included. */
  get output(): Buffer {
    if (this.type !== "log") return Buffer.alloc(0);
    const { text, b64, eol } = this.payload;
    const feed = eol === false ? "" : "\n";
    if (typeof text === "string") return Buffer.from(text + feed);
    if (typeof b64 === "string") return Buffer.concat([Buffer.from(b64, "base64"), Buffer.from(feed)]);
    return Buffer.alloc(0);
  }

  /** `output` as text, without its line feed; bytes that are no UTF-8 are replaced. */
  get text(): string {
    if (this.type !== "log") return "";
    const text = this.payload.text;
    return typeof text === "string" ? text : this.output.toString().replace(/\n$/, "");
  }

  toJSON(): unknown {
    return this.#decode();
  }

  toString(): string {
    return this.line.toString();
  }

  #decode(): Decoded {
    if (this.#decoded !== undefined) return this.#decoded;
    let found: Decoded | undefined;
    try {
      found = JSON.parse(this.#bytes.toString("utf8", this.#begin, this.#end));
    } catch {
      // told below
    }
    if (typeof found !== "object" || found === null || typeof found.type !== "string" || typeof found.payload !== "object" || found.payload === null)
      throw new ProtocolError(`event ${this.seq} is no event line: ${this.line.subarray(0, 200)}`);
    return (this.#decoded = found);
  }
}
