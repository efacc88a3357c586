// Which page is shown. The engine answers both addresses with the same file.

export type Path = "/" | "/wallboard";

/** The page that the address names. */
export function path(): Path {
  return location.pathname === "/wallboard" ? "/wallboard" : "/";
}

/** Shows another page, without loading anything. */
export function go(to: Path): void {
  if (to !== path()) history.pushState(null, "", to);
  dispatchEvent(new PopStateEvent("popstate"));
}
