// One figure with its name, what it is measured against, and a word on whether that is as it should be.

import type { ComponentChildren } from "preact";
import { words } from "../i18n";
import { type Level, LevelSign } from "./mark";

interface TileProps {
  name: string;
  figure: string;
  /** Beside the figure, smaller. */
  of?: string | undefined;
  note?: ComponentChildren;
  level?: Level | undefined;
  children?: ComponentChildren;
}

/** A figure. Its level colours it, and says so by a sign and, for who does not see, by a word. */
export function Tile({ name, figure, of, note, level = "fine", children }: TileProps) {
  return (
    <article class={`card tile ${level}`}>
      <h2>{name}</h2>
      <p class="figure">
        <LevelSign level={level} />
        <span class="value">{figure}</span>
        {of && <small>{of}</small>}
        {level !== "fine" && <span class="unseen">({words()[level]})</span>}
      </p>
      {children}
      <p class="note">{note}</p>
    </article>
  );
}
