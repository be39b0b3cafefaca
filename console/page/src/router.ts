// Where one is, as the address says: /d/DAEMON/PAGE?QUERY#LINE.
import { useEffect, useState } from "preact/hooks";

export interface Place {
  daemon: string;
  page: string;
  query: URLSearchParams;
  hash: string;
}

export function placeOf(location: Location): Place {
  const parts = location.pathname.split("/").map(decodeURIComponent);
  return {
    daemon: parts[1] === "d" ? (parts[2] ?? "") : "",
    page: parts[1] === "d" ? (parts[3] ?? "jobs") : "jobs",
    query: new URLSearchParams(location.search),
    hash: location.hash.slice(1),
  };
}

const listeners = new Set<() => void>();
const moved = (): void => listeners.forEach((tell) => tell());
window.addEventListener("popstate", moved);
window.addEventListener("hashchange", moved);

export function go(url: string, replace = false): void {
  if (replace) history.replaceState(history.state, "", url);
  else history.pushState({ inside: true }, "", url);
  moved();
}

export function usePlace(): Place {
  const [place, setPlace] = useState(() => placeOf(location));
  useEffect(() => {
    const tell = () => setPlace(placeOf(location));
    listeners.add(tell);
    return () => void listeners.delete(tell);
  }, []);
  return place;
}

export function pageUrl(daemon: string, page: string, query: Record<string, string | undefined> = {}, hash = ""): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value) params.set(key, value);
  const text = params.toString();
  return `/d/${encodeURIComponent(daemon)}/${page}${text ? "?" + text : ""}${hash ? "#" + hash : ""}`;
}

// A link that does not load the page anew.
export function follow(event: MouseEvent): void {
  const link = (event.target as HTMLElement).closest("a");
  if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const href = link.getAttribute("href") ?? "";
  if (link.target || link.hasAttribute("download") || link.origin !== location.origin || !href.startsWith("/d/")) return;
  event.preventDefault();
  go(href);
}
