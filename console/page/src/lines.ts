// An event line of a log, as a row that is shown.
import { texts } from "./texts";

export interface Row {
  seq: number;
  ts: string;
  kind: "stdout" | "stderr" | "other" | "event" | "bad";
  type: string;
  text: string; // of output: as it was written, escape sequences and all
  eol: boolean;
  folded: number; // how many times a carriage return wrote over the line
  whole?: string; // where it is folded
  state?: string; // of a state_change
}

interface EventLine {
  seq: number;
  ts: string;
  t?: number;
  type: string;
  payload: Record<string, unknown>;
}

const decoder = new TextDecoder("utf-8");

// What follows the last carriage return is what a terminal would show.
function fold(text: string): { text: string; folded: number } {
  const line = text.endsWith("\r") ? text.slice(0, -1) : text;
  if (!line.includes("\r")) return { text: line, folded: 0 };
  const parts = line.split("\r").filter((part) => part !== "");
  return { text: parts.at(-1) ?? "", folded: Math.max(0, parts.length - 1) };
}

function outputText(payload: Record<string, unknown>): string {
  if (typeof payload.text === "string") return payload.text;
  if (typeof payload.b64 !== "string") return "";
  const bytes = Uint8Array.from(atob(payload.b64), (c) => c.charCodeAt(0));
  return decoder.decode(bytes);
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value));

function summary(type: string, payload: Record<string, unknown>): string {
  const p = payload;
  switch (type) {
    case "state_change": {
      let out = textOf(p.to);
      const why = [];
      if (p.reason) why.push(textOf(p.reason));
      if (p.exit_code !== undefined) why.push(texts.exitCode(textOf(p.exit_code)));
      if (p.signal !== undefined) why.push(texts.signal(textOf(p.signal)));
      if (why.length) out += ` (${why.join(", ")})`;
      return p.message ? `${out}: ${textOf(p.message)}` : out;
    }
    case "progress":
      return `${Math.floor(Number(p.value) * 100)} %${p.message ? " " + textOf(p.message) : ""}`;
    case "provenance": {
      const commit = textOf(p.commit_sha);
      const dirty = p.dirty_flag === "true" ? texts.withChanges : p.dirty_flag === "false" ? texts.clean : "";
      return commit && commit !== "unknown" ? `${texts.commit} ${commit.slice(0, 12)}${dirty ? ", " + dirty : ""}` : texts.commitUnknown;
    }
    case "provenance_end":
      return p.drift === "true" ? texts.sourcesChanged : p.drift === "false" ? texts.sourcesSame : texts.sourcesUnknown;
    case "assigned":
      return p.node ? texts.assignedTo(textOf(p.node)) : texts.takenBack;
    case "retry":
      return texts.triedAgain(textOf(p.job_id));
    case "artifact":
      return `${textOf(p.kind)} ${textOf(p.path)}`;
    case "stream_end":
      return `${textOf(p.stream)}${p.dropped ? ": " + texts.dropped(textOf(p.dropped)) : ""}${p.end === "drain_limit" ? ": " + texts.drainLimit : ""}`;
    case "cancel_requested":
    case "held":
    case "released":
    case "paused":
    case "resumed":
      return p.reason ? `${texts.turns[type]}: ${textOf(p.reason)}` : texts.turns[type]!;
    default:
      return JSON.stringify(p);
  }
}

export function rowOf(line: string, seq: number): Row {
  let event: EventLine;
  try {
    event = JSON.parse(line) as EventLine;
  } catch {
    return { seq, ts: "", kind: "bad", type: "", text: line, eol: true, folded: 0 };
  }
  const ts = event.t !== undefined ? new Date(event.t / 1000).toISOString() : event.ts;
  if (event.type === "log") {
    const whole = outputText(event.payload);
    const { text, folded } = fold(whole);
    const stream = event.payload.stream;
    const kind = stream === "stdout" || stream === "stderr" ? stream : "other";
    const row: Row = { seq, ts, kind, type: textOf(stream), text, eol: event.payload.eol !== false, folded };
    if (folded) row.whole = whole;
    return row;
  }
  const row: Row = { seq, ts, kind: "event", type: event.type, text: summary(event.type, event.payload), eol: true, folded: 0 };
  if (event.type === "state_change") row.state = textOf(event.payload.to);
  return row;
}

export const kTerminal = new Set(["succeeded", "failed", "canceled"]);
