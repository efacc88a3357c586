// A table whose rows are there only while they can be seen, so that five hundred callers cost no more than twenty.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** Height of a row in pixels; the style sheet gives rows just that (`--row`). */
const ROW = 34;

/** Rows drawn beyond what can be seen, each way. */
const SPARE = 6;

/** Rows drawn at most, however tall the window is. */
const DRAWN_MAX = 80;

interface RowsProps<T> {
  label: string;
  head: ComponentChildren;
  /** Cells in a row. */
  columns: number;
  rows: readonly T[];
  row: (row: T, index: number) => ComponentChildren;
  empty: string;
}

/** A scrolling table. `row` gives the `<tr>` of one of `rows`. */
export function Rows<T>({ label, head, columns, rows, row, empty }: RowsProps<T>) {
  const scroller = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState({ top: 0, height: 600 });

  useLayoutEffect(() => {
    const node = scroller.current;
    if (!node) return;
    const look = () => setSeen({ top: node.scrollTop, height: node.clientHeight });
    const watcher = new ResizeObserver(look);
    watcher.observe(node);
    node.addEventListener("scroll", look, { passive: true });
    look();
    return () => {
      watcher.disconnect();
      node.removeEventListener("scroll", look);
    };
  }, []);

  const first = Math.max(0, Math.min(Math.floor(seen.top / ROW) - SPARE, rows.length));
  const count = Math.min(Math.ceil(seen.height / ROW) + 2 * SPARE, DRAWN_MAX);
  const last = Math.min(first + count, rows.length);
  return (
    <div class="scroll" ref={scroller} tabIndex={0} role="group" aria-label={label}>
      <table aria-rowcount={rows.length + 1}>
        <thead>
          <tr>{head}</tr>
        </thead>
        <tbody>
          <Spacer rows={first} columns={columns} />
          {rows.slice(first, last).map((one, index) => row(one, first + index))}
          <Spacer rows={rows.length - last} columns={columns} />
        </tbody>
      </table>
      {rows.length === 0 && <p class="empty">{empty}</p>}
    </div>
  );
}

/** Stands for rows that are not drawn. */
function Spacer({ rows, columns }: { rows: number; columns: number }) {
  if (rows <= 0) return null;
  return (
    <tr class="spacer" aria-hidden="true">
      <td colSpan={columns} style={{ height: `${rows * ROW}px` }} />
    </tr>
  );
}
