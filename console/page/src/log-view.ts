// The lines of a log on the screen, however many there are: only those that are seen are elements, placed by their
// numbers.  "top" is the row at the upper edge, with its fraction; the browser's own scrollbar stands for it.  A
// browser has no element higher than some millions of pixels, so that above that the bar is a measure: small
// movements count in rows, large ones in shares of the whole.
import { pieces, withoutSequences } from "./ansi";
import { clock, count, dateTime, sinceStart } from "./format";
import { visible } from "./safe";
import type { Row } from "./lines";
import type { LogSource } from "./log-source";
import { texts } from "./texts";

const kMostPixels = 6_000_000;
const kMostCharacters = 2000; // of a line, until it is asked for

export interface ViewOptions {
  wrap: boolean;
  times: "off" | "clock" | "start";
}

export interface ViewState {
  following: boolean;
  fresh: number; // lines that came since it does not follow
  marked?: [number, number];
}

interface Fold {
  from: number; // the first that is hidden
  to: number;
}

export class LogView {
  options: ViewOptions = { wrap: false, times: "off" };
  start = 0;
  private readonly space = document.createElement("div");
  private readonly pane = document.createElement("div");  // what is seen of the list
  private readonly list = document.createElement("div");
  private readonly shown = new Map<number, { element: HTMLElement; row: Row | undefined }>();
  private folds: Fold[] = [];
  private readonly whole = new Set<number>(); // lines that are shown in full
  private top = 0;
  private following = true;
  private seenHead = 0;
  private lastScroll = 0;
  private frame = 0;
  private settle = 0;
  private rowHeight = 20;
  private marked?: [number, number];
  private match?: RegExp;
  private told?: ViewState;
  private readonly resize: ResizeObserver;

  constructor(
    private readonly scroller: HTMLElement,
    private readonly source: LogSource,
    private readonly onState: (state: ViewState) => void,
    private readonly onMark: (from: number, to: number) => void,
    private readonly onFold: (seq: number) => void,
  ) {
    this.space.className = "log-space";
    this.pane.className = "log-pane";
    this.list.className = "log-list";
    this.pane.append(this.list);
    this.space.append(this.pane);
    scroller.replaceChildren(this.space);
    scroller.addEventListener("scroll", this.scrolled, { passive: true });
    scroller.addEventListener("keydown", this.key);
    this.list.addEventListener("click", this.clicked);
    this.list.addEventListener("copy", this.copied);
    this.resize = new ResizeObserver(() => this.draw());
    this.resize.observe(scroller);
  }

  close(): void {
    cancelAnimationFrame(this.frame);
    window.clearTimeout(this.settle);
    this.resize.disconnect();
    this.scroller.removeEventListener("scroll", this.scrolled);
    this.scroller.removeEventListener("keydown", this.key);
  }

  // Rows and numbers: what is folded has no row.
  private get total(): number {
    const { first, head } = this.source.now;
    return Math.max(0, head - first + 1 - this.folds.reduce((sum, fold) => sum + Math.min(fold.to, head) - fold.from + 1, 0));
  }
  private seqAt(index: number): number {
    let seq = this.source.now.first + index;
    for (const fold of this.folds) {
      if (fold.from > seq) break;
      seq += fold.to - fold.from + 1;
    }
    return seq;
  }
  private indexOf(seq: number): number {
    let index = seq - this.source.now.first;
    for (const fold of this.folds) {
      if (fold.from > seq) break;
      index -= Math.min(fold.to, seq) - fold.from + 1;
    }
    return Math.max(0, index);
  }

  private get rows(): number {
    return this.scroller.clientHeight / this.rowHeight;
  }
  private get most(): number {
    return Math.max(0, this.total - Math.floor(this.rows));
  }
  private get scaled(): boolean {
    return this.total * this.rowHeight > kMostPixels;
  }

  redraw(): void {
    this.shown.clear();
    this.list.replaceChildren();
    this.draw();
  }

  // Soon, and once for all that changes until then.
  draw(): void {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.render();
    });
  }

  goTo(index: number, follow = false): void {
    this.following = follow;
    this.top = Math.max(0, Math.min(index, this.most));
    this.placeBar();
    this.draw();
  }
  goToEnd(): void {
    this.goTo(this.most, true);
  }
  // Shows event "seq" a third below the upper edge.
  reveal(seq: number): void {
    this.folds = this.folds.filter((fold) => seq < fold.from || seq > fold.to);
    const index = this.indexOf(seq);
    this.following = false;
    this.top = Math.max(0, Math.min(index - Math.floor(this.rows / 3), this.most));
    this.seenHead = this.source.now.head;
    this.placeBar();
    this.draw();
  }
  mark(from: number, to: number): void {
    this.marked = from > 0 ? [from, to] : undefined;
    this.redraw();
  }
  search(match: RegExp | undefined): void {
    this.match = match;
    this.redraw();
  }
  fold(seq: number, to: number): void {
    const at = this.folds.findIndex((fold) => fold.from === seq + 1);
    const anchor = this.seqAt(Math.floor(this.top));
    if (at >= 0) this.folds.splice(at, 1);
    else if (to > seq) this.folds = [...this.folds.filter((fold) => fold.to < seq || fold.from > to), { from: seq + 1, to }].sort((a, b) => a.from - b.from);
    this.top = Math.min(this.indexOf(anchor), this.most);
    this.placeBar();
    this.redraw();
  }
  isFolded(seq: number): boolean {
    return this.folds.some((fold) => fold.from === seq + 1);
  }
  // Nobody has gone elsewhere.
  get isAtEnd(): boolean {
    return this.following;
  }
  get topSeq(): number {
    return this.seqAt(Math.floor(this.top));
  }

  // The bar, where the rows are; what the browser then tells of it is no movement.
  private placeBar(): void {
    const height = this.scaled ? kMostPixels : Math.max(this.total * this.rowHeight, this.scroller.clientHeight);
    const text = `${height}px`;
    if (this.space.style.height !== text) this.space.style.height = text;
    const range = height - this.scroller.clientHeight;
    const at = this.scaled ? (this.most > 0 ? (this.top / this.most) * range : 0) : this.top * this.rowHeight;
    if (Math.abs(this.scroller.scrollTop - at) >= 1) this.scroller.scrollTop = at;
    this.lastScroll = this.scroller.scrollTop;
  }

  private readonly scrolled = (): void => {
    const at = this.scroller.scrollTop;
    const moved = at - this.lastScroll;
    if (Math.abs(moved) < 1) return;
    this.lastScroll = at;
    const range = this.scroller.scrollHeight - this.scroller.clientHeight;
    if (!this.scaled) this.top = at / this.rowHeight;
    else if (Math.abs(moved) > this.scroller.clientHeight * 2) this.top = (at / range) * this.most;
    else this.top += moved / this.rowHeight;
    // At the ends of the bar are the ends of the log.
    if (at <= 0) this.top = 0;
    if (at >= range - 1) this.top = this.most;
    this.top = Math.max(0, Math.min(this.top, this.most));
    this.following = this.top >= this.most - 0.5;
    if (!this.following && this.seenHead === 0) this.seenHead = this.source.now.head;
    this.draw();
    window.clearTimeout(this.settle);
    if (this.scaled) this.settle = window.setTimeout(() => this.placeBar(), 200);
  };

  private readonly key = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.rows) - 1);
    const moves: Record<string, number> = { j: 1, k: -1, ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, " ": page };
    const step = moves[event.key];
    if (step !== undefined) this.move(this.top + step);
    else if (event.key === "Home" || event.key === "g") this.move(0);
    else if (event.key === "End" || event.key === "G") this.goToEnd();
    else return;
    event.preventDefault();
  };
  step(rows: number): void {
    this.move(this.top + rows);
  }
  private move(to: number): void {
    this.seenHead = this.source.now.head;
    this.goTo(to, to >= this.most);
  }

  private readonly clicked = (event: MouseEvent): void => {
    const target = event.target as HTMLElement;
    const row = target.closest<HTMLElement>(".row");
    if (!row) return;
    const seq = Number(row.dataset.seq);
    if (target.closest(".no")) {
      event.preventDefault();
      const other = event.shiftKey && this.marked ? this.marked[0] : seq;
      this.onMark(Math.min(seq, other), Math.max(seq, other));
    } else if (target.closest(".more")) {
      this.whole.add(seq);
      this.redraw();
    } else if (target.closest(".fold")) {
      this.onFold(seq);
    }
  };

  // Text, and nothing of what stands beside it.
  private readonly copied = (event: ClipboardEvent): void => {
    const selection = getSelection();
    if (!selection || selection.rangeCount === 0) return;
    const range = selection.getRangeAt(0);
    const rows = [...this.list.querySelectorAll<HTMLElement>(".row")].filter((row) => range.intersectsNode(row));
    if (rows.length < 2) return;
    const lines = rows.map((row) => {
      const known = this.source.row(Number(row.dataset.seq));
      return known ? withoutSequences(known.text) : "";
    });
    event.clipboardData?.setData("text/plain", lines.join("\n") + "\n");
    event.preventDefault();
  };

  private render(): void {
    const { head } = this.source.now;
    const probe = this.list.firstElementChild as HTMLElement | null;
    if (probe && !this.options.wrap && probe.offsetHeight > 0) this.rowHeight = probe.offsetHeight;
    if (this.following) {
      this.top = this.most;
      this.seenHead = head;
    }
    this.top = Math.max(0, Math.min(this.top, this.most));
    this.placeBar();
    this.pane.style.height = `${this.scroller.clientHeight}px`;
    this.list.classList.toggle("wrap", this.options.wrap);
    const begin = Math.floor(this.top);
    const end = Math.min(this.total, begin + Math.ceil(this.rows) + 2);
    const seqs: number[] = [];
    for (let index = begin; index < end; ++index) seqs.push(this.seqAt(index));
    this.source.want(seqs[0] ?? 1, seqs.at(-1) ?? 0);
    this.place(seqs);
    this.shift(begin, seqs);
    this.tell({ following: this.following, fresh: this.following ? 0 : Math.max(0, head - this.seenHead), marked: this.marked });
  }

  // What did not change is not told: it would have all around the log drawn anew, for each frame.
  private tell(state: ViewState): void {
    const known = this.told;
    if (known && known.following === state.following && known.fresh === state.fresh && known.marked === state.marked) return;
    this.told = state;
    this.onState(state);
  }

  // Elements that stay are left where they are, so that what is selected stays selected.
  private place(seqs: number[]): void {
    const kept = new Set(seqs);
    for (const [seq, { element }] of this.shown)
      if (!kept.has(seq)) {
        element.remove();
        this.shown.delete(seq);
      }
    let next = this.list.firstElementChild;
    for (const seq of seqs) {
      const row = this.source.row(seq);
      const known = this.shown.get(seq);
      if (known && known.row === row) {
        if (known.element === next) next = next.nextElementSibling;
        else this.list.insertBefore(known.element, next);
        continue;
      }
      const element = this.element(seq, row);
      if (known) {
        if (known.element === next) next = next.nextElementSibling;
        known.element.replaceWith(element);
      } else {
        this.list.insertBefore(element, next);
      }
      this.shown.set(seq, { element, row });
    }
  }

  // By a fraction of the first row; wrapped lines at the end stand on the lower edge.
  private shift(begin: number, seqs: number[]): void {
    const first = this.list.firstElementChild as HTMLElement | null;
    let by = first ? (this.top - begin) * first.offsetHeight : 0;
    if (this.options.wrap && this.top >= this.most - 0.5 && seqs.length > 0) {
      const last = this.list.lastElementChild as HTMLElement;
      by = Math.max(by, last.offsetTop + last.offsetHeight - this.scroller.clientHeight);
    }
    this.list.style.transform = by > 0 ? `translateY(${-by}px)` : "";
  }

  private element(seq: number, row: Row | undefined): HTMLElement {
    const out = document.createElement("div");
    out.dataset.seq = String(seq);
    out.className = `row ${row?.kind ?? "absent"}`;
    if (row?.state === "failed" || row?.type === "error") out.classList.add("failed");
    if (this.marked && seq >= this.marked[0] && seq <= this.marked[1]) out.classList.add("marked");
    const number = document.createElement("a");
    number.className = "no";
    number.href = `#${seq}`;
    number.textContent = String(seq);
    number.tabIndex = -1;
    number.setAttribute("aria-label", texts.lineLink(count(seq)));
    out.append(number);
    if (this.options.times !== "off") {
      const time = document.createElement("span");
      time.className = "time";
      if (row?.ts) {
        time.textContent = this.options.times === "clock" ? clock(row.ts) : sinceStart(row.ts, this.start);
        time.title = dateTime(row.ts);
      }
      out.append(time);
    }
    const text = document.createElement("span");
    text.className = "text";
    if (row) this.fill(text, row);
    out.append(text);
    return out;
  }

  private fill(text: HTMLElement, row: Row): void {
    if (row.kind === "event" || row.kind === "bad") {
      const type = document.createElement("b");
      type.textContent = visible(row.type) + " ";
      text.append(type, visible(row.text.slice(0, kMostCharacters)));
      return;
    }
    if (row.kind === "stderr") text.append(sign("err", "e", texts.stderr));
    if (row.kind === "other") text.append(sign("err", visible(row.type), ""));
    if (this.group(text, row)) return;
    const whole = this.whole.has(row.seq);
    let line = whole && row.whole !== undefined ? row.whole : row.text;
    const more = line.length - kMostCharacters;
    if (more > 0 && !whole) line = line.slice(0, kMostCharacters);
    this.write(text, line);
    if ((more > 0 || row.folded > 0) && !whole) text.append(moreButton(more > 0 ? texts.moreCharacters(count(more)) : texts.foldedTimes(row.folded)));
    if (!row.eol) text.append(sign("cut", "…", texts.noLineEnd));
  }

  private group(text: HTMLElement, row: Row): boolean {
    const found = /^(?:::group::|##\[group\])(.*)$/.exec(row.text);
    if (!found) return false;
    const button = document.createElement("button");
    button.className = "fold";
    const folded = this.isFolded(row.seq);
    button.setAttribute("aria-expanded", String(!folded));
    button.textContent = `${folded ? "▸" : "▾"} ${visible(found[1] ?? "").slice(0, kMostCharacters)}`;
    text.append(button);
    return true;
  }

  private write(text: HTMLElement, line: string): void {
    for (const piece of pieces(line)) {
      let rest = piece.text;
      if (this.match && !piece.sign) {
        this.match.lastIndex = 0;
        let at = 0;
        for (let found = this.match.exec(rest); found && found[0] !== ""; found = this.match.exec(rest)) {
          this.span(text, piece, rest.slice(at, found.index));
          const mark = document.createElement("mark");
          mark.textContent = found[0];
          text.append(mark);
          at = found.index + found[0].length;
        }
        rest = rest.slice(at);
      }
      this.span(text, piece, rest);
    }
  }

  private span(text: HTMLElement, piece: { classes: string; colour?: string; background?: string }, content: string): void {
    if (content === "") return;
    if (!piece.classes && !piece.colour && !piece.background) return text.append(content);
    const span = document.createElement("span");
    span.className = piece.classes;
    if (piece.colour) span.style.color = piece.colour;
    if (piece.background) span.style.backgroundColor = piece.background;
    span.textContent = content;
    text.append(span);
  }
}

function sign(name: string, text: string, title: string): HTMLElement {
  const out = document.createElement("span");
  out.className = "sign " + name;
  out.textContent = text;
  out.title = title;
  return out;
}

function moreButton(text: string): HTMLElement {
  const out = document.createElement("button");
  out.className = "more";
  out.textContent = text;
  return out;
}
