// The waiting callers and the operators, as tables.

import type { Waiting } from "../feed/figures";
import type { Call, Operator, Third } from "../feed/wire";
import { fill, reasonName, words } from "../i18n";
import { duration } from "../i18n/format";
import type { View } from "../live";
import { LevelSign, Mark } from "./mark";
import { Rows } from "./rows";

interface Chooser<T> {
  /** What is chosen, if anything can be. */
  chosen?: T | null;
  onChoose?: (choice: T) => void;
}

/** A caller's number as it may be seen. */
export function callerName({ caller, call_back }: Pick<Call, "caller" | "call_back">): string {
  const number = caller ?? words().withheld;
  return call_back ? `${number} · ${words().callBack}` : number;
}

export function stageName(call: Call): string {
  return fill(words()[call.stage], { operator: call.operator ?? call.outside ?? "" });
}

/** Who waits, in order of service. At most `most` are listed; how many more there are is said. */
export function WaitingList({ view, most, chosen, onChoose }: { view: View; most?: number } & Chooser<number>) {
  const { waiting, now } = view;
  const severalQueues = (view.hello?.queues.length ?? 1) > 1;
  const rows = most === undefined ? waiting : waiting.slice(0, most);
  const head = (
    <>
      <th class="number">{words().place}</th>
      <th class="wide">{words().caller}</th>
      {severalQueues && <th>{words().queue}</th>}
      <th class="number">{words().waited}</th>
      <th>{words().stage}</th>
    </>
  );
  const row = (call: Waiting, index: number) => (
    <tr key={call.call} aria-rowindex={index + 2} class={chosen === call.call ? "chosen" : ""}>
      <td class="number place">{call.place}</td>
      <td>
        {onChoose ? (
          <button class="link" aria-pressed={chosen === call.call} onClick={() => onChoose(call.call)}>
            {callerName(call)}
          </button>
        ) : (
          callerName(call)
        )}
      </td>
      {severalQueues && <td>{call.queue}</td>}
      <td class="number">
        <Wait ms={now - call.since} long={view.thresholds.oldest_wait_ms.alarm} />
      </td>
      <td>
        <Mark kind={call.stage}>{stageName(call)}</Mark>
      </td>
    </tr>
  );
  return (
    <>
      <Rows
        label={words().waitingList}
        head={head}
        columns={severalQueues ? 5 : 4}
        rows={rows}
        row={row}
        empty={words().nobodyWaits}
      />
      {rows.length < waiting.length && <p class="more">{fill(words().more, { n: waiting.length - rows.length })}</p>}
    </>
  );
}

/** A wait, marked if it is `long`. */
function Wait({ ms, long }: { ms: number; long: number }) {
  if (ms <= long) return <>{duration(ms)}</>;
  return (
    <span class="watch">
      <LevelSign level="watch" /> {duration(ms)}
    </span>
  );
}

interface OperatorListProps extends Chooser<string> {
  view: View;
  /** Only who and how, for where there is little room. */
  compact?: boolean;
}

export function OperatorList({ view, chosen, onChoose, compact = false }: OperatorListProps) {
  const head = (
    <>
      <th>{words().operator}</th>
      <th class="wide">{words().state}</th>
      <th class="number">{words().lasting}</th>
      {!compact && <th>{words().phone}</th>}
      {!compact && <th class="number">{words().answered}</th>}
    </>
  );
  const row = (operator: Operator, index: number) => {
    const { operator: name, phone, answered, since } = operator;
    const classes = [name === view.me?.operator && "mine", chosen === name && "chosen"].filter(Boolean).join(" ");
    return (
      <tr key={name} aria-rowindex={index + 2} class={classes}>
        <td>
          {onChoose ? (
            <button class="link" aria-pressed={chosen === name} onClick={() => onChoose(name)}>
              {name}
            </button>
          ) : (
            name
          )}
        </td>
        <td>
          <Mark kind={operator.state}>{standingName(operator, view.now, view.queue?.calls)}</Mark>
        </td>
        <td class="number">{duration(view.now - since)}</td>
        {!compact && (
          <td>
            <Mark kind={phone ? "registered" : "unregistered"}>{phone ? words().registered : words().unregistered}</Mark>
          </td>
        )}
        {!compact && <td class="number">{answered}</td>}
      </tr>
    );
  };
  const operators = view.queue?.operators ?? [];
  return <Rows label={words().operators} head={head} columns={compact ? 3 : 5} rows={operators} row={row} empty="–" />;
}

/**
 * An operator's state in words, with the reason of a pause and the rest of a wrap-up; by the calls, if they are given,
 * also who else is in the conversation.
 */
export function standingName(operator: Operator, now: number, calls: readonly Call[] = []): string {
  const { state, reason, until } = operator;
  const name = words()[state];
  if (state === "talking") return talkingName(operator, calls) ?? name;
  if (state === "paused" && reason !== undefined) return `${name} · ${reasonName(reason)}`;
  if (state === "wrap_up" && until !== undefined) return `${name} · −${duration(until - now)}`;
  return name;
}

function talkingName({ operator: name, call: id }: Operator, calls: readonly Call[]): string | null {
  const call = calls.find(({ call }) => call === id);
  if (call?.third === undefined) return call?.held ? `${words().talking} · ${words().onHold}` : null;
  const { third } = call;
  const { role } = third;
  const first = call.operator === name;
  const other = first ? thirdName(third) : (call.operator ?? "");
  if (role === "joined") return fill(words().talkingJoined, { name: other });
  return fill(first ? words().talkingWith : words().talkingAsked, { name: other });
}

/** Who was asked about a call: a colleague, or a number outside. */
export function thirdName({ operator, number }: Third): string {
  return operator ?? number ?? "";
}
