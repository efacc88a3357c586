// Whether a call is recorded, and recording it when somebody asks for it, in queues that have it so.

import type { Answer } from "../feed/connection";
import type { Order } from "../feed/wire";
import { useCommands } from "../hooks";
import { words } from "../i18n";
import type { View } from "../live";
import { LevelSign, Mark } from "./mark";

interface RecordingProps {
  view: View;
  /** The call that is talked. */
  call: number | undefined;
  /** Whose it is, if not one's own. */
  operator?: string;
  run: (...commands: Order[]) => Promise<Answer>;
}

export function Recording({ view, call, operator, run }: RecordingProps) {
  const queue = view.queue?.calls.find((each) => each.call === call)?.queue;
  if (call === undefined || queue === undefined) return null;
  const on = view.monitored.get(call)?.recorded ?? false;
  const turn = () => run({ do: "record", on: !on, ...(operator !== undefined && { operator }) });
  return (
    <>
      {on && (
        <p class="recorded" role="status">
          <Mark kind="recorded">{words().recorded}</Mark>
        </p>
      )}
      {view.hello?.on_demand?.includes(queue) && (
        <div class="buttons">
          <button class="record" aria-pressed={on} onClick={() => void turn()}>
            {on ? words().recordOff : words().recordOn}
          </button>
        </div>
      )}
    </>
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
