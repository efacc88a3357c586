// What an operator does with the call in hand. All of it goes to the engine, whether the phone is in this page or on the
// desk; only picking up and muting are the phone's own.

import { useEffect, useReducer, useState } from "preact/hooks";
import type { Call, Operator, Order } from "../feed/wire";
import { useCommands, useKeys } from "../hooks";
import { fill, words } from "../i18n";
import type { View } from "../live";
import type { Phone } from "../phone/phone";
import { HandOver } from "./hand-over";
import { Keypad } from "./keypad";
import { LevelSign } from "./mark";

interface Action {
  /** The key on the keyboard that does it, in lower case. */
  shortcut: string;
  name: string;
  run: () => void;
  primary?: boolean;
  pressed?: boolean;
}

interface ControlsProps {
  view: View;
  me: Operator;
  phone: Phone | null;
}

/** Buttons, each with its key, for what is possible now. */
export function Controls({ view, me, phone }: ControlsProps) {
  const [outcome, run] = useCommands();
  const [choosing, setChoosing] = useState(false);
  usePhoneChanges(phone);
  const call = view.inHand;
  const leads = me.state === "talking" && call?.stage === "talking" && call.operator === me.operator;
  const actions: Action[] = [
    ...ofPhone(phone, "rings"),
    ...(me.state === "talking" || me.state === "reserved" ? [ending(me, run)] : []),
    ...ofPhone(phone, "up"),
    ...(leads && call ? ofCall(call, run, () => setChoosing(true)) : []),
  ];
  useKeys(Object.fromEntries(actions.map(({ shortcut, run }) => [shortcut, run])));
  return (
    <>
      {phone?.trouble && (
        <p class="trouble" role="alert">
          {fill(words().phoneTrouble[phone.trouble.what], { why: phone.trouble.detail })}
        </p>
      )}
      {actions.length > 0 && (
        <div class="buttons">
          {actions.map((action) => (
            <ActionButton key={action.shortcut} {...action} />
          ))}
        </div>
      )}
      <p class={`outcome ${outcome?.failed ? "failed" : ""}`} role="status">
        {outcome?.failed && (
          <>
            <LevelSign level="watch" /> {outcome.text}
          </>
        )}
      </p>
      {phone?.call === "up" && (
        <details>
          <summary>{words().keypad}</summary>
          <Keypad phone={phone} />
        </details>
      )}
      {choosing && leads && <HandOver view={view} me={me} run={run} onClose={() => setChoosing(false)} />}
    </>
  );
}

type Run = (...commands: Order[]) => unknown;

function ending(me: Operator, run: Run): Action {
  const name = me.state === "reserved" ? words().decline : words().hangUp;
  return { shortcut: "x", name, run: () => run({ do: "hang_up" }) };
}

/** What only the phone can do. */
function ofPhone(phone: Phone | null, call: "rings" | "up"): Action[] {
  if (phone?.call !== call) return [];
  if (call === "rings") return [{ shortcut: "a", name: words().answer, primary: true, run: () => phone.answer() }];
  return [{ shortcut: "m", name: words().mute, pressed: phone.muted, run: () => phone.mute(!phone.muted) }];
}

function ofCall({ held = false, third }: Call, run: Run, choose: () => void): Action[] {
  if (third === undefined) {
    return [
      { shortcut: "h", name: words().hold, pressed: held, run: () => run({ do: "hold", on: !held }) },
      { shortcut: "d", name: words().handOver, run: choose },
    ];
  }
  const three: Action = { shortcut: "j", name: words().threeWay, run: () => run({ do: "conference" }) };
  return [
    { shortcut: "c", name: words().complete, primary: true, run: () => run({ do: "complete_transfer" }) },
    ...(third.role === "consulted" ? [three] : []),
    { shortcut: "b", name: words().backToCaller, run: () => run({ do: "cancel_consult" }) },
  ];
}

function ActionButton({ shortcut, name, run, primary = false, pressed }: Action) {
  return (
    <button class={primary ? "primary" : ""} aria-pressed={pressed} aria-keyshortcuts={shortcut} onClick={run}>
      {name}
      <kbd aria-hidden="true">{shortcut.toUpperCase()}</kbd>
    </button>
  );
}

/** Draws again whenever the phone has changed. */
function usePhoneChanges(phone: Phone | null): void {
  const [, redraw] = useReducer<number, void>((count) => count + 1, 0);
  useEffect(() => phone?.onChange(redraw), [phone]);
}
