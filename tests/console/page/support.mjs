// What the page's tests share: the daemon by its command line, and the clipboard.
import { execFileSync } from "node:child_process";

const { BIN } = process.env;
export const ctl = (...words) => execFileSync(`${BIN}/domectl`, words, { encoding: "utf8" });
export const submit = (options, ...command) => JSON.parse(ctl("submit", "--json", ...options, "--", ...command)).job_id;
export function finish(job) {
  try {
    ctl("follow", job);
  } catch {
    // It failed, as it was to.
  }
  return job;
}
// What the clipboard of "page" holds once it is what was asked for: writing it takes a moment.
export async function clipboard(page, holds) {
  const handle = await page.waitForFunction(async (wanted) => {
    const words = await navigator.clipboard.readText();
    return words.includes(wanted) && words;
  }, holds);
  return handle.jsonValue();
}
