// Why a call waits, as the queue itself says it.

import { useEffect, useState } from "preact/hooks";
import type { Answer } from "../feed/connection";
import type { Explanation, WaitsFor } from "../feed/wire";
import { fill, words } from "../i18n";
import { duration, timeOfDay } from "../i18n/format";
import { type View, live } from "../live";
import { outcomeOf } from "../hooks";
import { HistoryOf } from "./history";
import { callerName } from "./lists";

/** It is asked anew when the call has come further, and this often, in milliseconds. */
const ASK_EVERY = 5000;

export function Explain({ view, id }: { view: View; id: number }) {
  const call = view.queue?.calls.find(({ call }) => call === id);
  const [answer, setAnswer] = useState<Answer | "asking">("asking");
  useEffect(() => {
    let open = true;
    const ask = async () => {
      if (live.connection.link !== "live") return;
      const answer = await live.connection.ask({ do: "explain", call: id });
      if (open) setAnswer(answer);
    };
    void ask();
    const timer = setInterval(() => void ask(), ASK_EVERY);
    return () => {
      open = false;
      clearInterval(timer);
    };
  }, [id, call?.stage]);

  const caller = call ? callerName(call) : `#${id}`;
  return (
    <>
      <h2 id="detail">{fill(words().whyTitle, { caller })}</h2>
      <Answered answer={answer} view={view} />
      <HistoryOf view={view} call={id} />
    </>
  );
}

function Answered({ answer, view }: { answer: Answer | "asking"; view: View }) {
  if (answer === "asking") return <p class="note">{words().asking}</p>;
  if (answer?.type === "refused" && answer.code === "not_waiting") return <p>{words().whyGone}</p>;
  if (answer?.type !== "ok" || !answer.explanation) return <p>{outcomeOf(answer).text}</p>;
  return <Why why={answer.explanation} timeZone={view.timeZone} />;
}

function Why({ why, timeZone }: { why: Explanation; timeZone: string | undefined }) {
  const clock = (moment: number) => timeOfDay(moment, timeZone, true);
  const predicted: [string, number | null][] = [
    [words().byLength, why.queue_length_ms],
    [words().byLast, why.last_to_enter_service_ms],
    [words().byHead, why.head_of_line_ms],
  ];
  return (
    <>
      <ul class="why">
        {sentences(why.waits_for, clock).map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
        <li>{why.before === 0 ? words().whyFirst : fill(words().whyBefore, { n: why.before })}</li>
        <li>{fill(words().whyUntil, { time: clock(why.until) })}</li>
      </ul>
      <h3>{words().whyPredicted}</h3>
      <dl class="predicted">
        {predicted.map(([name, wait]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{wait === null ? "–" : duration(wait)}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function sentences(what: WaitsFor, clock: (moment: number) => string): string[] {
  switch (what.for) {
    case "line": {
      const { lines, lines_in_use: used, next_change, next_lines } = what;
      const now = fill(words().whyLine, { used, lines });
      if (next_change === null || next_lines === null) return [now];
      return [now, fill(words().whyLineNext, { time: clock(next_change), lines: next_lines })];
    }
    case "operator": {
      const { may, busy, paused, relaxes } = what;
      const now = fill(words().whyOperator, { may, busy, paused });
      return relaxes === null ? [now] : [now, fill(words().whyRelaxes, { time: clock(relaxes) })];
    }
    case "answer":
      return [fill(words().whyAnswer, { operator: what.operator, time: clock(what.until) })];
    case "outside":
      return [fill(words().whyOutside, { time: clock(what.until) })];
    case "caller":
      return [fill(words().whyCaller, { operator: what.operator, time: clock(what.until) })];
    default:
      return [];
  }
}
