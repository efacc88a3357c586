// Which page for whom.

import { useEffect, useReducer } from "preact/hooks";
import { useView } from "./hooks";
import { words } from "./i18n";
import { live, type View } from "./live";
import { CallerPage } from "./pages/caller";
import { OperatorPage } from "./pages/operator";
import { SignIn } from "./pages/sign-in";
import { SupervisorPage } from "./pages/supervisor";
import { Wallboard } from "./pages/wallboard";
import { Banner, Header } from "./parts/header";
import type { Phone } from "./phone/phone";
import { usePhone } from "./phone/use-phone";
import { prefs } from "./prefs";
import { type Path, path } from "./route";

export function App() {
  const view = useView();
  const here = path();
  const [, redraw] = useReducer<number, void>((count) => count + 1, 0);
  useEffect(() => {
    const changed = () => {
      if (path() === "/") live.connection.takePart();
      redraw();
    };
    prefs.onChange(changed);
    addEventListener("popstate", changed);
    return () => removeEventListener("popstate", changed);
  }, []);
  const { role, operator } = view.hello ?? {};
  const phone = usePhone(role === "operator" ? operator : undefined, prefs.phoneHere);
  return (
    <div class={`page ${view.lostAt === null ? "" : "stale"}`}>
      <a class="skip" href="#content">
        {words().skip}
      </a>
      <Header view={view} path={here} />
      <Banner view={view} />
      <Page view={view} path={here} phone={phone} />
    </div>
  );
}

function Page({ view, path, phone }: { view: View; path: Path; phone: Phone | null }) {
  const { hello, me, queue } = view;
  const role = hello?.role ?? "guest";
  useEffect(() => {
    if (role !== "operator") document.title = `${view.about?.name ?? "Holdfast"} · ${words().console}`;
  }, [role, view.about, words()]);
  if (path === "/call") return <CallerPage view={view} />;
  if (path === "/wallboard" && (queue || view.link !== "guest")) return <Wallboard view={view} />;
  if (role === "operator" && me) return <OperatorPage view={view} me={me} phone={phone} />;
  if (role === "supervisor") return <SupervisorPage view={view} />;
  return <SignIn view={view} />;
}

/** Begins to listen to the feed. */
export function start(): void {
  void live.start();
}
