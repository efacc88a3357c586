// Which page is shown. The engine answers all addresses with the same file.

export type Path = "/" | "/wallboard" | "/call";

const PATHS: readonly Path[] = ["/", "/wallboard", "/call"];

/** The page that the address names. */
export function path(): Path {
  return PATHS.find((known) => known === location.pathname) ?? "/";
}

/** Shows another page, without loading anything. */
export function go(to: Path): void {
  if (to !== path()) history.pushState(null, "", to);
  dispatchEvent(new PopStateEvent("popstate"));
}
