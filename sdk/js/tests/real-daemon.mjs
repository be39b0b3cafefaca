// The real daemon, in a directory of its own. DOMED_TEST_BIN and DOMED_TEST_PLUGINS say where it is built.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { domed } from "./fake-daemon.mjs";

const { DOMED_TEST_BIN: BIN, DOMED_TEST_PLUGINS: PLUGINS } = process.env;
export const withoutDaemon = BIN && PLUGINS ? false : "DOMED_TEST_BIN and DOMED_TEST_PLUGINS name no build";

export class RealDaemon {
  constructor({ control = "", events = "", more = "" } = {}) {
    this.directory = mkdtempSync(`${tmpdir()}/domed-js-`);
    this.url = `ipc://${this.directory}/run/domed/control.ipc`;
    writeFileSync(
      `${this.directory}/domed.yaml`,
      `domed: 1\ncontrol: { listen: ["${this.url}"${control}] }\n` +
        `events: { listen: ["ipc://${this.directory}/run/domed/events.ipc"${events}] }\n` +
        `state_dir: ${this.directory}/state\nplugin_path: [${PLUGINS}]\nstore: { plugin: store-sqlite }\n` +
        `jobs: { allow_ad_hoc: true, cancel_grace: 1s, drain: 300ms }\n${more}`,
    );
  }

  static async start(options) {
    const daemon = new RealDaemon(options);
    await daemon.start();
    return daemon;
  }

  async start() {
    const log = openSync(`${this.directory}/log`, "a");
    this.process = spawn(`${BIN}/domed`, ["--config", `${this.directory}/domed.yaml`], { stdio: ["ignore", log, log] });
    closeSync(log);
    const client = new domed.Client({ endpoint: this.url, connectWait: 60_000 });
    const died = once(this.process, "exit").then(() => {
      throw new Error(`the daemon does not serve: ${readFileSync(`${this.directory}/log`, "utf8").slice(-3000)}`);
    });
    died.catch(() => undefined);
    try {
      await Promise.race([client.health(), died]);
    } finally {
      client.close();
    }
  }

  async end(signal = "SIGTERM") {
    const over = once(this.process, "exit");
    this.process.kill(signal);
    await over;
  }

  async remove() {
    await this.end();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** ca.pem, server.pem, server.key of 127.0.0.1, ci.pem, ci.key. Undefined: no openssl makes them. */
export function certificates() {
  const directory = mkdtempSync(`${tmpdir()}/domed-js-`);
  const openssl = (...all) => execFileSync("openssl", all, { cwd: directory, stdio: "pipe" });
  const fresh = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  try {
    openssl("req", "-x509", ...fresh, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test", "-days", "2");
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    rmSync(directory, { recursive: true });
    return undefined;
  }
  for (const [name, extension] of [["server", "subjectAltName=IP:127.0.0.1"], ["ci", "subjectAltName=DNS:ci\nextendedKeyUsage=clientAuth"]]) {
    writeFileSync(`${directory}/ext`, extension);
    openssl("req", ...fresh, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
    openssl(
      "x509", "-req", "-in", `${name}.csr`, "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "ext", "-out", `${name}.pem`,
    );
  }
  return directory;
}
