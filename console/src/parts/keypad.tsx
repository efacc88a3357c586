// The keys of a telephone.

import { words } from "../i18n";
import type { Phone } from "../phone/phone";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"] as const;

export function Keypad({ phone }: { phone: Phone | null }) {
  return (
    <div class="keypad" role="group" aria-label={words().keypad}>
      {KEYS.map((key) => (
        <button key={key} disabled={phone?.call !== "up"} onClick={() => phone?.key(key)}>
          {key}
        </button>
      ))}
    </div>
  );
}
