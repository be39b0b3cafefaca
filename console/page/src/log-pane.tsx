import { useEffect, useRef, useState } from "preact/hooks";
import { daemonUrl, eventPage, getJson, type Job } from "./api";
import { withoutSequences } from "./ansi";
import { useHere, useKeys } from "./context";
import { count } from "./format";
import { kTerminal, rowOf } from "./lines";
import { LogSource, type SourceState } from "./log-source";
import { LogView, type ViewOptions, type ViewState } from "./log-view";
import { go, type Place } from "./router";
import { visible } from "./safe";
import { firstError, regexOf, Search, type Wanted } from "./search";
import { texts } from "./texts";

// A first error that is found at once is where a failed log opens; one that is found a little later is still gone to.
const kAtOnce = 150;
const kSoon = 3000;

// "42" or "42-57"; also "seq=42".
function linesOf(hash: string): [number, number] | undefined {
  const found = /^(?:seq=)?(\d{1,15})(?:-(\d{1,15}))?$/.exec(hash);
  if (!found) return undefined;
  const from = Number(found[1]);
  const to = Number(found[2] ?? from);
  return from > 0 ? [Math.min(from, to), Math.max(from, to)] : undefined;
}

const kOptions = "log-options";
function keptOptions(): ViewOptions {
  try {
    return { wrap: false, times: "off", ...(JSON.parse(localStorage.getItem(kOptions) ?? "{}") as Partial<ViewOptions>) };
  } catch {
    return { wrap: false, times: "off" };
  }
}

export function LogPane({ job, place, changed }: { job: Job; place: Place; changed: () => void }) {
  const { daemon } = useHere();
  const scroller = useRef<HTMLDivElement>(null);
  const view = useRef<LogView>();
  const source = useRef<LogSource>();
  const [now, setNow] = useState<SourceState | undefined>();
  const [state, setState] = useState<ViewState>({ following: true, fresh: 0 });
  const [options, setOptions] = useState<ViewOptions>(keptOptions);
  const [error, setError] = useState<number | undefined>();
  const [note, setNote] = useState("");

  useEffect(() => {
    const stop = new AbortController();
    let known = job.state;
    let turns = 0;
    let told = 0; // the frame in which it is told
    const tell = () => {
      told = 0;
      setNow({ ...log.now });
      if (log.now.state === known && log.now.turns === turns) return;
      // Who watched it fail stays at its end, and is offered the way to why.
      if (log.now.state === "failed" && known !== "failed")
        void firstError(daemon.name, job.job_id, stop.signal).then(
          (seq) => !stop.signal.aborted && setError(seq),
          () => undefined,
        );
      known = log.now.state;
      turns = log.now.turns;
      changed();
    };
    const log = (source.current = new LogSource(daemon.name, job.job_id, () => {
      lines.draw();
      told ||= requestAnimationFrame(tell);
    }));
    const lines = (view.current = new LogView(
      scroller.current!,
      log,
      setState,
      (from, to) => go(location.pathname + location.search + (from === to ? `#${from}` : `#${from}-${to}`), true),
      (seq) => void foldAt(seq),
    ));
    lines.options = options;
    lines.start = Date.parse(job.started_at ?? job.created_at);
    const open = async () => {
      const asked = linesOf(location.hash.slice(1));
      // Of a failed job the first error is what one looks for; where that takes long its end is shown.
      const first = job.state === "failed" && !asked ? firstError(daemon.name, job.job_id, stop.signal).catch(() => undefined) : undefined;
      await log.open(job.head_seq);
      setNow({ ...log.now });
      const found = first ? await Promise.race([first, new Promise<undefined>((late) => setTimeout(late, kAtOnce))]) : undefined;
      if (asked) lines.mark(...asked), lines.reveal(asked[0]);
      else if (found) lines.reveal(found);
      else lines.goToEnd();
      log.follow();
      const began = performance.now();
      void first?.then((seq) => {
        if (stop.signal.aborted) return;
        setError(seq);
        if (seq && !found && lines.isAtEnd && performance.now() - began < kSoon) lines.reveal(seq);
      });
    };
    open().catch((failure: Error) => !stop.signal.aborted && setNote(failure.message));
    return () => {
      stop.abort();
      cancelAnimationFrame(told);
      lines.close();
      log.close();
    };
  }, [daemon.name, job.job_id]);

  useEffect(() => {
    const asked = linesOf(place.hash);
    if (!view.current || !source.current?.logId) return;
    const before = state.marked;
    view.current.mark(asked?.[0] ?? 0, asked?.[1] ?? 0);
    const top = view.current.topSeq;
    if (asked && (asked[0] !== before?.[0] || asked[1] !== before[1]) && (asked[0] < top || asked[0] > top + 30)) view.current.reveal(asked[0]);
  }, [place.hash]);

  useEffect(() => {
    localStorage.setItem(kOptions, JSON.stringify(options));
    if (!view.current) return;
    view.current.options = options;
    view.current.redraw();
  }, [options]);

  const foldAt = async (seq: number) => {
    const lines = view.current!;
    if (lines.isFolded(seq)) return lines.fold(seq, 0);
    const found = await getJson<{ matches: number[] }>(
      daemonUrl(daemon.name, "search", { job_id: job.job_id, pattern: "^(::endgroup::|##\\[endgroup\\])", since_seq: seq, limit: 1 }),
    );
    lines.fold(seq, (found.matches[0] ?? source.current!.now.head + 1) - 1);
  };
  const foldAll = async () => {
    const search = new Search(daemon.name, job.job_id, { text: "^(::group::|::endgroup::|##\\[group\\]|##\\[endgroup\\])", pattern: true, matchCase: true }, () => {});
    await search.run();
    // Beginnings and ends take turns: what a group holds is between two of them.
    for (let i = 0; i + 1 < search.matches.length; i += 2) view.current!.fold(search.matches[i]!, search.matches[i + 1]! - 1);
  };

  const times = { off: "clock", clock: "start", start: "off" } as const;
  useKeys({
    f: () => view.current?.goToEnd(),
    w: () => setOptions((known) => ({ ...known, wrap: !known.wrap })),
    t: () => setOptions((known) => ({ ...known, times: times[known.times] })),
    e: () => error && view.current?.reveal(error),
    G: () => view.current?.goToEnd(),
    g: () => view.current?.goTo(0),
    j: () => view.current?.step(1),
    k: () => view.current?.step(-1),
  });
  const trouble = note || now?.problem?.message;
  const live = now && !now.ended && !kTerminal.has(now.state);
  return (
    <div class="log-pane-frame" data-head={now?.head} data-ended={now?.ended} data-following={state.following}>
      <div class="tools" role="toolbar" aria-label={texts.log}>
        <SearchBox job={job} view={view} />
        <button aria-pressed={options.wrap} onClick={() => setOptions({ ...options, wrap: !options.wrap })}>
          {texts.wrap}
        </button>
        <select aria-label={texts.times} value={options.times} onChange={(event) => setOptions({ ...options, times: event.currentTarget.value as ViewOptions["times"] })}>
          <option value="off">{texts.timesOff}</option>
          <option value="clock">{texts.timesClock}</option>
          <option value="start">{texts.timesStart}</option>
        </select>
        {error && <button onClick={() => view.current?.reveal(error)}>{texts.firstError}</button>}
        <button onClick={() => void foldAll()}>{texts.foldAll}</button>
        <span class="downloads">
          {texts.download}:{" "}
          <a download href={daemonUrl(daemon.name, "download", { job_id: job.job_id, as: "raw" })}>
            {texts.rawOutput}
          </a>{" "}
          <a download href={daemonUrl(daemon.name, "download", { job_id: job.job_id, as: "events" })}>
            {texts.asEvents}
          </a>
        </span>
      </div>
      {state.marked && <Marked job={job} marked={state.marked} />}
      {trouble && (
        <p class="banner" role="alert">
          {visible(trouble)}
        </p>
      )}
      {now && live && !now.connected && <p class="banner">{texts.away}</p>}
      {now && live && now.connected && !now.daemon && <p class="banner">{texts.daemonAway}</p>}
      {now && now.first > 1 && <p class="hint">{texts.trimmed(count(now.first))}</p>}
      <div class="log" ref={scroller} tabIndex={0} role="region" aria-label={texts.log} />
      <p class="foot">
        <span class={live && now.connected && now.daemon ? "dot on" : "dot"} /> {now ? `${texts.logOf(count(now.head))} · ` : texts.loading}
        {now && !live ? texts.ended : state.following ? texts.following : ""}
        {!state.following && (
          <button class="fresh" onClick={() => view.current?.goToEnd()}>
            {state.fresh > 0 ? `↓ ${texts.fresh(count(state.fresh))}` : `↓ ${live ? texts.follow : texts.end}`}
          </button>
        )}
      </p>
    </div>
  );
}

function SearchBox({ job, view }: { job: Job; view: { current?: LogView } }) {
  const { daemon } = useHere();
  const [wanted, setWanted] = useState<Wanted>({ text: "", pattern: false, matchCase: false });
  const [, setTurn] = useState(0);
  const search = useRef<Search>();
  const field = useRef<HTMLInputElement>(null);
  const at = useRef<number | undefined>();
  const jump = (forward: boolean) => {
    const to = search.current?.from(at.current ?? view.current?.topSeq ?? 1, forward);
    if (to === undefined) return;
    at.current = to;
    view.current?.mark(to, to);
    view.current?.reveal(to);
    setTurn((n) => n + 1);
  };
  const stop = () => {
    search.current?.close();
    search.current = undefined;
    at.current = undefined;
  };
  const begin = (change: Partial<Wanted>) => {
    const next = { ...wanted, ...change };
    setWanted(next);
    stop();
    view.current?.search(next.text ? regexOf(next) : undefined);
    if (!next.text) return setTurn((n) => n + 1);
    const one = (search.current = new Search(daemon.name, job.job_id, next, () => {
      if (search.current !== one) return;
      if (at.current === undefined && one.matches.length > 0) {
        at.current = (view.current?.topSeq ?? 1) - 1;
        jump(true);
      }
      setTurn((n) => n + 1);
    }));
    void one.run();
  };
  useEffect(() => stop, []);
  useKeys({ "/": () => field.current?.focus(), n: () => jump(true), N: () => jump(false) });
  const one = search.current;
  const place = one && at.current !== undefined ? one.matches.indexOf(at.current) + 1 : 0;
  const share = one ? Math.min(100, Math.floor((100 * one.lookedTo) / Math.max(1, job.head_seq))) : 0;
  return (
    <form
      class="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        if (field.current!.value === wanted.text && one) jump(true);
        else begin({ text: field.current!.value });
      }}
    >
      <input
        ref={field}
        type="search"
        aria-label={texts.search}
        placeholder={texts.search}
        onKeyDown={(event) => {
          if (event.key === "Escape") {
            event.currentTarget.value = "";
            begin({ text: "" });
            event.currentTarget.blur();
          }
        }}
      />
      <label>
        <input type="checkbox" checked={wanted.pattern} onChange={(event) => begin({ pattern: event.currentTarget.checked })} /> {texts.pattern}
      </label>
      <label>
        <input type="checkbox" checked={wanted.matchCase} onChange={(event) => begin({ matchCase: event.currentTarget.checked })} /> {texts.matchCase}
      </label>
      {one && (
        <>
          <span role="status" class="matches">
            {visible(one.problem) || (one.matches.length === 0 && one.done ? texts.noMatch : texts.matches(place, count(one.matches.length), one.done, share))}
          </span>
          <button type="button" onClick={() => jump(false)} aria-label={texts.previous} title={texts.previous}>
            ↑
          </button>
          <button type="button" onClick={() => jump(true)} aria-label={texts.next} title={texts.next}>
            ↓
          </button>
        </>
      )}
    </form>
  );
}

// What is linked to, and what one does with it.
function Marked({ job, marked }: { job: Job; marked: [number, number] }) {
  const { daemon } = useHere();
  const [said, setSaid] = useState("");
  const [from, to] = marked;
  const say = (text: Promise<string>) =>
    void text
      .then((ready) => navigator.clipboard.writeText(ready))
      .then(() => setSaid(texts.copied))
      .catch((error: Error) => setSaid(error.message));
  const lines = async () => {
    const out: string[] = [];
    for (let since = from - 1; since < to; ) {
      const page = await eventPage(daemon.name, { job_id: job.job_id, since_seq: since, max_events: Math.min(10000, to - since) });
      if (page.lines.length === 0) break;
      page.lines.forEach((line, i) => {
        const row = rowOf(line, since + 1 + i);
        if (row.kind !== "event") out.push(withoutSequences(row.text));
      });
      since += page.lines.length;
    }
    return out.join("\n") + "\n";
  };
  const address = `${location.origin}${location.pathname}${location.search}#${from === to ? from : `${from}-${to}`}`;
  return (
    <p class="marked-bar">
      {texts.linesMarked(count(from), count(to))} <button onClick={() => say(Promise.resolve(address))}>{texts.copyLink}</button>{" "}
      <button onClick={() => say(lines())}>{texts.copyLines}</button> <span role="status">{said}</span>
    </p>
  );
}
