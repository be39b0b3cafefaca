/**
 * domed: a client of the job daemon `domed`.
 *
 * `tail -f` for jobs that never loses, repeats or reorders a line: `Client` asks, `client.follow()` follows,
 * `client.producer()` reports. `tool()` turns a function into a tool whose calls are jobs.
 */

export { Client, environmentOfARun, type CallOptions, type ClientOptions } from "./client.js";
export type { IdentityOptions } from "./endpoint.js";
export * from "./errors.js";
export { Event } from "./event.js";
export { Follower, type FollowOptions } from "./follower.js";
export {
  isOver, JobFailed, Outcome, Position,
  type Ack, type Filter, type JobPage, type Request, type Status, type Submitted,
} from "./model.js";
export type { Json } from "./page.js";
export { Producer, type EventInput, type ProducerOptions } from "./producer.js";
export { Canceled, currentRun, tool, Run, type ToolOptions } from "./tool.js";
