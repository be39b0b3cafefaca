// Many browsers on one log, as far as the daemon and the console can tell: Server-Sent Events, each on a
// connection of its own.
import http from "node:http";
import { complete, most, tell } from "./report.mjs";
import { timeOf } from "./processes.mjs";

const { PORT, SECRET, CONSOLE_PID, DAEMON_PID, BROWSERS } = process.env;
const kOfOneLogin = 100; // the console lets no login have more

function ask(path, headers = {}, body) {
  return new Promise((done, failed) => {
    const request = http.request({ host: "127.0.0.1", port: PORT, path, method: body ? "POST" : "GET", agent: false, headers }, (reply) => {
      let text = "";
      reply.on("data", (part) => (text += part));
      reply.on("end", () => done({ reply, text }));
    });
    request.on("error", failed);
    request.end(body);
  });
}

async function logIn() {
  const { reply } = await ask("/api/login", { "Content-Type": "application/json" }, JSON.stringify({ token: SECRET }));
  return reply.headers["set-cookie"][0].split(";")[0];
}

// One that counts the lines it was sent.
function follow(job, cookie) {
  const one = { lines: 0, first: 0, last: 0, ended: false };
  one.begun = new Promise((begun, failed) => {
    const request = http.get({ host: "127.0.0.1", port: PORT, path: `/api/d/local/follow?job_id=${job}&since=0`, agent: false, headers: { Cookie: cookie } }, (reply) => {
      if (reply.statusCode !== 200) failed(new Error(`HTTP ${reply.statusCode}`));
      let rest = "";
      reply.setEncoding("utf8");
      reply.on("data", (part) => {
        const lines = (rest + part).split("\n");
        rest = lines.pop();
        for (const line of lines) {
          if (line.startsWith('data: {"job_id"')) ++one.lines;
          if (line === "event: end") one.ended = true;
        }
        if (one.lines > 0) begun();
      });
      reply.on("error", () => undefined);
    });
    request.on("error", failed);
    one.close = () => request.destroy();
  });
  return one;
}

// What the daemon has to do for whoever looks: the most of some seconds, for a poll is held now and then.
async function workOfDaemon(cookie, seconds) {
  const most = { subscribers: 0, held_polls: 0, clients: 0 };
  const [daemon, console_] = [timeOf(DAEMON_PID), timeOf(CONSOLE_PID)];
  const began = performance.now();
  while (performance.now() - began < seconds * 1000) {
    const { work } = JSON.parse((await ask("/api/d/local/health", { Cookie: cookie })).text);
    for (const what of Object.keys(most)) most[what] = Math.max(most[what], work[what]);
    await new Promise((on) => setTimeout(on, 100));
  }
  const took = (performance.now() - began) / 1000;
  return { most, daemon: (timeOf(DAEMON_PID) - daemon) / took, console: (timeOf(CONSOLE_PID) - console_) / took };
}

// "job" writes lines all the while; "seconds" are looked at with one browser and with all of them.
export async function measureFollowers(job, seconds) {
  const browsers = Number(BROWSERS);
  const cookies = [];
  for (let i = 0; i < Math.ceil((browsers + 1) / kOfOneLogin) + 1; ++i) cookies.push(await logIn());
  const asks = cookies.pop();
  const all = [follow(job, cookies[0])];
  await all[0].begun;
  const one = await workOfDaemon(asks, seconds);
  for (let i = 1; i < browsers; ++i) all.push(follow(job, cookies[Math.floor(i / kOfOneLogin)]));
  await Promise.all(all.map((browser) => browser.begun));
  const many = await workOfDaemon(asks, seconds);
  const lines = all.map((browser) => browser.lines);
  for (const browser of all) browser.close();
  complete("each browser has lines", Math.min(...lines) > 0);
  const more = ["subscribers", "held_polls", "clients"].map((what) => many.most[what] - one.most[what]);
  tell(`followers.${browsers}.more`, most(more), "", 0);
  tell("followers.1.daemon.cpu", one.daemon * 100, "%");
  tell(`followers.${browsers}.daemon.cpu`, many.daemon * 100, "%");
  tell("followers.1.console.cpu", one.console * 100, "%");
  tell(`followers.${browsers}.console.cpu`, many.console * 100, "%");
}
