// The supervisor's page: the wallboard's figures, everybody who waits and works, and what may be done about it.

import { useState } from "preact/hooks";
import { words } from "../i18n";
import type { View } from "../live";
import { Curves } from "../parts/curves";
import { ActFor } from "../parts/act";
import { Explain } from "../parts/explain";
import { AbandonmentTile, DepthTile, FreeTile, LevelTile, LinesTile, OldestTile } from "../parts/figures";
import { OperatorList, WaitingList } from "../parts/lists";
import { MissedList } from "../parts/missed";
import { Orders } from "../parts/orders";
import { Schedule } from "../parts/schedule";

type Choice = { call: number } | { operator: string } | null;

export function SupervisorPage({ view }: { view: View }) {
  const [choice, setChoice] = useState<Choice>(null);
  const call = choice && "call" in choice ? choice.call : null;
  const name = choice && "operator" in choice ? choice.operator : null;
  const operator = view.queue?.operators.find((one) => one.operator === name) ?? null;
  return (
    <main class="supervision" id="content">
      <section class="tiles" aria-label={words().today}>
        <DepthTile view={view} />
        <OldestTile view={view} />
        <LevelTile view={view} />
        <AbandonmentTile view={view} />
        <LinesTile view={view} />
        <FreeTile view={view} />
      </section>
      <section class="card list waiting" aria-labelledby="waiting">
        <h2 id="waiting">{words().waitingList}</h2>
        <WaitingList view={view} chosen={call} onChoose={(chosen) => setChoice({ call: chosen })} />
      </section>
      <MissedList view={view} />
      <section class="card list operators" aria-labelledby="operators">
        <h2 id="operators">{words().operators}</h2>
        <OperatorList view={view} chosen={name} onChoose={(chosen) => setChoice({ operator: chosen })} />
      </section>
      <div class="side">
        <section class="card detail" aria-labelledby="detail">
          {call !== null ? (
            <Explain key={call} view={view} id={call} />
          ) : operator ? (
            <ActFor key={operator.operator} view={view} operator={operator} />
          ) : (
            <>
              <h2 id="detail">{words().detail}</h2>
              <p class="note">{words().detailHint}</p>
              <Orders view={view} />
            </>
          )}
        </section>
        <Schedule view={view} />
      </div>
      <Curves view={view} />
    </main>
  );
}
