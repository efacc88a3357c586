// What the operator writes down about the call: an outcome, categories and a text, saved as they are typed.

import { useRef } from "preact/hooks";
import { BLANK, type Form } from "../feed/drafts";
import type { Hello, HistoryMessage } from "../feed/wire";
import { useKeys } from "../hooks";
import { words } from "../i18n";
import type { View } from "../live";
import { LevelSign } from "./mark";

interface FormProps {
  view: View;
  call: number;
  history: HistoryMessage | null;
}

export function FormCard({ view, call, history }: FormProps) {
  const node = useRef<HTMLTextAreaElement>(null);
  useKeys({ n: () => node.current?.focus() });
  const { drafts, hello } = view;
  if (!drafts || !hello?.form) return null;
  const current = () => drafts.of(call) ?? savedBy(drafts.operator, history) ?? BLANK;
  const form = current();
  // What is there may be newer than what was drawn: two changes can come between two drawings.
  const type = (change: Partial<Form>) => drafts.type(call, { ...current(), ...change });
  const choose = (category: string, is: boolean) => {
    const has = current().categories;
    const all = hello.form?.categories ?? [];
    type({ categories: all.filter((each) => (each === category ? is : has.includes(each))) });
  };
  return (
    <section class="card form" aria-labelledby="form">
      <h2 id="form">
        {words().form}
        <kbd aria-hidden="true">N</kbd>
      </h2>
      <Choices choices={hello.form} form={form} type={type} choose={choose} />
      <textarea
        ref={node}
        aria-label={words().formText}
        aria-keyshortcuts="n"
        placeholder={words().formText}
        maxLength={hello.form.text_max}
        value={form.text}
        onInput={(event) => type({ text: event.currentTarget.value })}
        onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
      />
      <Saved view={view} call={call} />
    </section>
  );
}

/** What the engine has of this operator's. */
function savedBy(operator: string, history: HistoryMessage | null): Form | null {
  return history?.forms.find((form) => form.operator === operator) ?? null;
}

interface ChoicesProps {
  choices: NonNullable<Hello["form"]>;
  form: Form;
  type: (change: Partial<Form>) => void;
  choose: (category: string, is: boolean) => void;
}

function Choices({ choices: { outcomes, categories }, form, type, choose }: ChoicesProps) {
  return (
    <>
      {outcomes.length > 0 && (
        <label class="outcome-of">
          {words().formOutcome}
          <select
            value={form.outcome ?? ""}
            onChange={(event) => type({ outcome: event.currentTarget.value || null })}
          >
            <option value="">{words().formNone}</option>
            {outcomes.map((outcome) => (
              <option key={outcome} value={outcome}>
                {outcome}
              </option>
            ))}
          </select>
        </label>
      )}
      {categories.length > 0 && (
        <fieldset class="categories">
          <legend>{words().formCategories}</legend>
          {categories.map((category) => (
            <label key={category}>
              <input
                type="checkbox"
                checked={form.categories.includes(category)}
                onChange={(event) => choose(category, event.currentTarget.checked)}
              />
              <span>{category}</span>
            </label>
          ))}
        </fieldset>
      )}
    </>
  );
}

/** Whether what was typed is safe, and where. */
function Saved({ view, call }: { view: View; call: number }) {
  const standing = view.drafts?.standing(call) ?? null;
  const away = standing !== null && standing !== "saved" && standing !== "refused" && view.link !== "live";
  const shown = away ? "kept" : standing;
  const bad = shown === "kept" || shown === "refused";
  return (
    <p class={`saved ${bad ? "watch" : ""}`} role="status">
      {bad && <LevelSign level="watch" />} {shown === null ? words().formHint : words().formStanding[shown]}
    </p>
  );
}
