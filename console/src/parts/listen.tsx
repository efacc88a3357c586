// A supervisor at an operator's call: listening, whispering to the operator, barging in; and recording, where the queue
// has it on demand.

import { useState } from "preact/hooks";
import type { Operator, Order } from "../feed/wire";
import type { Answer } from "../feed/connection";
import { words } from "../i18n";
import type { View } from "../live";
import { Recording } from "./recording";

type Mode = "listen" | "whisper" | "barge";

const MODES: Mode[] = ["listen", "whisper", "barge"];

interface ListenProps {
  view: View;
  operator: Operator;
  run: (...commands: Order[]) => Promise<Answer>;
}

export function Listen({ view, operator, run }: ListenProps) {
  const phones = view.hello?.phones ?? [];
  const [phone, setPhone] = useState(phones[0]);
  const [mode, setMode] = useState<Mode | null>(null);
  if (operator.state !== "talking") return null;
  const name = operator.operator;
  const change = async (wanted: Mode) => {
    const order = { do: wanted, operator: name, ...(phone !== undefined && { phone }) };
    const answer = await run(order);
    if (answer?.type === "ok") setMode(wanted);
  };
  const leave = async () => {
    const answer = await run({ do: "leave", operator: name });
    if (answer?.type === "ok") setMode(null);
  };
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
            <button key={each} aria-pressed={mode === each} onClick={() => void change(each)}>
              {words()[each]}
            </button>
          ))}
          <button onClick={() => void leave()}>{words().leave}</button>
        </div>
      )}
      <Recording view={view} operator={name} call={operator.call} run={run} />
    </>
  );
}
