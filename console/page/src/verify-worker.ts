// Reads a log and computes its digest, away from the page: digest(n) is SHA-256 of digest(n - 1) and line n.
import { hex, sha256, unhex } from "./sha256";

export interface VerifyJob {
  url: string; // of pages of events, with its job and log
  logId: string;
  base?: string; // the digest before the first line that is kept, of a trimmed log
  first: number;
  head: number;
}
export interface VerifyState {
  checked: number;
  digest?: string;
  problem?: string;
}

async function verify(job: VerifyJob): Promise<void> {
  const encoder = new TextEncoder();
  let digest = job.first > 1 && job.base ? unhex(job.base) : sha256(encoder.encode(job.logId));
  let seq = job.first - 1;
  let space = new Uint8Array(1 << 16);
  while (seq < job.head) {
    const response = await fetch(`${job.url}&since_seq=${seq}&max_events=${Math.min(10000, job.head - seq)}&max_bytes=4194304`);
    if (!response.ok) throw new Error(((await response.json()) as { message: string }).message);
    const bytes = new Uint8Array(await response.arrayBuffer());
    let at = bytes.indexOf(10) + 1; // behind the page's own head
    const before = seq;
    for (let end = bytes.indexOf(10, at); end >= 0 && seq < job.head; at = end + 1, end = bytes.indexOf(10, at), ++seq) {
      const size = 32 + end - at;
      if (space.length < size) space = new Uint8Array(size * 2);
      space.set(digest);
      space.set(bytes.subarray(at, end), 32);
      digest = sha256(space.subarray(0, size));
    }
    if (seq === before) throw new Error("the page of events is empty");
    postMessage({ checked: seq - job.first + 1 } satisfies VerifyState);
  }
  postMessage({ checked: seq - job.first + 1, digest: hex(digest) } satisfies VerifyState);
}

onmessage = (event: MessageEvent<VerifyJob>) => {
  verify(event.data).catch((error: Error) => postMessage({ checked: 0, problem: error.message } satisfies VerifyState));
};
