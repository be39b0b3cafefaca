// Figures, and whether they are what they are to be.
export const sorted = (values) => [...values].sort((a, b) => a - b);
export const at = (values, share) => sorted(values)[Math.min(values.length - 1, Math.floor(values.length * share))];
export const most = (values) => values.reduce((a, b) => Math.max(a, b), 0);

// Figures whose measurement was not complete are none.
export function complete(what, good, seen = "") {
  if (good) return;
  console.log(`incomplete: ${what} ${seen}`);
  process.exit(1);
}

export function tell(name, value, unit, target) {
  const shown = value >= 100 ? Math.round(value) : Number(value.toPrecision(3));
  const verdict = target === undefined ? "" : `  target ${target} ${unit}: ${value <= target ? "met" : "MISSED"}`;
  console.log(`${name.padEnd(34)} ${String(shown).padStart(9)} ${unit.padEnd(7)}${verdict}`);
}
