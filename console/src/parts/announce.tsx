// A call for the operator while the page is hidden: a sound, a notification, and the page's title.

import { useEffect } from "preact/hooks";
import type { QueueState } from "../feed/state";
import type { Delta } from "../feed/wire";
import { fill, words } from "../i18n";
import { live } from "../live";
import { prefs } from "../prefs";
import { callerName } from "./lists";

/** The two tones of the sound, in hertz, each `TONE` seconds long. */
const TONES = [660, 880, 660, 880];
const TONE = 0.18;
const LOUDNESS = 0.12;

/** Whether calls are announced, and the switch for it. */
export function Announcer() {
  useEffect(() => {
    let shown: Notification | null = null;
    const end = live.onDelta((delta, _before, after) => {
      if (delta.event !== "operator_changed" || delta.operator !== live.connection.hello?.operator) return;
      shown?.close();
      shown = delta.state === "reserved" && document.hidden && prefs.notify ? announce(delta, after) : null;
    });
    return () => {
      shown?.close();
      end();
    };
  }, []);

  const permission = "Notification" in window ? Notification.permission : "denied";
  // The browser asks the person only after they have pressed something.
  const allow = () => void Notification.requestPermission().then(() => prefs.choose({}));
  return (
    <div class="announcer">
      <label class="check">
        <input
          type="checkbox"
          checked={prefs.notify}
          onChange={(event) => prefs.choose({ notify: event.currentTarget.checked })}
        />
        {words().notify}
      </label>
      {prefs.notify && permission === "default" && <button onClick={allow}>{words().notifyAllow}</button>}
      {prefs.notify && permission === "denied" && <span class="note">{words().notifyDenied}</span>}
    </div>
  );
}

function announce(delta: Extract<Delta, { event: "operator_changed" }>, state: QueueState): Notification | null {
  const call = state.calls.find(({ call }) => call === delta.call);
  const title = fill(words().notifyTitle, { caller: call ? callerName(call) : `#${delta.call}` });
  document.title = `☎ ${title}`;
  ring();
  if (!("Notification" in window) || Notification.permission !== "granted") return null;
  const shown = new Notification(title, { tag: "holdfast-call", icon: "/icon.svg" });
  shown.onclick = () => window.focus();
  return shown;
}

let audio: AudioContext | null = null;

function ring(): void {
  audio ??= new AudioContext();
  const { currentTime } = audio;
  TONES.forEach((frequency, index) => {
    const at = currentTime + index * TONE;
    const [tone, volume] = [new OscillatorNode(audio as AudioContext, { frequency }), new GainNode(audio as AudioContext)];
    volume.gain.setValueAtTime(LOUDNESS, at);
    volume.gain.exponentialRampToValueAtTime(0.001, at + TONE);
    tone.connect(volume).connect((audio as AudioContext).destination);
    tone.start(at);
    tone.stop(at + TONE);
  });
}
