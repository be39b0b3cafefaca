import type { Job } from "./api";
import { visible } from "./safe";

// A queued job that is held, and a running one that is paused, are shown as that: nothing comes of them by itself.
export const kStates = ["queued", "held", "running", "paused", "succeeded", "failed", "canceled"];
const kSigns: Record<string, string> = { queued: "◌", held: "◌", running: "▶", paused: "‖", succeeded: "✓", failed: "✗", canceled: "⊘" };

export function shownState(job: Pick<Job, "state" | "held" | "paused">): string {
  if (job.state === "queued" && job.held) return "held";
  return job.state === "running" && job.paused ? "paused" : job.state;
}
// What the daemon knows it as: "held" and "paused" are no states of their own there.
export const daemonState = (shown: string | undefined): string | undefined => (shown === "held" ? "queued" : shown === "paused" ? "running" : shown);

export function StateMark({ job }: { job: Pick<Job, "state" | "held" | "paused"> }) {
  const state = shownState(job);
  const known = kStates.includes(state) ? state : "queued";
  return (
    <span class={`state ${known}`}>
      <span aria-hidden="true">{kSigns[known]} </span>
      {visible(state)}
    </span>
  );
}
