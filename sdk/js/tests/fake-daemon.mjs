// A daemon that does what a test says: it keeps logs, answers, publishes, and misbehaves on demand.
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";

export const domed = await import(process.env.DOMED_JS ? `${process.env.DOMED_JS}/index.js` : new URL("../dist/index.js", import.meta.url).href);
export const inside = (name) => import(process.env.DOMED_JS ? `${process.env.DOMED_JS}/${name}.js` : new URL(`../dist/${name}.js`, import.meta.url).href);
const sp = await inside("sp");

const STATES = ["succeeded", "failed", "canceled"];

export class Refusal {
  constructor(error, retryable = false, fields = {}) {
    this.data = { error, retryable, ...fields };
  }
}
/** Ends the connection instead of an answer. */
export const CUT = Symbol("cut");
/** No answer at all. */
export const SILENCE = Symbol("silence");
/** These bytes, as they are, on the connection. */
export class Raw {
  constructor(data) {
    this.data = data;
  }
}

export function lineOf(job, seq, type, payload) {
  const ts = `2026-01-31T12:00:00.${String(seq % 1_000_000).padStart(6, "0")}Z`;
  return `{"job_id":${JSON.stringify(job)},"seq":${seq},"ts":"${ts}","type":"${type}","payload":${JSON.stringify(payload)}}`;
}

export const logPayload = (text) => ({ stream: "stdout", text });

export class Log {
  constructor(job, logId = createHash("md5").update(job).digest("hex")) {
    Object.assign(this, { job, logId, lines: [], first: 1, state: "queued", batches: new Map(), nextBatch: new Map() });
    this.add("state_change", { to: "queued" });
  }

  get head() {
    return this.lines.length;
  }

  add(type, payload) {
    this.lines.push(lineOf(this.job, this.head + 1, type, payload));
    if (type === "state_change") this.state = payload.to;
    return this.lines.at(-1);
  }

  digest() {
    const start = createHash("sha256").update(this.logId).digest();
    return this.lines.reduce((digest, line) => createHash("sha256").update(digest).update(line).digest(), start).toString("hex");
  }

  frame(first, last = this.head, epoch = "e1") {
    const header = { log_id: this.logId, first, head: last, state: this.state, epoch };
    return [`job/${this.job}`, JSON.stringify(header), ...this.lines.slice(first - 1, last), ""].join("\n");
  }

  page(since, most = 1000, eventsUrl = "ipc:///e") {
    const lines = this.lines.slice(since, since + most);
    const upto = since + lines.length;
    const final = upto >= this.head && STATES.includes(this.state);
    return (
      `{"log_id":"${this.logId}","first_seq":${this.first},"head_seq":${this.head},"state":"${this.state}",` +
      `"events":[${lines.join(",")}],"more":${upto < this.head},"final":${final},"events_urls":["${eventsUrl}"]}`
    );
  }
}

export const pulse = (epoch = "e1") => `daemon\n{"epoch":"${epoch}","time":"x"}\n`;

export class FakeDaemon {
  constructor({ hello = sp.hello(sp.REP) } = {}) {
    this.directory = mkdtempSync(`${tmpdir()}/domed-js-`);
    this.url = `ipc://${this.directory}/control.ipc`;
    this.eventsUrl = `ipc://${this.directory}/events.ipc`;
    this.jobs = new Map();
    this.requests = [];
    this.rawRequests = [];
    this.pageEvents = 1000;
    /** As whom it knows everybody; undefined: it is too old to tell. */
    this.identity = undefined;
    /** Looked at before each answer: what it gives is the answer, undefined: the daemon's own. */
    this.trick = undefined;
    this.servers = [];
    this.sockets = new Set();
    this.subscribers = new Set();
    this.waiting = new Set();
    this.hello = hello;
  }

  static async start(options) {
    const daemon = new FakeDaemon(options);
    await daemon.start();
    return daemon;
  }

  async start() {
    for (const [name, serve] of [["control", (socket) => this.control(socket)], ["events", (socket) => this.events(socket)]]) {
      rmSync(`${this.directory}/${name}.ipc`, { force: true });
      const server = createServer((socket) => {
        this.sockets.add(socket);
        socket.on("error", () => undefined);
        socket.on("close", () => this.sockets.delete(socket) && this.subscribers.delete(socket));
        serve(socket);
      });
      await new Promise((resolve) => server.listen(`${this.directory}/${name}.ipc`, resolve));
      this.servers.push(server);
    }
  }

  stop() {
    for (const server of this.servers) server.close();
    this.servers = [];
    this.cut();
  }

  end() {
    this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  cut() {
    for (const socket of this.sockets) socket.destroy();
    this.subscribers.clear();
  }

  publish(...frames) {
    for (const frame of frames)
      for (const socket of this.subscribers) socket.write(Buffer.concat([sp.header(true, Buffer.byteLength(frame)), Buffer.from(frame)]));
  }

  job(name) {
    const log = new Log(name);
    this.jobs.set(name, log);
    return log;
  }

  /** An event, so that polls that wait for it answer. */
  add(job, type, payload) {
    const line = this.jobs.get(job).add(type, payload);
    for (const wake of [...this.waiting]) wake();
    return line;
  }

  events(socket) {
    socket.write(sp.hello(sp.PUB));
    socket.once("data", () => this.subscribers.add(socket));
  }

  control(socket) {
    socket.write(this.hello);
    const splitter = new sp.Splitter(true);
    let greeted = 0;
    socket.on("data", (data) => {
      const part = Math.min(8 - greeted, data.length);
      greeted += part;
      for (const message of splitter.feed(data.subarray(part))) void this.answer(message, socket);
    });
  }

  async answer(message, socket) {
    const { id, method, params = {} } = JSON.parse(message.subarray(4));
    this.rawRequests.push(message.subarray(4).toString());
    this.requests.push([method, params]);
    const answer = this.trick?.(method, params) ?? (await this.result(method, params));
    if (answer === CUT) return socket.destroy();
    if (answer === SILENCE) return undefined;
    if (answer instanceof Raw) return socket.write(answer.data);
    let text = `"result":${typeof answer === "string" ? answer : JSON.stringify(answer)}`;
    if (answer instanceof Refusal) text = `"error":${JSON.stringify({ code: -32000, message: "refused", data: answer.data })}`;
    const reply = Buffer.concat([message.subarray(0, 4), Buffer.from(`{"jsonrpc":"2.0","id":${id},${text}}`)]);
    return socket.write(Buffer.concat([sp.header(true, reply.length), reply]));
  }

  async result(method, params) {
    if (method === "Health") return { version: "fake", epoch: "e1", events: [this.eventsUrl] };
    if (method === "WhoAmI") return this.identity ? { identity: this.identity } : new Refusal("E_UNKNOWN_METHOD");
    if (method === "ListCapabilities") return { features: ["t"] };
    if (method === "SubmitJob") return this.submit(params);
    const log = this.jobs.get(params.job_id);
    if (!log) return new Refusal("E_NOT_FOUND");
    if (method === "GetJobStatus")
      return { job_id: log.job, log_id: log.logId, state: log.state, first_seq: log.first, head_seq: log.head, digest: log.digest() };
    if (method === "StreamJobEvents") return this.page(log, params);
    if (method === "AppendJobEvents") return this.append(log, params);
    return new Refusal("E_UNKNOWN_METHOD");
  }

  submit({ idempotency_key }) {
    const name = `job-${idempotency_key}`;
    const replayed = this.jobs.has(name);
    const log = this.jobs.get(name) ?? this.job(name);
    return {
      job_id: name, run_id: "r", log_id: log.logId, state: log.state, replayed, events_urls: [this.eventsUrl], producer_token: "secret",
    };
  }

  async page(log, { since_seq: since, log_id = log.logId, wait_ms = 0, max_events = 1000 }) {
    const { logId, first, head } = log;
    if (log_id !== logId) return new Refusal("E_LOG_CHANGED", false, { log_id: logId, first, head });
    if (since > head) return new Refusal("E_CURSOR_AHEAD", false, { head });
    if (since + 1 < first) return new Refusal("E_COMPACTED", false, { first, head });
    const until = performance.now() + wait_ms;
    while (log.head === since && !STATES.includes(log.state) && performance.now() < until) await this.change(until - performance.now());
    return log.page(since, Math.min(this.pageEvents, max_events), this.eventsUrl);
  }

  change(most) {
    return new Promise((resolve) => {
      const timer = setTimeout(() => wake(), most).unref();
      const wake = () => {
        clearTimeout(timer);
        this.waiting.delete(wake);
        resolve();
      };
      this.waiting.add(wake);
    });
  }

  /** The checks of docs/protocol.md, in their order; a gap is told at once. */
  append(log, { producer_token, producer_id, batch, events }) {
    if (producer_token !== "secret") return new Refusal("E_UNAUTHORIZED");
    const answer = { head_seq: log.head, state: log.state, replayed: false, cancel_requested: this.cancelRequested === true };
    if (events.length === 0) return answer;
    const name = `${producer_id}/${batch}`;
    const content = JSON.stringify(events);
    const known = log.batches.get(name);
    if (known) return known.content === content ? { ...known.answer, replayed: true } : new Refusal("E_BATCH_MISMATCH");
    const expected = log.nextBatch.get(producer_id) ?? 1;
    if (batch !== expected) return new Refusal("E_BATCH_GAP", true, { expected });
    if (STATES.includes(log.state)) return new Refusal("E_SEALED", false, { state: log.state, head: log.head });
    const first_seq = log.head + 1;
    for (const { type, payload } of events) this.add(log.job, type, payload);
    const taken = { ...answer, first_seq, head_seq: log.head, state: log.state };
    log.batches.set(name, { content, answer: taken });
    log.nextBatch.set(producer_id, batch + 1);
    return taken;
  }
}

/** A trick that happens so often, then no more. */
export function times(count, what) {
  return () => (count-- > 0 ? what : undefined);
}

export async function all(iterable) {
  const found = [];
  for await (const each of iterable) found.push(each);
  return found;
}

/** Until it holds; a test that waits for nothing ends by its own limit. */
export async function until(holds) {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Numbers that look random, the same ones each time. */
export function dice(seed) {
  return (below) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
}
