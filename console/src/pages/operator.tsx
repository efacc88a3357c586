// The operator's page: own state and the keys to change it, the call in hand, and how the queue stands.

import { useEffect, useState } from "preact/hooks";
import { useCommands, useKeys } from "../hooks";
import type { Order, Operator } from "../feed/wire";
import { fill, reasonName, words } from "../i18n";
import { duration } from "../i18n/format";
import type { View } from "../live";
import { Announcer } from "../parts/announce";
import { CallCard } from "../parts/call";
import { Dialog } from "../parts/dialog";
import { DepthTile, LinesTile, OldestTile, ToldTile } from "../parts/figures";
import { FormCard } from "../parts/form";
import { HistoryCard, useHistory } from "../parts/history";
import { OperatorList, WaitingList } from "../parts/lists";
import { LevelSign } from "../parts/mark";
import { Sound } from "../parts/sound";
import type { Phone } from "../phone/phone";
import { mayHear } from "../phone/use-phone";
import { prefs } from "../prefs";

/** Callers next in line who are listed. */
const NEXT_MAX = 12;

/** A pause reason beyond these has a button, but no key. */
const DIGITS = 9;

export function OperatorPage({ view, me, phone }: { view: View; me: Operator; phone: Phone | null }) {
  return (
    <main class="desk" id="content">
      <div class="own">
        <StateCard view={view} me={me} />
        <CallCard view={view} me={me} phone={phone} />
        <Announcer />
      </div>
      <div class="queue">
        <section class="tiles" aria-label={words().waiting}>
          <DepthTile view={view} />
          <OldestTile view={view} />
          <LinesTile view={view} />
          <ToldTile view={view} />
        </section>
        <Beside view={view} me={me} />
      </div>
    </main>
  );
}

/** Beside the call in hand: what there is to write down, and what the caller's earlier calls were; else the queue. */
function Beside({ view, me }: { view: View; me: Operator }) {
  const history = useHistory(view, me.call);
  const writes = me.call !== undefined && me.state !== "reserved";
  return (
    <>
      {writes ? (
        <FormCard key={me.call} view={view} call={me.call as number} history={history} />
      ) : (
        <section class="card list" aria-labelledby="next">
          <h2 id="next">{words().nextUp}</h2>
          <WaitingList view={view} most={NEXT_MAX} />
        </section>
      )}
      {me.call !== undefined ? (
        <HistoryCard view={view} history={history} />
      ) : (
        <section class="card list" aria-labelledby="colleagues">
          <h2 id="colleagues">{words().operators}</h2>
          <OperatorList view={view} compact />
        </section>
      )}
    </>
  );
}

/** The own state with its running time, and a key for each change that is possible now. */
function StateCard({ view, me }: { view: View; me: Operator }) {
  const [outcome, run] = useCommands(me.state === "talking" ? words().doneLater : undefined);
  const [leaving, setLeaving] = useState(false);
  const reasons = view.hello?.pause_reasons ?? [];
  const off = me.state === "signed_off";

  const ready = () => run(...(off ? ([{ do: "sign_on" }] as Order[]) : []), { do: "ready" });
  const pause = (reason: string) => run({ do: "pause", reason });
  const extend = () => run({ do: "extend_wrap_up" });
  useKeys({
    r: ready,
    ...(me.state === "wrap_up" && { w: extend }),
    ...(!off && { o: () => setLeaving(true) }),
    ...(!off && Object.fromEntries(reasons.slice(0, DIGITS).map((reason, n) => [String(n + 1), () => pause(reason)]))),
  });
  useEffect(() => {
    document.title = `${words().standing[me.state]} · ${me.operator}`;
  }, [me.state, me.operator, words()]);

  const state = words().standing[me.state];
  const reason = me.state === "paused" && me.reason !== undefined ? reasonName(me.reason) : "";
  return (
    <section class={`card state ${me.state}`} aria-labelledby="own-state">
      <div class="standing">
        <i class={`mark ${me.state}`} aria-hidden="true" />
        <h2 id="own-state" aria-live="polite">
          {state}
          {reason && <small>{reason}</small>}
        </h2>
        <span class="running">{duration(view.now - me.since)}</span>
      </div>
      <p class="hint">{words().hint[me.state]}</p>
      {!me.phone && (
        <p class="warning">
          <LevelSign level="watch" /> {words().phoneMissing}
        </p>
      )}
      <PhoneChoice />
      <div class="buttons">
        <button
          class="primary"
          disabled={me.state === "available" || me.state === "reserved"}
          aria-keyshortcuts="r"
          onClick={ready}
        >
          {words().ready}
          <kbd aria-hidden="true">R</kbd>
        </button>
        {me.state === "wrap_up" && (
          <button aria-keyshortcuts="w" onClick={extend}>
            {words().extend}
            <kbd aria-hidden="true">W</kbd>
          </button>
        )}
        <button disabled={off} aria-keyshortcuts="o" onClick={() => setLeaving(true)}>
          {words().signOff}
          <kbd aria-hidden="true">O</kbd>
        </button>
      </div>
      <div class="buttons reasons" role="group" aria-label={words().pause}>
        <span class="group-name" aria-hidden="true">
          {words().pause}
        </span>
        {reasons.map((reason, index) => (
          <button
            key={reason}
            disabled={off}
            aria-keyshortcuts={index < DIGITS ? String(index + 1) : undefined}
            onClick={() => pause(reason)}
          >
            <span>
              <span class="unseen">{words().pause}: </span>
              {reasonName(reason)}
            </span>
            {index < DIGITS && <kbd aria-hidden="true">{index + 1}</kbd>}
          </button>
        ))}
      </div>
      <p class={`outcome ${outcome?.failed ? "failed" : ""}`} role="status">
        {outcome?.failed && <LevelSign level="watch" />} {outcome?.text ?? fill(words().answeredToday, { n: me.answered })}
      </p>
      {leaving && <SignOff run={() => run({ do: "sign_off" })} onClose={() => setLeaving(false)} />}
    </section>
  );
}

/** Whether this page is the phone, or one on the desk. */
function PhoneChoice() {
  const [choosing, setChoosing] = useState(false);
  if (!mayHear()) return <p class="note">{words().phoneNeedsHttps}</p>;
  return (
    <div class="phone-choice">
      <label class="check">
        <input
          type="checkbox"
          checked={prefs.phoneHere}
          onChange={(event) => prefs.choose({ phoneHere: event.currentTarget.checked })}
        />
        {words().phoneHere}
      </label>
      {prefs.phoneHere && (
        <button class="link" onClick={() => setChoosing(true)}>
          {words().sound}
        </button>
      )}
      {choosing && <Sound onClose={() => setChoosing(false)} />}
    </div>
  );
}

/** Signing off is the one change that is asked about: by mistake it costs the turn. */
function SignOff({ run, onClose }: { run: () => void; onClose: () => void }) {
  return (
    <Dialog title={words().signOffTitle} onClose={onClose}>
      <p>{words().signOffText}</p>
      <form method="dialog" class="buttons">
        <button class="primary" autofocus onClick={run}>
          {words().signOff}
        </button>
        <button>{words().cancel}</button>
      </form>
    </Dialog>
  );
}
