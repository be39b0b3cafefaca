// What console.sh measures.  In the page it is the page's own clock that counts; what is shown is what is painted:
// the frame behind the one that has it.
import { execFileSync } from "node:child_process";
import { chromium } from "playwright-core";
import { measureFollowers } from "./followers.mjs";
import { memoryOf, rendererOf } from "./processes.mjs";
import { at, complete, most, tell } from "./report.mjs";

const { PORT, SECRET, CHROMIUM, BIN, LONG, LINES, REPEATS, SECONDS_LIVE } = process.env;
const base = `http://127.0.0.1:${PORT}`;
const ctl = (...words) => execFileSync(`${BIN}/domectl`, words, { encoding: "utf8", maxBuffer: 1 << 30 });
const submit = (name, ...command) => JSON.parse(ctl("submit", "--json", "--name", name, "--", ...command)).job_id;

const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
page.setDefaultTimeout(120_000);

// When the first line of a log is on the screen, since the click, or since the page began.
await page.addInitScript(() => {
  let since = 0;
  addEventListener("click", () => (since = performance.now()), true);
  globalThis.painted = () =>
    new Promise((done) => {
      const look = () => {
        if (!document.querySelector(".log .row:not(.absent) .text")?.textContent) return;
        watch.disconnect();
        requestAnimationFrame(() => {
          const after = new MessageChannel();
          after.port1.onmessage = () => done(performance.now() - since);
          after.port2.postMessage(0);
        });
      };
      const watch = new MutationObserver(look);
      watch.observe(document, { subtree: true, childList: true });
      look();
    });
});

async function bundle() {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  const sizes = new Map();
  session.on("Network.responseReceived", ({ requestId, response }) => sizes.set(requestId, { url: response.url, bytes: 0 }));
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => sizes.has(requestId) && (sizes.get(requestId).bytes = encodedDataLength));
  await page.goto(`${base}/#login=${SECRET}`);
  await page.locator(".lines .line").first().waitFor();
  await session.detach();
  const files = [...sizes.values()].filter((one) => !one.url.includes("/api/"));
  complete("scripts and styles", files.some((one) => one.url.endsWith(".js")) && files.some((one) => one.url.endsWith(".css")));
  tell("bundle", files.reduce((sum, one) => sum + one.bytes, 0) / 1024, "KiB", 200);
}

async function firstPaint() {
  const clicks = [];
  for (let i = 0; i < Number(REPEATS); ++i) {
    await page.goto(`${base}/d/local/jobs`);
    const link = page.getByRole("link", { name: "long" });
    await link.waitFor();
    const painted = page.evaluate(() => globalThis.painted());
    await link.click();
    clicks.push(await painted);
  }
  tell("paint.click.p50", at(clicks, 0.5), "ms", 300);
  tell("paint.click.worst", most(clicks), "ms", 300);
  const links = [];
  for (let i = 0; i < Number(REPEATS); ++i) {
    await page.goto("about:blank");
    await page.goto(`${base}/d/local/job?id=${LONG}#${Math.floor(Number(LINES) / (i + 2))}`);
    links.push(await page.evaluate(() => globalThis.painted()));
  }
  tell("paint.link.p50", at(links, 0.5), "ms");
}

// Wheel, keys and bar over the whole log; each task of the page's thread as the browser's own trace has it.
async function scrolling() {
  await page.goto(`${base}/d/local/job?id=${LONG}`);
  await page.evaluate(() => globalThis.painted());
  await page.locator(".log").hover();
  await browser.startTracing(page, { categories: ["toplevel", "disabled-by-default-devtools.timeline", "devtools.timeline"] });
  const frame = () => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => done())));
  for (let i = 0; i < 150; ++i) {
    await page.mouse.wheel(0, (i % 3 ? -1 : 1) * 120 * (1 + (i % 12)));
    await frame();
  }
  await page.locator(".log").focus();
  for (let i = 0; i < 100; ++i) await page.keyboard.press(i % 4 ? "PageUp" : "PageDown");
  const seen = new Set();
  for (let i = 0; i < 100; ++i) {
    await page.$eval(".log", (log, share) => (log.scrollTop = share * (log.scrollHeight - log.clientHeight)), ((i * 37) % 100) / 100);
    await page.waitForFunction(() => document.querySelector(".log .row") && !document.querySelector(".log .row.absent"));
    seen.add(await page.$eval(".log .row", (row) => row.dataset.seq));
  }
  const trace = JSON.parse((await browser.stopTracing()).toString());
  const mains = new Set(trace.traceEvents.filter((one) => one.name === "thread_name" && one.args.name === "CrRendererMain").map((one) => `${one.pid}.${one.tid}`));
  const tasks = trace.traceEvents.filter((one) => /RunTask$/.test(one.name) && mains.has(`${one.pid}.${one.tid}`) && one.dur);
  complete("places all over the log", seen.size > 50, seen.size);
  complete("tasks were traced", tasks.length > 1000, tasks.length);
  tell("scroll.task.worst", most(tasks.map((one) => one.dur)) / 1000, "ms", 50);
  tell("scroll.task.worst.cpu", most(tasks.map((one) => one.tdur ?? 0)) / 1000, "ms");
  tell("scroll.task.p99", at(tasks.map((one) => one.dur), 0.99) / 1000, "ms");
  tell("scroll.tasks", tasks.length, "");
  tell("memory.tab", memoryOf(await rendererOf(browser)), "MiB", 200);
}

// From the time in an event, which the daemon writes just before it commits it, to the frame that shows it.
async function live() {
  const job = submit(
    "live",
    "python3",
    "-c",
    `import sys, time
begin = time.monotonic()
for i in range(1000 * ${Number(SECONDS_LIVE) + 5}):
    sys.stdout.write(f"line {i} {'x' * 60}\\n"); sys.stdout.flush()
    ahead = begin + i / 1000 - time.monotonic()
    if ahead > 0: time.sleep(ahead)`,
  );
  await page.goto(`${base}/d/local/job?id=${job}`);
  await page.locator('.log-pane-frame[data-following="true"] .row.stdout').first().waitFor();
  const shown = await page.evaluate(async (seconds) => {
    const out = []; // the newest line of each frame that has another one
    let last = 0;
    const until = performance.now() + seconds * 1000;
    await new Promise((done) => {
      const look = () => {
        const seq = Number(document.querySelector(".log .row:last-child")?.dataset.seq ?? 0);
        if (seq > last && !document.querySelector(".log .row:last-child").classList.contains("absent")) {
          last = seq;
          const entry = [seq, 0];
          out.push(entry);
          const after = new MessageChannel();
          after.port1.onmessage = () => (entry[1] = performance.timeOrigin + performance.now());
          after.port2.postMessage(0);
        }
        if (performance.now() < until) requestAnimationFrame(look);
        else setTimeout(done, 100);
      };
      requestAnimationFrame(look);
    });
    return out;
  }, Number(SECONDS_LIVE));
  const [from, to] = [shown[0][0], shown.at(-1)[0]];
  const events = ctl("logs", job, "--json", "--since", String(from), "--until", String(to)).trim().split("\n").map(JSON.parse);
  const latencies = [];
  let frame = 0;
  for (const event of events) {
    if (event.seq <= from || event.seq > to) continue;
    while (shown[frame][0] < event.seq) ++frame;
    latencies.push(shown[frame][1] - Date.parse(event.ts));
  }
  const rate = latencies.length / ((Date.parse(events.at(-1).ts) - Date.parse(events[0].ts)) / 1000);
  complete("lines were shown", latencies.length > 100, latencies.length);
  tell("live.rate", rate, "lines/s");
  tell("live.frames", shown.length / Number(SECONDS_LIVE), "/s");
  tell("live.p50", at(latencies, 0.5), "ms");
  tell("live.p95", at(latencies, 0.95), "ms", 50);
  tell("live.p99", at(latencies, 0.99), "ms");
  ctl("cancel", job);
}

await bundle();
await firstPaint();
await scrolling();
await live();
await browser.close();
const many = submit("many", "sh", "-c", 'i=0; while :; do i=$((i + 1)); echo "line $i"; sleep 0.02; done');
await measureFollowers(many, Math.max(2, Number(SECONDS_LIVE) / 2));
ctl("cancel", many);
