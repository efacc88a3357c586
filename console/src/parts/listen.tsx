// A supervisor at an operator's call: listening, whispering to the operator, barging in; and recording, where the queue
// has it on demand.

import { useState } from "preact/hooks";
import type { Answer } from "../feed/connection";
import type { ListenMode, Operator, Order } from "../feed/wire";
import { fill, words } from "../i18n";
import type { View } from "../live";
import { Recording } from "./recording";

const MODES: ListenMode[] = ["listen", "whisper", "barge"];

interface ListenProps {
  view: View;
  operator: Operator;
  run: (...commands: Order[]) => Promise<Answer>;
}

export function Listen({ view, operator, run }: ListenProps) {
  const phones = view.hello?.phones ?? [];
  const [phone, setPhone] = useState(phones[0]);
  if (operator.state !== "talking" || operator.call === undefined) return null;
  const name = operator.operator;
  const listener = view.monitored.get(operator.call)?.listener;
  const change = (mode: ListenMode) => run({ do: mode, operator: name, ...(phone !== undefined && { phone }) });
  const leave = () => run({ do: "leave", operator: name });
  return (
    <>
      {phones.length > 1 && (
        <label class="inline">
          {words().listenAt}
          <select value={phone} onChange={(event) => setPhone(event.currentTarget.value)}>
            {phones.map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </select>
        </label>
      )}
      {phones.length === 0 ? (
        <p class="note">{words().noListening}</p>
      ) : (
        <div class="buttons" role="group" aria-label={words().listening}>
          {MODES.map((each) => (
            <button key={each} aria-pressed={listener?.mode === each} onClick={() => void change(each)}>
              {words()[each]}
            </button>
          ))}
          <button onClick={() => void leave()}>{words().leave}</button>
        </div>
      )}
      {listener && (
        <p class="note" role="status">
          {fill(listener.ringing ? words().listenerRings : words().listenerAt[listener.mode], { phone: listener.phone })}
        </p>
      )}
      <Recording view={view} operator={name} call={operator.call} run={run} />
    </>
  );
}
