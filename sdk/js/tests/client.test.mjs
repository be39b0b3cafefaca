// The client against a daemon that misbehaves.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { afterEach, beforeEach, test } from "node:test";
import { all, CUT, domed, FakeDaemon, inside, logPayload, pulse, Raw, Refusal, SILENCE, times, until } from "./fake-daemon.mjs";

const sp = await inside("sp");
const { defaultEndpoint, endpointOf, endpointsOf, Identity } = await inside("endpoint");
const quiet = { onTrouble: () => undefined };

let daemon, client, log;
beforeEach(async () => {
  daemon = await FakeDaemon.start();
  client = new domed.Client({ endpoint: daemon.url, replyTimeout: 300, timeout: 10_000, ...quiet });
  log = daemon.job("j");
  for (const text of "abcdef") log.add("log", logPayload(text));
});
afterEach(() => {
  client.close();
  daemon.end();
});

const over = () => daemon.add("j", "state_change", { to: "succeeded", reason: "exit", exit_code: 0 });
const lines = (events) => events.map((event) => event.line.toString());
const seqs = (events) => events.map((event) => event.seq);
const texts = (of = log) => of.lines.map((line) => JSON.parse(line).payload.text).filter((text) => text !== undefined);

// Where, and whom to trust.

test("a list of endpoints is split where a URL begins", () => {
  assert.deepEqual(endpointsOf("ipc:///a,b,tcp://h:1,tls+tcp://[::1]:2").map((each) => each.url), ["ipc:///a,b", "tcp://h:1", "tls+tcp://[::1]:2"]);
  for (const url of ["", "ipc://relative", "tcp://h", "tcp://h:99999", "ws://h:1/", "http://h:1", "ipc:///" + "a".repeat(200)])
    assert.throws(() => endpointsOf(url), domed.InvalidRequest, url);
});

test("the environment says where and who", () => {
  assert.equal(defaultEndpoint({ DOMED_ENDPOINT: "tcp://h:1", HOME: "/h" }), "tcp://h:1");
  assert.equal(defaultEndpoint({ XDG_RUNTIME_DIR: "/r" }), "ipc:///r/domed/control.ipc");
  assert.equal(defaultEndpoint({ HOME: "/h" }), "ipc:///h/.local/state/domed/run/domed/control.ipc");
  for (const environment of [{}, { XDG_RUNTIME_DIR: "r" }, { HOME: "h" }]) assert.throws(() => defaultEndpoint(environment), domed.InvalidRequest);
  writeFileSync(`${daemon.directory}/token`, "domed_abc\n");
  const named = new Identity({}, { DOMED_CERT: "b", DOMED_TOKEN_FILE: `${daemon.directory}/token`, DOMED_ENDPOINT_USER: "4000000" });
  assert.deepEqual([named.cert, named.token, named.trusts(4_000_000), named.trusts(4_000_001)], ["b", "domed_abc", true, false]);
  assert.equal(new Identity({}, { DOMED_TOKEN: "t", DOMED_TOKEN_FILE: "/nowhere" }).token, "t");
  assert.ok(new Identity({ user: "root" }, {}).trusts(0));
  assert.throws(() => new Identity({ user: "nobody-of-that-name" }, {}), domed.InvalidRequest);
});

test("another user's daemon is sent nothing", async () => {
  const identity = new Identity({}, {});
  identity.trusts = () => false;
  assert.throws(() => identity.check(endpointOf(daemon.url)), domed.Untrusted);
  // A directory in which others may put their socket.
  chmodSync(daemon.directory, 0o777);
  await assert.rejects(client.health(), domed.Untrusted);
  assert.deepEqual(daemon.rawRequests, []);
  chmodSync(daemon.directory, 0o1777);
  assert.equal((await client.health()).version, "fake");
});

// Calls.

test("a lost connection is made again, and the same bytes go out", async () => {
  daemon.trick = times(3, CUT);
  const job = await client.submit(["true"], { labels: { a: "b" } });
  assert.equal(daemon.requests.length, 4);
  assert.equal(new Set(daemon.requests.map(([, params]) => JSON.stringify(params))).size, 1);
  assert.match(job.jobId, /^job-/);
});

test("a reply that does not come is asked for again", async () => {
  daemon.trick = times(2, SILENCE);
  await client.health();
  assert.equal(daemon.requests.length, 3);
});

test("busy is waited out as it says", async () => {
  daemon.trick = times(1, new Refusal("E_BUSY", true, { retry_ms: 400 }));
  const begin = performance.now();
  await client.health();
  assert.ok(performance.now() - begin >= 399);
});

test("what is not retryable is thrown at once", async () => {
  daemon.trick = times(1, new Refusal("E_FORBIDDEN", false, { needs: "operator" }));
  await assert.rejects(client.health(), (error) => error instanceof domed.Forbidden && error.fields.needs === "operator");
  assert.equal(daemon.requests.length, 1);
});

test("the deadline tells what was waited for", async () => {
  daemon.trick = times(1000, new Refusal("E_STORE", true));
  await assert.rejects(client.call("Health", {}, { timeout: 400 }), domed.StoreFailed);
});

test("garbage and false lengths end the connection, not the client", async () => {
  for (const garbage of ["garbage!!!", Buffer.concat([Buffer.from([1]), Buffer.alloc(8, 0x7f)]), Buffer.concat([sp.header(true, 2), Buffer.from("xx")]), "\x02"]) {
    daemon.trick = times(2, new Raw(garbage));
    assert.equal((await client.health()).version, "fake");
  }
  daemon.trick = () => "1";
  await assert.rejects(client.health(), domed.ProtocolError);
});

test("answers find their calls in any order", async () => {
  daemon.job("b");
  const slow = client.call("StreamJobEvents", { job_id: "j", since_seq: 7, wait_ms: 5000 });
  await until(() => daemon.requests.some(([method]) => method === "StreamJobEvents"));
  assert.equal((await client.status("b")).job_id, "b");
  daemon.add("j", "x-a", {});
  assert.equal((await slow).head_seq, 8);
});

test("what cannot be sent is refused here", async () => {
  await assert.rejects(client.submit(["echo", "\ud800"]), domed.InvalidRequest);
  await assert.rejects(client.submit("echo"), domed.InvalidRequest);
  assert.deepEqual(daemon.requests, []);
});

// Dialling.

test("where nobody is it says so soon", async () => {
  const nobody = new domed.Client({ endpoint: "ipc:///nowhere/control.ipc", connectWait: 100 });
  await assert.rejects(nobody.health(), (error) => error instanceof domed.Unreachable && error.neverThere && error.message.includes("/nowhere/control.ipc"));
  nobody.close();
});

test("a daemon may come later than a reply has to", async () => {
  daemon.stop();
  over();
  const patient = new domed.Client({ endpoint: daemon.url, connectWait: 30_000, replyTimeout: 300, ...quiet });
  setTimeout(() => daemon.start(), 1000);
  assert.equal((await all(patient.follow("j"))).length, 8);
  patient.close();
});

test("another protocol is told from a daemon, and who does not greet is not waited for for ever", async () => {
  for (const hello of ["SSH-2.0-OpenSSH\r\n", sp.hello(sp.PUB), "\0SP\x01\0\x31\0\0", "\0SP\0\0\x31\x01\0", "\0SP"]) {
    const other = await FakeDaemon.start({ hello });
    const caller = new domed.Client({ endpoint: other.url, connectWait: 200 });
    await assert.rejects(caller.health(), domed.Unreachable);
    assert.deepEqual(other.rawRequests, []);
    caller.close();
    other.end();
  }
});

test("of several the first that answers is kept", async () => {
  const second = await FakeDaemon.start();
  daemon.stop();
  const several = new domed.Client({ endpoint: `ipc:///nowhere/x,${daemon.url},${second.url}`, ...quiet });
  await several.health();
  await daemon.start();
  await several.health();
  assert.deepEqual([daemon.requests.length, second.requests.length], [0, 2]);
  second.stop();
  await several.health();
  assert.equal(daemon.requests.length, 1);
  several.close();
  second.end();
});

test("a token goes over tcp and never over ipc", async () => {
  const careful = new domed.Client({ endpoint: daemon.url, token: "secret" });
  await careful.health();
  careful.close();
  assert.ok(!daemon.rawRequests[0].includes("secret"));
  let got;
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.write(sp.hello(sp.REP));
    let all = Buffer.alloc(0);
    socket.on("data", (data) => {
      all = Buffer.concat([all, data]);
      const [message] = all.length > 8 ? new sp.Splitter(false).feed(all.subarray(8)) : [];
      if (!message) return;
      got = JSON.parse(message.subarray(4));
      const reply = Buffer.concat([message.subarray(0, 4), Buffer.from('{"jsonrpc":"2.0","id":1,"result":{"version":"tcp"}}')]);
      socket.write(Buffer.concat([sp.header(false, reply.length), reply]));
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const told = new domed.Client({ endpoint: `tcp://127.0.0.1:${server.address().port}`, token: 'sec"ret' });
  assert.equal((await told.health()).version, "tcp");
  assert.equal(got.token, 'sec"ret');
  told.close();
  server.close();
});

// A server that greets, and prints what else comes, as the user "uid" at "host"; its URL once it listens.
async function stranger(uid, host) {
  const program = `require("node:net").createServer((s) => { s.on("error", () => 0); s.write(Buffer.from("${sp.hello(sp.REP).toString("hex")}", "hex"));
    s.on("data", (d) => process.stdout.write(d.subarray(8))); }).listen(0, "${host}", function () { console.log(this.address().port); });`;
  const child = spawn(process.execPath, ["-e", program], { uid, cwd: "/", stdio: ["ignore", "pipe", "inherit"] });
  const [port] = await once(child.stdout, "data");
  const heard = [];
  child.stdout.on("data", (data) => heard.push(data));
  return { url: `tcp://${host.includes(":") ? `[${host}]` : host}:${Number(port)}`, heard, end: () => child.kill() };
}

test("a token is not given to another user's process", { skip: process.getuid() !== 0 && "needs root" }, async () => {
  for (const host of ["127.0.0.1", "::1"]) {
    const server = await stranger(65533, host);
    const client = new domed.Client({ endpoint: server.url, token: "secret" });
    await assert.rejects(client.health(), (error) => error instanceof domed.Untrusted && /belongs to user 65533/.test(error.message));
    client.close();
    server.end();
    assert.equal(Buffer.concat(server.heard).length, 0);
  }
});

const outside = Object.values(networkInterfaces()).flat().find((each) => each.family === "IPv4" && !each.internal);
test("a token is not sent in clear over a network", { skip: !outside && "needs an address beside loopback's" }, async () => {
  const server = await stranger(process.getuid(), outside.address);
  const client = new domed.Client({ endpoint: server.url, token: "secret" });
  await assert.rejects(client.health(), /would carry the token in clear/);
  client.close();
  server.end();
  assert.equal(Buffer.concat(server.heard).length, 0);
});

// Follows.

test("gives what is there in pages of any size", async () => {
  over();
  for (const size of [1, 2, 3, 100]) {
    daemon.pageEvents = size;
    const follower = client.follow("j", { verify: true });
    assert.deepEqual(lines(await all(follower)), log.lines);
    assert.deepEqual([follower.end, follower.digest, follower.position.seq], ["terminal", log.digest(), 8]);
  }
});

test("takes frames where they come", async () => {
  const following = all(client.follow("j"));
  await until(() => daemon.subscribers.size > 0 && daemon.requests.length >= 2);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const pages = daemon.requests.length;
  log.add("log", logPayload("live"));
  log.add("state_change", { to: "succeeded" });
  daemon.publish(pulse(), log.frame(8));
  assert.equal((await following).length, 9);
  assert.equal(daemon.requests.length, pages);
});

test("resumes where another one stood", async () => {
  over();
  const first = client.follow("j");
  for await (const event of first) if (event.seq === 3) break;
  assert.deepEqual(seqs(await all(client.follow("j", { resume: String(first.position) }))), [4, 5, 6, 7, 8]);
  assert.deepEqual(seqs(await all(client.follow("j", { since: 6 }))), [7, 8]);
  await assert.rejects(all(client.follow("j", { resume: new domed.Position("f".repeat(32), 3) })), domed.LogChanged);
  assert.throws(() => client.follow("j", { resume: "nonsense" }), domed.InvalidRequest);
  assert.throws(() => client.follow("j", { since: -1 }), domed.InvalidRequest);
});

test("a loss is loud", async () => {
  await assert.rejects(all(client.follow("j", { since: 99 })), domed.CursorAhead);
  await assert.rejects(all(client.follow("j", { logId: "other" })), domed.LogChanged);
  await assert.rejects(all(client.follow("nobody")), domed.NotFound);
  log.first = 4;
  await assert.rejects(all(client.follow("j")), (error) => error instanceof domed.Compacted && error.number("first") === 4);
  daemon.trick = times(1, new Refusal("E_GONE", false, { state: "failed", head: 3 }));
  await assert.rejects(all(client.follow("j")), domed.Gone);
});

test("a digest that differs is loud", async () => {
  over();
  log.digest = () => "0".repeat(64);
  await assert.rejects(all(client.follow("j", { verify: true })), domed.DigestMismatch);
});

test("goes on over cuts, garbage and errors", async () => {
  over();
  daemon.pageEvents = 1;
  const faults = [CUT, new Refusal("E_BUSY", true, { retry_ms: 10 }), new Raw("garbage"), new Refusal("E_STORE", true)];
  let count = 0;
  daemon.trick = () => (++count % 2 ? faults[Math.floor(count / 2) % 4] : undefined);
  assert.deepEqual(lines(await all(client.follow("j"))), log.lines);
});

test("goes on over a restart", async () => {
  const following = all(client.follow("j"));
  await until(() => daemon.subscribers.size > 0);
  daemon.stop();
  log.add("log", logPayload("while it was away"));
  over();
  setTimeout(() => daemon.start(), 200);
  assert.deepEqual(lines(await following), log.lines);
});

test("where nobody publishes polls do", async () => {
  for (const options of [{ frames: false }, {}]) {
    const job = daemon.job(`k${options.frames}`);
    setTimeout(() => daemon.add(job.job, "state_change", { to: "failed" }), 300);
    assert.deepEqual(seqs(await all(client.follow(job.job, options))), [1, 2]);
  }
});

test("a page that leaves something out is no page", async () => {
  daemon.trick = () => log.page(1);
  await assert.rejects(all(client.follow("j")), domed.ProtocolError);
});

test("a snapshot ends at the head, a deadline ends it, and so does a signal", async () => {
  const snapshot = client.follow("j", { tail: false });
  assert.equal((await all(snapshot)).length, 7);
  assert.equal(snapshot.end, "snapshot");
  const late = client.follow("j", { timeout: 300 });
  await assert.rejects(all(late), domed.TimedOut);
  assert.equal(late.cursor, 7);
  for (const frames of [true, false]) {
    const stop = new AbortController();
    const stopped = client.follow("j", { signal: stop.signal, frames });
    setTimeout(() => stop.abort(), 200);
    assert.equal((await all(stopped)).length, 7);
    assert.equal(stopped.end, undefined);
  }
});

test("a closed client ends what is under way", async () => {
  const following = all(client.follow("j"));
  const asking = assert.rejects(client.call("StreamJobEvents", { job_id: "j", since_seq: 7, wait_ms: 5000 }), domed.Unreachable);
  await until(() => daemon.requests.length >= 3);
  client.close();
  assert.equal((await following).length, 7);
  await asking;
  await assert.rejects(client.health(), domed.Unreachable);
});

test("a hundred followers share one subscription", async () => {
  const follows = Array.from({ length: 100 }, () => all(client.follow("j")));
  await until(() => daemon.requests.length >= 200);
  log.add("state_change", { to: "succeeded" });
  daemon.publish(log.frame(8));
  for (const events of await Promise.all(follows)) assert.deepEqual(seqs(events), [1, 2, 3, 4, 5, 6, 7, 8]);
});

test("run tells how it ended", async () => {
  daemon.trick = (method) => {
    if (method !== "SubmitJob") return undefined;
    over();
    return { job_id: "j", run_id: "r", log_id: log.logId, state: "queued", replayed: false };
  };
  const outcome = await client.run(["x"]);
  assert.deepEqual([outcome.stdout.toString(), outcome.exitCode, outcome.reason], ["a\nb\nc\nd\ne\nf\n", 0, "exit"]);
  assert.equal(outcome.check(), outcome);
});

// Producers.

async function produce(options = {}, batches = 30) {
  const producer = client.producer("k", "secret", options);
  for (let batch = 0; batch < batches; batch++) await producer.append([{ type: "log", payload: logPayload(`${batch}`) }]);
  await producer.end();
  return producer;
}
const numbers = (count) => Array.from({ length: count }, (_, at) => `${at}`);
const nothing = [{ type: "x-a", payload: {} }];

test("batches come once and in order", async () => {
  const job = daemon.job("k");
  const acks = [];
  const producer = await produce({ onAck: (ack) => acks.push(ack.batch) });
  assert.deepEqual(texts(job), numbers(30));
  assert.deepEqual([producer.lastAck.batch, producer.lastAck.headSeq, acks.length], [30, 31, 30]);
});

test("lost replies, cuts and busy change nothing", async () => {
  const job = daemon.job("k");
  let count = 0;
  daemon.trick = (_, params) => {
    if (++count % 3 !== 0) return undefined;
    if (count % 2) daemon.append(job, params); // it was done, and nobody hears of it
    return [CUT, new Refusal("E_BUSY", true, { retry_ms: 5 }), new Refusal("E_STORE", true)][(count / 3) % 3];
  };
  await produce({ window: 8 });
  assert.deepEqual(texts(job), numbers(30));
  const frozen = new Map();
  for (const [, params] of daemon.requests) {
    const first = frozen.get(params.batch) ?? JSON.stringify(params);
    assert.equal(JSON.stringify(params), first);
    frozen.set(params.batch, first);
  }
});

test("the window bounds what is on its way, and a full queue makes its caller wait", async () => {
  const job = daemon.job("k");
  daemon.trick = times(1000, SILENCE);
  const producer = client.producer("k", "secret", { window: 4, queue: 10, replyTimeout: 30_000 });
  for (let batch = 0; batch < 10; batch++) await producer.append(nothing);
  await until(() => daemon.requests.length === 4);
  let eleventh = false;
  const waiting = producer.append(nothing).then(() => (eleventh = true));
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.deepEqual([daemon.requests.length, producer.pending, eleventh], [4, 10, false]);
  daemon.trick = undefined;
  daemon.cut();
  await waiting;
  await producer.end(10_000);
  assert.equal(job.head, 12);
});

test("a refusal ends it behind what was taken", async () => {
  daemon.job("k");
  const producer = client.producer("k", "secret");
  await producer.append([{ type: "state_change", payload: { to: "succeeded" } }]);
  await producer.append(nothing);
  await assert.rejects(producer.flush(10_000), domed.Sealed);
  assert.deepEqual([producer.lastAck.batch, producer.refusal.code], [1, "E_SEALED"]);
  await assert.rejects(producer.append(nothing), domed.Sealed);
  await assert.rejects(client.append("k", "wrong", "p", 1, nothing), domed.Unauthorized);
});

test("a log that lost acknowledged batches is told", async () => {
  const job = daemon.job("k");
  const producer = client.producer("k", "secret");
  await producer.append(nothing);
  await producer.flush(10_000);
  job.batches.clear();
  job.nextBatch.clear();
  await producer.append(nothing);
  await assert.rejects(producer.flush(10_000), domed.BatchGap);
});

test("it can give up, and a flush too", async () => {
  daemon.job("k");
  daemon.stop();
  const producer = client.producer("k", "secret", { giveUp: 600 });
  await producer.append(nothing);
  await assert.rejects(producer.flush(100), domed.TimedOut);
  await assert.rejects(producer.end(10_000), domed.Unreachable);
});

test("events that come together share a batch", async () => {
  const job = daemon.job("k");
  const producer = client.producer("k", "secret", { times: true });
  await producer.log("one\ntwo\nthree");
  await producer.progress(0.5, "half");
  await producer.log(Buffer.from([0xff]), { stream: "stderr" });
  const long = "x".repeat(40_000) + "ß".repeat(10_000);
  await producer.log(long, { eol: false });
  await producer.end();
  assert.ok(daemon.requests.length <= 3);
  assert.ok(daemon.requests[0][1].events[0].t > 1_600_000_000_000_000);
  const payloads = job.lines.slice(1).map((line) => JSON.parse(line).payload);
  assert.deepEqual(payloads.slice(0, 3).map((each) => each.text), ["one", "two", "three"]);
  assert.deepEqual(payloads[4], { stream: "stderr", b64: "/w==" });
  assert.equal(payloads.slice(5).map((each) => each.text).join(""), long);
  assert.ok(payloads.slice(5).every((each) => each.eol === false));
});

test("a poll hears of a cancel", async () => {
  daemon.job("k");
  daemon.cancelRequested = true;
  const producer = client.producer("k", "secret", { poll: 20 });
  await until(() => producer.cancelRequested);
  producer.close();
});

// Tools.

const events = () => [...daemon.jobs.values()].at(-1).lines.map((line) => JSON.parse(line)).map(({ type, payload }) => [type, payload]);

test("a call of a tool is a job", async () => {
  const train = domed.tool(
    async ({ rate, rounds }) => {
      for (let round = 0; round < rounds; round++) {
        console.log("round", round);
        await domed.currentRun().progress(round / rounds);
      }
      process.stdout.write("rest");
      return { rate };
    },
    { client, echo: false, name: "train", labels: { step: "train" } },
  );
  assert.deepEqual(await train({ rate: 0.5, rounds: 2 }), { rate: 0.5 });
  const { task, labels, executor } = daemon.requests[0][1];
  assert.deepEqual([task, labels, executor], [{ rate: 0.5, rounds: 2 }, { function: "train", step: "train" }, "external"]);
  const found = events();
  assert.deepEqual(found.filter(([type]) => type === "log").map(([, { text }]) => text), ["round 0", "round 1", "rest"]);
  assert.deepEqual(found.slice(-2), [["x-result", { value: { rate: 0.5 } }], ["state_change", { to: "succeeded" }]]);
});

test("an exception is an event and goes on", async () => {
  const bad = domed.tool(() => { throw new TypeError("no way"); }, { client, echo: false }); // prettier-ignore
  await assert.rejects(bad(), TypeError);
  const [[type, error], [, end]] = events().slice(-2);
  assert.deepEqual([type, error.type, error.message], ["error", "TypeError", "no way"]);
  assert.match(error.traceback, /client\.test\.mjs/);
  assert.deepEqual(end, { to: "failed", message: "TypeError: no way" });
});

test("calls at the same time print into their own jobs", async () => {
  const work = domed.tool(async (name) => {
    for (let again = 0; again < 3; again++) {
      console.log(name);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return name;
  }, { client, echo: false });
  const write = process.stdout.write;
  assert.deepEqual(await Promise.all([work("a"), work("b")]), ["a", "b"]);
  assert.equal(process.stdout.write, write);
  daemon.jobs.delete("j");
  assert.deepEqual([...daemon.jobs.values()].map((job) => texts(job).join("")).sort(), ["aaa", "bbb"]);
});

test("a cancel ends a tool where it looks", async () => {
  daemon.cancelRequested = true;
  const patient = domed.tool(async () => {
    for (;;) {
      domed.currentRun().check();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }, { client, echo: false });
  await assert.rejects(patient(), domed.Canceled);
  assert.equal(events().at(-1)[1].to, "canceled");
});

test("a refused report does not end the function", async () => {
  daemon.trick = (method) => (method === "AppendJobEvents" ? new Refusal("E_SEALED", false, { state: "canceled", head: 1 }) : undefined);
  const warned = [];
  const hear = (warning) => warned.push(warning.message);
  process.on("warning", hear);
  const works = domed.tool(() => {
    for (let again = 0; again < 100; again++) console.log("x");
    return 7;
  }, { client, echo: false });
  assert.equal(await works(), 7);
  await until(() => warned.length > 0);
  process.off("warning", hear);
  assert.match(warned[0], /not reported any further: E_SEALED/);
  assert.throws(() => domed.currentRun(), /no tool/);
});
