// Recording a call when somebody asks for it, in queues that have it so.

import { useState } from "preact/hooks";
import type { Answer } from "../feed/connection";
import type { Order } from "../feed/wire";
import { useCommands } from "../hooks";
import { words } from "../i18n";
import type { View } from "../live";
import { LevelSign } from "./mark";

interface RecordingProps {
  view: View;
  /** The call that is talked. */
  call: number | undefined;
  /** Whose it is, if not one's own. */
  operator?: string;
  run: (...commands: Order[]) => Promise<Answer>;
}

/** The feed does not tell who else asked, so what shows is what was asked for here. */
export function Recording({ view, call, operator, run }: RecordingProps) {
  const [asked, setAsked] = useState<{ call: number; on: boolean } | null>(null);
  const queue = view.queue?.calls.find((each) => each.call === call)?.queue;
  if (call === undefined || queue === undefined || !view.hello?.on_demand?.includes(queue)) return null;
  const on = asked?.call === call && asked.on;
  const turn = async () => {
    const answer = await run({ do: "record", on: !on, ...(operator !== undefined && { operator }) });
    if (answer?.type === "ok") setAsked({ call, on: !on });
  };
  return (
    <div class="buttons">
      <button class="record" aria-pressed={on} onClick={() => void turn()}>
        {on ? words().recordOff : words().recordOn}
      </button>
    </div>
  );
}

/** The same for one's own call, with what became of it. */
export function OwnRecording({ view, call }: { view: View; call: number | undefined }) {
  const [outcome, run] = useCommands();
  return (
    <>
      <Recording view={view} call={call} run={run} />
      {outcome?.failed && (
        <p class="outcome failed" role="status">
          <LevelSign level="watch" /> {outcome.text}
        </p>
      )}
    </>
  );
}
