// What a person chose about the page, remembered in this browser.

import type { Language } from "./i18n";

export type Theme = "auto" | "light" | "dark";

interface Choices {
  language: Language;
  theme: Theme;
  /** Whether single letters are shortcuts. Who dictates to the computer switches them off (WCAG 2.1.4). */
  singleKeys: boolean;
  /** Whether a call is announced while the page is hidden. */
  notify: boolean;
  /** Whether this page is the operator's phone. Who has one on the desk says no. */
  phoneHere: boolean;
  /** Devices of the page's phone by the browser's ids; empty for the system's own choice. */
  microphone: string;
  speaker: string;
  ringer: string;
}

const KEY = "holdfast.choices";

class Prefs implements Choices {
  language: Language = navigator.language.startsWith("zh") ? "zh" : "en";
  theme: Theme = "auto";
  singleKeys = true;
  notify = true;
  phoneHere = true;
  microphone = "";
  speaker = "";
  ringer = "";
  private changed: () => void = () => {};

  constructor() {
    const { language, theme, singleKeys, notify, phoneHere, microphone, speaker, ringer } = stored();
    if (language === "en" || language === "zh") this.language = language;
    if (theme === "light" || theme === "dark") this.theme = theme;
    if (singleKeys === false) this.singleKeys = false;
    if (notify === false) this.notify = false;
    if (phoneHere === false) this.phoneHere = false;
    if (typeof microphone === "string") this.microphone = microphone;
    if (typeof speaker === "string") this.speaker = speaker;
    if (typeof ringer === "string") this.ringer = ringer;
    this.show();
  }

  /** Changes some choices, and remembers them where the browser lets us. */
  choose(choices: Partial<Choices>): void {
    Object.assign(this, choices);
    const { language, theme, singleKeys, notify, phoneHere, microphone, speaker, ringer } = this;
    const kept = { language, theme, singleKeys, notify, phoneHere, microphone, speaker, ringer };
    try {
      localStorage.setItem(KEY, JSON.stringify(kept));
    } catch {
      // Private windows may refuse; the choice then lasts as long as the page.
    }
    this.show();
    this.changed();
  }

  /** Who is told of a change. */
  onChange(changed: () => void): void {
    this.changed = changed;
  }

  private show(): void {
    document.documentElement.lang = this.language === "zh" ? "zh-CN" : "en";
    document.documentElement.dataset["theme"] = this.theme;
  }
}

function stored(): Record<string, unknown> {
  try {
    return (JSON.parse(localStorage.getItem(KEY) ?? "{}") as Record<string, unknown> | null) ?? {};
  } catch {
    return {};
  }
}

export const prefs = new Prefs();
