// Numbers and times as people read them.
const whole = new Intl.NumberFormat("en");
export const count = (n: number): string => whole.format(n);

export function duration(milliseconds: number): string {
  const s = Math.max(0, milliseconds) / 1000;
  if (s < 1) return `${Math.round(milliseconds)} ms`;
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 60) return `${Math.floor(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} m ${Math.floor(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} m`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

export function age(time: string | undefined, now: number): string {
  if (!time) return "";
  const s = Math.max(0, now - Date.parse(time)) / 1000;
  if (s < 60) return `${Math.floor(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} m`;
  if (s < 86400 * 2) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86400)} d`;
}

const two = (n: number) => String(n).padStart(2, "0");
export function clock(time: string): string {
  const d = new Date(time);
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${String(d.getMilliseconds()).padStart(3, "0")}`;
}
export function dateTime(time: string | undefined): string {
  if (!time) return "";
  const d = new Date(time);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}
// Since the job began: "+1:02.345".
export function sinceStart(time: string, start: number): string {
  const ms = Math.max(0, Date.parse(time) - start);
  const s = Math.floor(ms / 1000);
  const tail = `${two(s % 60)}.${String(ms % 1000).padStart(3, "0")}`;
  return s < 3600 ? `+${Math.floor(s / 60)}:${tail}` : `+${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${tail}`;
}

// "2h" (ago), a date, or a time: as the daemon takes it; undefined: none of them.
export function whenOf(text: string, now: number): string | undefined {
  const relative = /^(\d+(?:\.\d+)?)\s*(s|m|h|d|w)(?: ago)?$/.exec(text.trim());
  if (relative) {
    const unit = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 }[relative[2] as "s"]!;
    return new Date(now - Number(relative[1]) * unit * 1000).toISOString();
  }
  const time = Date.parse(text.trim());
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}

// Of numbers in ascending order.
export function percentile(sorted: number[], share: number): number {
  if (sorted.length === 0) return NaN;
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}
