// The top of every page: whose hotline, which page, whether it is live, and the choices about the page itself.

import { useState } from "preact/hooks";
import { fill, words } from "../i18n";
import { timeOfDay } from "../i18n/format";
import { type View, live } from "../live";
import { type Theme, prefs } from "../prefs";
import { type Path, go } from "../route";
import { useKeys } from "../hooks";
import { Shortcuts } from "./shortcuts";

const NEXT_THEME: Record<Theme, Theme> = { auto: "light", light: "dark", dark: "auto" };

export function Header({ view, path }: { view: View; path: Path }) {
  const [help, setHelp] = useState(false);
  const { hello, about } = view;
  const { role, operator, supervisor } = hello ?? {};
  const signedIn = role === "operator" || role === "supervisor";
  const desk = role === "supervisor" ? words().supervision : role === "operator" ? words().myDesk : words().signIn;
  const themes = { auto: words().themeAuto, light: words().themeLight, dark: words().themeDark };
  const language = () => prefs.choose({ language: prefs.language === "en" ? "zh" : "en" });
  const theme = () => prefs.choose({ theme: NEXT_THEME[prefs.theme] });
  useKeys({
    "?": () => setHelp(true),
    l: language,
    t: theme,
    g: () => go(path === "/wallboard" ? "/" : "/wallboard"),
  });
  return (
    <header>
      <img src="/icon.svg" alt="" width="30" height="30" />
      <h1>
        {about?.name ?? "Holdfast"}
        {signedIn && <small>{operator ?? supervisor}</small>}
      </h1>
      <nav aria-label={words().console}>
        <PageLink to="/" path={path} name={desk} />
        <PageLink to="/wallboard" path={path} name={words().wallboard} />
      </nav>
      <span class="space" />
      <LinkState view={view} />
      <span class="clock">{hello ? timeOfDay(view.now, view.timeZone, true) : ""}</span>
      <button class="quiet" lang={prefs.language === "en" ? "zh-CN" : "en"} onClick={language}>
        {words().otherLanguage}
      </button>
      <button class="quiet icon" title={themes[prefs.theme]} aria-label={themes[prefs.theme]} onClick={theme}>
        <ThemeSign theme={prefs.theme} />
      </button>
      <button class="quiet icon" title={words().shortcuts} aria-label={words().shortcuts} onClick={() => setHelp(true)}>
        ?
      </button>
      {signedIn && (
        <button class="quiet" onClick={() => void live.connection.signOut()}>
          {words().signOut}
        </button>
      )}
      {help && <Shortcuts view={view} onClose={() => setHelp(false)} />}
    </header>
  );
}

function PageLink({ to, path, name }: { to: Path; path: Path; name: string }) {
  const click = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(to);
  };
  return (
    <a href={to} aria-current={path === to ? "page" : undefined} onClick={click}>
      {name}
    </a>
  );
}

function LinkState({ view }: { view: View }) {
  const state = view.link === "live" ? "live" : view.link === "lost" ? "lost" : "connecting";
  return (
    <span class={`link-state ${state}`} role="status">
      <i aria-hidden="true" />
      {words()[state]}
    </span>
  );
}

function ThemeSign({ theme }: { theme: Theme }) {
  const path = {
    auto: "M8 2a6 6 0 1 0 0 12Z M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13Zm0 1v11a5.5 5.5 0 0 0 0-11Z",
    light: "M8 4.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7ZM7.4 0h1.2v2.6H7.4Zm0 13.4h1.2V16H7.4ZM0 7.4h2.6v1.2H0Zm13.4 0H16v1.2h-2.6ZM2 2.8l.8-.8 1.9 1.9-.8.8Zm9.3 9.3.8-.8 1.9 1.9-.8.8ZM2 13.2l1.9-1.9.8.8L2.8 14Zm9.3-9.3L13.2 2l.8.8-1.9 1.9Z",
    dark: "M6 1.5A6.6 6.6 0 1 0 14.5 10 5.6 5.6 0 0 1 6 1.5Z",
  }[theme];
  return (
    <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={path} fill="currentColor" fill-rule="evenodd" />
    </svg>
  );
}

/** What everybody must know at once: the connection is gone, the engine stops, the session was taken. */
export function Banner({ view }: { view: View }) {
  const { link, lostAt, queue, over, timeZone } = view;
  const { lostBanner, outdatedBanner, draining } = words();
  let text = "";
  if (link === "outdated") text = outdatedBanner;
  else if (lostAt !== null) text = fill(lostBanner, { time: timeOfDay(lostAt, timeZone, true) });
  else if (over !== null) text = fill(words()[over.why], { name: over.name });
  else if (queue?.draining) text = draining;
  return (
    <div role="alert" class="banner-room">
      {text !== "" && (
        <p class="banner">
          {text}
          {link === "outdated" && <button onClick={() => location.reload()}>{words().reload}</button>}
        </p>
      )}
    </div>
  );
}
