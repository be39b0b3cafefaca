// How many events a second one core follows: an external job of many log events of some 200 B each.
//
//   taskset -c 1 node bench/follow.mjs --endpoint ipc:///…/control.ipc [--events 500000] [--size 200] [--times 3]
//
// The job is written first, then followed from its beginning, in each of the ways that the client has.
import { parseArgs } from "node:util";
import { Client } from "../dist/index.js";

const { values } = parseArgs({
  options: { endpoint: { type: "string" }, events: { type: "string" }, size: { type: "string" }, times: { type: "string" } },
});
const [events, size, times] = [values.events ?? 500_000, values.size ?? 200, values.times ?? 3].map(Number);
const client = new Client({ endpoint: values.endpoint });

async function write() {
  const job = await client.submit({ external: true });
  // What stands around the text in a line is some 145 bytes.
  const text = "x".repeat(Math.max(1, size - 145));
  const batch = Array.from({ length: 1000 }, () => ({ type: "log", payload: { stream: "stdout", text } }));
  const producer = client.producer(job.jobId, job.producerToken);
  await producer.state("running");
  for (let written = 0; written < events; written += batch.length) await producer.append(batch);
  await producer.state("succeeded");
  await producer.end();
  return job.jobId;
}

const begin = performance.now();
const job = await write();
console.log(`written: ${Math.round((events / (performance.now() - begin)) * 1000).toLocaleString("en")} events/s, in batches of 1000`);

const ways = {
  "for await": async (sum) => {
    for await (const event of client.follow(job)) sum.add(event.size);
  },
  batches: async (sum) => {
    for await (const batch of client.follow(job).batches()) for (const event of batch) sum.add(event.size);
  },
  "for await, verified": async (sum) => {
    for await (const event of client.follow(job, { verify: true })) sum.add(event.size);
  },
  "for await, text decoded": async (sum) => {
    for await (const event of client.follow(job)) sum.add(event.text.length);
  },
};

for (const [name, follow] of Object.entries(ways)) {
  let best;
  for (let again = 0; again < times; again++) {
    const sum = { count: 0, bytes: 0, add: (bytes) => (sum.count++, (sum.bytes += bytes)) };
    const wall = performance.now();
    const cpu = process.cpuUsage();
    await follow(sum);
    const used = process.cpuUsage(cpu);
    const took = performance.now() - wall;
    if (!best || took < best.took) best = { ...sum, took, cpu: used.user + used.system };
  }
  const rate = Math.round((best.count / best.took) * 1000).toLocaleString("en");
  console.log(`${name.padEnd(28)} ${rate.padStart(10)} events/s   ${(best.cpu / best.count).toFixed(2)} us of processor an event   (${Math.round(best.bytes / best.count)} B)`);
}
client.close();
