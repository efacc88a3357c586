// The call in hand: who calls and how long they waited, the talk, and the wrap-up with its countdown.

import { useEffect, useReducer } from "preact/hooks";
import type { Call, Operator } from "../feed/wire";
import { fill, words } from "../i18n";
import { duration } from "../i18n/format";
import type { View } from "../live";
import { useKeys } from "../hooks";
import type { Phone } from "../phone/phone";
import { Keypad } from "./keypad";
import { callerName } from "./lists";
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
        {phone && <PhoneButtons phone={phone} />}
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
      {me.state === "talking" && <Talking view={view} call={inHand} />}
      {me.state === "talking" && <OwnRecording view={view} call={me.call} />}
      {me.state === "wrap_up" && <WrapUp view={view} me={me} />}
      {phone && <PhoneButtons phone={phone} />}
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
  return (
    <>
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

function Talking({ view, call }: { view: View; call: Call | null }) {
  if (call?.connected === undefined) return null;
  return (
    <>
      <p class="big">
        {fill(words().talkingFor, { time: duration(view.now - call.connected) })}
        {call.held && <span class="held">{words().onHold}</span>}
      </p>
      <p class="note">{fill(words().waitedFor, { time: duration(call.connected - call.since) })}</p>
    </>
  );
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

/** What can be done with a call, where the phone is in the page. */
function PhoneButtons({ phone }: { phone: Phone }) {
  const [, redraw] = useReducer<number, void>((count) => count + 1, 0);
  useEffect(() => phone.onChange(redraw), [phone]);
  const { call, muted, held, trouble } = phone;
  const up = call === "up";
  const answer = () => phone.answer();
  const hangUp = () => phone.hangUp();
  const mute = () => phone.mute(!muted);
  const hold = () => phone.hold(!held);
  useKeys({
    ...(call === "rings" && { a: answer }),
    ...(call !== "none" && { x: hangUp }),
    ...(up && { m: mute, h: hold }),
  });
  return (
    <>
      {trouble && (
        <p class="trouble" role="alert">
          {fill(words().phoneTrouble[trouble.what], { why: trouble.detail })}
        </p>
      )}
      {call !== "none" && (
        <div class="buttons">
          {call === "rings" && (
            <button class="primary" aria-keyshortcuts="a" onClick={answer}>
              {words().answer}
              <kbd aria-hidden="true">A</kbd>
            </button>
          )}
          <button aria-keyshortcuts="x" onClick={hangUp}>
            {up ? words().hangUp : words().decline}
            <kbd aria-hidden="true">X</kbd>
          </button>
          {up && (
            <>
              <button aria-pressed={muted} aria-keyshortcuts="m" onClick={mute}>
                {words().mute}
                <kbd aria-hidden="true">M</kbd>
              </button>
              <button aria-pressed={held} aria-keyshortcuts="h" onClick={hold}>
                {words().hold}
                <kbd aria-hidden="true">H</kbd>
              </button>
            </>
          )}
        </div>
      )}
      {up && (
        <details>
          <summary>{words().keypad}</summary>
          <Keypad phone={phone} />
        </details>
      )}
    </>
  );
}
