// What components share: the view that is redrawn, the keys, the answer to the last command.

import { useCallback, useEffect, useReducer, useRef, useState } from "preact/hooks";
import type { Answer } from "./feed/connection";
import type { Order } from "./feed/wire";
import { refusal, words } from "./i18n";
import { type View, live } from "./live";
import { prefs } from "./prefs";

/** Everything there is to show; the component is drawn again whenever it changes. */
export function useView(): View {
  const [, redraw] = useReducer<number, void>((count) => count + 1, 0);
  useEffect(() => live.onDraw(redraw), []);
  return live.view();
}

/** Keys by name (`r`, `?`), as `KeyboardEvent.key` has them, without regard to case. */
export type Keys = Record<string, () => void>;

/** Listens to keys, except while something is typed or a dialog is open. */
export function useKeys(keys: Keys): void {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      if (!prefs.singleKeys && event.key !== "?") return;
      if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
      const action = latest.current[event.key.toLowerCase()];
      if (!action) return;
      event.preventDefault();
      action();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input, select, textarea, [contenteditable]");
}

/** What became of the last command: words for the person who gave it. */
export interface Outcome {
  readonly text: string;
  readonly failed: boolean;
}

/** Gives commands one after the other, until one is not done, and says what became of them; `done` if all went well. */
export function useCommands(done?: string): [Outcome | null, (...commands: Order[]) => Promise<Answer>] {
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const latest = useRef(0);
  const well = useRef(done);
  well.current = done;
  const run = useCallback(async (...commands: Order[]): Promise<Answer> => {
    const turn = ++latest.current;
    const text = live.connection.link === "live" ? words().sending : words().sendingLater;
    setOutcome({ text, failed: false });
    let answer: Answer = null;
    for (const command of commands) {
      answer = await live.connection.ask(command);
      if (answer?.type !== "ok") break;
    }
    if (turn === latest.current) setOutcome(outcomeOf(answer, well.current));
    return answer;
  }, []);
  return [outcome, run];
}

/** An answer in words. */
export function outcomeOf(answer: Answer, done = words().done): Outcome {
  if (answer === null) return { text: words().unanswered, failed: true };
  if (answer.type === "refused") return { text: refusal(answer), failed: true };
  return { text: done, failed: false };
}
