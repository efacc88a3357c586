// The lines in force, when that next changes, and other lines for a time.

import { useState } from "preact/hooks";
import { fill, words } from "../i18n";
import { nextTimeOfDay, timeOfDay } from "../i18n/format";
import { type View, live } from "../live";
import { type Outcome, outcomeOf } from "../hooks";
import { LevelSign } from "./mark";

const LINES_MAX = 10_000;

export function Schedule({ view }: { view: View }) {
  const { queue, now, timeZone } = view;
  const [lines, setLines] = useState("");
  const [until, setUntil] = useState("");
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const wrong = (text: string) => setOutcome({ text, failed: true });

  const set = async (event: Event) => {
    event.preventDefault();
    const wanted = Number(lines);
    if (lines.trim() === "" || !Number.isInteger(wanted) || wanted < 0 || wanted > LINES_MAX) {
      return wrong(words().overrideWrongLines);
    }
    const moment = nextTimeOfDay(until, now, timeZone);
    if (moment === null) return wrong(words().overrideWrongUntil);
    const answer = await live.connection.ask({ do: "set_lines", lines: wanted, until: moment });
    if (answer?.type !== "ok") return setOutcome(outcomeOf(answer));
    const text = fill(words().overrideDone, { n: wanted, time: timeOfDay(moment, timeZone) });
    setOutcome({ text, failed: false });
  };
  const follow = async () => {
    const answer = await live.connection.ask({ do: "follow_schedule" });
    setOutcome(answer?.type === "ok" ? { text: words().followDone, failed: false } : outcomeOf(answer));
  };

  const { next_change = null, next_lines = null } = queue ?? {};
  const next =
    next_change === null
      ? words().linesSame
      : fill(words().linesNext, { n: next_lines ?? 0, time: timeOfDay(next_change, timeZone) });
  return (
    <section class="card schedule" aria-labelledby="schedule">
      <h2 id="schedule">{words().schedule}</h2>
      <p>
        <b>{fill(words().inForce, { n: queue?.lines ?? 0 })}</b> · {next}
      </p>
      <form onSubmit={set} aria-label={words().overrideTitle} noValidate>
        <label>
          {words().overrideLines}
          <input
            name="lines"
            inputMode="numeric"
            value={lines}
            size={5}
            autocomplete="off"
            onInput={(event) => setLines(event.currentTarget.value)}
          />
        </label>
        <label>
          {words().overrideUntil}
          <input name="until" type="time" value={until} onInput={(event) => setUntil(event.currentTarget.value)} />
        </label>
        <button>{words().overrideSet}</button>
        <button type="button" onClick={follow}>
          {words().followSchedule}
        </button>
      </form>
      <p class={`outcome ${outcome?.failed ? "failed" : ""}`} role="status">
        {outcome?.failed && <LevelSign level="watch" />} {outcome?.text ?? words().overrideHint}
      </p>
    </section>
  );
}
