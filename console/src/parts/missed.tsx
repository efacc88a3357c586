// Who called in vain and is still to be called back: one line a person, gone when reached.

import type { MissedPerson } from "../feed/wire";
import { useCommands } from "../hooks";
import { fill, words } from "../i18n";
import { dateOf, duration, timeOfDay } from "../i18n/format";
import type { View } from "../live";
import { LevelSign } from "./mark";
import { Rows } from "./rows";

export function MissedList({ view }: { view: View }) {
  const [outcome, run] = useCommands();
  const { people = [], count = 0 } = view.missed ?? {};
  const waits = new Set(view.waiting.map(({ caller }) => caller));
  const head = (
    <>
      <th class="wide">{words().caller}</th>
      <th class="number">{words().missedCalls}</th>
      <th>{words().missedLast}</th>
      <th>{words().missedHow}</th>
      <th>
        <span class="unseen">{words().reached}</span>
      </th>
    </>
  );
  const row = (person: MissedPerson, index: number) => (
    <tr key={person.caller} aria-rowindex={index + 2}>
      <td>{person.caller}</td>
      <td class="number">{person.calls}</td>
      <td class="number">{moment(person.last, view)}</td>
      <td>{waits.has(person.caller) ? words().missedWaits : (words().outcomes[person.outcome] ?? person.outcome)}</td>
      <td>
        <button
          class="link"
          aria-label={fill(words().reachedName, { caller: person.caller })}
          onClick={() => void run({ do: "reached", caller: person.caller })}
        >
          {words().reached}
        </button>
      </td>
    </tr>
  );
  return (
    <section class="card list missed" aria-labelledby="missed">
      <h2 id="missed">
        {words().missed} <small>{count > 0 && fill(words().missedCount, { n: count })}</small>
      </h2>
      <Rows label={words().missed} head={head} columns={5} rows={people} row={row} empty={words().nobodyMissed} />
      {people.length < count && <p class="more">{fill(words().more, { n: count - people.length })}</p>}
      {outcome?.failed && (
        <p class="outcome failed" role="status">
          <LevelSign level="watch" /> {outcome.text}
        </p>
      )}
    </section>
  );
}

/** How long ago it was today, or when on another day. */
function moment(at: number, { now, timeZone }: View): string {
  if (dateOf(at, timeZone) === dateOf(now, timeZone)) return fill(words().ago, { time: duration(now - at) });
  return `${dateOf(at, timeZone).slice(5)} ${timeOfDay(at, timeZone)}`;
}
