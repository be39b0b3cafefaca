// Several URLs: nodes on one store, of which any does what another one does not any more.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { all, CUT, domed, FakeDaemon, inside, logPayload, pulse, Refusal, SILENCE, until } from "./fake-daemon.mjs";

const { reachableUrl } = await inside("endpoint");
const STOPPING = new Refusal("E_BUSY", true, { retry_ms: 1, stopping: true });
const AWAY = new Refusal("E_STORE", true);
const STARTING = new Refusal("E_STARTING", true, { retry_ms: 1 });

// Two nodes, "a" first, with the same jobs.
let a, b, client, log;
beforeEach(async () => {
  [a, b] = [await FakeDaemon.start(), await FakeDaemon.start()];
  b.jobs = a.jobs;
  log = a.job("j");
  for (const text of "abcdefgh") log.add("log", logPayload(text));
  client = made();
});
afterEach(() => {
  for (const each of [client, a, b]) each.close?.() ?? each.end?.();
});

const made = (options = {}) =>
  new domed.Client({ endpoint: `${a.url},${b.url}`, replyTimeout: 300, timeout: 20_000, onTrouble: () => undefined, ...options });
const asked = (daemon, method) => daemon.requests.filter(([name]) => name === method).length;
const over = () => log.add("state_change", { to: "succeeded", reason: "exit", exit_code: 0 });
const lines = (events) => events.map((event) => event.line.toString());
const always = (what) => () => what;

// Calls.

test("calls leave who cannot do what it is asked", async () => {
  for (const each of [STOPPING, AWAY, STARTING]) {
    const before = b.requests.length;
    const one = made();
    await one.health();
    assert.equal(b.requests.length, before);
    a.trick = always(each);
    await one.health();
    await one.health();
    a.trick = undefined;
    assert.deepEqual([b.requests.length, one.endpoint], [before + 2, b.url], JSON.stringify(each));
    one.close();
  }
  assert.equal(a.requests.length, 6);
});

test("calls wait for who is only busy, and throw what is damaged", async () => {
  const busy = [new Refusal("E_BUSY", true, { retry_ms: 1 }), new Refusal("E_BUSY", true, { retry_ms: 1, stopping: false })];
  a.trick = () => busy.pop();
  await client.health();
  a.trick = always(new Refusal("E_STORE", false));
  await assert.rejects(client.health(), domed.StoreFailed);
  assert.deepEqual([a.requests.length, b.requests.length], [4, 0]);
});

test("calls go round until one can, and with one URL wait there", async () => {
  b.trick = always(STOPPING);
  a.trick = () => (a.requests.length < 3 ? AWAY : undefined);
  await client.health();
  assert.deepEqual([a.requests.length, b.requests.length], [3, 2]);
  a.requests.length = 0;
  const one = made({ endpoint: a.url });
  await one.health();
  assert.deepEqual([a.requests.length, b.requests.length], [3, 2]);
  one.close();
});

test("that a connection was lost is told of whose it was", async () => {
  a.trick = (method) => (method === "ListTools" ? AWAY : SILENCE);
  const one = made({ replyTimeout: 10_000 });
  const lost = assert.rejects(one.call("Health", {}, { repeat: false }), (error) => error.message.startsWith(`lost the connection to ${a.url}: `));
  await assert.rejects(one.call("ListTools", {}, { repeat: false }), domed.StoreFailed);
  await lost;
  one.close();
});

// Follows.

for (const [name, fault] of Object.entries({ STOPPING, AWAY, STARTING, gone: CUT, silent: SILENCE })) {
  test(`a follow goes on behind the last event where a node is ${name}`, async () => {
    over();
    a.pageEvents = b.pageEvents = 2;
    a.trick = () => {
      if (a.requests.length <= 2) return undefined;
      if (fault === CUT) a.stop();
      return fault;
    };
    const follower = client.follow("j", { verify: true, timeout: 20_000 });
    assert.deepEqual(lines(await all(follower)), log.lines);
    assert.deepEqual([follower.end, follower.digest], ["terminal", log.digest()]);
    assert.ok(asked(b, "StreamJobEvents") > 1);
  });
}

test("a follow takes frames of whoever answers", async () => {
  const following = all(client.follow("j", { timeout: 20_000 }));
  await until(() => a.subscribers.size > 0);
  a.trick = always(AWAY);
  await Promise.race([following, until(() => b.subscribers.size > 0)]); // once nothing came for so long that it looked
  await until(() => asked(b, "StreamJobEvents") >= 2);
  log.add("log", logPayload("live"));
  over();
  b.publish(pulse("e2"), log.frame(10, undefined, "e2"));
  assert.deepEqual(lines(await following), log.lines);
});

test("a run ends at another node", async () => {
  a.trick = (method) => {
    if (method === "StreamJobEvents") return AWAY;
    if (method !== "SubmitJob") return undefined;
    over();
    return { job_id: "j", run_id: "r", log_id: log.logId, state: "queued", replayed: false };
  };
  const job = await client.submit(["x"]);
  const outcome = await client.follow(job.jobId, { logId: job.logId, timeout: 20_000 }).outcome();
  assert.deepEqual([outcome.state, outcome.stdout.toString()], ["succeeded", "a\nb\nc\nd\ne\nf\ng\nh\n"]);
  assert.deepEqual([asked(a, "SubmitJob"), asked(b, "SubmitJob")], [1, 0]);
});

test("an events URL is that of who gave the page", () => {
  assert.equal(reachableUrl("tcp://0.0.0.0:2", "tcp://there:1"), "tcp://there:2");
  assert.equal(reachableUrl("tls+tcp://[::]:2", "tls+tcp://[fe80::1]:1"), "tls+tcp://[fe80::1]:2");
  for (const url of ["tcp://other:2", "ipc:///0.0.0.0:2"]) assert.equal(reachableUrl(url, "tcp://there:1"), url);
  assert.equal(reachableUrl("tcp://0.0.0.0:2", "ipc:///there"), "tcp://0.0.0.0:2");
});

// Producers.

for (const [name, fault] of Object.entries({ STOPPING, AWAY, gone: CUT, silent: SILENCE })) {
  test(`a producer goes on elsewhere, and each batch is taken once, where a node is ${name}`, async () => {
    a.trick = (_, params) => {
      if (a.requests.length <= 5) return undefined;
      if (!(fault instanceof Refusal)) a.append(log, params); // it was done, and nobody hears of it
      if (fault === CUT) a.stop();
      return fault;
    };
    const producer = client.producer("j", "secret", { window: 8, replyTimeout: 300 });
    for (let batch = 0; batch < 40; batch++) await producer.append([{ type: "log", payload: logPayload(`${batch}`) }]);
    await producer.end(20_000);
    const texts = log.lines.slice(9).map((line) => JSON.parse(line).payload.text);
    assert.deepEqual(texts, Array.from({ length: 40 }, (_, batch) => `${batch}`));
    assert.ok(asked(b, "AppendJobEvents") > 0);
  });
}

// Jobs that are made, by "a" without an answer.

const at = () => [asked(a, "SubmitJob"), asked(b, "SubmitJob")];
const submit = (timeout = 20_000, method = "SubmitJob") => client.call(method, { idempotency_key: "k" }, { timeout });

function answers(what, { times = 1000, others = "cert:ann" } = {}) {
  b.jobs = new Map();
  [a.identity, b.identity] = ["cert:ann", others];
  a.trick = (method) => (/^(Submit|Retry)Job$/.test(method) && times-- > 0 ? what : undefined);
}

test("a submit in doubt goes to who knows us as the same", async () => {
  answers(SILENCE);
  assert.equal((await submit()).job_id, "job-k");
  assert.deepEqual(at(), [1, 1]);
});

test("a submit in doubt goes to nobody who knows us as another", async () => {
  for (const method of ["SubmitJob", "RetryJob"])
    for (const others of ["uid:1000@b", ""]) {
      answers(SILENCE, { others });
      client.close();
      client = made();
      await assert.rejects(submit(1000, method), (error) => {
        assert.ok(error instanceof domed.Unreachable && error.fields.idempotency_key === "k", `${error}`);
        assert.ok(error.message.startsWith(`it is not known whether the job was made: no answer from ${a.url} `), error.message);
        const rest =
          `; and ${b.url} knows this client as ${others || "somebody it does not name"}, not as cert:ann, so that sent there it ` +
          `might be made a second time.  Send it again with the same idempotency key, k, when ${a.url} is back: that finds the ` +
          "job, or makes it";
        assert.ok(error.message.endsWith(rest), error.message);
        return true;
      });
    }
  assert.equal(at()[1] + asked(b, "RetryJob"), 0);
});

test("the key is told that nobody chose", async () => {
  answers(SILENCE, { others: "uid:1000@b" });
  client.close();
  client = made({ timeout: 1000 });
  await assert.rejects(client.submit(["true"]), (error) => a.requests.some(([, params]) => params.idempotency_key === error.fields.idempotency_key && params.command));
});

test("a submit in doubt comes back to where it was", async () => {
  answers(SILENCE, { times: 1, others: "uid:1000@b" });
  await submit();
  assert.deepEqual(at(), [2, 0]);
});

test("no identity is needed where nothing was sent, or where it was refused", async () => {
  answers(STOPPING, { others: "uid:1000@b" });
  await submit();
  assert.deepEqual(at(), [1, 1]);
  a.stop();
  client.close();
  client = made();
  await submit();
  assert.deepEqual(at(), [1, 2]);
});

test("a submit is in doubt where the store does not know", async () => {
  answers(AWAY, { others: "uid:1000@b" });
  await assert.rejects(submit(1000), /not known whether the job was made: refused; and/);
  assert.equal(at()[1], 0);
});

test("a refusal of another node is no word on the first", async () => {
  for (const [refused, by, submits] of [["SubmitJob", () => b.url, 1], ["WhoAmI", () => "another node", 0]]) {
    answers(SILENCE);
    b.trick = (method) => (method === refused ? new Refusal("E_FORBIDDEN") : undefined);
    a.requests.length = b.requests.length = 0;
    client.close();
    client = made();
    await assert.rejects(submit(), (error) => error.message.includes("not known whether") && error.message.includes(`; and ${by()} refuses it (E_FORBIDDEN`));
    assert.deepEqual(at(), [1, submits]);
  }
});

test("nodes too old to tell who we are are asked one alone", async () => {
  answers(CUT, { times: 2 });
  a.identity = b.identity = undefined;
  await submit();
  assert.deepEqual(at(), [3, 0]);
});
