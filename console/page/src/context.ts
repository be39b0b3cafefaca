// What the parts of the page share.
import { createContext } from "preact";
import { useContext, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { DaemonInfo, Session } from "./api";

export interface Shared {
  session: Session;
  daemon: DaemonInfo;
}
export const Here = createContext<Shared>(undefined as unknown as Shared);
export const useHere = (): Shared => useContext(Here);

const kRoles = ["reader", "producer", "submitter", "operator"];
// Whether these roles, and this console, allow what needs "role".
export function may(here: Shared, role: "submitter" | "operator"): boolean {
  if (here.session.read_only) return false;
  const highest = Math.max(-1, ...(here.daemon.roles ?? []).map((name) => kRoles.indexOf(name)));
  return highest >= kRoles.indexOf(role);
}

// The time, each second, and not while nobody looks.
export function useNow(every = 1000): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) setNow(Date.now());
    }, every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

// Keys that work wherever no text is typed.
export function useKeys(keys: Record<string, () => void>): void {
  // What was drawn last is what a key finds, however quickly it follows another.
  const known = useRef(keys);
  known.current = keys;
  useLayoutEffect(() => {
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (target.closest("input, select, textarea, dialog") && event.key !== "Escape") return;
      const act = known.current[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, []);
}
