// The language in use, and words with their blanks filled in.

import type { Refused } from "../feed/wire";
import { prefs } from "../prefs";
import { type Words, en } from "./en";
import { zh } from "./zh";

export type Language = "en" | "zh";

const languages: Record<Language, Words> = { en, zh };

/** All words in the language in use. */
export function words(): Words {
  return languages[prefs.language];
}

/** A text with `{name}` filled in from `values`. */
export function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (blank, name: string) => String(values[name] ?? blank));
}

/** Why a command was refused: in the page's language if the code is known, else as the server says it. */
export function refusal({ code, message }: Pick<Refused, "code" | "message">): string {
  return words().refused[code] ?? message;
}

/** The reason of a pause: ours in the page's language, those of the configuration as they are unless they are known. */
export function reasonName(reason: string): string {
  return words().reasons[reason] ?? reason;
}
