// The call in hand: who calls and how long they waited, the talk and who else is in it, and the wrap-up with its
// countdown.

import type { Call, Operator } from "../feed/wire";
import { fill, words } from "../i18n";
import { duration } from "../i18n/format";
import type { View } from "../live";
import type { Phone } from "../phone/phone";
import { Controls } from "./controls";
import { callerName, thirdName } from "./lists";
import { LevelSign } from "./mark";
import { OwnRecording } from "./recording";

/** A wrap-up with less left than this is marked, in milliseconds. */
const NEARLY_OVER = 10_000;

interface CallProps {
  view: View;
  me: Operator;
  phone: Phone | null;
}

export function CallCard({ view, me, phone }: CallProps) {
  const { inHand } = view;
  const titles = { reserved: words().incoming, talking: words().inCall, wrap_up: words().callOver };
  const title = titles[me.state as keyof typeof titles];
  if (title === undefined) {
    return (
      <section class="card call none" aria-labelledby="call">
        <h2 id="call">{words().noCall}</h2>
        <p>{words().noCallHint}</p>
        <Controls view={view} me={me} phone={phone} />
      </section>
    );
  }
  return (
    <section class={`card call ${me.state}`} aria-labelledby="call">
      <h2 id="call" aria-live="assertive">
        {title}
      </h2>
      {inHand ? <Caller call={inHand} /> : me.call !== undefined && <p class="caller">#{me.call}</p>}
      {me.state === "reserved" && <Ringing view={view} me={me} />}
      {me.state === "talking" && <Talking view={view} me={me} call={inHand} />}
      {me.state === "talking" && <OwnRecording view={view} call={me.call} />}
      {me.state === "wrap_up" && <WrapUp view={view} me={me} />}
      <Controls view={view} me={me} phone={phone} />
    </section>
  );
}

function Caller({ call }: { call: Call }) {
  const { queue, trunk, needs = [] } = call;
  return (
    <>
      <p class="caller">{callerName(call)}</p>
      <p class="facts">
        <span>{queue}</span>
        <span>{trunk}</span>
        {needs.length > 0 && <span class="need">{fill(words().needs, { what: needs.join(", ") })}</span>}
      </p>
    </>
  );
}

function Ringing({ view, me }: { view: View; me: Operator }) {
  const { inHand, why, now } = view;
  const from = inHand && askedBy(inHand, me);
  return (
    <>
      {from && <p class="third">{fill(words().askedBy, { name: from })}</p>}
      {inHand?.transferred_by && !from && (
        <p class="third">{fill(words().transferredBy, { name: inHand.transferred_by })}</p>
      )}
      {inHand && <p class="big">{fill(words().waitedFor, { time: duration(now - inHand.since) })}</p>}
      {me.until !== undefined && <p class="note">{fill(words().pickUpWithin, { time: duration(me.until - now) })}</p>}
      {why && (
        <p class="note">
          {why.favourite
            ? words().whyYouFavourite
            : fill(words().whyYou, { n: why.waiting, time: duration(why.idle_ms) })}
        </p>
      )}
    </>
  );
}

function Talking({ view, me, call }: { view: View; me: Operator; call: Call | null }) {
  if (call?.connected === undefined) return null;
  const { third } = call;
  const from = askedBy(call, me);
  const joined = third?.role === "joined";
  const roles = { ringing: words().thirdRings, consulted: words().thirdConsulted, joined: words().thirdJoined };
  return (
    <>
      <p class="big">
        {fill(words().talkingFor, { time: duration(view.now - call.connected) })}
        {call.held && <span class="held">{words().onHold}</span>}
      </p>
      {from && <p class="third">{fill(joined ? words().thirdJoined : words().askedBy, { name: from })}</p>}
      {third && !from && (
        <p class="third" aria-live="polite">
          {fill(roles[third.role], { name: thirdName(third) })}
        </p>
      )}
      {!third && call.transferred_by && (
        <p class="note">{fill(words().transferredBy, { name: call.transferred_by })}</p>
      )}
      <p class="note">{fill(words().waitedFor, { time: duration(call.connected - call.since) })}</p>
    </>
  );
}

/** Who asked this operator about a call, if it is not the operator's own. */
function askedBy({ stage, operator }: Call, me: Operator): string | undefined {
  return stage === "talking" && operator !== me.operator ? operator : undefined;
}

function WrapUp({ view, me }: { view: View; me: Operator }) {
  if (me.until === undefined) return null;
  const left = Math.max(0, me.until - view.now);
  const whole = Math.max(1, me.until - me.since);
  const late = left < NEARLY_OVER;
  return (
    <>
      <p class={`big ${late ? "watch" : ""}`}>
        {late && <LevelSign level="watch" />} {duration(left)} <small>{words().wrapUpLeft}</small>
      </p>
      <progress max={whole} value={left} aria-label={words().wrapUpLeft} />
    </>
  );
}
