// A caller's phone in the page, for trying the whole thing out without any other: on engines that let browsers call in.

import { useEffect, useReducer, useState } from "preact/hooks";
import { fill, words } from "../i18n";
import type { View } from "../live";
import { Keypad } from "../parts/keypad";
import type { SipPhone } from "../phone/sip-phone";
import { mayHear } from "../phone/use-phone";

/** The number that is called where the address names none. */
const HOTLINE = "hotline";

/** The phone of this page, once it is loaded; open as long as the page is shown. */
function useCallersPhone(): SipPhone | null {
  const [phone, setPhone] = useState<SipPhone | null>(null);
  const [, redraw] = useReducer<number, void>((count) => count + 1, 0);
  useEffect(() => {
    let made: SipPhone | null = null;
    let left = false;
    void import("../phone/page-phone").then(({ callersPhone }) => {
      if (left) return;
      made = callersPhone();
      made.onChange(redraw);
      setPhone(made);
    });
    return () => {
      left = true;
      made?.close();
    };
  }, []);
  return phone;
}

export function CallerPage({ view }: { view: View }) {
  const phone = useCallersPhone();
  const number = new URLSearchParams(location.search).get("number") ?? HOTLINE;
  const states = { none: words().callerIdle, rings: words().callerWaits, up: words().callerTalks };
  const call = phone?.call ?? "none";
  return (
    <main class="sign-in" id="content">
      <section class="card caller-page" aria-labelledby="caller">
        <h2 id="caller">{fill(words().callerTitle, { name: view.about?.name ?? "Holdfast" })}</h2>
        {!mayHear() && <p class="trouble">{words().phoneNeedsHttps}</p>}
        <p class="big" aria-live="polite">
          {states[call]}
        </p>
        {phone?.trouble && (
          <p class="trouble" role="alert">
            {fill(words().phoneTrouble[phone.trouble.what], { why: phone.trouble.detail })}
          </p>
        )}
        <div class="buttons">
          {call === "none" ? (
            <button class="primary" disabled={phone?.line !== "ready" || !mayHear()} onClick={() => phone?.dial(number)}>
              {words().callerDial}
            </button>
          ) : (
            <button onClick={() => phone?.hangUp()}>{words().hangUp}</button>
          )}
        </div>
        <Keypad phone={phone} />
      </section>
    </main>
  );
}
