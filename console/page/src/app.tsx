import { useEffect, useRef, useState } from "preact/hooks";
import { Failure, getJson, login, logout, setSession, type Session } from "./api";
import { Here, useKeys } from "./context";
import { JobPage } from "./job-page";
import { JobsPage } from "./jobs-page";
import { follow, go, pageUrl, usePlace } from "./router";
import { visible } from "./safe";
import { StatsPage } from "./stats-page";
import { texts } from "./texts";
import { TimelinePage } from "./timeline-page";

type Theme = "auto" | "light" | "dark";

function useTheme(): [Theme, () => void] {
  const [theme, setTheme] = useState<Theme>(() => (localStorage.getItem("theme") as Theme | null) ?? "auto");
  useEffect(() => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    localStorage.setItem("theme", theme);
  }, [theme]);
  const dark = theme === "dark" || (theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  return [theme, () => setTheme(dark ? "light" : "dark")];
}

// "#login=SECRET" of the address that the program printed: taken once, and gone from the address.
function secretOfAddress(): string | undefined {
  const found = /^#login=(.+)$/.exec(location.hash);
  if (!found) return undefined;
  history.replaceState(null, "", location.pathname + location.search);
  return decodeURIComponent(found[1]!);
}

export function App() {
  const [session, setCurrent] = useState<Session | undefined>();
  const [wanted, setWanted] = useState(false);
  const [problem, setProblem] = useState("");
  const load = async () => {
    try {
      const found = await getJson<Session>("/api/session");
      setSession(found.csrf, () => setWanted(true));
      setProblem("");
      setWanted(false);
      setCurrent(found);
    } catch (error) {
      if (error instanceof Failure && error.code === "E_LOGIN") return setWanted(true);
      setProblem(error instanceof Error ? error.message : String(error));
      setTimeout(() => void load(), 2000);
    }
  };
  useEffect(() => {
    setSession("", () => setWanted(true));
    const secret = secretOfAddress();
    if (!secret) return void load();
    void login(secret).then(load, () => load());
  }, []);
  if (wanted) return <Login done={load} />;
  if (!session) return <p class="notice">{problem || texts.loading}</p>;
  return <Frame session={session} />;
}

function Login({ done }: { done: () => Promise<void> }) {
  const [failed, setFailed] = useState("");
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      await login(field.current!.value.trim());
      await done();
    } catch (error) {
      setFailed(texts.loginFailed + (error as Error).message);
    }
  };
  return (
    <main class="login">
      <h1>{texts.title}</h1>
      <form onSubmit={submit}>
        <label>
          {texts.token}
          <input ref={field} type="password" autocomplete="current-password" required />
        </label>
        <button class="primary">{texts.login}</button>
      </form>
      <p role="alert">{failed}</p>
      <p class="hint">{texts.loginHint}</p>
    </main>
  );
}

const kPages = [
  ["jobs", texts.jobs],
  ["timeline", texts.timeline],
  ["stats", texts.statistics],
] as const;

function Frame({ session }: { session: Session }) {
  const place = usePlace();
  const [, turn] = useTheme();
  const [help, setHelp] = useState(false);
  const daemon = session.daemons.find((one) => one.name === place.daemon) ?? session.daemons[0];
  useKeys({ "?": () => setHelp(true) });
  useEffect(() => {
    if (daemon && place.daemon !== daemon.name) go(pageUrl(daemon.name, "jobs"), true);
  }, [daemon, place.daemon]);
  if (!daemon) return <p class="notice">{texts.noJobs}</p>;
  const page = place.page;
  return (
    <Here.Provider value={{ session, daemon }}>
      <div class="frame" onClick={follow}>
        <a class="skip" href="#content">
          {texts.skip}
        </a>
        <header>
          <a class="brand" href={pageUrl(daemon.name, "jobs")}>
            {texts.title}
          </a>
          <nav aria-label={texts.title}>
            {kPages.map(([name, text]) => (
              <a key={name} href={pageUrl(daemon.name, name)} aria-current={page === name ? "page" : undefined}>
                {text}
              </a>
            ))}
          </nav>
          {session.daemons.length > 1 && (
            <select aria-label={texts.daemon} value={daemon.name} onChange={(event) => go(pageUrl(event.currentTarget.value, page === "job" ? "jobs" : page))}>
              {session.daemons.map((one) => (
                <option key={one.name}>{one.name}</option>
              ))}
            </select>
          )}
          <span class="who" title={texts.youAre(visible(daemon.identity ?? session.who))}>
            {session.read_only ? texts.readOnly : (daemon.roles?.at(-1) ?? "")}
          </span>
          <button onClick={() => setHelp(true)} title={texts.keys} aria-label={texts.keys}>
            ?
          </button>
          <button onClick={turn} title={texts.theme} aria-label={texts.theme}>
            ◐
          </button>
          <button
            onClick={() =>
              void logout().finally(() => {
                location.href = "/";
              })
            }
          >
            {texts.logout}
          </button>
        </header>
        {daemon.trouble && (
          <p class="banner" role="alert">
            {visible(daemon.trouble)}
          </p>
        )}
        <main id="content" key={daemon.name} tabIndex={-1}>
          {page === "job" ? (
            <JobPage key={place.query.get("id") ?? ""} place={place} />
          ) : page === "timeline" ? (
            <TimelinePage place={place} />
          ) : page === "stats" ? (
            <StatsPage place={place} />
          ) : (
            <JobsPage place={place} />
          )}
        </main>
        {help && <Keys close={() => setHelp(false)} />}
      </div>
    </Here.Provider>
  );
}

function Keys({ close }: { close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} onClose={close} aria-label={texts.keys}>
      <dl class="keys">
        {texts.keysHelp.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog">
        <button class="primary">{texts.close}</button>
      </form>
    </dialog>
  );
}
