// What is known of the caller: earlier calls, and what was written down about them.

import { useEffect, useState } from "preact/hooks";
import type { EarlierCall, HistoryMessage, SavedForm } from "../feed/wire";
import { fill, words } from "../i18n";
import { dateOf, duration, timeOfDay } from "../i18n/format";
import { type View, live } from "../live";

/** How often it is asked again while it cannot be told, in milliseconds. */
const ASK_AGAIN = 5_000;

/** The history of a call's caller, asked for when the call comes; null while it is not known. */
export function useHistory(view: View, call: number | undefined): HistoryMessage | null {
  const [known, setKnown] = useState<{ call: number; history: HistoryMessage } | null>(null);
  const there = view.link === "live";
  useEffect(() => {
    if (call === undefined || !there || known?.call === call) return;
    let left = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      const answer = await live.connection.ask({ do: "history", call });
      if (left) return;
      if (answer?.type === "ok" && answer.history) setKnown({ call, history: answer.history });
      else timer = setTimeout(() => void ask(), ASK_AGAIN);
    };
    void ask();
    return () => {
      left = true;
      clearTimeout(timer);
    };
  }, [call, there, known]);
  return known && known.call === call ? known.history : null;
}

export function HistoryCard({ view, history }: { view: View; history: HistoryMessage | null }) {
  const earlier = history?.earlier ?? [];
  return (
    <section class="card list history" aria-labelledby="history">
      <h2 id="history">{words().earlier}</h2>
      {earlier.length === 0 ? (
        <p class="empty">{history ? words().noneEarlier : words().asking}</p>
      ) : (
        <ul class="scroll" tabIndex={0} aria-label={words().earlier}>
          {earlier.map((call) => (
            <Earlier key={call.at} view={view} call={call} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Earlier({ view, call }: { view: View; call: EarlierCall }) {
  const { at, outcome, operator, waited_ms, talked_ms, call_back, forms } = call;
  const { timeZone, now } = view;
  const today = dateOf(at, timeZone) === dateOf(now, timeZone);
  const when = today ? timeOfDay(at, timeZone) : `${dateOf(at, timeZone)} ${timeOfDay(at, timeZone)}`;
  const how = outcome === null ? words().outcomeUnknown : (words().outcomes[outcome] ?? outcome);
  const facts = [
    call_back ? words().callBack : null,
    operator,
    talked_ms === null ? null : fill(words().talkedFor, { time: duration(talked_ms) }),
    talked_ms === null && waited_ms !== null ? fill(words().waitedFor, { time: duration(waited_ms) }) : null,
  ];
  return (
    <li>
      <p>
        <b>{when}</b> {how}
      </p>
      <p class="note">{facts.filter((fact) => fact !== null).join(" · ")}</p>
      {forms.map((form) => (
        <Written key={form.operator} form={form} />
      ))}
    </li>
  );
}

function Written({ form: { outcome, categories, text } }: { form: SavedForm }) {
  const codes = [outcome, ...categories].filter((code) => code !== null);
  if (codes.length === 0 && text === "") return null;
  return (
    <blockquote>
      {codes.length > 0 && <p class="codes">{codes.join(" · ")}</p>}
      {text !== "" && <p>{text}</p>}
    </blockquote>
  );
}
