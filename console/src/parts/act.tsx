// What a supervisor does on an operator's behalf.

import { useCommands } from "../hooks";
import type { Operator } from "../feed/wire";
import { fill, reasonName, words } from "../i18n";
import { duration } from "../i18n/format";
import type { View } from "../live";
import { HistoryOf } from "./history";
import { standingName } from "./lists";
import { Listen } from "./listen";
import { LevelSign, Mark } from "./mark";

export function ActFor({ view, operator: whose }: { view: View; operator: Operator }) {
  const { operator, ...rest } = whose;
  const [outcome, run] = useCommands();
  const off = rest.state === "signed_off";
  const reasons = view.hello?.pause_reasons ?? [];
  return (
    <>
      <h2 id="detail">{fill(words().onBehalf, { name: operator })}</h2>
      <p>
        <Mark kind={rest.state}>{standingName({ operator, ...rest }, view.now)}</Mark>
        <span class="running">{duration(view.now - rest.since)}</span>
      </p>
      <div class="buttons">
        {off ? (
          <button onClick={() => run({ do: "sign_on", operator })}>{words().signOn}</button>
        ) : (
          <button disabled={rest.state === "available"} onClick={() => run({ do: "ready", operator })}>
            {words().ready}
          </button>
        )}
        {rest.state === "wrap_up" && (
          <button onClick={() => run({ do: "extend_wrap_up", operator })}>{words().extend}</button>
        )}
        {!off && <button onClick={() => run({ do: "sign_off", operator })}>{words().signOff}</button>}
      </div>
      {!off && (
        <div class="buttons" role="group" aria-label={words().pause}>
          {reasons.map((reason) => (
            <button key={reason} onClick={() => run({ do: "pause", reason, operator })}>
              {words().pause}: {reasonName(reason)}
            </button>
          ))}
        </div>
      )}
      <Listen key={rest.call} view={view} operator={whose} run={run} />
      {rest.call !== undefined && <HistoryOf key={rest.call} view={view} call={rest.call} />}
      <p class={`outcome ${outcome?.failed ? "failed" : ""}`} role="status">
        {outcome?.failed && <LevelSign level="watch" />} {outcome?.text}
      </p>
    </>
  );
}
