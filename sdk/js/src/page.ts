/** Pages and frames: event lines out of the messages of a daemon, byte for byte, without decoding them. */

import { DomedError, errorOf, ProtocolError, type Fields } from "./errors.js";

const EVENTS = Buffer.from('"events":[');
const AFTER = Buffer.from('],"more":');
const BEGIN = Buffer.from('{"job_id":"');
const SEQ = Buffer.from(',"seq":');
const STATE_CHANGE = Buffer.from('"type":"state_change"');
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const LF = 0x0a;

export type Json = Record<string, unknown>;

/** The result of a JSON-RPC reply. Throws the error that it carries. */
export function resultOf(reply: Buffer | string): Json {
  let message: unknown;
  try {
    message = JSON.parse(reply.toString());
  } catch (error) {
    throw new ProtocolError(`the daemon sent what is not JSON (${error}): is it a control socket of domed?`);
  }
  if (!isObject(message)) throw new ProtocolError("the daemon sent what is not a JSON-RPC reply: is it a control socket of domed?");
  if (isObject(message.result)) return message.result;
  throw errorIn(message.error);
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function errorIn(error: unknown): DomedError {
  if (!isObject(error)) return new ProtocolError("the daemon sent neither result nor error");
  const fields: Fields = isObject(error.data) ? { ...error.data } : {};
  const name = fields.error;
  delete fields.error;
  return errorOf(typeof name === "string" ? name : "E_INTERNAL", String(error.message ?? ""), fields);
}

/** Lines within one message, numbered "first", "first" + 1, ...: line i is bytes `bounds[2i]` to `bounds[2i + 1]`. */
export interface Lines {
  bytes: Buffer;
  first: number;
  bounds: number[];
  /** No line can be a state_change, as far as its bytes tell. */
  plain: boolean;
}

const NO_LINES: Lines = { bytes: Buffer.alloc(0), first: 0, bounds: [], plain: true };

/** The answer of StreamJobEvents. */
export interface EventPage {
  logId: string;
  firstSeq: number;
  headSeq: number;
  more: boolean;
  final: boolean;
  state: string;
  eventsUrls: string[];
  lines: Lines;
  /** The URL whose answer it is. */
  endpoint: string;
}

/**
 * Reads a reply of StreamJobEvents (without `lines`).
 *
 * The events are cut out of the reply as they stand, because a JSON library would write them anew, and because it would
 * take most of the time.
 */
export function readPage(reply: Buffer): EventPage {
  const found = reply.indexOf(EVENTS);
  const end = reply.lastIndexOf(AFTER);
  const begin = found + EVENTS.length;
  if (found < 0 || end < begin) return pageOf(resultOf(reply), NO_LINES);
  let result: Json;
  try {
    result = resultOf(reply.toString("utf8", 0, begin) + reply.toString("utf8", end));
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return pageOf(resultOf(reply), NO_LINES); // of another form: found out by reading all of it
  }
  return pageOf(result, begin === end ? NO_LINES : split(reply, begin, end));
}

function pageOf(result: Json, lines: Lines): EventPage {
  if (!Array.isArray(result.events) || result.events.length > 0) throw new ProtocolError("the daemon sent a page in another form than the protocol's");
  const urls = Array.isArray(result.events_urls) ? result.events_urls : [];
  return {
    logId: textIn(result, "log_id"),
    firstSeq: numberIn(result, "first_seq"),
    headSeq: numberIn(result, "head_seq"),
    more: flagIn(result, "more"),
    final: flagIn(result, "final"),
    state: textIn(result, "state"),
    eventsUrls: urls.filter((url): url is string => typeof url === "string"),
    lines,
    endpoint: "",
  };
}

function textIn(result: Json, name: string): string {
  const value = result[name];
  if (typeof value !== "string") throw noPage(name, value);
  return value;
}

function numberIn(result: Json, name: string): number {
  const value = result[name];
  if (typeof value !== "number" || !Number.isSafeInteger(value)) throw noPage(name, value);
  return value;
}

function flagIn(result: Json, name: string): boolean {
  const value = result[name];
  if (typeof value !== "boolean") throw noPage(name, value);
  return value;
}

function noPage(name: string, value: unknown): ProtocolError {
  return new ProtocolError(`the daemon sent what is no page: ${name} is ${JSON.stringify(value)}`);
}

/**
 * Lines between which there are commas.
 *
 * Between two lines stands `},` and what each begins with, which no string can hold, as its quotes would be escaped. A
 * payload may hold it, though. Then there are more pieces than lines: the numbers are not one after the other, or the last
 * piece closes more than it opens. So both are looked at, and what does not fit is cut by its brackets.
 */
function split(bytes: Buffer, begin: number, end: number): Lines {
  const prefixEnd = endOfPrefix(bytes, begin, end);
  if (prefixEnd < 0 || bytes[end - 1] !== 0x7d) throw noLine(bytes, begin, end);
  const separator = Buffer.concat([Buffer.from("},"), bytes.subarray(begin, prefixEnd)]);
  const first = numberAt(bytes, prefixEnd);
  const bounds: number[] = [];
  for (let at = begin, seq = first; ; seq++) {
    if (seq < 0 || numberAt(bytes, at + separator.length - 2) !== seq) return splitByBrackets(bytes, begin, end);
    const next = bytes.indexOf(separator, at + separator.length);
    const last = next < 0 || next >= end;
    bounds.push(at, last ? end : next + 1);
    if (last) break;
    at = next + 2;
  }
  try {
    JSON.parse(bytes.toString("utf8", bounds[bounds.length - 2], end));
  } catch {
    return splitByBrackets(bytes, begin, end);
  }
  return { bytes, first, bounds, plain: isPlain(bytes, begin, end) };
}

function isPlain(bytes: Buffer, begin: number, end: number): boolean {
  const at = bytes.indexOf(STATE_CHANGE, begin);
  return at < 0 || at >= end;
}

function noLine(bytes: Buffer, begin: number, end: number): ProtocolError {
  return new ProtocolError(`the daemon sent what is no event line: ${bytes.toString("utf8", begin, Math.min(end, begin + 200))}`);
}

/** Behind `{"job_id":"…","seq":`; -1: it does not begin so. */
function endOfPrefix(bytes: Buffer, begin: number, end: number): number {
  if (!startsWith(bytes, begin, BEGIN)) return -1;
  let at = begin + BEGIN.length;
  while (at < end && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  at++;
  return at < end && startsWith(bytes, at, SEQ) ? at + SEQ.length : -1;
}

function startsWith(bytes: Buffer, at: number, what: Buffer): boolean {
  return at + what.length <= bytes.length && bytes.compare(what, 0, what.length, at, at + what.length) === 0;
}

/** The number that stands there with a comma behind it; -1: none. */
function numberAt(bytes: Buffer, at: number): number {
  let value = 0;
  for (let digits = 0; digits < 16; digits++, at++) {
    const digit = bytes[at] - 0x30;
    if (digits > 0 && bytes[at] === COMMA) return value;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return -1;
}

function splitByBrackets(bytes: Buffer, begin: number, end: number): Lines {
  const bounds: number[] = [];
  for (let at = begin; at < end; ) {
    const over = endOfObject(bytes, at, end);
    if (over < 0 || (over < end && bytes[over] !== COMMA)) throw new ProtocolError("the daemon sent a page whose events cannot be told apart");
    bounds.push(at, over);
    at = over + 1;
  }
  const first = seqOfLine(bytes, bounds[0], bounds[1]);
  for (let at = 0; at < bounds.length; at += 2) {
    if (seqOfLine(bytes, bounds[at], bounds[at + 1]) !== first + at / 2)
      throw new ProtocolError(`the daemon's page leaves out events behind seq ${first}`);
  }
  return { bytes, first, bounds, plain: isPlain(bytes, begin, end) };
}

/** Behind the brackets that open at "at"; -1: they do not close. */
function endOfObject(bytes: Buffer, at: number, end: number): number {
  let depth = 0;
  for (let quoted = false; at < end; at++) {
    const byte = bytes[at];
    if (quoted) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) quoted = false;
    } else if (byte === QUOTE) {
      quoted = true;
    } else if (byte === 0x7b || byte === 0x5b) {
      depth++;
    } else if (byte === 0x7d || byte === 0x5d) {
      if (--depth === 0) return at + 1;
    }
    if (depth === 0) return -1; // something else than a bracket opens it
  }
  return -1;
}

function seqOfLine(bytes: Buffer, begin: number, end: number): number {
  const at = endOfPrefix(bytes, begin, end);
  const seq = at < 0 ? -1 : numberAt(bytes, at);
  if (seq < 0) throw noLine(bytes, begin, end);
  return seq;
}

/** A message of an events socket (docs/protocol.md, Events). */
export interface Frame {
  daemon: boolean;
  epoch: string;
  logId: string;
  state: string;
  head: number;
  lines: Lines;
}

/** Undefined: no frame. */
export function readFrame(message: Buffer): Frame | undefined {
  const topicEnd = message.indexOf(LF);
  const headerEnd = topicEnd < 0 ? -1 : message.indexOf(LF, topicEnd + 1);
  if (headerEnd < 0 || message[message.length - 1] !== LF) return undefined;
  let header: unknown;
  try {
    header = JSON.parse(message.toString("utf8", topicEnd + 1, headerEnd));
  } catch {
    return undefined;
  }
  if (!isObject(header) || typeof header.epoch !== "string") return undefined;
  const daemon = message.toString("utf8", 0, topicEnd) === "daemon";
  const frame: Frame = { daemon, epoch: header.epoch, logId: "", state: "", head: 0, lines: NO_LINES };
  if (daemon) return frame;
  const { log_id: logId, state, head, first } = header;
  if (typeof logId !== "string" || typeof state !== "string" || !Number.isSafeInteger(head) || !Number.isSafeInteger(first)) return undefined;
  return { ...frame, logId, state, head: head as number, lines: linesOf(message, headerEnd + 1, first as number) };
}

/** What is no line, or of another number, ends the frame: what follows is taken from a page. */
function linesOf(bytes: Buffer, begin: number, first: number): Lines {
  const bounds: number[] = [];
  const prefixEnd = endOfPrefix(bytes, begin, bytes.length);
  if (prefixEnd < 0) return { bytes, first, bounds, plain: true };
  const prefix = bytes.subarray(begin, prefixEnd);
  for (let at = begin, seq = first; at < bytes.length; seq++) {
    const end = bytes.indexOf(LF, at);
    if (!startsWith(bytes, at, prefix) || numberAt(bytes, at + prefix.length) !== seq) break;
    bounds.push(at, end);
    at = end + 1;
  }
  return { bytes, first, bounds, plain: isPlain(bytes, begin, bytes.length) };
}
