// The wallboard: read from across the room, touched by nobody.

import { standings } from "../feed/figures";
import type { Operator, State } from "../feed/wire";
import { fill, reasonName, words } from "../i18n";
import { duration } from "../i18n/format";
import type { View } from "../live";
import { Curves } from "../parts/curves";
import { AbandonmentTile, DepthTile, FreeTile, LevelTile, LinesTile, OldestTile } from "../parts/figures";
import { WaitingList } from "../parts/lists";
import { Mark } from "../parts/mark";

/** Callers listed: as many as have room. */
const CALLERS_MAX = 8;

/** Operators shown one by one, and how many of them have room for their state in words. */
const OPERATORS_MAX = 20;
const WORDS_MAX = 12;

/** In this order operators are shown: those whom a supervisor looks for first. */
const ORDER: State[] = ["reserved", "available", "talking", "wrap_up", "paused"];

export function Wallboard({ view }: { view: View }) {
  return (
    <main class="wallboard" id="content">
      <section class="tiles" aria-label={words().wallboard}>
        <DepthTile view={view} />
        <OldestTile view={view} />
        <LevelTile view={view} />
        <AbandonmentTile view={view} />
        <LinesTile view={view} />
        <FreeTile view={view} />
      </section>
      <section class="card list waiting" aria-labelledby="waiting">
        <h2 id="waiting">{words().waitingList}</h2>
        <WaitingList view={view} most={CALLERS_MAX} />
      </section>
      <Floor view={view} />
      <Curves view={view} />
    </main>
  );
}

/** Who is at work, by state, each with the time in it. */
function Floor({ view }: { view: View }) {
  const operators = view.queue?.operators ?? [];
  const counts = standings(operators);
  const atWork = operators.filter(({ state }) => state !== "signed_off");
  const shown = atWork.sort(byState).slice(0, OPERATORS_MAX);
  const more = atWork.length - shown.length;
  return (
    <section class="card floor" aria-labelledby="floor">
      <h2 id="floor">{words().operators}</h2>
      <ul class="counts">
        {[...ORDER, "signed_off" as const].map((state) => (
          <li key={state}>
            <Mark kind={state}>{words()[state]}</Mark>
            <b>{counts[state]}</b>
          </li>
        ))}
      </ul>
      <ul class={shown.length > WORDS_MAX ? "people many" : "people"}>
        {shown.map((operator) => (
          <li key={operator.operator} class={operator.state}>
            <Mark kind={operator.state}>
              <b>{operator.operator}</b>
            </Mark>
            <span class={shown.length > WORDS_MAX ? "unseen" : "what"}>{stateName(operator)}</span>
            <span class="running">{duration(view.now - operator.since)}</span>
          </li>
        ))}
      </ul>
      {more > 0 && <p class="note">{fill(words().more, { n: more })}</p>}
    </section>
  );
}

/** The state, and why a pause; how long a wrap-up still lasts is nobody's business across the room. */
function stateName({ state, reason }: Operator): string {
  return state === "paused" && reason !== undefined ? reasonName(reason) : words()[state];
}

function byState(one: Operator, other: Operator): number {
  return ORDER.indexOf(one.state) - ORDER.indexOf(other.state) || one.since - other.since;
}
