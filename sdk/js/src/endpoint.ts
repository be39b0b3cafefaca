/** Where a daemon is, whether to trust it, and how to tell it who asks. */

import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import * as tls from "node:tls";
import { InvalidRequest, Untrusted } from "./errors.js";

const SEVERAL = /,(?=[a-z0-9+]+:\/\/)/;
const HOST_PORT = /^(?:\[([^\]]+)\]|([^[\]:/]+)):(\d{1,5})\/?$/;
const LONGEST_SOCKET_PATH = 107;

type Environment = Record<string, string | undefined>;

/** One URL of a daemon: `ipc://PATH`, `tcp://HOST:PORT` or `tls+tcp://HOST:PORT`. */
export interface Endpoint {
  url: string;
  scheme: string;
  ipc: boolean;
  path: string;
  host: string;
  port: number;
}

export function endpointOf(url: string): Endpoint {
  const [, scheme = "", rest = ""] = /^([a-z0-9+]+):\/\/(.*)$/s.exec(url) ?? [];
  if (scheme === "ipc") return ipcEndpoint(url, rest);
  const match = HOST_PORT.exec(rest);
  if ((scheme === "tcp" || scheme === "tls+tcp") && match && Number(match[3]) < 65536)
    return { url, scheme, ipc: false, path: "", host: match[1] ?? match[2], port: Number(match[3]) };
  throw new InvalidRequest(
    `'${url}' is no endpoint of a daemon: there are ipc:///PATH, tcp://HOST:PORT and tls+tcp://HOST:PORT` +
      (scheme === "ws" ? " (ws:// is for browsers)" : ""),
  );
}

function ipcEndpoint(url: string, rest: string): Endpoint {
  if (!rest.startsWith("/")) throw new InvalidRequest(`${url} is no absolute path: write ipc:///directory/name.ipc`);
  if (Buffer.byteLength(rest) > LONGEST_SOCKET_PATH)
    throw new InvalidRequest(`the path of ${url} is longer than ${LONGEST_SOCKET_PATH} bytes, the most of a socket's`);
  return { url, scheme: "ipc", ipc: true, path: rest, host: "", port: 0 };
}

/** `URL,URL`: each of them, to be tried in this order. A comma that no scheme follows is part of its URL. */
export function endpointsOf(text: string): Endpoint[] {
  return text.split(SEVERAL).map(endpointOf);
}

/** "url", which a daemon listens at, for who reached it at "endpoint": in the place of 0.0.0.0 and [::] stands the host there. */
export function reachableUrl(url: string, endpoint: string): string {
  const host = hostIn(url);
  const reached = hostIn(endpoint);
  return reached && (host === "0.0.0.0" || host === "[::]") ? url.replace(host, () => reached) : url;
}

function hostIn(url: string): string {
  return /^(?!ipc:)[^:]+:\/\/(.*):[^:]*$/s.exec(url)?.[1] ?? "";
}

/** `DOMED_ENDPOINT`, else the control socket of the default deployment. */
export function defaultEndpoint(environment: Environment = process.env): string {
  if (environment.DOMED_ENDPOINT) return environment.DOMED_ENDPOINT;
  const runtime = environment.XDG_RUNTIME_DIR;
  if (runtime) {
    if (!runtime.startsWith("/"))
      throw new InvalidRequest(`XDG_RUNTIME_DIR is no absolute path but '${runtime}': unset it, or name the daemon with DOMED_ENDPOINT`);
    return `ipc://${runtime}/domed/control.ipc`;
  }
  // Never /tmp: whoever makes the directory first would be the daemon to everybody else.
  const home = environment.HOME ?? "";
  if (!home.startsWith("/"))
    throw new InvalidRequest("neither XDG_RUNTIME_DIR nor HOME says where the daemon's socket is: name the daemon with DOMED_ENDPOINT");
  return `ipc://${home}/.local/state/domed/run/domed/control.ipc`;
}

/** Files, but for the token itself. */
export interface IdentityOptions {
  /** Who signs daemons (PEM); without it: whom Node trusts. */
  ca?: string;
  /** A client's certificate (PEM), and its key. */
  cert?: string;
  key?: string;
  /** Never sent over ipc. */
  token?: string;
  tokenFile?: string;
  /** Whose daemon over ipc, beside one's own and root's: a user's name or number. */
  user?: string | number;
}

/** How a client tells who it is, and how it knows whom it talks to. */
export class Identity {
  readonly token: string | undefined;
  readonly cert: string | undefined;
  readonly #ca: string | undefined;
  readonly #key: string | undefined;
  readonly #user: number | undefined;
  #context: tls.SecureContext | undefined;

  /**
   * What is not given is taken from `DOMED_CA`, `DOMED_CERT`, `DOMED_KEY`, `DOMED_TOKEN`, `DOMED_TOKEN_FILE` and
   * `DOMED_ENDPOINT_USER`.
   */
  constructor(given: IdentityOptions = {}, environment: Environment = process.env) {
    this.#ca = given.ca ?? (environment.DOMED_CA || undefined);
    this.cert = given.cert ?? (environment.DOMED_CERT || undefined);
    this.#key = given.key ?? (environment.DOMED_KEY || undefined);
    this.token = tokenOf(given, environment);
    const user = given.user ?? (environment.DOMED_ENDPOINT_USER || undefined);
    this.#user = user === undefined ? undefined : userOf(user);
  }

  /** Read when it is first needed, and kept. */
  tls(): tls.SecureContext {
    this.#context ??= tls.createSecureContext({
      ca: this.#ca === undefined ? systemAuthorities() : fs.readFileSync(this.#ca),
      cert: this.cert === undefined ? undefined : fs.readFileSync(this.cert),
      key: this.#key === undefined ? undefined : fs.readFileSync(this.#key),
      minVersion: "TLSv1.2",
    });
    return this.#context;
  }

  /** Of a connection over tcp, before the token is given to it: nobody owns a port, whoever was first has it. */
  checkToken(endpoint: Endpoint, socket: net.Socket): void {
    if (this.token === undefined) return;
    if (!isLoopback(socket.remoteAddress ?? ""))
      throw new Untrusted(`${endpoint.url} would carry the token in clear over a network: no request was sent; write tls+tcp://, or give no token`);
    const user = userAtOtherEnd(socket);
    if (user === undefined)
      throw new Untrusted(`the system does not say who listens at ${endpoint.url}, and so who would get the token: no request was sent; use ipc or tls+tcp`);
    if (!this.trusts(user)) throw foreign(endpoint, "the process that listens at", user);
  }

  trusts(user: number): boolean {
    return user === 0 || user === process.geteuid?.() || user === this.#user;
  }

  /**
   * Requests hold commands and tokens: nothing is sent on trust. Node cannot ask a connection for its peer, so that it
   * looks at the files: whoever owns the socket made it, and who may write in its directory could put another in its
   * place. To be looked at before and after connecting.
   */
  check(endpoint: Endpoint): void {
    const directory = statOf(path.dirname(endpoint.path));
    const socket = statOf(endpoint.path);
    if (directory === undefined || socket === undefined) return; // to connect will fail, and say why
    if (!this.trusts(directory.uid)) throw foreign(endpoint, "the directory of", directory.uid);
    if (!this.trusts(socket.uid)) throw foreign(endpoint, "the socket", socket.uid);
    const sticky = (directory.mode & 0o1000) !== 0;
    const ours = directory.gid === 0 || directory.gid === process.getegid?.();
    if (!sticky && ((directory.mode & 0o002) !== 0 || ((directory.mode & 0o020) !== 0 && !ours)))
      throw new Untrusted(`others may write in the directory of ${endpoint.url}, and so put their own socket there: nothing was sent; chmod go-w ${path.dirname(endpoint.path)}`);
  }
}

/** An address as its 16 bytes of IPv6, and a port. */
function place(address: string, port: number): string {
  const bytes = Buffer.alloc(16);
  if (net.isIPv4(address)) {
    bytes.writeUInt16BE(0xffff, 10);
    address.split(".").forEach((each, at) => bytes.writeUInt8(Number(each), 12 + at));
  } else {
    const mapped = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
    const words = (part: string) => part.split(":").filter((each) => each !== "").map((each) => parseInt(each, 16));
    const [head, tail] = (mapped ? mapped[1] : address.split("%")[0]).split("::").map(words);
    const end = [...(tail ?? []), ...(mapped ? [(+mapped[2] << 8) | +mapped[3], (+mapped[4] << 8) | +mapped[5]] : [])];
    head.forEach((word, at) => bytes.writeUInt16BE(word, 2 * at));
    end.forEach((word, at) => bytes.writeUInt16BE(word, 2 * (8 - end.length + at)));
  }
  return `${bytes.toString("hex")}:${port}`;
}

/** As /proc/net/tcp has it: 32 bits at a time, each a number of this machine's own order. */
function placeInTable(text: string): string {
  const [address, port] = text.split(":");
  let bytes = Buffer.from(address, "hex");
  if (os.endianness() === "LE") bytes.swap32();
  if (bytes.length === 4) bytes = Buffer.concat([Buffer.alloc(10), Buffer.from([0xff, 0xff]), bytes]);
  return `${bytes.toString("hex")}:${parseInt(port, 16)}`;
}

/** Whose process has the other end of a connection of this machine; undefined: the system's table lacks it. */
function userAtOtherEnd(socket: net.Socket): number | undefined {
  const theirs = place(socket.remoteAddress ?? "", socket.remotePort ?? 0);
  const ours = place(socket.localAddress ?? "", socket.localPort ?? 0);
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    let lines: string[];
    try {
      lines = fs.readFileSync(table, "ascii").split("\n").slice(1);
    } catch {
      continue;
    }
    for (const line of lines) {
      const words = line.trim().split(/\s+/);
      if (words.length > 7 && placeInTable(words[1]) === theirs && placeInTable(words[2]) === ours) return Number(words[7]);
    }
  }
  return undefined;
}

function isLoopback(address: string): boolean {
  return address === "::1" || /^(::ffff:)?127\./i.test(address);
}

function statOf(file: string): fs.Stats | undefined {
  try {
    return fs.statSync(file);
  } catch {
    return undefined;
  }
}

function foreign(endpoint: Endpoint, what: string, user: number): Untrusted {
  return new Untrusted(
    `${what} ${endpoint.url} belongs to user ${user}, this program runs as ${process.geteuid?.()}: nothing was sent; ` +
      "if that user's daemon is meant, say so with DOMED_ENDPOINT_USER",
  );
}

/** Of the system where this Node can tell them, else those that Node brings along. */
function systemAuthorities(): string[] | undefined {
  return (tls as unknown as { getCACertificates?: (which: string) => string[] }).getCACertificates?.("system");
}

function tokenOf(given: IdentityOptions, environment: Environment): string | undefined {
  let { token, tokenFile } = given;
  if (token === undefined && tokenFile === undefined) {
    token = environment.DOMED_TOKEN || undefined;
    tokenFile = environment.DOMED_TOKEN_FILE || undefined;
  }
  if (token !== undefined || tokenFile === undefined) return token;
  token = fs.readFileSync(tokenFile, "ascii").trim();
  if (token === "") throw new InvalidRequest(`${tokenFile} holds no token`);
  return token;
}

function userOf(user: string | number): number {
  if (typeof user === "number" || /^\d+$/.test(user)) return Number(user);
  for (const line of fs.readFileSync("/etc/passwd", "utf8").split("\n")) {
    const [name, , id] = line.split(":");
    if (name === user) return Number(id);
  }
  throw new InvalidRequest(`there is no user '${user}' in /etc/passwd: write the daemon's user, or its number`);
}
