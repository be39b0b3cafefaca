// What a job, or whoever made it, wrote is shown as text, and never taken for anything else.  What would not be
// seen, or would turn the text around, is shown as a sign.

const kUnseen =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\ufff9-\ufffb]/g;

function sign(character: string): string {
  const code = character.charCodeAt(0);
  // As cat -v has it: few fonts have the pictures that Unicode has for these.
  if (code < 0x20) return "^" + String.fromCharCode(0x40 + code);
  if (code === 0x7f) return "^?";
  return `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
}

export function visible(text: string): string {
  return text.replace(kUnseen, sign);
}

// As visible(), but a tab stays what it is: for lines of output.
export function visibleLine(text: string): string {
  return text.replace(kUnseen, (c) => (c === "\t" ? c : sign(c)));
}

// "text" in at most "most" characters.
export function shortened(text: string, most: number): string {
  return text.length <= most ? text : text.slice(0, most - 1) + "…";
}

// As a word of a shell's command line.
export function quoted(text: string): string {
  return /^[A-Za-z0-9_.,:/@%+=-]+$/.test(text) ? text : "'" + text.replaceAll("'", "'\\''") + "'";
}
