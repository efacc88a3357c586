// Choosing who is to have the call, or is to be asked about it first: type to narrow the list, arrows to choose. Where the
// configuration allows it, a number outside can be typed too.

import { useState } from "preact/hooks";
import { isAllowed, numberOf } from "../feed/numbers";
import type { Operator, Order } from "../feed/wire";
import { fill, words } from "../i18n";
import type { View } from "../live";
import { Dialog } from "./dialog";
import { standingName } from "./lists";
import { Mark } from "./mark";

/** Colleagues listed at most; typing finds the others. */
const LISTED_MAX = 50;

interface HandOverProps {
  view: View;
  me: Operator;
  run: (...commands: Order[]) => unknown;
  onClose: () => void;
}

export function HandOver({ view, me, run, onClose }: HandOverProps) {
  const [typed, setTyped] = useState("");
  const [chosen, setChosen] = useState<string | null>(null);
  const colleagues = found(view.queue?.operators ?? [], me.operator, typed);
  const free = colleagues.filter(isFree);
  const choice = free.find(({ operator }) => operator === chosen) ?? free[0];
  const move = (by: number) => {
    const at = choice ? free.indexOf(choice) : 0;
    setChosen(free[Math.min(Math.max(at + by, 0), free.length - 1)]?.operator ?? null);
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    move(event.key === "ArrowDown" ? 1 : -1);
  };
  const outside = choice ? null : numberOf(typed);
  const mayHave = outside !== null && isAllowed(outside, view.hello?.transfer_numbers ?? []);
  const give = () => {
    if (choice) run({ do: "transfer", to: choice.operator });
    else if (mayHave) run({ do: "transfer_outside", number: outside });
  };
  const ask = () => {
    if (choice) run({ do: "consult", to: choice.operator });
    else if (mayHave) run({ do: "consult_outside", number: outside });
  };
  const name = choice?.operator ?? (mayHave ? outside : null);
  return (
    <Dialog title={words().handOverTitle} onClose={onClose}>
      <form method="dialog" class="hand-over">
        <input
          autofocus
          role="combobox"
          aria-expanded="true"
          aria-controls="colleagues-found"
          aria-activedescendant={choice && optionId(choice)}
          aria-label={words().handOverTo}
          placeholder={words().handOverTo}
          autocomplete="off"
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
          onKeyDown={pressed}
        />
        <ul id="colleagues-found" role="listbox" aria-label={words().operators}>
          {colleagues.map((colleague) => (
            <li
              key={colleague.operator}
              id={optionId(colleague)}
              role="option"
              aria-selected={colleague === choice}
              aria-disabled={!isFree(colleague)}
              onClick={() => setChosen(colleague.operator)}
            >
              <span>{colleague.operator}</span>
              <Mark kind={colleague.state}>{standingName(colleague, view.now)}</Mark>
            </li>
          ))}
        </ul>
        <p class="note" role="status">
          {name === null ? withoutChoice(view, outside) : fill(words().handOverHint, { name })}
        </p>
        <div class="buttons">
          <button class="primary" disabled={name === null} onClick={ask}>
            {words().askFirst}
          </button>
          <button disabled={name === null} onClick={give}>
            {words().transferNow}
          </button>
          <button type="button" onClick={onClose}>
            {words().cancel}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Why neither a colleague who is free nor a number is chosen. */
function withoutChoice({ hello }: View, outside: string | null): string {
  const anyAllowed = (hello?.transfer_numbers ?? []).length > 0;
  return outside !== null && anyAllowed ? words().outsideNotAllowed : words().nobodyFree;
}

function isFree({ state }: Operator): boolean {
  return state === "available";
}

function optionId({ operator }: Operator): string {
  return `colleague-${operator}`;
}

/** Colleagues whose name has what was typed in it, those who are free first. */
function found(operators: readonly Operator[], me: string, typed: string): Operator[] {
  const wanted = typed.trim().toLowerCase();
  const named = operators.filter(({ operator }) => operator !== me && operator.toLowerCase().includes(wanted));
  const [free, busy] = [named.filter(isFree), named.filter((operator) => !isFree(operator))];
  return [...free, ...busy].slice(0, LISTED_MAX);
}
