/** The client: one daemon, asked and followed. */

import { Channel, Subscription, type Asked, type Mailbox, type Reply } from "./channel.js";
import { defaultEndpoint, endpointOf, endpointsOf, Identity, type Endpoint, type IdentityOptions } from "./endpoint.js";
import { DomedError, isUnwell, Unreachable } from "./errors.js";
import { Follower, neverThere, type FollowOptions } from "./follower.js";
import { PAUSE_FIRST, PAUSE_MOST } from "./follow-state.js";
import { MAKES_A_JOB, Making } from "./making.js";
import {
  ackOf, submitParams, submittedOf, timeText, toJson,
  type Ack, type Filter, type JobPage, type Outcome, type Request, type Status, type Submitted,
} from "./model.js";
import { resultOf, type Json } from "./page.js";
import { Producer, type EventInput, type ProducerOptions } from "./producer.js";

const TELL_FIRST = 1000;
const TELL_AGAIN = 30_000;

export interface ClientOptions extends IdentityOptions {
  /** A URL or several, `URL,URL`, tried in this order; without it: `DOMED_ENDPOINT`, else the user's own daemon. */
  endpoint?: string;
  /** For how many milliseconds the first call waits for a daemon. */
  connectWait?: number;
  /** For how many milliseconds a call is repeated over lost connections and retryable errors. */
  timeout?: number;
  /** How long one reply may take. */
  replyTimeout?: number;
  /** Told what calls and followers wait out, when that takes longer than a second; without it: a warning of the process. */
  onTrouble?: (message: string) => void;
}

export interface CallOptions {
  timeout?: number;
  /** False: one attempt. */
  repeat?: boolean;
}

/**
 * A daemon.
 *
 * Nothing is dialled before the first call. Calls are repeated over lost connections and retryable errors, with the same
 * bytes: every method is idempotent. What one of several nodes does not answer, because it is gone, silent, stopping or
 * without its store, the next one is asked; a job that may have been made already only where that knows its sender as the
 * same. Connections do not keep the process alive while nothing is asked or followed;
 * `close()` ends them at once.
 */
export class Client {
  readonly replyTimeout: number;
  readonly #endpoints: Endpoint[];
  readonly #identity: Identity;
  readonly #timeout: number;
  readonly #channel: Channel;
  readonly #onTrouble: (message: string) => void;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #followers = new Set<Follower>();
  #nextId = 0;
  #features: Promise<ReadonlySet<string>> | undefined;
  #troubleSince: number | undefined;
  #troubleTold: number | undefined;

  constructor(given: string | ClientOptions = {}) {
    const options = typeof given === "string" ? { endpoint: given } : given;
    this.#identity = new Identity(options);
    this.#endpoints = endpointsOf(options.endpoint ?? defaultEndpoint());
    this.#timeout = options.timeout ?? 30_000;
    this.replyTimeout = options.replyTimeout ?? 10_000;
    this.#channel = new Channel(this.#endpoints, this.#identity, options.connectWait ?? 2000);
    this.#onTrouble = options.onTrouble ?? ((message) => process.emitWarning(message, "DomedWarning"));
  }

  /** Ends all connections; calls that are under way are rejected, followers end as if they were stopped. */
  close(): void {
    for (const follower of [...this.#followers]) follower.close();
    for (const subscription of this.#subscriptions.values()) subscription.close();
    this.#subscriptions.clear();
    this.#channel.close();
  }

  /** The URL that is used now. */
  get endpoint(): string {
    return this.#channel.endpoint.url;
  }

  // Jobs.

  /**
   * SubmitJob: resolves when the daemon has the job, not when that is over.
   *
   * `client.submit(["make", "test"], { labels: { ref: "main" } })`, or all in one Request.
   */
  async submit(command: readonly string[] | Request, options: Request = {}): Promise<Submitted> {
    return submittedOf(await this.call("SubmitJob", submitParams(requestOf(command, options))));
  }

  /**
   * Submits a job, follows it to its end, and tells how it ended and what it wrote. All output is kept in memory; `follow`
   * does not.
   */
  async run(command: readonly string[] | Request, options: Request = {}): Promise<Outcome> {
    const job = await this.submit(command, options);
    return this.follow(job.jobId, { logId: job.logId }).outcome();
  }

  /** `for await (const event of client.follow(jobId))`. */
  follow(jobId: string, options: FollowOptions = {}): Follower {
    return new Follower(this, jobId, options);
  }

  async status(jobId: string): Promise<Status> {
    return (await this.call("GetJobStatus", { job_id: jobId })) as Status;
  }

  /** Which code, tools and machine a run was made of; undefined until it starts. */
  async provenance(jobId: string): Promise<Json | undefined> {
    const { provenance } = await this.status(jobId);
    return typeof provenance === "object" && provenance !== null ? (provenance as Json) : undefined;
  }

  /** Waits for the job's end. */
  async wait(jobId: string, timeout?: number): Promise<Status> {
    const { head_seq: since } = await this.status(jobId);
    for await (const _ of this.follow(jobId, { since, timeout }).batches()) void _;
    return this.status(jobId);
  }

  async listPage(filter: Filter & { limit?: number; page?: string } = {}): Promise<JobPage> {
    const { tool, since, until, ...same } = filter;
    const result = await this.call("ListJobs", { ...same, tool_id: tool, since: timeText(since), until: timeText(until) });
    return { jobs: (result.jobs as Status[] | undefined) ?? [], nextPage: result.next_page as string | undefined };
  }

  /** All jobs that fit, newest first: `for await (const job of client.list({ state: "running" }))`. */
  async *list(filter: Filter = {}): AsyncGenerator<Status, void, undefined> {
    for (let page: string | undefined; ; ) {
      const found = await this.listPage({ ...filter, page });
      yield* found.jobs;
      page = found.nextPage;
      if (page === undefined) return;
    }
  }

  /** Which job somebody means: an id, the beginning of one, a name, `@last`, `@last~N`. */
  async find(text: string): Promise<string> {
    return String((await this.call("FindJob", { text })).job_id);
  }

  cancel(jobId: string, reason?: string): Promise<Json> {
    return this.call("CancelJob", { job_id: jobId, reason });
  }

  hold(jobId: string, reason?: string): Promise<Json> {
    return this.call("HoldJob", { job_id: jobId, reason });
  }

  release(jobId: string, reason?: string): Promise<Json> {
    return this.call("ReleaseJob", { job_id: jobId, reason });
  }

  /** Lets a running command stand still; what its timeout counts stands still, too. */
  pause(jobId: string, reason?: string): Promise<Json> {
    return this.call("PauseJob", { job_id: jobId, reason });
  }

  resume(jobId: string, reason?: string): Promise<Json> {
    return this.call("ResumeJob", { job_id: jobId, reason });
  }

  /** A new job with the request of one that is over. */
  async retry(jobId: string, options: { key?: string } = {}): Promise<Submitted> {
    return submittedOf(await this.call("RetryJob", { job_id: jobId, idempotency_key: submitParams(options).idempotency_key }));
  }

  delete(jobId: string): Promise<Json> {
    return this.call("DeleteJob", { job_id: jobId });
  }

  // Producers.

  /** AppendJobEvents: one batch, answered. Many are the affair of `producer`. */
  async append(jobId: string, token: string, producerId: string, batch: number, events: readonly EventInput[]): Promise<Ack> {
    const params = { job_id: jobId, producer_id: producerId, producer_token: token, events, batch: events.length > 0 ? batch : undefined };
    return ackOf(batch, await this.call("AppendJobEvents", params));
  }

  /** A producer of the job's events. */
  producer(jobId: string, token: string, options: ProducerOptions = {}): Producer {
    return new Producer(this, jobId, token, options);
  }

  // The daemon.

  health(): Promise<Json> {
    return this.call("Health");
  }

  whoami(): Promise<Json> {
    return this.call("WhoAmI");
  }

  capabilities(): Promise<Json> {
    return this.call("ListCapabilities");
  }

  /** The names of what not every daemon of this protocol has; asked once. */
  features(): Promise<ReadonlySet<string>> {
    this.#features ??= this.capabilities().then(
      (found) => new Set(Array.isArray(found.features) ? found.features.map(String) : []),
      (error) => {
        this.#features = undefined;
        throw error;
      },
    );
    return this.#features;
  }

  async tools(): Promise<Json[]> {
    return (await this.call("ListTools")).tools as Json[];
  }

  tool(toolId: string): Promise<Json> {
    return this.call("GetTool", { tool_id: toolId });
  }

  /** Any method of the protocol. */
  async call(method: string, params: Json = {}, options: CallOptions = {}): Promise<Json> {
    const held = typeof params.wait_ms === "number" ? params.wait_ms : 0;
    const body = toJson(params);
    const deadline = performance.now() + (options.timeout ?? this.#timeout);
    let answer: DomedError | undefined;
    const making = MAKES_A_JOB.has(method) && this.#endpoints.length > 1 ? new Making(this, params) : undefined;
    const left = (): number => Math.max(deadline - performance.now(), 1);
    // The same bytes, but for the id: whether the request was done or not cannot be known.
    for (let pause = PAUSE_FIRST; ; pause = Math.min(pause * 2, PAUSE_MOST)) {
      try {
        const at = await making?.place(left());
        const result = this.read(await this.ask(method, body, Math.min(this.replyTimeout + held, left()), at).reply, resultOf);
        this.troubleOver();
        return result;
      } catch (caught) {
        if (!(caught instanceof DomedError)) throw caught;
        const error = making?.failed(caught) ?? caught;
        if (error !== caught || options.repeat === false || !error.retryable || neverThere(error)) throw error;
        if (!(error instanceof Unreachable)) answer = error; // says more than that time ran out
        const wait = error.retryAfter ?? pause;
        if (performance.now() + wait >= deadline) throw making?.unknown() ?? answer ?? error;
        this.met(error);
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }

  // For followers and producers.

  /** @internal One attempt; the whole reply. */
  ask(method: string, params: string, timeout: number, onlyAt?: string): Asked {
    const id = ++this.#nextId;
    return this.#channel.ask(`{"jsonrpc":"2.0","id":${id},`, `"method":${JSON.stringify(method)},"params":${params}}`, timeout, onlyAt);
  }

  /** @internal What "read" makes of the reply; a node that says that it cannot do what it is asked is left. */
  read<T>(reply: Reply, read: (body: Buffer) => T): T {
    try {
      return read(reply.body);
    } catch (error) {
      if (error instanceof DomedError && isUnwell(error)) this.leaveNode(reply.url);
      throw error;
    }
  }

  /** @internal */
  leaveNode(url: string): void {
    this.#channel.leave(url);
  }

  /** @internal To be ended with the client. */
  began(follower: Follower): void {
    this.#followers.add(follower);
  }

  /** @internal */
  ended(follower: Follower): void {
    this.#followers.delete(follower);
  }

  /** @internal An events socket takes no token: who has nothing else is not let in there. */
  mayTakeFrames(url: string): boolean {
    return endpointOf(url).ipc || this.#identity.token === undefined || this.#identity.cert !== undefined;
  }

  /** @internal */
  subscription(url: string): Subscription {
    let found = this.#subscriptions.get(url);
    if (!found) this.#subscriptions.set(url, (found = new Subscription(endpointOf(url), this.#identity)));
    return found;
  }

  /** @internal */
  leave(url: string, mailbox: Mailbox): void {
    const subscription = this.#subscriptions.get(url);
    subscription?.remove(mailbox);
    if (subscription?.used !== false) return;
    this.#subscriptions.delete(url);
    subscription.close();
  }

  /** @internal Tells what calls and followers wait out. */
  met(error: DomedError): void {
    const now = performance.now();
    this.#troubleSince ??= now;
    if (now < this.#troubleSince + TELL_FIRST || (this.#troubleTold !== undefined && now < this.#troubleTold + TELL_AGAIN)) return;
    this.#troubleTold = now;
    this.#onTrouble(`waiting: ${error.code}: ${error.message}`);
  }

  /** @internal */
  troubleOver(): void {
    if (this.#troubleTold !== undefined) this.#onTrouble(`the daemon at ${this.endpoint} answers again`);
    this.#troubleSince = this.#troubleTold = undefined;
  }
}

function requestOf(command: readonly string[] | Request, options: Request): Request {
  const request = typeof command === "object" && !Array.isArray(command) ? (command as Request) : { command: command as readonly string[] };
  return { ...request, ...options };
}

/** Within a job of domed: its id and its producer's token (docs/protocol.md, AppendJobEvents). */
export function environmentOfARun(): { jobId: string; token: string } | undefined {
  const { DOMED_JOB_ID: jobId, DOMED_PRODUCER_TOKEN: token } = process.env;
  return jobId && token ? { jobId, token } : undefined;
}
