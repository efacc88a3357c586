// What is known of the caller: earlier calls, and what was written down about them.

import { useEffect, useState } from "preact/hooks";
import type { EarlierCall, HeardLeg, HistoryMessage, SavedForm } from "../feed/wire";
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

type Known = { view: View; history: HistoryMessage | null };

export function HistoryCard({ view, history }: Known) {
  return (
    <section class="card list history" aria-labelledby="history">
      <h2 id="history">{words().earlier}</h2>
      <EarlierCalls view={view} history={history} />
    </section>
  );
}

/** The same on the supervisor's page, beneath what is told of a call. */
export function HistoryOf({ view, call }: { view: View; call: number }) {
  const history = useHistory(view, call);
  return (
    <div class="history">
      <h3>{words().earlier}</h3>
      <EarlierCalls view={view} history={history} />
    </div>
  );
}

function EarlierCalls({ view, history }: Known) {
  const earlier = history?.earlier ?? [];
  if (earlier.length === 0) return <p class="empty">{history ? words().noneEarlier : words().asking}</p>;
  return (
    <ul class="scroll" tabIndex={0} aria-label={words().earlier}>
      {earlier.map((call) => (
        <Earlier key={call.at} view={view} call={call} />
      ))}
    </ul>
  );
}

function Earlier({ view, call }: { view: View; call: EarlierCall }) {
  const { at, outcome, operator, waited_ms, talked_ms, call_back, legs, forms } = call;
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
      {legs.length > 0 && (
        <p class="note" title={words().heardHint}>
          {words().heard}: {legs.map(sound).join(" · ")}
        </p>
      )}
      {forms.map((form) => (
        <Written key={form.operator} form={form} />
      ))}
    </li>
  );
}

/** How a leg sounded, by its worse direction: whose it was, mean opinion score, and what was lost if anything was. */
function sound({ leg, operator, received, sent }: HeardLeg): string {
  const ways = [received, sent].filter((way) => way !== undefined);
  const score = Math.min(...ways.map(({ mos }) => mos));
  const lost = Math.max(...ways.map(({ packets, lost }) => lost / packets));
  const who = operator ?? (leg === 0 ? words().caller : words().heardOutside);
  const said = `${who} ${score.toFixed(1)}`;
  return lost < 0.001 ? said : `${said} (${fill(words().heardLost, { share: `${(lost * 100).toFixed(1)} %` })})`;
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
