// Eight things that somebody who opens the page for the first time wants, done by what is written on the screen
// alone: labels, names of buttons, and links that another one was sent.
import { chromium } from "playwright-core";
import { clipboard, ctl, finish, submit } from "./support.mjs";

const { PORT, SECRET, CHROMIUM, SHOTS } = process.env;
const base = `http://127.0.0.1:${PORT}`;

// What happened before: a nightly build that was good, and is broken since; other jobs; one that waits for another.
const nightly = (branch, ...command) => finish(submit(["--name", "nightly", "--label", `branch=${branch}`], "sh", "-c", ...command));
const good = nightly("main", "seq 1 300; echo linked");
nightly("next", "echo fine");
const bad = nightly("main", "seq 1 1200; echo 'net/http.c:88: error: unknown type name' >&2; sleep 0.2; seq 1201 2400; exit 2");
for (let i = 0; i < 5; ++i) finish(submit(["--name", "lint"], "true"));
const running = submit(["--name", "soak"], "sh", "-c", 'i=0; while :; do i=$((i + 1)); echo "round $i"; sleep 0.1; done');
submit(["--name", "publish", "--after", running], "true");

const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
async function somebody() {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, permissions: ["clipboard-read", "clipboard-write"] });
  return context.newPage();
}
const page = await somebody();
async function shot(name, one = page) {
  if (SHOTS) await one.screenshot({ path: `${SHOTS}/${name}.png` });
}
process.on("uncaughtException", async (error) => {
  console.log(`FAILED: ${error.stack}`, page.url(), (await page.innerText("body")).slice(0, 2000));
  process.exit(1);
});
const press = (name) => page.getByRole("button", { name, exact: true }).click();
const go = (name) => page.getByRole("link", { name, exact: true }).click();
const says = (words) => page.getByText(words).first().waitFor();

await page.goto(base);
await page.getByLabel("Secret or token").fill(SECRET);
await press("Log in");
await page.getByRole("link", { name: "soak" }).waitFor();
await shot("task-0-jobs");

// 1. The failed run of a branch.
await page.getByLabel("Find a job").fill("branch=main");
await page.keyboard.press("Enter");
await page.waitForFunction(() => document.querySelectorAll(".lines .line").length === 2);
await page.getByLabel("State").selectOption("failed");
await page.waitForFunction(() => document.querySelectorAll(".lines .line").length === 1);
await shot("task-1-failed-run");
await go("nightly");
await page.waitForURL(new RegExp(bad));

// 2. A colleague gets the line of its first error, and has to log in first.
const wrong = page.locator(".row", { hasText: "unknown type name" });
await wrong.waitFor();
const line = await wrong.getAttribute("data-seq");
await wrong.locator(".no").click();
await press("Copy link");
const link = await clipboard(page, `#${line}`);
await shot("task-2-first-error");
const colleague = await somebody();
await colleague.goto(link);
await colleague.getByLabel("Secret or token").fill(SECRET);
await colleague.getByRole("button", { name: "Log in" }).click();
await colleague.locator(`.row.marked[data-seq="${line}"]`, { hasText: "unknown type name" }).waitFor();
await shot("task-2-colleague", colleague);
await colleague.context().close();

// 3. What is different from the last one that was good.
await go("Compare");
await page.locator(".differences thead", { hasText: "succeeded" }).waitFor();
await page.locator(".differences tr", { hasText: "exit_code" }).waitFor();
await shot("task-3-compare");
await page.locator(".differences thead").getByRole("link", { name: "nightly" }).click();
await page.waitForURL(new RegExp(`id=${good}`));
await page.goBack();
await page.waitForURL(new RegExp(`id=${bad}`));

// 4. Is it what the daemon sealed, and from what commit?
await go("Run");
await press("Check the digest here");
await page.locator('[data-verified="true"]').waitFor();
await says("Where it came from");
await shot("task-4-run");

// 5. Once more, and watching it.
await press("Retry");
await press("Yes");
await page.waitForURL((url) => !url.search.includes(bad));
await page.locator("h1", { hasText: "failed" }).waitFor();
await press("First error");
await page.locator(".row", { hasText: "unknown type name" }).waitFor();
await shot("task-5-again");

// 6. Why does "publish" not start?
await go("Jobs");
await page.locator(".line", { hasText: "publish" }).getByText(/waits for|depends|needs/).first().waitFor();
await shot("task-6-waiting");
await go("publish");
await page.locator(".facts", { hasText: new RegExp(running.slice(0, 8)) }).waitFor();
await go("Run");
await page.getByRole("heading", { name: "Waits for" }).waitFor();
await shot("task-6-publish");

// 7. What it waits for is to stop, with a word why; and it is to be seen who did it.
await page.locator("li", { hasText: "soak" }).getByRole("link").click();
await page.locator(".row", { hasText: "round" }).first().waitFor();
await press("Cancel");
await page.getByLabel("Reason").fill("the branch is gone");
await shot("task-7-sure");
await press("Yes");
await page.locator("h1", { hasText: "canceled" }).waitFor();
await page.locator(".row", { hasText: "the branch is gone" }).first().waitFor();
await shot("task-7-canceled");

// 8. What fails most, and what ran when.
await go("Statistics");
await page.getByLabel("By").selectOption("name");
await page.locator(".numbers tbody tr", { hasText: "nightly" }).waitFor();
await shot("task-8-statistics");
await go("Timeline");
await page.locator(".chart a rect").first().waitFor();
await shot("task-8-timeline");

await browser.close();
console.log("ok");
