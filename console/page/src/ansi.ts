// Escape sequences in a line of output: colours become classes, all others are shown, not obeyed.
import { visibleLine } from "./safe";

export interface Piece {
  text: string;
  classes: string; // "" where it is plain
  colour?: string; // of 24 bits, or of the table of 256
  background?: string;
  sign?: boolean; // stands for what is no text, and is not copied
}

interface Style {
  fg: string;
  bg: string;
  colour?: string;
  background?: string;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  inverse: boolean;
  strike: boolean;
}

const plain = (): Style => ({
  fg: "",
  bg: "",
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  inverse: false,
  strike: false,
});

// CSI, OSC with its end, or another escape of two characters.
// eslint-disable-next-line no-control-regex
const kSequence = /\u001b\[([0-?]*)([ -/]*)([@-~])|\u001b\]([^\u0007\u001b]*)(?:\u0007|\u001b\\)|\u001b[@-Z\\^_]/g;

const kSixteen = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

function of256(n: number): { name?: string; rgb?: string } {
  if (n < 8) return { name: kSixteen[n] };
  if (n < 16) return { name: "bright-" + kSixteen[n - 8] };
  if (n > 231) {
    const grey = 8 + (n - 232) * 10;
    return { rgb: `rgb(${grey} ${grey} ${grey})` };
  }
  const step = (i: number) => (i === 0 ? 0 : 55 + i * 40);
  const at = n - 16;
  return { rgb: `rgb(${step(Math.floor(at / 36))} ${step(Math.floor(at / 6) % 6)} ${step(at % 6)})` };
}

function extended(codes: number[], at: number, style: Style, foreground: boolean): number {
  const set = (name: string, rgb?: string) => {
    if (foreground) (style.fg = name), (style.colour = rgb);
    else (style.bg = name), (style.background = rgb);
  };
  if (codes[at + 1] === 5) {
    const found = of256(Math.min(255, codes[at + 2] ?? 0));
    set(found.name ?? "", found.rgb);
    return at + 2;
  }
  if (codes[at + 1] === 2) {
    const byte = (i: number) => Math.min(255, codes[at + i] ?? 0);
    set("", `rgb(${byte(2)} ${byte(3)} ${byte(4)})`);
    return at + 4;
  }
  return at;
}

function apply(style: Style, parameters: string): void {
  const codes = parameters.split(/[;:]/).map((text) => (text === "" ? 0 : Number.parseInt(text, 10)));
  for (let i = 0; i < codes.length; ++i) {
    const code = codes[i]!;
    if (code === 0) Object.assign(style, plain(), { colour: undefined, background: undefined });
    else if (code === 1) style.bold = true;
    else if (code === 2) style.dim = true;
    else if (code === 3) style.italic = true;
    else if (code === 4) style.underline = true;
    else if (code === 7) style.inverse = true;
    else if (code === 9) style.strike = true;
    else if (code === 22) style.bold = style.dim = false;
    else if (code === 23) style.italic = false;
    else if (code === 24) style.underline = false;
    else if (code === 27) style.inverse = false;
    else if (code === 29) style.strike = false;
    else if (code >= 30 && code <= 37) (style.fg = kSixteen[code - 30]!), (style.colour = undefined);
    else if (code === 38) i = extended(codes, i, style, true);
    else if (code === 39) (style.fg = ""), (style.colour = undefined);
    else if (code >= 40 && code <= 47) (style.bg = kSixteen[code - 40]!), (style.background = undefined);
    else if (code === 48) i = extended(codes, i, style, false);
    else if (code === 49) (style.bg = ""), (style.background = undefined);
    else if (code >= 90 && code <= 97) (style.fg = "bright-" + kSixteen[code - 90]), (style.colour = undefined);
    else if (code >= 100 && code <= 107) (style.bg = "bright-" + kSixteen[code - 100]), (style.background = undefined);
  }
}

function classes(style: Style): string {
  const out = [];
  if (style.fg) out.push("fg-" + style.fg);
  if (style.bg) out.push("bg-" + style.bg);
  for (const name of ["bold", "dim", "italic", "underline", "inverse", "strike"] as const) if (style[name]) out.push("a-" + name);
  return out.join(" ");
}

// The line without any sequence: what is copied and searched.
export function withoutSequences(text: string): string {
  return text.includes("\u001b") ? text.replace(kSequence, "") : text;
}

export function pieces(text: string): Piece[] {
  if (!text.includes("\u001b")) return [{ text: visibleLine(text), classes: "" }];
  const out: Piece[] = [];
  const style = plain();
  let at = 0;
  const add = (end: number) => {
    if (end > at)
      out.push({ text: visibleLine(text.slice(at, end)), classes: classes(style), colour: style.colour, background: style.background });
  };
  for (const match of text.matchAll(kSequence)) {
    add(match.index);
    at = match.index + match[0].length;
    if (match[3] === "m" && match[2] === "" && /^[0-9;:]*$/.test(match[1] ?? "")) apply(style, match[1] ?? "");
    // Compilers end each colour with "erase to the end of the line", of which there is nothing to see.
    else if (match[3] !== "K" && !match[0].startsWith("\u001b]8;")) out.push({ text: visibleLine(match[0]), classes: "sign", sign: true });
  }
  add(text.length);
  return out;
}
