// Shapes that stand for states, beside the words: no state is told by colour alone.

import type { State, Stage } from "../feed/wire";

export type Level = "fine" | "watch" | "alarm";

interface MarkProps {
  kind: State | Stage | "registered" | "unregistered" | "recorded";
  children: preact.ComponentChildren;
}

/** A shape, and what it means. */
export function Mark({ kind, children }: MarkProps) {
  return (
    <span class="marked">
      <i class={`mark ${kind}`} aria-hidden="true" />
      {children}
    </span>
  );
}

/** The sign of a threshold that was passed. */
export function LevelSign({ level }: { level: Level }) {
  if (level === "fine") return null;
  const path = level === "watch" ? "M8 1.8 15 14H1Z" : "M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1Z";
  return (
    <svg class="sign" viewBox="0 0 16 16" width="1em" height="1em" aria-hidden="true">
      <path d={path} fill="currentColor" />
      <path d="M8 5.2v4.2M8 11.4v1" stroke="var(--card)" stroke-width="1.7" stroke-linecap="round" />
    </svg>
  );
}
