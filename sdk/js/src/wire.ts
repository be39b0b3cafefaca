/** Connections: SP over Node's sockets, to the first of a few URLs that answers. */

import * as net from "node:net";
import * as tls from "node:tls";
import type { Endpoint, Identity } from "./endpoint.js";
import { DomedError, Unreachable, Untrusted } from "./errors.js";
import * as sp from "./sp.js";

const GREETING_TIME = 5000; // of one URL
const GREETING_TIME_OF_SEVERAL = 1000;
const PAUSE_FIRST = 50;
const PAUSE_MOST = 1000;
const PULSE_MISSED = 10_000; // an events socket says something each second

/** One connection. Calls "received" with its messages, and "lost" once when it has ended. */
export class Wire {
  /** Of both hellos. Never rejected: `over` says so. */
  readonly up: Promise<void>;
  /** Why it ended; undefined while it has not. */
  over: Error | undefined;
  readonly endpoint: Endpoint;
  readonly #identity: Identity;
  readonly #role: number;
  readonly #received: (messages: Buffer[]) => void;
  readonly #lost: (why: Error) => void;
  readonly #splitter: sp.Splitter;
  readonly #socket: net.Socket;
  #greeting = Buffer.alloc(0);
  #decided: () => void = () => undefined;

  constructor(endpoint: Endpoint, identity: Identity, role: number, received: (messages: Buffer[]) => void, lost: (why: Error) => void) {
    this.endpoint = endpoint;
    this.#identity = identity;
    this.#role = role;
    this.#received = received;
    this.#lost = lost;
    this.#splitter = new sp.Splitter(endpoint.ipc);
    this.up = new Promise((decided) => (this.#decided = decided));
    const socket = this.#dial();
    this.#socket = socket;
    socket.on("data", (data) => this.#data(data));
    socket.on("error", (error) => this.end(error));
    socket.on("close", () => this.end(new Error("the connection was closed")));
    if (role === sp.SUB) socket.setTimeout(PULSE_MISSED, () => this.end(new Error("it fell silent")));
  }

  #dial(): net.Socket {
    const { ipc, path, host, port, scheme } = this.endpoint;
    if (ipc) return net.connect(path, () => this.#connected());
    if (scheme === "tcp") return net.connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 10_000 }, () => this.#connected());
    const socket = tls.connect(
      { host, port, servername: net.isIP(host) ? "" : host, secureContext: this.#identity.tls(), rejectUnauthorized: true },
      () => this.#connected(),
    );
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 10_000);
    return socket;
  }

  #connected(): void {
    try {
      if (this.endpoint.ipc) this.#identity.check(this.endpoint);
    } catch (error) {
      return this.end(error as Error);
    }
    this.#socket.write(sp.hello(this.#role));
  }

  #data(data: Buffer): void {
    if (this.over) return;
    if (this.#greeting.length < sp.HELLO_BYTES) {
      const part = sp.HELLO_BYTES - this.#greeting.length;
      this.#greeting = Buffer.concat([this.#greeting, data.subarray(0, part)]);
      // At the first byte that is wrong: what speaks another protocol may wait for us to speak.
      const expected = sp.hello(sp.peerOf(this.#role)).subarray(0, this.#greeting.length);
      if (!expected.equals(this.#greeting)) return this.end(new Error("what answers there is no such socket of domed"));
      if (this.#greeting.length < sp.HELLO_BYTES) return;
      if (this.#role === sp.REQ && this.endpoint.scheme === "tcp") {
        try {
          this.#identity.checkToken(this.endpoint, this.#socket); // only now: what nobody has accepted yet is nobody's
        } catch (error) {
          return this.end(error as Error);
        }
      }
      this.#decided();
      data = data.subarray(part);
    }
    if (data.length === 0) return;
    let messages: Buffer[];
    try {
      messages = this.#splitter.feed(data);
    } catch (error) {
      return this.end(error as Error);
    }
    if (messages.length > 0) this.#received(messages);
  }

  send(parts: Buffer[]): void {
    const size = parts.reduce((sum, part) => sum + part.length, 0);
    this.#socket.write(Buffer.concat([sp.header(this.endpoint.ipc, size), ...parts]));
  }

  /** Whether it keeps the process alive. */
  hold(alive: boolean): void {
    if (alive) this.#socket.ref();
    else this.#socket.unref();
  }

  end(why: Error): void {
    if (this.over) return;
    this.over = why;
    this.#socket.destroy();
    this.#decided();
    this.#lost(why);
  }
}

/** Not to be tried again, as others of its kind are. */
function closed(): Unreachable {
  return new Unreachable("the client was closed", { retryable: false });
}

interface Waiter {
  done: (error?: DomedError) => void;
}

/**
 * A connection to the first of a few URLs that answers, made again when it is lost.
 *
 * URLs are tried in their order. The first that answers is kept until it fails; then it begins with the first again (behind
 * one that was dropped, with the next), after a pause that doubles while nothing is heard. It connects while somebody waits
 * for it, or "kept" is true.
 */
export class Link {
  wire: Wire | undefined;
  everUp = false;
  heardAt = 0;
  received: (messages: Buffer[]) => void = () => undefined;
  connected: () => void = () => undefined;
  lost: (url: string, why: Error) => void = () => undefined;
  readonly endpoints: Endpoint[];
  readonly identity: Identity;
  readonly #role: number;
  readonly #kept: boolean;
  #at = 0;
  #inUse = 0;
  #pause = PAUSE_FIRST;
  #connecting: Wire | undefined;
  #busy = false;
  #run = 0; // of the attempts: a connection may be lost, and made again, before the one that made it has ended
  #timer: NodeJS.Timeout | undefined;
  #wake: () => void = () => undefined;
  #waiters = new Set<Waiter>();
  #failures: string[] = [];
  #closed = false;

  constructor(endpoints: Endpoint[], identity: Identity, role: number, kept = false) {
    this.endpoints = endpoints;
    this.identity = identity;
    this.#role = role;
    this.#kept = kept;
    if (kept) this.#begin();
  }

  /** That is connected to or, where there is none, the next one. */
  get endpoint(): Endpoint {
    return this.wire?.endpoint ?? this.endpoints[this.#at];
  }

  /** Rejects with Unreachable after "patience" milliseconds, with Untrusted at once. */
  async awaitUp(patience: number): Promise<Wire> {
    if (this.wire) return this.wire;
    if (this.#closed) throw closed();
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => waiter.done(this.#nobody()), Math.max(patience, 1));
      const waiter: Waiter = {
        done: (error) => {
          clearTimeout(timer);
          this.#waiters.delete(waiter);
          if (error) reject(error);
          else resolve();
        },
      };
      this.#waiters.add(waiter);
      this.#begin();
    });
    if (!this.wire) throw new Unreachable(`lost the connection to ${this.endpoint.url}`); // again in the same moment
    return this.wire;
  }

  #nobody(): Unreachable {
    const failures = this.#failures.join(", nor at ") || `${this.endpoint.url} (it does not greet)`;
    return new Unreachable(`no daemon answers at ${failures}: start one with 'domed --config FILE', or name another with DOMED_ENDPOINT`);
  }

  /** Ends the connection, so that another is made, at the next URL. */
  drop(why: string): void {
    if (!this.wire) return;
    this.#at = (this.#inUse + 1) % this.endpoints.length;
    this.wire.end(new Error(why));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#wake();
    this.#connecting?.end(new Error("the client was closed"));
    this.wire?.end(new Error("the client was closed"));
    this.#tell(closed());
  }

  #begin(): void {
    if (this.#busy || this.wire || this.#closed) return;
    this.#busy = true;
    void this.#connect(++this.#run);
  }

  async #connect(run: number): Promise<void> {
    while ((this.#kept || this.#waiters.size > 0) && !this.#closed) {
      const failures: string[] = [];
      let untrusted: Untrusted | undefined;
      for (let tries = 0; tries < this.endpoints.length && !this.#closed; tries++) {
        const endpoint = this.endpoints[this.#at];
        const error = await this.#try(endpoint);
        if (error === undefined) return;
        if (error instanceof Untrusted) untrusted = error;
        else failures.push(`${endpoint.url} (${error.message})`);
        this.#at = (this.#at + 1) % this.endpoints.length;
      }
      this.#failures = failures;
      if (untrusted) this.#tell(untrusted);
      await this.#rest();
    }
    if (this.#run === run) this.#busy = false;
  }

  /** What failed; undefined: it is up. */
  async #try(endpoint: Endpoint): Promise<Error | undefined> {
    let wire: Wire;
    try {
      if (endpoint.ipc) this.identity.check(endpoint);
      wire = new Wire(endpoint, this.identity, this.#role, (messages) => this.#messages(messages), (why) => this.#ended(wire, why));
    } catch (error) {
      return error as Error; // a certificate that cannot be read
    }
    this.#connecting = wire;
    wire.hold(false); // who waits has a timer that keeps the process alive
    const limit = this.endpoints.length === 1 ? GREETING_TIME : GREETING_TIME_OF_SEVERAL;
    const timer = setTimeout(() => wire.end(new Error("it does not greet")), limit);
    timer.unref();
    await wire.up;
    clearTimeout(timer);
    this.#connecting = undefined;
    if (wire.over) return wire.over;
    this.wire = wire;
    this.everUp = true;
    this.#inUse = this.#at;
    this.#at = 0;
    this.#busy = false;
    this.connected();
    this.#tell();
    return undefined;
  }

  #rest(): Promise<void> {
    const pause = this.#pause;
    this.#pause = Math.min(pause * 2, PAUSE_MOST);
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#timer = setTimeout(resolve, pause);
      this.#timer.unref();
    });
  }

  #tell(error?: DomedError): void {
    for (const waiter of [...this.#waiters]) waiter.done(error);
  }

  #messages(messages: Buffer[]): void {
    this.heardAt = performance.now();
    this.#pause = PAUSE_FIRST;
    this.received(messages);
  }

  #ended(wire: Wire, why: Error): void {
    if (this.wire !== wire) return;
    this.wire = undefined;
    this.lost(wire.endpoint.url, why);
    if (this.#kept || this.#waiters.size > 0) this.#begin();
  }
}
