/**
 * A request that makes a job, where several nodes may take it: they shall not make two of it.
 *
 * A job is found again by its key and by whom its node knows as its sender (docs/protocol.md, SubmitJob). So where an answer
 * was lost the request is sent to another node only if that knows its sender as the same; else it is tried where it was.
 */

import type { Client } from "./client.js";
import { IdempotencyKeyReused, UnknownMethod, Unreachable, type DomedError } from "./errors.js";
import { resultOf, type Json } from "./page.js";

export const MAKES_A_JOB: ReadonlySet<string> = new Set(["SubmitJob", "RetryJob"]);

// Of what all nodes have in common; and that the client was closed.
const IS_A_WORD_OF_ITS_OWN = [IdempotencyKeyReused, Unreachable];

/** As whom a node knows us. */
interface Known {
  url: string;
  /** Empty: it does not tell. */
  identity: string;
}

export class Making {
  readonly #client: Client;
  readonly #key: string;
  #now: Known | undefined; // to whom it goes next
  #doubt: { who: Known; why: string } | undefined; // who may have made it, and why that is not known
  #other: Known | undefined; // who might make it a second time

  constructor(client: Client, params: Json) {
    this.#client = client;
    this.#key = String(params.idempotency_key ?? "");
  }

  /** The URL that it may be sent to, and no other. Rejects with Unreachable where that is not there now. */
  async place(timeout: number): Promise<string> {
    this.#now = undefined;
    const now = await this.#whoAnswers(timeout);
    const first = this.#doubt?.who;
    if (first && now.url !== first.url && (now.identity === "" || now.identity !== first.identity)) {
      this.#other = now;
      this.#client.leaveNode(now.url);
      throw new Unreachable(`the job may have been made at ${first.url}, which is not there now`);
    }
    this.#now = now;
    return now.url;
  }

  /** What is to be thought of it that this came of an attempt. */
  failed(error: DomedError): DomedError {
    const now = this.#now; // undefined: it was not sent
    if (!this.#doubt) {
      // E_STORE: nothing was kept, or it is not known.
      const lost = error instanceof Unreachable && !error.unsent;
      if (now && (lost || (error.code === "E_STORE" && error.retryable))) this.#doubt = { who: now, why: error.message };
    } else if (!error.retryable && !IS_A_WORD_OF_ITS_OWN.some((kind) => error instanceof kind) && now?.url !== this.#doubt.who.url) {
      // Who refuses it did not make it; that says nothing of who may have.
      return this.unknown(`; and ${now?.url ?? "another node"} refuses it (${error.code}: ${error.message})`) ?? error;
    }
    return error;
  }

  /** What is to be said when time is over, or "more" came of it; undefined: it was not made. */
  unknown(more = ""): Unreachable | undefined {
    if (!this.#doubt) return undefined;
    const { who: first, why } = this.#doubt;
    const other =
      this.#other && !more
        ? `; and ${this.#other.url} knows this client as ${named(this.#other)}, not as ${named(first)}, so that sent there it ` +
          "might be made a second time"
        : "";
    const message =
      `it is not known whether the job was made: ${why}${more}${other}.  Send it again with the same idempotency key, ` +
      `${this.#key}, when ${first.url} is back: that finds the job, or makes it`;
    return new Unreachable(message, { idempotency_key: this.#key });
  }

  async #whoAnswers(timeout: number): Promise<Known> {
    const reply = await this.#client.ask("WhoAmI", "{}", Math.min(this.#client.replyTimeout, timeout)).reply;
    try {
      const { identity } = this.#client.read(reply, resultOf);
      return { url: reply.url, identity: typeof identity === "string" ? identity : "" };
    } catch (error) {
      if (!(error instanceof UnknownMethod)) throw error;
      return { url: reply.url, identity: "" };
    }
  }
}

function named(who: Known): string {
  return who.identity || "somebody it does not name";
}
