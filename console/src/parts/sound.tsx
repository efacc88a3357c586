// The choice of microphone and loudspeakers for a page that is a phone.

import { useEffect, useState } from "preact/hooks";
import { fill, words } from "../i18n";
import { type Device, type Kind, allow, choices } from "../phone/devices";
import { prefs } from "../prefs";
import { Dialog } from "./dialog";

const KINDS: Kind[] = ["microphone", "speaker", "ringer"];

const NONE: Record<Kind, Device[]> = { microphone: [], speaker: [], ringer: [] };

export function Sound({ onClose }: { onClose: () => void }) {
  const [known, setKnown] = useState(NONE);
  const look = () => void choices().then(setKnown);
  useEffect(() => {
    look();
    navigator.mediaDevices?.addEventListener("devicechange", look);
    return () => navigator.mediaDevices?.removeEventListener("devicechange", look);
  }, []);
  const names = { microphone: words().soundMicrophone, speaker: words().soundSpeaker, ringer: words().soundRinging };
  const named = KINDS.some((kind) => known[kind].some(({ name }) => name !== ""));
  // Refused: the names stay hidden, which the hint says already.
  const ask = () => void allow().then(look, look);
  return (
    <Dialog title={words().soundTitle} onClose={onClose}>
      <div class="devices">
        {KINDS.map((kind) => (
          <label key={kind}>
            {names[kind]}
            <select value={prefs[kind]} onChange={(event) => prefs.choose({ [kind]: event.currentTarget.value })}>
              <option value="">{words().soundDefault}</option>
              {known[kind].map(({ id, name }, index) => (
                <option key={id} value={id}>
                  {name || fill(words().soundUnnamed, { n: index + 1 })}
                </option>
              ))}
            </select>
          </label>
        ))}
      </div>
      {!named && <p class="note">{words().soundHint}</p>}
      <form method="dialog" class="buttons">
        {!named && (
          <button type="button" onClick={ask}>
            {words().soundAllow}
          </button>
        )}
        <button class="primary" autofocus>
          {words().close}
        </button>
      </form>
    </Dialog>
  );
}
