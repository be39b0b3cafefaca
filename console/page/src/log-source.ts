// A job's log by the numbers of its events: what is looked at is fetched, what comes is taken, and of the rest
// nothing is kept.  Equal log_id and seq mean equal bytes, so whatever is here stays right.
import { Failure, Stream, daemonUrl, eventPage, type PageHead } from "./api";
import { kTerminal, rowOf, type Row } from "./lines";

const kBlock = 256;
const kKeptBlocks = 120;
const kAtOnce = 3;

interface Block {
  lines: (string | undefined)[];
  rows: (Row | undefined)[];
  used: number;
}

export interface SourceState {
  head: number;
  first: number;
  state: string;
  connected: boolean; // the console is heard
  daemon: boolean; // and hears the daemon
  ended: boolean;
  turns: number; // how often it was held, released, paused or let go on, while it is followed
  problem?: Failure;
}
const kTurns = new Set(["held", "released", "paused", "resumed"]);

export class LogSource {
  logId = "";
  readonly now: SourceState = { head: 0, first: 1, state: "", connected: true, daemon: true, ended: false, turns: 0 };
  private readonly blocks = new Map<number, Block>();
  private readonly under = new Map<number, AbortController>(); // the first seq that is asked for
  private wanted: [number, number] = [0, -1];
  private clock = 0;
  private stream?: Stream;
  private failures = 0;
  private closed = false;
  taken = 0; // lines that came live, each once

  constructor(
    readonly daemon: string,
    readonly jobId: string,
    private readonly onChange: () => void,
  ) {}

  // The newest page, as far as the log is known to go: after it the numbers are known.
  async open(head: number): Promise<void> {
    const page = await eventPage(this.daemon, { job_id: this.jobId, before_seq: head + 1, max_events: kBlock });
    this.learn(page.head);
    const last = this.seqOf(page.lines.at(-1) ?? "");
    page.lines.forEach((line, i) => this.put(last - page.lines.length + 1 + i, line));
  }

  private seqOf(line: string): number {
    return Number(/"seq":(\d+)/.exec(line)?.[1] ?? 0);
  }

  private learn(head: PageHead): void {
    this.logId = head.log_id;
    this.now.first = head.first_seq;
    this.now.head = Math.max(this.now.head, head.head_seq);
    this.now.state = head.state;
    if (kTerminal.has(head.state) && this.now.head === head.head_seq) this.now.ended = true;
  }

  private put(seq: number, line: string): void {
    const at = Math.floor((seq - 1) / kBlock);
    let block = this.blocks.get(at);
    if (!block) {
      this.evict();
      block = { lines: new Array<string | undefined>(kBlock), rows: new Array<Row | undefined>(kBlock), used: ++this.clock };
      this.blocks.set(at, block);
    }
    block.lines[(seq - 1) % kBlock] = line;
  }

  private evict(): void {
    while (this.blocks.size >= kKeptBlocks) {
      let oldest = -1;
      let used = Infinity;
      for (const [at, block] of this.blocks) if (block.used < used) (oldest = at), (used = block.used);
      this.blocks.delete(oldest);
    }
  }

  row(seq: number): Row | undefined {
    const block = this.blocks.get(Math.floor((seq - 1) / kBlock));
    if (!block) return undefined;
    block.used = ++this.clock;
    const i = (seq - 1) % kBlock;
    const known = block.rows[i];
    if (known) return known;
    const line = block.lines[i];
    if (line === undefined) return undefined;
    return (block.rows[i] = rowOf(line, seq));
  }

  has(seq: number): boolean {
    return this.blocks.get(Math.floor((seq - 1) / kBlock))?.lines[(seq - 1) % kBlock] !== undefined;
  }

  // What is looked at now: the rest is not asked for any more.
  want(from: number, to: number): void {
    this.wanted = [Math.max(from, this.now.first), Math.min(to, this.now.head)];
    for (const [seq, controller] of this.under)
      if (seq > this.wanted[1] + kBlock || seq + kBlock < this.wanted[0]) {
        controller.abort();
        this.under.delete(seq);
      }
    this.fill();
  }

  private fill(): void {
    for (let seq = this.wanted[0]; seq <= this.wanted[1] && this.under.size < kAtOnce; ) {
      if (this.has(seq)) {
        ++seq;
        continue;
      }
      const end = Math.min((Math.floor((seq - 1) / kBlock) + 1) * kBlock, this.now.head);
      const start = seq;
      if (![...this.under.keys()].some((at) => at <= start && start < at + kBlock && Math.floor((at - 1) / kBlock) === Math.floor((start - 1) / kBlock)))
        void this.fetch(start, end);
      seq = end + 1;
    }
  }

  private async fetch(from: number, to: number): Promise<void> {
    const controller = new AbortController();
    this.under.set(from, controller);
    try {
      const { head, lines } = await eventPage(
        this.daemon,
        { job_id: this.jobId, since_seq: from - 1, max_events: to - from + 1, log_id: this.logId },
        controller.signal,
      );
      this.learn(head);
      lines.forEach((line, i) => this.put(from + i, line));
      this.failures = 0;
      this.now.problem = undefined;
    } catch (error) {
      if (controller.signal.aborted || this.closed) return;
      if (error instanceof Failure && error.code !== "E_CONSOLE_AWAY" && error.code !== "E_UNREACHABLE" && error.code !== "E_BUSY" && error.code !== "E_TOO_MANY") {
        this.now.problem = error;
        this.wanted = [0, -1];
      } else {
        const pause = Math.min(5000, 250 * 2 ** this.failures++);
        await new Promise((done) => setTimeout(done, pause));
      }
    } finally {
      if (this.under.get(from) === controller) this.under.delete(from);
    }
    if (this.closed) return;
    this.onChange();
    this.fill();
  }

  // All that comes, until the log ends.
  follow(): void {
    if (this.stream || this.now.ended) return;
    this.stream = new Stream(
      () => daemonUrl(this.daemon, "follow", { job_id: this.jobId, since: this.now.head, log_id: this.logId }),
      {
        message: (event) => this.take(event),
        connection: (event) => {
          this.now.daemon = (JSON.parse(event.data) as { connected: boolean }).connected;
          this.onChange();
        },
        problem: (event) => {
          const { error, message } = JSON.parse(event.data) as { error: string; message: string };
          this.now.problem = new Failure(error, message);
          this.stopFollowing();
          this.onChange();
        },
        end: () => {
          this.now.ended = true;
          this.stopFollowing();
          this.onChange();
        },
      },
      (connected) => {
        if (this.now.connected === connected) return;
        this.now.connected = connected;
        this.onChange();
      },
    );
  }

  private take(event: MessageEvent<string>): void {
    const last = Number(event.lastEventId.split(":")[1]);
    const lines = event.data.split("\n");
    lines.forEach((line, i) => {
      const seq = last - lines.length + 1 + i;
      if (seq <= this.now.head) return; // it came before
      this.put(seq, line);
      this.now.head = seq;
      ++this.taken;
      if (kTurns.has(this.row(seq)?.type ?? "")) ++this.now.turns;
    });
    const row = this.row(this.now.head);
    if (row?.state) {
      this.now.state = row.state;
      if (kTerminal.has(row.state)) this.now.ended = true;
    }
    this.onChange();
  }

  private stopFollowing(): void {
    this.stream?.close();
    this.stream = undefined;
  }

  close(): void {
    this.closed = true;
    this.stopFollowing();
    for (const controller of this.under.values()) controller.abort();
    this.under.clear();
  }
}
