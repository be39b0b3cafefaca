// SP, pages, frames and events: what comes as bytes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { dice, domed, inside, lineOf, Log, logPayload, pulse } from "./fake-daemon.mjs";

const sp = await inside("sp");
const { readFrame, readPage, resultOf } = await inside("page");
const { toJson } = await inside("model");

const linesOf = ({ lines: { bytes, bounds } }) => Array.from({ length: bounds.length / 2 }, (_, at) => bytes.toString("utf8", bounds[2 * at], bounds[2 * at + 1]));
const replyOf = (result) => Buffer.from(`{"jsonrpc":"2.0","id":7,"result":${result}}`);

function pageOf(payloads, job = "j") {
  const log = new Log(job);
  for (const payload of payloads) log.add("x-any", payload);
  return { log, page: readPage(replyOf(log.page(0))) };
}

test("a stream is taken apart in pieces of any size", () => {
  const roll = dice(1);
  for (const ipc of [true, false]) {
    const messages = Array.from({ length: 40 }, () => Buffer.from(Array.from({ length: roll(300) }, () => roll(256))));
    const stream = Buffer.concat(messages.flatMap((each) => [sp.header(ipc, each.length), each]));
    for (const most of [1, 2, 7, 100, 100_000]) {
      const splitter = new sp.Splitter(ipc);
      const found = [];
      for (let at = 0; at < stream.length; ) {
        const size = 1 + roll(most);
        found.push(...splitter.feed(stream.subarray(at, at + size)));
        at += size;
      }
      assert.deepEqual(found, messages);
    }
  }
});

test("garbage is no message, nor is a length that cannot be", () => {
  for (const garbage of ["H", "HTTP/1.1 400 Bad Request\r\n\r\n", "\x02" + "\0".repeat(20)])
    assert.throws(() => new sp.Splitter(true).feed(Buffer.from(garbage)), sp.NotSP);
  for (const ipc of [true, false]) {
    assert.throws(() => new sp.Splitter(ipc).feed(sp.header(ipc, 64 * 1024 * 1024 + 1)), sp.NotSP);
    assert.throws(() => new sp.Splitter(ipc).feed(Buffer.concat([Buffer.from(ipc ? [1] : []), Buffer.alloc(8, 255)])), sp.NotSP);
  }
});

test("hello tells the role", () => {
  assert.deepEqual(sp.hello(sp.REQ), Buffer.from([0, 0x53, 0x50, 0, 0, 0x30, 0, 0]));
  assert.equal(sp.peerOf(sp.SUB), sp.PUB);
});

test("the lines of a page are the bytes that came", () => {
  const { log, page } = pageOf([{ a: 1.5 }, { b: 'q"},{"' }, { c: "\\" }, {}]);
  assert.deepEqual(linesOf(page), log.lines);
  assert.equal(page.lines.first, 1);
  assert.deepEqual(page.eventsUrls, ["ipc:///e"]);
});

test("events within a payload are no events", () => {
  const inner = Array.from({ length: 8 }, (_, at) => JSON.parse(lineOf("j", at + 1, "x-any", { deep: [1, { x: "}]" }] })));
  for (const payloads of [[{ e: inner }, {}, {}], [{}, { e: inner.slice(2) }], [{ e: inner.slice(3) }, {}], [{}, {}, { e: inner.slice(4) }]]) {
    const { log, page } = pageOf(payloads);
    assert.deepEqual(linesOf(page), log.lines);
  }
});

test("random payloads come through", () => {
  const roll = dice(2);
  const texts = ['"', "\\", "}", "{", "],", '"more":', '"events":[', '{"job_id":"j","seq":', "\u2028", "ß", "\0"];
  const text = (most) => Array.from({ length: roll(most) }, () => texts[roll(texts.length)]).join("");
  const value = (depth) => {
    const kind = roll(depth ? 5 : 3);
    if (kind === 3) return Array.from({ length: roll(4) }, () => value(depth - 1));
    if (kind === 4) return Object.fromEntries(Array.from({ length: roll(4) }, () => [text(3), value(depth - 1)]));
    return text(6);
  };
  for (let round = 0; round < 300; round++) {
    const { log, page } = pageOf(Array.from({ length: roll(6) }, () => ({ v: value(3) })));
    assert.deepEqual(linesOf(page), log.lines);
  }
});

test("what is no page is an error", () => {
  const good = (events) => `{"log_id":"l","first_seq":1,"head_seq":2,"state":"running","events":[${events}],"more":false,"final":false}`;
  assert.deepEqual(linesOf(readPage(replyOf(good("")))), []);
  const [one, three] = [lineOf("j", 1, "x-a", {}), lineOf("j", 3, "x-a", {})];
  for (const events of ["1", "{}", "[]", `${one},${three}`, `${one}x`, one.slice(0, -1), `${one},`, '{"job_id":"j","seq":"1"}'])
    assert.throws(() => readPage(replyOf(good(events))), domed.ProtocolError, events);
  for (const reply of ["", "HTTP", "[]", "{}", '{"result":[]}', '{"result":{"log_id":1}}', '{"error":7}'])
    assert.throws(() => readPage(Buffer.from(reply)), domed.ProtocolError, reply);
});

test("an error is its own class", () => {
  const reply = (error) => JSON.stringify({ error: { message: "m", data: { error, retryable: false, head: 5 } } });
  assert.throws(() => resultOf(reply("E_CURSOR_AHEAD")), (error) => {
    assert.ok(error instanceof domed.CursorAhead);
    assert.deepEqual([error.number("head"), error.retryable, error.code, error.name], [5, false, "E_CURSOR_AHEAD", "CursorAhead"]);
    return true;
  });
  assert.throws(() => resultOf(reply("E_NEW")), (error) => error instanceof domed.DomedError && error.code === "E_NEW");
});

test("a frame has its lines, a heartbeat none, a pulse an epoch", () => {
  const log = new Log("j");
  log.add("log", logPayload("a\nb"));
  const frame = readFrame(Buffer.from(log.frame(1)));
  assert.deepEqual([linesOf(frame), frame.lines.first, frame.head, frame.state, frame.epoch, frame.daemon], [log.lines, 1, 2, "queued", "e1", false]);
  assert.deepEqual(linesOf(readFrame(Buffer.from(log.frame(3)))), []);
  assert.equal(readFrame(Buffer.from(pulse("x"))).daemon, true);
});

test("what is no frame is none", () => {
  const good = new Log("j").frame(1);
  for (const bad of ["", "\n", "\n\n\n", "job/j\n", "job/j\n{}\n", "job/j\nx\n", good.slice(0, -1), "daemon\n{}\n", "\xff".repeat(50) + "\n\n\n"])
    assert.equal(readFrame(Buffer.from(bad)), undefined, bad);
});

test("a line of another number ends a frame", () => {
  const log = new Log("j");
  log.add("x-a", {});
  log.lines.push(log.lines[0]);
  assert.deepEqual(linesOf(readFrame(Buffer.from(log.frame(1)))), log.lines.slice(0, 2));
});

const eventOf = (type, payload) => new domed.Event("l", 3, Buffer.from(lineOf("j", 3, type, payload)));

test("an event reads what is asked for", () => {
  const event = eventOf("log", { stream: "stderr", text: 'a "b" ß' });
  assert.deepEqual([event.jobId, event.type, event.stream, event.text], ["j", "log", "stderr", 'a "b" ß']);
  assert.equal(event.output.toString(), 'a "b" ß\n');
  assert.equal(event.time.toISOString(), "2026-01-31T12:00:00.000Z");
  assert.equal(event.payload, event.payload);
});

test("an event's own time comes first", () => {
  const event = new domed.Event("l", 3, Buffer.from('{"job_id":"j","seq":3,"ts":"2026-01-31T12:00:07.000001Z","t":1769860800000000,"type":"x-a","payload":{}}'));
  assert.deepEqual([event.t, event.time.toISOString()], [1769860800000000, "2026-01-31T12:00:00.000Z"]);
});

test("the output of an event is bytes", () => {
  assert.deepEqual(eventOf("log", { stream: "stdout", b64: "/w==" }).output, Buffer.from([0xff, 0x0a]));
  assert.equal(eventOf("log", { stream: "stdout", text: "a", eol: false }).output.toString(), "a");
  assert.equal(eventOf("x-a", { text: "a" }).output.length, 0);
});

test("only a change to an end is terminal", () => {
  assert.equal(eventOf("state_change", { to: "failed" }).isTerminal, true);
  assert.equal(eventOf("state_change", { to: "running" }).isTerminal, false);
  assert.equal(eventOf("x-a", { type: "state_change", to: "failed" }).isTerminal, false);
});

test("what is no line says so", () => {
  for (const line of ["", "{}", '{"job_id":"j"}', '{"type":"x-a","payload":null}'])
    assert.throws(() => new domed.Event("l", 1, Buffer.from(line)).type, domed.ProtocolError);
});

test("what JSON cannot carry is refused", () => {
  for (const bad of [{ a: "\ud800" }, { a: "\\\ud800" }, { a: NaN }, { a: [Infinity] }, { a: 1n }, undefined]) assert.throws(() => toJson(bad), domed.InvalidRequest);
  assert.equal(toJson({ a: "\\ud800", b: undefined, c: "😀" }), '{"a":"\\\\ud800","c":"😀"}');
});
