// The overview of keys.

import { reasonName, words } from "../i18n";
import type { View } from "../live";
import { prefs } from "../prefs";
import { Dialog } from "./dialog";

export function Shortcuts({ view, onClose }: { view: View; onClose: () => void }) {
  const reasons = view.hello?.pause_reasons ?? [];
  const own: [string, string][] = [
    ["R", words().keysReady],
    [
      reasons.length > 1 ? `1 – ${Math.min(reasons.length, 9)}` : "1",
      `${words().keysPause}: ${reasons.slice(0, 9).map(reasonName).join(", ")}`,
    ],
    ["W", words().keysExtend],
    ["O", words().keysOff],
    ["N", words().keysForm],
    ["A / X", words().keysCall],
    ["M / H", words().keysTalk],
    ["D", words().keysHandOver],
    ["C / J / B", words().keysThird],
  ];
  const everywhere: [string, string][] = [
    ["G", words().keysPages],
    ["L", words().keysLanguage],
    ["T", words().keysTheme],
    ["?", words().keysHelp],
    ["Tab", words().keysTab],
    ["Esc", words().keysEscape],
  ];
  const keys = view.hello?.role === "operator" ? [...own, ...everywhere] : everywhere;
  return (
    <Dialog title={words().keysTitle} onClose={onClose}>
      <dl class="keys-list">
        {keys.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <label class="check">
        <input
          type="checkbox"
          checked={prefs.singleKeys}
          onChange={(event) => prefs.choose({ singleKeys: event.currentTarget.checked })}
        />
        {words().keysSingle}
      </label>
      <form method="dialog" class="buttons">
        <button class="primary" autofocus>
          {words().close}
        </button>
      </form>
    </Dialog>
  );
}
