/** What goes over connections: requests with their replies, and the frames of events sockets. */

import { randomInt } from "node:crypto";
import type { Endpoint, Identity } from "./endpoint.js";
import { DomedError, Unreachable } from "./errors.js";
import * as sp from "./sp.js";
import { Link } from "./wire.js";

const CONNECT_TIME = 2000; // without any connection for so long, a daemon that was there is taken to be gone
const HELD_FRAMES = 8192; // of one follower; the oldest go, and it pages
const HELD_BYTES = 64 * 1024 * 1024;

export interface Reply {
  body: Buffer;
  /** Of who gave it. */
  url: string;
}

interface Pending {
  resolve: (reply: Buffer) => void;
  reject: (error: DomedError) => void;
}

/** A request under way. */
export interface Asked {
  reply: Promise<Reply>;
  /** Nobody waits for the reply any more: it is rejected with "error". */
  cancel: (error: DomedError) => void;
}

/**
 * Requests, any number at a time, over one link.
 *
 * Each is answered, or fails with Unreachable: whether it was done is not known then. It is not repeated here.
 */
export class Channel {
  readonly #link: Link;
  readonly #connectWait: number;
  readonly #pending = new Map<number, Pending>();
  #firstTry: number | undefined;
  #nextId = randomInt(2 ** 31);

  constructor(endpoints: Endpoint[], identity: Identity, connectWait: number) {
    this.#link = new Link(endpoints, identity, sp.REQ);
    this.#link.received = (messages) => this.#received(messages);
    this.#link.lost = (url, why) => this.#lost(url, why);
    this.#connectWait = connectWait;
  }

  get endpoint(): Endpoint {
    return this.#link.endpoint;
  }

  /**
   * The reply to "before" + "after", between which a token goes where the endpoint takes one. "onlyAt": it fails at once,
   * unsent, where another URL is connected to, or none.
   */
  ask(before: string, after: string, timeout: number, onlyAt?: string): Asked {
    const pending: Pending = { resolve: () => undefined, reject: () => undefined };
    let cancel: (error: DomedError) => void = () => undefined;
    const canceled = new Promise<never>((_, reject) => {
      cancel = (error) => {
        reject(error);
        pending.reject(error);
      };
    });
    const reply = Promise.race([this.#ask(before, after, timeout, pending, onlyAt), canceled]);
    reply.catch(() => undefined); // whoever asked may have gone meanwhile
    return { reply, cancel };
  }

  async #ask(before: string, after: string, timeout: number, pending: Pending, onlyAt?: string): Promise<Reply> {
    const link = this.#link;
    if (onlyAt !== undefined && link.wire?.endpoint.url !== onlyAt) throw unsent(new Unreachable(`lost the connection to ${onlyAt}`));
    const wire = link.wire ?? (await this.#awaitUp(timeout));
    this.#nextId = (this.#nextId + 1) % sp.ID_BIT;
    const word = this.#nextId + sp.ID_BIT;
    const token = link.identity.token;
    const middle = token === undefined || wire.endpoint.ipc ? "" : `"token":${JSON.stringify(token)},`;
    const id = Buffer.alloc(sp.ID_BYTES);
    id.writeUInt32BE(word);
    let timer: NodeJS.Timeout | undefined;
    try {
      const body = await new Promise<Buffer>((resolve, reject) => {
        Object.assign(pending, { resolve, reject });
        this.#pending.set(word, pending);
        const begun = performance.now();
        timer = setTimeout(() => {
          reject(new Unreachable(`no answer from ${wire.endpoint.url} within ${(timeout / 1000).toFixed(1)} s`));
          // One that is silent while others might not be.
          if (link.endpoints.length > 1 && link.heardAt < begun && link.wire === wire) link.drop("it fell silent");
        }, timeout);
        wire.hold(true);
        wire.send([id, Buffer.from(before + middle + after)]);
      });
      return { body, url: wire.endpoint.url };
    } finally {
      clearTimeout(timer);
      this.#pending.delete(word);
      if (this.#pending.size === 0) link.wire?.hold(false);
    }
  }

  async #awaitUp(timeout: number): Promise<NonNullable<Link["wire"]>> {
    const link = this.#link;
    this.#firstTry ??= performance.now();
    const patienceEnds = this.#firstTry + this.#connectWait;
    try {
      if (link.everUp) return await link.awaitUp(Math.min(timeout, CONNECT_TIME));
      return await link.awaitUp(Math.min(timeout, Math.max(patienceEnds - performance.now(), 0)));
    } catch (error) {
      // An attempt may be shorter than the patience, which is that of all of them together.
      if (error instanceof Unreachable) error.neverThere = !link.everUp && performance.now() >= patienceEnds - 1;
      throw error instanceof Unreachable ? unsent(error) : error;
    }
  }

  /** With several URLs the next one is tried: "url" cannot do what it is asked. */
  leave(url: string): void {
    const link = this.#link;
    if (link.endpoints.length > 1 && link.wire?.endpoint.url === url) link.drop("it cannot do now what it is asked");
  }

  close(): void {
    this.#link.close();
  }

  #received(messages: Buffer[]): void {
    for (const message of messages) {
      if (message.length < sp.ID_BYTES) return this.#link.wire?.end(new Error("a reply without an id"));
      this.#pending.get(message.readUInt32BE(0))?.resolve(message.subarray(sp.ID_BYTES));
    }
  }

  #lost(url: string, why: Error): void {
    for (const pending of [...this.#pending.values()]) pending.reject(new Unreachable(`lost the connection to ${url}: ${why.message}`));
  }
}

function unsent(error: Unreachable): Unreachable {
  error.unsent = true;
  return error;
}

/** The frames of one follower, as they came; bounded, the oldest go first. */
export class Mailbox {
  reconnects = 0;
  /** Called when there is something to look at. */
  came: () => void = () => undefined;
  #frames: Buffer[] = [];
  #first = 0;
  #bytes = 0;

  put(frame: Buffer): void {
    this.#frames.push(frame);
    this.#bytes += frame.length;
    while (this.#frames.length - this.#first > HELD_FRAMES || this.#bytes > HELD_BYTES) this.take();
    this.came();
  }

  take(): Buffer | undefined {
    if (this.#first === this.#frames.length) return undefined;
    const frame = this.#frames[this.#first++];
    this.#bytes -= frame.length;
    if (this.#first > 64 && this.#first * 2 > this.#frames.length) {
      this.#frames = this.#frames.slice(this.#first);
      this.#first = 0;
    }
    return frame;
  }
}

/**
 * One events socket, for all followers of a client: a PUB socket sends everything to everybody, and who subscribes chooses
 * here.
 */
export class Subscription {
  readonly #link: Link;
  readonly #mailboxes = new Map<string, Set<Mailbox>>();

  constructor(endpoint: Endpoint, identity: Identity) {
    this.#link = new Link([endpoint], identity, sp.SUB, true);
    this.#link.received = (messages) => this.#received(messages);
    this.#link.connected = () => this.#connected();
  }

  add(topics: string[]): Mailbox {
    const mailbox = new Mailbox();
    for (const topic of topics) {
      const boxes = this.#mailboxes.get(topic) ?? new Set();
      this.#mailboxes.set(topic, boxes.add(mailbox));
    }
    return mailbox;
  }

  remove(mailbox: Mailbox): void {
    for (const [topic, boxes] of [...this.#mailboxes]) {
      boxes.delete(mailbox);
      if (boxes.size === 0) this.#mailboxes.delete(topic);
    }
  }

  get used(): boolean {
    return this.#mailboxes.size > 0;
  }

  async awaitUp(patience: number): Promise<void> {
    await this.#link.awaitUp(patience).catch(() => undefined);
  }

  close(): void {
    this.#link.close();
  }

  #received(messages: Buffer[]): void {
    for (const message of messages) {
      const topic = message.toString("utf8", 0, message.indexOf(0x0a));
      for (const mailbox of this.#mailboxes.get(topic) ?? []) mailbox.put(message);
    }
  }

  #connected(): void {
    for (const boxes of this.#mailboxes.values())
      for (const mailbox of boxes) {
        mailbox.reconnects++;
        mailbox.came();
      }
  }
}
