#!/usr/bin/env node
// The JavaScript client, driven by the suite for all clients (docs/clients.md): one command a line on standard input, what
// comes of it on standard output. DOMED_JS says where the client is built (sdk/js/build.mjs); without it: sdk/js/dist.
import { writeSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

const { Client, DomedError } = await import(
  process.env.DOMED_JS ? `${process.env.DOMED_JS}/index.js` : new URL("../../sdk/js/dist/index.js", import.meta.url).href
);
const client = new Client({ connectWait: 300_000, timeout: 300_000, replyTimeout: 3000, onTrouble: () => undefined });
const stops = new Map();

// In one write, where the pipe takes it: the driver may be killed at any time.
function say(message) {
  let bytes = Buffer.from(JSON.stringify(message) + "\n");
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(1, bytes));
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

const refusal = (error) => ({ error: error.code, message: error.message, fields: error.fields });

const commands = {
  hello({ id }) {
    say({ id, name: "javascript", version: 1, can: ["submit", "append", "follow", "frames", "digest", "stop", "status"] });
  },

  async submit({ id, params }) {
    say({ id, result: await client.call("SubmitJob", params) });
  },

  async status({ id, job }) {
    say({ id, result: await client.status(job) });
  },

  async append({ id, job, token, producer: producerId, batches, window = 8, pause_ms = 0 }) {
    const onAck = ({ batch, firstSeq, headSeq, state, replayed }) => say({ id, batch, first: firstSeq, head: headSeq, state, replayed });
    const producer = client.producer(job, token, { producerId, window, replyTimeout: 3000, onAck });
    for (const batch of batches) {
      await producer.appendText(batch);
      if (pause_ms) await pause(pause_ms);
    }
    await producer.end();
    say({ id, done: true });
  },

  async follow({ id, job, since = 0, log = "", tail = true, frames = true }) {
    const stop = new AbortController();
    stops.set(id, stop);
    const follower = client.follow(job, { since, logId: log || undefined, tail, frames, verify: tail && since === 0, signal: stop.signal });
    const end = { id };
    let told = "";
    try {
      for await (const event of follower) {
        if (stop.signal.aborted) break;
        if (event.logId !== told) say({ id, log: (told = event.logId) });
        say({ id, seq: event.seq, line: event.line.toString() });
      }
      end.end = follower.end ?? "stopped";
    } catch (error) {
      if (!(error instanceof DomedError)) throw error;
      Object.assign(end, { end: "error" }, refusal(error));
    }
    end.cursor = follower.cursor;
    if (follower.digest !== undefined && end.end !== "stopped") end.digest = follower.digest;
    say(end);
  },
};

// Lines end at LF only: a readline interface takes U+2028 for an end, too.
async function* lines() {
  let rest = "";
  for await (const chunk of process.stdin.setEncoding("utf8")) {
    const found = (rest + chunk).split("\n");
    rest = found.pop();
    yield* found;
  }
}

for await (const line of lines()) {
  const command = JSON.parse(line);
  const { id, do: what } = command;
  if (what === "stop") {
    stops.get(id)?.abort();
    continue;
  }
  const work = commands[what] ?? (() => say({ id, error: "E_DRIVER", message: `there is no '${what}'` }));
  Promise.resolve(work(command)).catch((error) => {
    if (!(error instanceof DomedError)) throw error;
    say({ id, ...refusal(error) });
  });
}
process.exit(0);
