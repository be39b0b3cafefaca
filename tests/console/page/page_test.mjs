// The page as one who uses it sees it.  Each check stands by itself and says what it expected.
import { spawn } from "node:child_process";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { chromium } from "playwright-core";
import { clipboard, ctl, finish, submit } from "./support.mjs";

const { PORT, SECRET, CHROMIUM, BIN, SCRATCH, SHOTS } = process.env;
const base = `http://127.0.0.2:${PORT}`;
const axe = readFileSync(new URL("./node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
let failures = 0;

function check(what, good, seen = "") {
  if (good) return;
  ++failures;
  console.log(`FAILED: ${what} ${typeof seen === "string" ? seen : JSON.stringify(seen)}`);
}
const status = (job) => JSON.parse(ctl("status", job, "--json"));

// The network between browser and console, which is at 127.0.0.1.  While it is cut nothing gets through, and nothing
// tells so; after that what was under way is lost.
const network = { isCut: false, sockets: new Set() };
createServer((near) => {
  const far = connect(PORT, "127.0.0.1");
  for (const [from, to] of [[near, far], [far, near]]) {
    network.sockets.add(from);
    from.on("data", (bytes) => network.isCut || to.write(bytes));
    from.on("error", () => to.destroy());
    from.on("close", () => (network.sockets.delete(from), network.isCut || to.destroy()));
  }
}).listen(PORT, "127.0.0.2");
function mend() {
  network.isCut = false;
  for (const socket of network.sockets) socket.destroy();
}

const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu", "--disable-smooth-scrolling"] });
const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, permissions: ["clipboard-read", "clipboard-write"], bypassCSP: false });
const page = await context.newPage();
const troubles = [];
const foreign = [];
function watch(one) {
  one.on("console", (message) => message.type() === "error" && troubles.push(message.text()));
  one.on("pageerror", (error) => troubles.push(String(error)));
  one.on("dialog", (dialog) => (troubles.push("dialog " + dialog.message()), dialog.dismiss()));
  one.on("request", (request) => !request.url().startsWith(base) && !request.url().startsWith("blob:") && foreign.push(request.url()));
}
watch(page);

// What was there when it did not go on.
process.on("uncaughtException", async (error) => {
  console.log(`FAILED: ${error.stack}`, page.url(), (await page.innerText("body")).slice(0, 2000), troubles.join("\n"));
  process.exit(1);
});
async function shot(name, one = page) {
  if (SHOTS) await one.screenshot({ path: `${SHOTS}/${name}.png` });
}
// Scripts of tests are the browser's own, so that the policy of the page stays what it is.
async function accessible(what, one = page) {
  await one.evaluate(axe);
  const { violations } = await one.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }));
  check(`${what} is accessible`, violations.length === 0, violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 120) + " " + n.failureSummary?.slice(0, 200)).slice(0, 2).join(" | ")}`).join("\n"));
}
const open = (job, rest = "") => page.goto(`${base}/d/local/job?id=${job}${rest}`);
const text = (selector) => page.locator(selector).allInnerTexts();
const seqsShown = () => page.$$eval(".log .row", (rows) => rows.filter((row) => row.getBoundingClientRect().bottom > document.querySelector(".log").getBoundingClientRect().top).map((row) => Number(row.dataset.seq)));
const headShown = () => page.locator(".log-pane-frame").getAttribute("data-head").then(Number);
const untilHead = (more, from) => page.waitForFunction((head) => Number(document.querySelector(".log-pane-frame").dataset.head) >= head, from + more);

// Logging in -----------------------------------------------------------------------------------------------------
await page.goto(base);
await page.getByLabel("Secret or token").fill("wrong wrong wrong");
await page.getByRole("button", { name: "Log in" }).click();
await page.getByText("That did not work").waitFor();
await accessible("the login");
troubles.length = 0; // the refusal itself is one
await page.goto("about:blank");
await page.goto(`${base}/#login=${SECRET}`);
await page.getByText("There are no such jobs").waitFor();
check("the secret is gone from the address", !page.url().includes(SECRET), page.url());
troubles.length = 0;

// Jobs -----------------------------------------------------------------------------------------------------------
const good = submit(["--name", "nightly", "--label", "branch=main"], "sh", "-c", "echo building; echo fine");
finish(good);
const bad = submit(["--name", "nightly", "--label", "branch=main"], "sh", "-c", "seq 1 500; printf 'src/a.c:3: \\033[31merror\\033[0m: broken\\n' >&2; sleep 0.3; seq 501 1500; exit 2");
finish(bad);
const running = submit(
  ["--name", "long"],
  "sh",
  "-c",
  // As long as it is looked at.
  `i=0; until [ -e "$1" ]; do i=$((i + 1)); echo "step $i"; [ $((i % 20)) = 1 ] && "$0" append $DOMED_JOB_ID --type progress --payload "{\\"value\\":0.$((100 + i % 800)),\\"message\\":\\"step $i\\"}" >/dev/null 2>&1; sleep 0.1; done`,
  `${BIN}/domectl`,
  `${SCRATCH}/enough`,
);
const held = submit(["--name", "later", "--hold"], "true");
await page.getByRole("link", { name: "long" }).first().waitFor();
check("a job that is new is there by itself", (await text(".line .what")).some((line) => line.startsWith("later")) || (await page.getByRole("link", { name: "later" }).waitFor().then(() => true)));
await page.locator(".line", { hasText: "later" }).getByText("held").first().waitFor();
await page.locator(".line", { hasText: "long" }).first().getByText("running").waitFor();
await accessible("the list");
await shot("jobs");
await page.getByLabel("State").selectOption("failed");
await page.waitForURL(/state=failed/);
await page.waitForFunction(() => document.querySelectorAll(".lines .line").length === 1);
check("a filter by state", (await text(".lines .line"))[0]?.includes("nightly"), await text(".lines .line"));
await page.goto(`${base}/d/local/jobs?label=branch%3Dmain`);
await page.waitForFunction(() => document.querySelectorAll(".lines .line").length === 2);
await page.goto(`${base}/d/local/jobs?queue=nowhere`);
await page.getByText("There are no such jobs").waitFor();
await page.goto(`${base}/d/local/jobs?queue=default`);
await page.locator(".line", { hasText: "later" }).waitFor();
await page.getByRole("button", { name: "Clear" }).click();
await page.waitForURL((url) => !url.search);
await page.locator(".line", { hasText: "later" }).waitFor();
await page.locator("body").press("j");
await page.locator("body").press("j");
await page.locator('#job-1[aria-selected="true"]').waitFor(); // j goes down
await page.locator("body").press("/");
await page.keyboard.type(bad.slice(0, 8));
await page.keyboard.press("Enter");
await page.waitForURL(new RegExp(`id=${bad}`));

// A log that failed ----------------------------------------------------------------------------------------------
await page.locator(".row", { hasText: "broken" }).waitFor();
const line = status(bad).head_seq && JSON.parse(ctl("logs", bad, "--grep", "broken", "--json").trim().split("\n")[0]).seq;
check("a failed job opens at its first error", (await seqsShown()).includes(line), line);
check("colours are colours", (await page.locator(`.row[data-seq="${line}"] .fg-red`).innerText()) === "error");
check("stderr is told apart", await page.locator(`.row[data-seq="${line}"]`).evaluate((row) => row.classList.contains("stderr")));
await accessible("a log");
await shot("failed");
await page.locator(`.row[data-seq="${line}"] .no`).click();
await page.waitForURL(new RegExp(`#${line}$`));
await page.locator(`.row.marked[data-seq="${line}"]`).waitFor();
await page.locator(`.row[data-seq="${line + 3}"] .no`).click({ modifiers: ["Shift"] });
await page.waitForURL(new RegExp(`#${line}-${line + 3}$`));
await page.locator(`.row.marked[data-seq="${line + 3}"]`).waitFor();
await page.locator(".marked-bar", { hasText: "lines" }).waitFor();
await page.getByRole("button", { name: "Copy lines" }).click();
await page.getByText("copied").waitFor();
const copied = await clipboard(page, "src/a.c:3: error: broken");
check("copied text is clean", !copied.includes("\u001b"), copied);
await page.getByRole("button", { name: "Copy link" }).click();
const link = await clipboard(page, `#${line}-${line + 3}`);
const colleague = await context.newPage();
watch(colleague);
await colleague.goto(link);
await colleague.locator(`.row.marked[data-seq="${line}"]`).waitFor();
await colleague.locator(`.row.marked[data-seq="${line + 3}"]`).waitFor();
check("the link marks its lines", (await colleague.locator(".row.marked").count()) === 4);
await colleague.close();
await page.locator(".log").focus();
await page.keyboard.press("G");
await page.locator(".row", { hasText: "failed (exit, exit code 2)" }).waitFor();
await page.keyboard.press("g");
await page.locator('.row[data-seq="1"]').waitFor();
await page.getByLabel("Search the whole log").fill("77");
await page.keyboard.press("Enter");
await page.locator(".matches", { hasText: "of" }).waitFor();
const matches = JSON.parse(`[${ctl("logs", bad, "--grep", "77", "--json").trim().split("\n").join(",")}]`);
await page.locator(".matches", { hasText: new RegExp(`1 of ${matches.length}$`) }).waitFor();
await page.locator(".row.marked mark").first().waitFor();
await page.locator("h1").click();
await page.keyboard.press("n");
await page.locator(".matches", { hasText: `2 of ${matches.length}` }).waitFor();
await page.locator(`.row[data-seq="${matches[1].seq}"]`).waitFor(); // it may have to be fetched
check("n goes to the next match", (await seqsShown()).includes(matches[1].seq));
await page.keyboard.press("w");
await page.getByRole("button", { name: "Wrap", pressed: true }).waitFor();
await page.keyboard.press("w");
await page.keyboard.press("t");
await page.locator(".row .time").first().waitFor();
await page.keyboard.press("t");
await page.keyboard.press("t");

// The run --------------------------------------------------------------------------------------------------------
await page.getByRole("link", { name: "Run", exact: true }).click();
await page.getByRole("button", { name: "Check the digest here" }).click();
await page.locator('[data-verified="true"]').waitFor();
await accessible("a run");
await shot("run");
await page.getByRole("link", { name: "Compare", exact: true }).click();
await page.locator(".differences").waitFor();
check("it is compared with the last good one", (await text(".differences thead"))[0]?.includes("succeeded"), await text(".differences thead"));
check("only what differs is shown", (await text(".differences tbody th")).includes("exit_code") && !(await text(".differences tbody th")).includes("submitter"));
await accessible("a comparison");

// Following ------------------------------------------------------------------------------------------------------
await open(running);
await page.locator('.log-pane-frame[data-following="true"]').waitFor();
await untilHead(6, await headShown());
await page.waitForFunction(() => document.querySelector(`.row[data-seq="${document.querySelector(".log-pane-frame").dataset.head}"]`));
await shot("running");
await page.locator(".log").hover();
await page.mouse.wheel(0, -2000);
await page.locator('.log-pane-frame[data-following="false"]').waitFor();
await page.getByRole("button", { name: /new lines/ }).waitFor();
const stays = (await seqsShown())[0];
await untilHead(5, await headShown());
check("who scrolled up stays there", (await seqsShown())[0] === stays, [stays, (await seqsShown())[0]]);
await page.getByRole("button", { name: /new lines/ }).click();
await page.locator('.log-pane-frame[data-following="true"]').waitFor();

// The daemon dies and comes back; the console too; the network goes.
process.kill(Number(process.env.DAEMON_PID), "SIGKILL");
await page.getByText("The daemon does not answer").waitFor({ timeout: 20000 });
const daemon = spawn(`${BIN}/domed`, ["--config", `${SCRATCH}/domed.yaml`], { stdio: "ignore", detached: true });
appendFileSync(`${SCRATCH}/pids`, `${daemon.pid}\n`);
await page.getByText("The daemon does not answer").waitFor({ state: "detached", timeout: 20000 });
process.kill(Number(process.env.CONSOLE_PID), "SIGKILL");
await page.getByText("The console does not answer").first().waitFor({ timeout: 20000 });
const again = spawn(`${BIN}/domed-console`, ["--listen", `127.0.0.1:${PORT}`], { stdio: "ignore", detached: true });
appendFileSync(`${SCRATCH}/pids`, `${again.pid}\n`);
await page.getByText("The console does not answer").first().waitFor({ state: "detached", timeout: 20000 });
network.isCut = true;
await page.getByText("The console does not answer").first().waitFor({ timeout: 40000 });
mend();
await page.getByText("The console does not answer").first().waitFor({ state: "detached", timeout: 40000 });
await untilHead(3, await headShown());
writeFileSync(`${SCRATCH}/enough`, "");
await page.locator('.log-pane-frame[data-ended="true"]').waitFor({ timeout: 90000 });
const whole = status(running);
check("the log is whole", Number(await page.locator(".log-pane-frame").getAttribute("data-head")) === whole.head_seq);
const truth = ctl("logs", running).trim().split("\n");
const seen = [];
await page.locator(".log").focus();
await page.keyboard.press("g");
for (let seq = 1; seq <= whole.head_seq; ) {
  await page.waitForFunction((wanted) => document.querySelector(`.row[data-seq="${wanted}"] .text`)?.textContent && !document.querySelector(".row.absent"), seq);
  const rows = await page.$$eval(".log .row.stdout", (all) => all.map((row) => [Number(row.dataset.seq), row.querySelector(".text").textContent]));
  for (const [number, words] of rows) if (!seen.some(([known]) => known === number)) seen.push([number, words]);
  const last = await page.$$eval(".log .row", (all) => Number(all.at(-1).dataset.seq));
  if (last >= whole.head_seq) break;
  const first = await page.$eval(".log .row", (row) => row.dataset.seq);
  await page.keyboard.press("PageDown");
  await page.waitForFunction((before) => document.querySelector(".log .row").dataset.seq !== before, first);
  seq = last;
}
const inOrder = seen.sort((a, b) => a[0] - b[0]).map(([, words]) => words);
check("every line once, in order", JSON.stringify(inOrder) === JSON.stringify(truth), `${inOrder.length} of ${truth.length}`);
troubles.length = 0; // what could not be had meanwhile is told by the browser itself

// Buttons --------------------------------------------------------------------------------------------------------
await open(held);
await page.getByRole("button", { name: "Release" }).click();
await page.locator(".sure code", { hasText: `domectl` }).waitFor();
check("the same with domectl", (await text(".sure code"))[0]?.includes(`release ${held}`), await text(".sure code"));
await page.getByRole("button", { name: "Yes" }).click();
await page.locator("h1", { hasText: "succeeded" }).waitFor({ timeout: 20000 });
await open(bad);
await page.getByRole("button", { name: "Retry" }).click();
await page.getByRole("button", { name: "Yes" }).click();
await page.waitForURL((url) => !url.search.includes(bad));
await page.locator("h1", { hasText: "failed" }).waitFor({ timeout: 20000 });
await page.getByRole("link", { name: "Run", exact: true }).click();
await page.getByRole("heading", { name: "Attempts" }).waitFor();
const toCancel = submit(["--name", "endless"], "sleep", "300");
await open(toCancel);
await page.locator("h1", { hasText: "running" }).waitFor({ timeout: 20000 });
await page.getByRole("button", { name: "Pause" }).click();
await page.locator(".sure code", { hasText: `pause ${toCancel}` }).waitFor();
await page.getByRole("button", { name: "Yes" }).click();
await page.locator("h1", { hasText: "paused" }).waitFor();
await page.locator(".row", { hasText: "it stands still" }).waitFor();
check("it is paused", status(toCancel).paused === true);
// Others see it, too.
const list = await context.newPage();
watch(list);
await list.goto(`${base}/d/local/jobs?state=paused`);
await list.locator(".line", { hasText: "endless" }).getByText("paused").waitFor();
check("only what is paused", (await list.locator(".lines .line").count()) === 1);
ctl("resume", toCancel);
await page.locator("h1", { hasText: "running" }).waitFor();
await list.getByText("There are no such jobs").waitFor();
await list.close();
// Who may only look is told so.
const viewer = await context.newPage();
watch(viewer);
await viewer.route("**/api/session", async (route) => {
  const reply = await route.fetch();
  const session = await reply.json();
  for (const one of session.daemons) one.roles = ["reader"];
  await route.fulfill({ response: reply, json: session });
});
await viewer.goto(`${base}/d/local/job?id=${toCancel}`);
await viewer.getByRole("button", { name: "Pause", disabled: true }).waitFor();
await viewer.getByRole("button", { name: "Cancel", disabled: true }).waitFor();
await viewer.locator(".acts", { hasText: "you are reader" }).waitFor();
check("and in the head", (await viewer.locator(".who").innerText()) === "reader");
await viewer.close();
await page.getByRole("button", { name: "Cancel" }).click();
await page.getByRole("button", { name: "Yes" }).click();
await page.locator("h1", { hasText: "canceled" }).waitFor({ timeout: 20000 });

// What is hostile is shown harmlessly ----------------------------------------------------------------------------
const evil = submit(
  ["--name", "<img src=x onerror=alert(1)>\u202egnp", "--label", "x=<script>alert(2)</script>"],
  "python3",
  "-c",
  `import sys
w = sys.stdout.buffer.write
w(b"<script>alert(3)</script>\\n")
w(b"</div><img src=x onerror=alert(4)><a href='javascript:alert(5)'>x</a>\\n")
w("\\u202eabc\\u2066 rtl \\u05d0\\u05d1\\n".encode())
w(b"\\x1b]0;title\\x07\\x1b[2J\\x1b[31mred\\x1b[0m \\x1b]8;;javascript:alert(6)\\x07link\\x1b]8;;\\x07\\n")
w(b"\\xff\\xfe\\x80 bytes\\n")
w(b"one\\rtwo\\rthree\\n")
w(b"::group::<b>g</b>\\ninside\\n::endgroup::\\n")
w(b"A" * 5000000 + b"\\n")
w(b"end of it\\n")`,
);
finish(evil);
await open(evil);
await page.locator(".row", { hasText: "end of it" }).waitFor();
await page.locator(".log").focus();
await page.keyboard.press("g");
await page.locator(".row", { hasText: "<script>alert(3)</script>" }).waitFor();
check("no element of a job's", (await page.$$eval(".log img, .log script, .log a:not(.no), h1 img, .facts script", (all) => all.length)) === 0);
check("marks that turn text are signs", (await page.locator(".row", { hasText: "rtl" }).locator(".text").innerText()).startsWith("<U+202E>abc<U+2066>"));
check("a name's too", (await page.locator("h1").innerText()).includes("<U+202E>"), await page.locator("h1").innerText());
const escapes = await page.locator(".row", { hasText: "link" }).locator(".text").innerText();
check("sequences are shown, not obeyed", escapes.includes("^[]0;title") && escapes.includes("^[[2J") && escapes.includes("red link"), escapes);
check("bytes that are no text are shown", (await page.locator(".row", { hasText: "bytes" }).locator(".text").innerText()).includes("\ufffd"));
check("a line that was overwritten shows its last", (await page.locator(".row", { hasText: "three" }).locator(".text").innerText()).startsWith("three") && !(await text(".log"))[0].includes("two"));
await page.getByRole("button", { name: /overwritten 2/ }).click();
await page.locator(".row", { hasText: "one^Mtwo^Mthree" }).waitFor();
await page.getByRole("button", { name: "▾ <b>g</b>" }).click();
await page.getByRole("button", { name: "▸ <b>g</b>" }).waitFor();
check("a group folds", (await page.locator(".row", { hasText: /^\d+inside/ }).count()) === 0);
check("long lines are short until asked for", (await page.$$eval(".log .row .text", (all) => Math.max(...all.map((one) => one.textContent.length)))) < 2200);
check("the title of the window is its own", (await page.title()).endsWith("domed"), await page.title());
await accessible("a hostile log");
await shot("hostile");

// Timeline and statistics ----------------------------------------------------------------------------------------
const rested = submit(["--name", "rested"], "sh", "-c", `while [ ! -e ${SCRATCH}/rested ]; do sleep 0.05; done`);
const resting = submit(["--name", "resting"], "sleep", "300");
const untilRunning = async (job) => {
  while (status(job).state !== "running") await new Promise((done) => setTimeout(done, 50));
};
await untilRunning(rested);
await untilRunning(resting);
for (let i = 0; i < 2; ++i) {
  ctl("pause", rested);
  await new Promise((done) => setTimeout(done, 400)); // a width that can be seen
  ctl("resume", rested);
  await new Promise((done) => setTimeout(done, 200));
}
ctl("pause", resting);
writeFileSync(`${SCRATCH}/rested`, "");
finish(rested);
await page.goto(`${base}/d/local/timeline`);
await page.locator(".chart a rect").first().waitFor();
const bar = (name) => page.locator(`.chart a[aria-label^="${name}:"]`);
await bar("rested").locator("rect.paused").first().waitFor();
await bar("resting").locator("rect.paused").waitFor();
check("time in which a run was paused is hatched", (await bar("rested").locator("rect.paused").count()) === 2);
check("and told", /^rested: succeeded, .*, paused for \d/.test(await bar("rested").getAttribute("aria-label")), await bar("rested").getAttribute("aria-label"));
const box = async (of) => {
  const { x, width } = await of.boundingBox();
  return { from: x, to: x + width };
};
const run = await box(bar("rested").locator("rect").first());
for (const one of await bar("rested").locator("rect.paused").all()) {
  const part = await box(one);
  check("a pause lies inside of its run", part.from >= run.from && part.to <= run.to && part.to > part.from, { part, run });
}
const rests = [await box(bar("resting").locator("rect").first()), await box(bar("resting").locator("rect.paused"))];
check("one that stands still is hatched up to now", Math.abs(rests[0].to - rests[1].to) < 2, rests);
check("what never was paused is not", (await bar("nightly").locator("rect.paused").count()) === 0);
await accessible("the timeline");
await shot("timeline");
ctl("cancel", resting);
await page.getByRole("button", { name: "Zoom in" }).click();
await page.goto(`${base}/d/local/stats?by=name`);
await page.locator(".numbers tbody tr", { hasText: "nightly" }).waitFor();
check("outcomes are counted", (await text(".numbers tbody tr")).some((row) => row.includes("nightly") && row.includes("1 succeeded") && row.includes("2 failed")), await text(".numbers tbody tr"));
await accessible("statistics");
await shot("statistics");

// Dark, and a phone ----------------------------------------------------------------------------------------------
await page.getByRole("button", { name: "Light or dark" }).click();
await page.locator('html[data-theme="dark"]').waitFor({ state: "attached" });
await open(bad, `#${line}`);
await page.locator(".row.marked").waitFor();
check("dark", (await page.evaluate(() => getComputedStyle(document.body).backgroundColor)) === "rgb(18, 23, 29)");
await accessible("dark");
await shot("dark");
await page.goto(`${base}/d/local/jobs`);
await page.locator(".lines .line").first().waitFor();
await accessible("the list in dark");
await page.setViewportSize({ width: 390, height: 780 });
check("nothing is wider than a phone", await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
await accessible("the list on a phone");
await open(bad);
await page.locator(".row").first().waitFor();
check("a log is no wider than a phone", await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
await shot("phone");

check("no request leaves the host", foreign.length === 0, foreign);
check("no script failed, and no policy was broken", troubles.length === 0, troubles);
await browser.close();
console.log(failures ? `${failures} failed` : "ok");
process.exit(failures ? 1 : 0);
