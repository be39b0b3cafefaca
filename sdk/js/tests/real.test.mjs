// The real daemon, as it is used: the examples of the README, TLS and tokens, restarts.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { test } from "node:test";
import { promisify } from "node:util";
import { all, domed } from "./fake-daemon.mjs";
import { certificates, RealDaemon, withoutDaemon } from "./real-daemon.mjs";

const run = promisify(execFile);
const library = process.env.DOMED_JS ? `file://${process.env.DOMED_JS}/index.js` : new URL("../dist/index.js", import.meta.url).href;
const real = (name, body) => test(name, { skip: withoutDaemon }, body);

async function withDaemon(body, options) {
  const daemon = await RealDaemon.start(options);
  const client = new domed.Client({ endpoint: daemon.url, onTrouble: () => undefined });
  try {
    await body({ daemon, client });
  } finally {
    client.close();
    await daemon.remove();
  }
}

real("every example of the README prints what stands below it", () =>
  withDaemon(async ({ daemon }) => {
    const text = readFileSync(new URL("../README.md", import.meta.url), "utf8");
    const examples = [...text.matchAll(/```js\n(.*?)```\n```console\n(.*?)```/gs)];
    assert.equal(examples.length, text.split("```js").length - 1);
    const file = `${daemon.directory}/example.mjs`;
    for (const [, example, expected] of examples) {
      writeFileSync(file, example.replace('from "domed"', `from ${JSON.stringify(library)}`));
      // It ends by itself, whether it closes its client or not.
      const { stdout } = await run(process.execPath, [file], { env: { ...process.env, DOMED_ENDPOINT: daemon.url } });
      assert.equal(stdout, expected, example);
    }
  }),
);

real("every method answers", () =>
  withDaemon(async ({ client }) => {
    assert.ok((await client.whoami()).roles.includes("operator"));
    assert.ok((await client.features()).has("lines"));
    assert.deepEqual(await client.tools(), []);
    await assert.rejects(client.tool("none"), domed.NotFound);
    const { jobId } = await client.submit(["true"], { hold: true, labels: { a: "b" }, name: "mine" });
    assert.deepEqual(await client.hold(jobId), { job_id: jobId, held: true });
    assert.equal(await client.find("mine"), jobId);
    assert.equal((await client.release(jobId, "go")).held, false);
    assert.equal((await client.wait(jobId, 60_000)).state, "succeeded");
    assert.equal((await client.cancel(jobId)).already_terminal, true);
    const again = await client.retry(jobId);
    assert.equal((await client.wait(again.jobId, 60_000)).state, "succeeded");
    const listed = await all(client.list({ label: "a=b", state: "succeeded", name: "mine" }));
    assert.deepEqual(listed.map((job) => job.job_id), [again.jobId, jobId]);
    assert.deepEqual((await client.listPage({ limit: 1 })).jobs.map((job) => job.job_id), [again.jobId]);
    await client.delete(jobId);
    await assert.rejects(all(client.follow(jobId)), domed.Gone);
    const ended = await client.submit(["sh", "-c", "exit 3"], { wait: 10_000 });
    assert.deepEqual([domed.isOver(ended), ended.state, ended.reason, ended.exitCode], [true, "failed", "exit", 3]);
    const long = await client.submit(["sleep", "60"], { wait: 10 });
    assert.equal(domed.isOver(long), false);
    await client.cancel(long.jobId);
    assert.equal((await client.wait(long.jobId)).state, "canceled"); // no runner is left behind
    await assert.rejects(client.call("Nonsense"), domed.UnknownMethod);
    await assert.rejects(client.call("GetJobStatus", { job: 1 }), domed.InvalidRequest);
    await client.run(["echo", "1"], { key: "same" });
    await assert.rejects(client.submit(["echo", "2"], { key: "same" }), domed.IdempotencyKeyReused);
  }),
);

real("input and output are bytes", () =>
  withDaemon(async ({ client }) => {
    const data = Buffer.concat([Buffer.alloc(12_800, Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))), Buffer.from("no line feed")]);
    const outcome = await client.run(["cat"], { stdin: data });
    assert.ok(outcome.stdout.equals(data));
    await assert.rejects(client.run(["false"]).then((ended) => ended.check()), domed.JobFailed);
  }),
);

real("ten thousand lines come once and verified", () =>
  withDaemon(async ({ client }) => {
    const { jobId } = await client.submit(["seq", "10000"]);
    const follower = client.follow(jobId, { verify: true });
    const lines = (await all(follower)).filter((event) => event.type === "log").map((event) => event.text);
    assert.deepEqual(lines, Array.from({ length: 10_000 }, (_, at) => `${at + 1}`));
    assert.equal((await client.status(jobId)).digest, follower.digest);
  }),
);

real("goes on over a killed daemon", () =>
  withDaemon(async ({ daemon, client }) => {
    const job = await client.submit({ external: true });
    const following = all(client.follow(job.jobId, { verify: true }));
    const producer = client.producer(job.jobId, job.producerToken);
    await producer.state("running");
    for (let part = 0; part < 60; part++) {
      await producer.append([{ type: "log", payload: { stream: "stdout", text: `${part}` } }]);
      if (part !== 20 && part !== 40) continue;
      await daemon.end("SIGKILL");
      await daemon.start();
    }
    await producer.state("succeeded");
    await producer.end();
    const texts = (await following).filter((event) => event.type === "log").map((event) => event.text);
    assert.deepEqual(texts, Array.from({ length: 60 }, (_, at) => `${at}`));
  }),
);

real("a tool hears of a cancel", () =>
  withDaemon(async ({ client }) => {
    const patient = domed.tool(async () => {
      await client.cancel(domed.currentRun().jobId);
      for (;;) {
        domed.currentRun().check();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }, { client, name: "patient" });
    await assert.rejects(patient(), domed.Canceled);
    const { jobs: [job] } = await client.listPage();
    assert.deepEqual([job.state, job.labels.function], ["canceled", "patient"]);
  }),
);

async function freePorts(count) {
  const servers = await Promise.all(Array.from({ length: count }, () => new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => resolve(server));
  })));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

real("over TLS a certificate or a token says who asks, and a daemon of another authority is sent nothing", async (context) => {
  const at = certificates();
  if (!at) return context.skip("openssl makes the certificates");
  // What a daemon's user keeps to itself.
  const hash = createHash("sha256").update("domed_secret").digest("hex");
  writeFileSync(`${at}/tokens.yaml`, `- {name: ci, sha256: ${hash}}\n`);
  for (const name of ["tokens.yaml", "server.key"]) chmodSync(`${at}/${name}`, 0o600);
  const [control, events, plain] = await freePorts(3);
  const tls = `tls: {cert: ${at}/server.pem, key: ${at}/server.key, client_ca: ${at}/ca.pem}`;
  const [tlsUrl, tcpUrl] = [`tls+tcp://127.0.0.1:${control}`, `tcp://127.0.0.1:${plain}`];
  const options = {
    control: `, {url: "${tlsUrl}", ${tls}, roles: {operator: ["cert:ci", "token:ci"]}}, {url: "${tcpUrl}", roles: {operator: ["token:ci"]}}`,
    events: `, {url: "tls+tcp://127.0.0.1:${events}", ${tls}, roles: {reader: ["cert:*"]}}`,
    more: `tokens: ${at}/tokens.yaml\n`,
  };
  const follow = async (given, identity) => {
    const client = new domed.Client(given);
    assert.equal((await client.whoami()).identity, identity);
    const { jobId } = await client.submit(["sh", "-c", "echo one; sleep 0.5; echo two"]);
    const texts = (await all(client.follow(jobId, { verify: true }))).filter((event) => event.type === "log").map((event) => event.text);
    assert.deepEqual(texts, ["one", "two"]);
    client.close();
  };
  try {
    await withDaemon(async () => {
      const ca = `${at}/ca.pem`;
      await follow({ endpoint: tlsUrl, ca, cert: `${at}/ci.pem`, key: `${at}/ci.key` }, "cert:ci");
      for (const endpoint of [tlsUrl, tcpUrl]) await follow({ endpoint, ca, token: "domed_secret" }, "token:ci");
      const nobody = new domed.Client({ endpoint: tlsUrl, ca, token: "wrong" });
      await assert.rejects(nobody.status("any"), domed.Forbidden);
      nobody.close();
      for (const given of [{ endpoint: tlsUrl }, { endpoint: tlsUrl.replace("127.0.0.1", "localhost"), ca }]) {
        const careful = new domed.Client({ ...given, token: "domed_secret", connectWait: 500 });
        await assert.rejects(careful.health(), (error) => error instanceof domed.Unreachable && /certificate|altname/i.test(error.message));
        careful.close();
      }
    }, options);
  } finally {
    rmSync(at, { recursive: true });
  }
});
